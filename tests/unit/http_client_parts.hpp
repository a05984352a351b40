// A server that plays a script, and a client that asks it.
#pragma once

#include "agent_api/io/http_client.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace http_client_parts {

using namespace lictor;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using Local = asio::local::stream_protocol;
using boost::system::error_code;

struct Folder : TemporaryFolder {
  std::string socket() const { return path + "/s"; }
};

// What the server does with one request: sends `answer` (nothing if empty), then keeps the connection open or closes it.
struct Step {
  std::string answer;
  // close_unread: a reset, for the request has not been read; deaf: left open, but nothing is read any more.
  enum After { keep, close, close_unread, deaf } after = keep;
};

inline std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Plays a script, a step a request, on however many connections; bytes, not HTTP, so that it can do wrong.
class Server {
 public:
  Server(asio::io_context& context, const std::string& path, std::deque<Step> script)
      : script_(std::move(script)), acceptor_(context, Local::endpoint(path)) {
    accept();
  }
  std::vector<std::string> requests;  // start line and headers
  int connections = 0;

 private:
  struct Peer {
    explicit Peer(Local::socket s) : socket(std::move(s)) {}
    Local::socket socket;
    std::string buffer;
  };

  void accept() {
    acceptor_.async_accept([this](error_code error, Local::socket socket) {
      if (error) return;
      ++connections;
      serve(std::make_shared<Peer>(std::move(socket)));
      accept();
    });
  }

  void serve(const std::shared_ptr<Peer>& peer) {
    if (!script_.empty() && script_.front().after == Step::close_unread) {
      peer->socket.async_wait(Local::socket::wait_read, [this, peer](error_code) {
        script_.pop_front();
        peer->socket.close();
      });
      return;
    }
    asio::async_read_until(peer->socket, asio::dynamic_buffer(peer->buffer), "\r\n\r\n",
                           [this, peer](error_code error, size_t) {
                             if (!error) play(peer);
                           });
  }

  void play(const std::shared_ptr<Peer>& peer) {
    requests.push_back(std::exchange(peer->buffer, ""));  // the bodies of these tests come in the same piece
    if (script_.empty()) return;
    const Step step = script_.front();
    script_.pop_front();
    error_code ignored;
    asio::write(peer->socket, asio::buffer(step.answer), ignored);
    if (step.after == Step::close) {
      peer->socket.close();
    } else if (step.after == Step::deaf) {
      peer->socket.shutdown(Local::socket::shutdown_receive, ignored);
      deaf_.push_back(peer);
    } else {
      serve(peer);
    }
  }

  std::deque<Step> script_;
  std::vector<std::shared_ptr<Peer>> deaf_;
  Local::acceptor acceptor_;
};

struct World {
  Folder folder;
  asio::io_context context{1};
  std::optional<Server> server;
  std::optional<HttpClient> client;
  std::vector<std::string> log;  // "name: 200 body" or "name: problem"

  explicit World(std::deque<Step> script, size_t connections = 1) {
    server.emplace(context, folder.socket(), std::move(script));
    client.emplace(context.get_executor(), folder.socket(), 1000, connections);
  }

  void ask(
      const std::string& name, HttpRequest request, const std::function<void()>& then = [] {}) {
    client->ask(std::move(request), [this, name, then](HttpResult answer) {
      log.push_back(name + ": " + (answer ? std::to_string(answer->status) + " " + answer->body : answer.error().why));
      then();
    });
  }
  void ask(const std::string& name) { ask(name, get("/" + name)); }

  static HttpRequest get(const std::string& target, Duration deadline = 10s) {
    return {"GET", target, "", {}, deadline};
  }

  // Until `count` answers are there.
  void run(size_t count) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (log.size() < count) {
      context.run_one_until(until);
      REQUIRE(std::chrono::steady_clock::now() < until);
    }
  }
};

using Log = std::vector<std::string>;

}  // namespace http_client_parts
