#include "network/io/gossip_ping.hpp"

#include "files/io/descriptor.hpp"
#include "network/io/gossip_cipher.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/udp.hpp>

#include <array>
#include <string_view>

namespace lictor {
namespace {

constexpr std::size_t tries = 3;
constexpr int try_milliseconds = 160;
// memberlist's message types.
constexpr char ping = 0, ack = 2, compound = 7, compressed = 9, checksummed = 12;

// {"Node": name, "SeqNo": 1} in MessagePack, behind the message's type.
std::string ping_for(const std::string& name) {
  std::string message{ping, static_cast<char>(0x82)};
  const auto add_text = [&message](std::string_view text) {
    message += {static_cast<char>(0xda), 0, static_cast<char>(text.size())};
    message += text;
  };
  add_text("Node");
  add_text(name);
  add_text("SeqNo");
  message += '\x01';
  return message;
}

// An acknowledgement may come together with news of members, compressed, or behind a checksum: as nothing else is sent to a socket
// that nobody knows, any of these is one.
bool acknowledges(std::string_view answer) {
  constexpr char map_of_two = static_cast<char>(0x82);  // the algorithm, and the rest
  if (answer.size() < 2) return false;
  return answer[0] == ack || answer[0] == compound || answer[0] == checksummed ||
         (answer[0] == compressed && answer[1] == map_of_two);
}

// As encrypt_verify_outgoing may be off, what is not encrypted counts as well.
bool acknowledges(std::string_view answer, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (const auto message = opened(answer, key)) return acknowledges(*message);
  }
  return acknowledges(answer);
}

}  // namespace

bool answers_as(const std::string& address, std::uint16_t port, const std::string& name,
                const std::vector<std::string>& keys) {
  boost::system::error_code error;
  const auto host = boost::asio::ip::make_address(address, error);
  constexpr std::size_t longest = 255;
  if (error || name.size() > longest) return false;
  const boost::asio::ip::udp::endpoint peer(host, port);
  const Descriptor socket(::socket(peer.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Connected, it takes datagrams of that peer alone.
  if (socket.get() < 0 || ::connect(socket.get(), peer.data(), static_cast<socklen_t>(peer.size())) != 0) return false;
  const std::string plain = ping_for(name);
  for (std::size_t i = 0; i < tries; ++i) {
    const std::string message = keys.empty() ? plain : sealed(plain, keys[i % keys.size()]);
    ::send(socket.get(), message.data(), message.size(), 0);
    pollfd waiting{socket.get(), POLLIN, 0};
    if (::poll(&waiting, 1, try_milliseconds) != 1) continue;
    std::array<char, 1500> answer{};
    const ssize_t got = ::recv(socket.get(), answer.data(), answer.size(), 0);
    if (got > 0 && acknowledges({answer.data(), static_cast<std::size_t>(got)}, keys)) return true;
    if (got < 0) ::poll(nullptr, 0, try_milliseconds);  // nobody listens there now
  }
  return false;
}

}  // namespace lictor
