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

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace lictor {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint32_t kHeaderLimit = 64 << 10;
constexpr std::ptrdiff_t kIdleConnections = 2;
constexpr std::size_t kPiece = 32 << 10;

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
};

// One connection, and what is asked over it.
struct Lane {
  std::shared_ptr<Connection> connection;  // none: the next request connects
  std::shared_ptr<Pending> pending;        // under way; none: idle
  bool reused = false;                     // sent on a connection that had served another request
  error_code unwritten;                    // why that could not be sent whole

  void drop_connection() {
    if (connection) connection->close();
    connection = nullptr;
  }
};

}  // namespace

struct HttpClient::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor e, std::string p, size_t limit, size_t most)
      : executor(std::move(e)), peer(std::move(p)), body_limit(limit), most_lanes(most) {}

  asio::any_io_executor executor;
  std::string peer;
  size_t body_limit, most_lanes;
  std::vector<std::shared_ptr<Lane>> lanes;      // the idle ones have a connection
  std::deque<std::shared_ptr<Pending>> waiting;  // for a lane, while there are as many as there may be

  void ask(HttpRequest request, HttpDone done) {
    const auto pending = std::make_shared<Pending>(executor, std::move(request), std::move(done));
    pending->timer.expires_after(pending->request.deadline);
    pending->timer.async_wait([weak = weak_from_this(), pending](error_code error) {
      const auto self = weak.lock();
      if (!error && self) self->expire(pending);
    });
    waiting.push_back(pending);
    go_on();
  }

  void reset() {
    std::deque<std::shared_ptr<Pending>> dropped = std::exchange(waiting, {});
    for (const auto& lane : std::exchange(lanes, {})) {
      lane->drop_connection();
      if (lane->pending) dropped.push_back(std::exchange(lane->pending, nullptr));
    }
    // The timers' handlers hold their requests; destroying these may run anything.
    for (const auto& pending : dropped) pending->timer.cancel();
  }

  void go_on() {
    while (!waiting.empty()) {
      const auto lane = free_lane();
      if (!lane) return;
      lane->pending = std::move(waiting.front());
      waiting.pop_front();
      begin(lane);
    }
  }

  std::shared_ptr<Lane> free_lane() {
    const auto idle = std::find_if(lanes.begin(), lanes.end(), [](const auto& lane) { return !lane->pending; });
    if (idle != lanes.end()) return *idle;
    if (lanes.size() >= most_lanes) return nullptr;
    return lanes.emplace_back(std::make_shared<Lane>());
  }

  // Calls `step` when an operation on the lane's present connection ends, unless that has been dropped since.
  auto then(const std::shared_ptr<Lane>& lane, void (State::*step)(const std::shared_ptr<Lane>&, error_code)) {
    return [weak = weak_from_this(), lane, mine = lane->connection, step](error_code error, size_t = 0) {
      const auto self = weak.lock();
      if (self && lane->connection == mine) (*self.*step)(lane, error);
    };
  }

  void begin(const std::shared_ptr<Lane>& lane) {
    lane->reused = lane->connection && lane->connection->usable();
    if (lane->reused) return send(lane, {});
    lane->drop_connection();
    lane->connection = std::make_shared<Connection>(executor);
    auto& socket = lane->connection->socket;
    if (const auto endpoint = parse_endpoint(peer)) {
      socket.async_connect(*endpoint, then(lane, &State::send));
    } else if (peer.size() >= sizeof(sockaddr_un::sun_path)) {
      asio::post(executor, [done = then(lane, &State::send)] { done(asio::error::name_too_long); });
    } else {
      socket.async_connect(asio::local::stream_protocol::endpoint(peer), then(lane, &State::send));
    }
  }

  void send(const std::shared_ptr<Lane>& lane, error_code error) {
    if (error) return fail(lane, "connect to " + peer + ": " + error.message());
    const HttpRequest& request = lane->pending->request;
    lane->connection->parser.reset();
    auto& message = lane->connection->message;
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
    http::async_write(lane->connection->socket, message, then(lane, &State::receive));
  }

  void receive(const std::shared_ptr<Lane>& lane, error_code error) {
    Connection& connection = *lane->connection;
    lane->unwritten = error;
    if (error && connection.readable() <= 0) return fail_or_retry(lane, "write: " + error.message());
    auto& parser = connection.parser;
    parser.emplace();
    parser->header_limit(kHeaderLimit);
    parser->body_limit(body_limit);
    parser->skip(lane->pending->request.method == "HEAD");
    parser->eager(true);
    // As much as there is room for is read at a time, and at first there is next to none.
    if (lane->pending->request.take) connection.buffer.reserve(kPiece);
    read_more(lane);
  }

  void read_more(const std::shared_ptr<Lane>& lane) {
    Connection& connection = *lane->connection;
    http::async_read_some(connection.socket, connection.buffer, *connection.parser, then(lane, &State::have_read));
  }

  void have_read(const std::shared_ptr<Lane>& lane, error_code error) {
    auto& parser = *lane->connection->parser;
    const auto& take = lane->pending->request.take;
    if (!error && take && parser.is_header_done() && parser.get().result_int() == 200) {
      std::string& body = parser.get().body();
      take(body);
      body.clear();
    }
    if (error || parser.is_done()) return finish(lane, error);
    read_more(lane);
  }

  void finish(const std::shared_ptr<Lane>& lane, error_code error) {
    const error_code unwritten = lane->unwritten;
    if (error == http::error::body_limit)
      return fail(lane, "body over " + std::to_string(body_limit) + " bytes", HttpFailure::large);
    if (error && unwritten) return fail_or_retry(lane, "write: " + unwritten.message());
    if (error) return fail_or_retry(lane, "read: " + error.message());
    http::response<http::string_body> response = lane->connection->parser->release();
    if (!response.keep_alive() || lane->connection->buffer.size() > 0 || unwritten) lane->drop_connection();
    const auto header = response["X-Consul-Index"];
    const std::string_view index(header.data(), header.size());
    complete(lane, HttpAnswer{static_cast<int>(response.result_int()), std::move(response.body()),
                              std::string(response[http::field::date]), whole_number<std::uint64_t>(index).value_or(0),
                              response["X-Consul-KnownLeader"] == "false"});
  }

  void fail_or_retry(const std::shared_ptr<Lane>& lane, const std::string& why) {
    const HttpRequest& request = lane->pending->request;
    const Connection& connection = *lane->connection;
    const bool silent = connection.buffer.size() == 0 && !(connection.parser && connection.parser->got_some());
    const bool repeatable = !request.once && request.method != "POST";  // RFC 9110, 9.2.2
    if (!lane->reused || !silent || !repeatable) return fail(lane, why, HttpFailure::closed);
    lane->drop_connection();  // so that this time it is a fresh one
    begin(lane);
  }

  void fail(const std::shared_ptr<Lane>& lane, const std::string& why, HttpFailure failure = HttpFailure::other) {
    lane->drop_connection();
    complete(lane, problem(*lane->pending, why, failure));
  }

  void expire(const std::shared_ptr<Pending>& pending) {
    const auto why = "no answer within " + format_duration(pending->request.deadline);
    for (const auto& lane : lanes) {
      if (lane->pending == pending) return fail(std::shared_ptr(lane), why, HttpFailure::late);
    }
    if (std::erase(waiting, pending) > 0) pending->done(problem(*pending, why, HttpFailure::late));
  }

  static HttpProblem problem(const Pending& pending, const std::string& why, HttpFailure failure) {
    return HttpProblem(Problem{pending.request.method + " " + pending.request.target, why,
                               "see that the process behind the socket runs and is not overloaded", Exit::retry},
                       failure);
  }

  void complete(const std::shared_ptr<Lane>& lane, HttpResult result) {
    const auto pending = std::exchange(lane->pending, nullptr);
    pending->timer.cancel();
    go_on();
    if (!lane->pending) rest(lane);
    // Last, for it may ask, reset or destroy the client.
    pending->done(std::move(result));
  }

  // What only many calls at once have needed is given back.
  void rest(const std::shared_ptr<Lane>& lane) {
    const auto idle = std::count_if(lanes.begin(), lanes.end(), [](const auto& other) { return !other->pending; });
    if (lane->connection && idle <= kIdleConnections) return;
    lane->drop_connection();
    std::erase(lanes, lane);
  }
};

void hold_until_newer(HttpRequest& get, std::uint64_t index, Duration wait) {
  get.target += fmt::format("{}index={}&wait={}ms", get.target.find('?') == get.target.npos ? '?' : '&', index,
                            std::chrono::ceil<std::chrono::milliseconds>(wait).count());
  get.deadline += wait + wait / 16;
}

void HttpClient::use_peer(std::string peer) { state_->peer = std::move(peer); }

HttpClient::HttpClient(asio::any_io_executor executor, std::string peer, size_t body_limit, size_t connections)
    : state_(std::make_shared<State>(std::move(executor), std::move(peer), body_limit, connections)) {}

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
