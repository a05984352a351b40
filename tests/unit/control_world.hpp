// Both listeners of the control server, and clients of every kind.
#pragma once

#include "control/io/control_server.hpp"

#include "temporary_folder.hpp"
#include "test.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

namespace control_world {

using namespace lictor;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto kBound = 20s;

struct Folder : TemporaryFolder {
  std::string socket() const { return path + "/s"; }
  bool has_socket() const { return ::access(socket().c_str(), F_OK) == 0; }
};

// A client that speaks bytes, on the server's own io_context.
class Peer {
 public:
  Peer(asio::io_context& context, const std::string& endpoint)
      : context_(context), link_(std::make_shared<Link>(context)) {
    if (endpoint.front() == '/') {
      link_->socket.connect(asio::local::stream_protocol::endpoint(endpoint));
    } else {
      const auto colon = endpoint.rfind(':');
      std::string host = endpoint.substr(0, colon);
      if (host.front() == '[') host = host.substr(1, host.size() - 2);
      const auto port = static_cast<std::uint16_t>(std::stoi(endpoint.substr(colon + 1)));
      link_->socket.connect(asio::ip::tcp::endpoint(asio::ip::make_address(host), port));
    }
    receive(link_);
  }
  ~Peer() { link_->socket.close(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  Peer& send(const std::string& bytes) {
    const auto text = std::make_shared<std::string>(bytes);
    ++link_->sending;
    asio::async_write(link_->socket, asio::buffer(*text), [link = link_, text](error_code error, size_t) {
      --link->sending;
      link->refused = link->refused || error;
    });
    return *this;
  }
  // Everything up to the end of the connection.
  const std::string& until_closed() {
    run([this] { return closed(); });
    return received();
  }
  // Until `text` has come.
  const std::string& until(const std::string& text) {
    run([&] { return received().find(text) != std::string::npos; });
    return received();
  }
  std::string& received() { return link_->received; }
  bool closed() const { return link_->closed; }
  // All that was sent has been taken.
  bool taken() {
    run([this] { return link_->sending == 0; });
    return !link_->refused;
  }

 private:
  // Outlives the peer as long as an operation needs it.
  struct Link {
    explicit Link(asio::io_context& context) : socket(context) {}
    asio::generic::stream_protocol::socket socket;
    std::array<char, 65536> piece;
    std::string received;
    bool closed = false;
    int sending = 0;
    bool refused = false;
  };

  template <class Done>
  void run(const Done& done) {
    const auto end = std::chrono::steady_clock::now() + kBound;
    while (!done()) {
      context_.run_one_until(end);
      CAPTURE(received().substr(0, 200));
      REQUIRE(std::chrono::steady_clock::now() < end);
    }
  }
  static void receive(const std::shared_ptr<Link>& link) {
    link->socket.async_read_some(asio::buffer(link->piece), [link](error_code error, size_t size) {
      link->received.append(link->piece.data(), size);
      link->closed = error.failed();
      if (!link->closed) receive(link);
    });
  }

  asio::io_context& context_;
  std::shared_ptr<Link> link_;
};

// Both listeners with one handler, which answers with `body` and remembers what it was asked.
struct World {
  Folder folder;
  asio::io_context context{1};
  std::vector<ControlRequest> asked;
  std::string body = "hello\n";
  std::function<void()> then = [] {};  // called by the handler
  std::unique_ptr<ControlServer> local;
  std::unique_ptr<ControlServer> tcp;

  explicit World(ControlLimits limits = {}) {
    const ControlHandler handler = [this](const ControlRequest& request) {
      asked.push_back(request);
      then();
      return ControlReply{request.path == "/missing" ? 404 : 200, body};
    };
    local = ControlServer::listen_unix(context.get_executor(), folder.socket(), 0660, {}, handler, limits).value();
    tcp = ControlServer::listen_tcp(context.get_executor(), "127.0.0.1:0", handler, limits).value();
  }
  ~World() {
    local.reset();
    tcp.reset();
    context.poll();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
};

inline bool starts(const std::string& text, const std::string& with) { return text.compare(0, with.size(), with) == 0; }

inline const std::string kClose = "Connection: close\r\n\r\n";

}  // namespace control_world
