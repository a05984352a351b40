#include "agent_api/io/http_client.hpp"

#include "base/text.hpp"
#include "network/io/endpoint.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <deque>
#include <optional>
#include <utility>

namespace lictor {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint32_t kHeaderLimit = 64 << 10;

// What one connection needs while operations on it are under way. They hold it, so that an aborted one never touches
// its successor.
struct Connection {
  explicit Connection(const asio::any_io_executor& executor) : socket(executor) {}

  // Of the generic protocol, so that client and control server share Beast's instances.
  asio::generic::stream_protocol::socket socket;
  boost::beast::flat_buffer buffer;
  http::request<http::string_body> message;
  std::optional<http::response_parser<http::string_body>> parser;

  void close() {
    error_code ignored;
    socket.close(ignored);
  }

  // An idle connection has nothing to read: bytes or an end mean that it can't be used again.
  bool usable() { return socket.is_open() && readable() < 0 && (errno == EAGAIN || errno == EINTR); }

  // As recv(2) has it.
  ssize_t readable() {
    char byte = 0;
    return ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  }
};

struct Pending {
  Pending(const asio::any_io_executor& executor, HttpRequest r, HttpDone d)
      : request(std::move(r)), done(std::move(d)), timer(executor) {}
  HttpRequest request;
  HttpDone done;
  asio::steady_timer timer;
  bool reused = false;  // sent on a connection that had served another request
};

}  // namespace

struct HttpClient::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor e, std::string p, size_t limit)
      : executor(std::move(e)), peer(std::move(p)), body_limit(limit) {}

  asio::any_io_executor executor;
  std::string peer;
  size_t body_limit;
  std::shared_ptr<Connection> connection;      // none: the next request connects
  std::deque<std::shared_ptr<Pending>> queue;  // the first one is under way
  error_code unwritten;                        // why that could not be sent whole

  void ask(HttpRequest request, HttpDone done) {
    const auto pending = std::make_shared<Pending>(executor, std::move(request), std::move(done));
    pending->timer.expires_after(pending->request.deadline);
    pending->timer.async_wait([weak = weak_from_this(), pending](error_code error) {
      const auto self = weak.lock();
      if (!error && self) self->expire(pending);
    });
    queue.push_back(pending);
    if (queue.size() == 1) begin();
  }

  void reset() {
    drop_connection();
    // The timers' handlers hold their requests; destroying these may run anything.
    for (const auto& pending : std::exchange(queue, {})) pending->timer.cancel();
  }

  void drop_connection() {
    if (connection) connection->close();
    connection = nullptr;
  }

  // Calls `step` when an operation on the present connection ends, unless that has been dropped since.
  auto then(void (State::*step)(error_code)) {
    return [weak = weak_from_this(), mine = connection, step](error_code error, size_t = 0) {
      const auto self = weak.lock();
      if (self && self->connection == mine) (*self.*step)(error);
    };
  }

  void begin() {
    if (queue.empty()) return;
    const auto& pending = queue.front();
    pending->reused = connection && connection->usable();
    if (pending->reused) return send({});
    drop_connection();
    connection = std::make_shared<Connection>(executor);
    if (const auto endpoint = parse_endpoint(peer)) {
      connection->socket.async_connect(*endpoint, then(&State::send));
    } else if (peer.size() >= sizeof(sockaddr_un::sun_path)) {
      asio::post(executor, [done = then(&State::send)] { done(asio::error::name_too_long); });
    } else {
      connection->socket.async_connect(asio::local::stream_protocol::endpoint(peer), then(&State::send));
    }
  }

  void send(error_code error) {
    if (error) return fail("connect to " + peer + ": " + error.message());
    const HttpRequest& request = queue.front()->request;
    connection->parser.reset();
    auto& message = connection->message;
    message = {};
    message.version(11);
    message.method_string(request.method);
    message.target(request.target);
    message.set(http::field::host, "localhost");
    message.set(http::field::user_agent, "lictor");
    if (!request.body.empty()) message.set(http::field::content_type, "application/json");
    for (const auto& [name, value] : request.headers) message.set(name, value);
    message.body() = request.body;
    message.prepare_payload();
    http::async_write(connection->socket, message, then(&State::receive));
  }

  void receive(error_code error) {
    unwritten = error;
    if (error && connection->readable() <= 0) return fail_or_retry("write: " + error.message());
    auto& parser = connection->parser;
    parser.emplace();
    parser->header_limit(kHeaderLimit);
    parser->body_limit(body_limit);
    parser->skip(queue.front()->request.method == "HEAD");
    http::async_read(connection->socket, connection->buffer, *parser, then(&State::finish));
  }

  void finish(error_code error) {
    if (error == http::error::body_limit) return fail("body over " + std::to_string(body_limit) + " bytes");
    if (error && unwritten) return fail_or_retry("write: " + unwritten.message());
    if (error) return fail_or_retry("read: " + error.message());
    http::response<http::string_body> response = connection->parser->release();
    if (!response.keep_alive() || connection->buffer.size() > 0 || unwritten) drop_connection();
    const auto header = response["X-Consul-Index"];
    const std::string_view index(header.data(), header.size());
    complete(HttpAnswer{static_cast<int>(response.result_int()), std::move(response.body()),
                        std::string(response[http::field::date]), whole_number<std::uint64_t>(index).value_or(0)});
  }

  void fail_or_retry(const std::string& why) {
    const auto& pending = queue.front();
    const bool silent = connection->buffer.size() == 0 && !(connection->parser && connection->parser->got_some());
    const bool repeatable = !pending->request.once && pending->request.method != "POST";  // RFC 9110, 9.2.2
    if (!pending->reused || !silent || !repeatable) return fail(why, HttpFailure::closed);
    drop_connection();  // so that this time it is a fresh one
    begin();
  }

  void fail(const std::string& why, HttpFailure failure = HttpFailure::other) {
    drop_connection();
    complete(problem(*queue.front(), why, failure));
  }

  void expire(const std::shared_ptr<Pending>& pending) {
    const auto why = "no answer within " + format_duration(pending->request.deadline);
    if (!queue.empty() && queue.front() == pending) return fail(why, HttpFailure::late);
    if (std::erase(queue, pending) > 0) pending->done(problem(*pending, why, HttpFailure::late));
  }

  static HttpProblem problem(const Pending& pending, const std::string& why, HttpFailure failure) {
    return HttpProblem(Problem{pending.request.method + " " + pending.request.target, why,
                               "see that the process behind the socket runs and is not overloaded", Exit::retry},
                       failure);
  }

  void complete(HttpResult result) {
    const auto pending = std::move(queue.front());
    queue.pop_front();
    pending->timer.cancel();
    begin();
    // Last, for it may ask, reset or destroy the client.
    pending->done(std::move(result));
  }
};

HttpClient::HttpClient(asio::any_io_executor executor, std::string peer, size_t body_limit)
    : state_(std::make_shared<State>(std::move(executor), std::move(peer), body_limit)) {}

HttpClient::~HttpClient() { state_->reset(); }

void HttpClient::ask(HttpRequest request, HttpDone done) { state_->ask(std::move(request), std::move(done)); }

void HttpClient::reset() { state_->reset(); }

HttpResult ask_once(const std::string& peer, HttpRequest request) {
  asio::io_context context(1);
  HttpClient client(context.get_executor(), peer);
  std::optional<HttpResult> answer;
  client.ask(std::move(request), [&answer](HttpResult result) { answer = std::move(result); });
  while (!answer) context.run_one();
  return std::move(*answer);
}

}  // namespace lictor
