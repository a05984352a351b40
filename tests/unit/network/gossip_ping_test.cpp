// Whether a Consul agent of a certain name answers at an address: network/io/gossip_ping.hpp.
#include "network/io/gossip_ping.hpp"

#include "files/io/descriptor.hpp"
#include "network/io/gossip_cipher.hpp"
#include "test.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>

using namespace lictor;

namespace {

// A UDP socket of loopback on a port that the kernel has chosen.
struct Peer {
  Peer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    const timeval patience{2, 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  // Takes one datagram, and answers it with that; nothing: does not answer.
  std::string take(const std::string& answer) const {
    std::array<char, 512> got{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t length = recvfrom(socket.get(), got.data(), got.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (length > 0 && !answer.empty())
      sendto(socket.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    return {got.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
  }
  Descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;
};

}  // namespace

TEST_CASE("an agent that acknowledges a ping for the name is there, all else is not") {
  struct Row {
    const char* name;
    std::string answer;
    bool there;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"an acknowledgement", {"\x02\x81\xa5SeqNo\x01"}, true},
           {"with a checksum", {"\x0c....\x02\x81"}, true},
           {"compressed, with news of members",
            {"\x09\x82\xa4"
             "Algo"},
            true},
           {"no answer, as of an agent of another name", "", false},
           {"another program", "what?", false},
       }) {
    CAPTURE(row.name);
    const Peer peer;
    std::string asked;
    std::thread answering([&] { asked = peer.take(row.answer); });
    CHECK(answers_as("127.0.0.1", peer.port, "n1", {}) == row.there);
    answering.join();
    // A ping, as memberlist's MessagePack has it: {"Node": "n1", "SeqNo": 1}.
    CHECK(asked == std::string("\x00\x82\xda\x00\x04Node\xda\x00\x02n1\xda\x00\x05SeqNo\x01", 23));
  }
}

TEST_CASE("encrypted gossip is asked with its keys, one after the other, and understood with any") {
  const std::string first(16, 'a'), second(32, 'b'), other(16, 'c');
  const std::string ping("\x00\x82\xda\x00\x04Node\xda\x00\x02n1\xda\x00\x05SeqNo\x01", 23),
      ack = "\x02\x81\xa5SeqNo\x01";
  struct Row {
    const char* name;
    std::string answer;
    bool there;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"in the same key", sealed(ack, second), true},
           {"in the other key of a keyring that is being rotated", sealed(ack, first), true},
           {"not encrypted, as by encrypt_verify_outgoing", ack, true},
           {"in a key that is not ours", sealed(ack, other), false},
           {"another message than memberlist's", sealed("what?", first), false},
       }) {
    CAPTURE(row.name);
    const Peer peer;
    std::string with_first, with_second;
    std::thread answering([&] {
      with_first = peer.take("");
      with_second = peer.take(row.answer);
    });
    CHECK(answers_as("127.0.0.1", peer.port, "n1", {first, second}) == row.there);
    answering.join();
    CHECK(opened(with_first, first) == ping);
    CHECK(opened(with_second, second) == ping);
    CHECK_FALSE(opened(with_second, first));
  }
}

TEST_CASE("where nobody can be asked nobody is there, and that takes no second") {
  const auto began = std::chrono::steady_clock::now();
  std::uint16_t port = 0;
  { port = Peer().port; }
  CHECK_FALSE(answers_as("127.0.0.1", port, "n1", {}));
  CHECK_FALSE(answers_as("no address", 8301, "n1", {}));
  CHECK_FALSE(answers_as("127.0.0.1", 8301, std::string(300, 'n'), {}));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(2));
}
