// What a peer sends on the control socket, up to its end of the connection.
#include "control/io/control_server.hpp"
#include "wire.hpp"

#include <boost/asio/io_context.hpp>

using namespace lictor;

namespace {

constexpr std::string_view answer_body = "[answered]\n";

struct Server {
  fuzz::Folder folder;
  boost::asio::io_context context{1};
  std::unique_ptr<ControlServer> server;
  std::size_t asked = 0;

  Server() {
    auto listening = ControlServer::listen_unix(context.get_executor(), folder.socket(), 0600, std::nullopt,
                                                [this](const ControlRequest& request) { return handle(request); });
    fuzz::expect(listening.has_value(), "the server starts");
    server = std::move(*listening);
  }

  ControlReply handle(const ControlRequest& request) {
    fuzz::expect(!request.method.empty() && request.method != "HEAD" && request.local, "a request is what it promises");
    fuzz::expect(request.path.find('?') == std::string::npos, "the query is no part of the path");
    fuzz::expect(request.body.size() <= ControlLimits().body_bytes, "a body is within the limit");
    ++asked;
    return {200, std::string(answer_body)};
  }

  // Sends `bytes`, at most `piece` of them at a time, and takes all answers.
  std::string exchange(std::string_view bytes, std::size_t piece) {
    const Descriptor peer = fuzz::connect_to(folder.socket());
    std::string received;
    char buffer[4096];
    bool sending = true;
    for (int idle = 0;;) {
      if (sending && bytes.empty()) {
        ::shutdown(peer.get(), SHUT_WR);
        sending = false;
      }
      if (sending) {
        const ssize_t sent = ::send(peer.get(), bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
        if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
        sending = sent > 0 || errno == EAGAIN;
      }
      const bool worked = context.poll() > 0;
      context.restart();
      const ssize_t got = ::recv(peer.get(), buffer, sizeof buffer, 0);
      if (got > 0) received.append(buffer, static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EAGAIN)) return received;
      idle = worked || got > 0 || sending ? 0 : idle + 1;
      fuzz::expect(idle < 1000, "a connection is closed soon after its peer's end");
    }
  }
};

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

}  // namespace

FUZZ_TARGET(control_requests) {
  static Server server;
  const std::string bytes = fuzz::text(data, size);
  server.asked = 0;
  const std::string whole = server.exchange(bytes, bytes.size());
  const std::size_t asked = server.asked;
  fuzz::expect(count(whole, " 200 OK\r\n") == asked, "each request that was handled is answered");
  fuzz::expect(count(whole, "HTTP/1.") <= asked + 1, "at most one request is refused");
  // What is no HTTP may be refused sooner or later, or just be cut short.
  server.asked = 0;
  server.exchange(bytes, 1 + bytes.size() / 8);
  fuzz::expect(server.asked == asked, "it does not matter how a request is cut");
  return 0;
}
