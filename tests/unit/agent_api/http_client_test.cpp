#include "agent_api/io/http_client.hpp"

#include "scenario.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <cstdlib>
#include <deque>
#include <optional>
#include <vector>

using namespace lictor;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using Local = asio::local::stream_protocol;
using boost::system::error_code;

namespace {

struct Folder : TemporaryFolder {
  std::string socket() const { return path + "/s"; }
};

// What the server does with one request: sends `answer` (nothing if empty), then keeps the connection open or closes it.
struct Step {
  std::string answer;
  // close_unread: a reset, for the request has not been read; deaf: left open, but nothing is read any more.
  enum After { keep, close, close_unread, deaf } after = keep;
};

std::string ok(const std::string& body) {
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

}  // namespace

TEST_CASE("a request is sent as asked, and any status is an answer") {
  World world({{ok("yes")},
               {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"},
               {"HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\n"}});
  world.ask("put", {"PUT", "/v1/agent/service/register?x=1", "{}", {{"X-Consul-Token", "t"}}, 10s});
  world.ask("a");
  world.ask("b");
  CHECK(world.log.empty());
  world.run(3);
  CHECK(world.log == Log{"put: 200 yes", "a: 403 no", "b: 500 "});
  CHECK(world.server->connections == 1);
  const std::string& put = world.server->requests[0];
  CAPTURE(put);
  CHECK(put.find("PUT /v1/agent/service/register?x=1 HTTP/1.1\r\n") == 0);
  for (const char* part : {"\r\nHost: localhost\r\n", "\r\nX-Consul-Token: t\r\n",
                           "\r\nContent-Type: application/json\r\n", "\r\nContent-Length: 2\r\n", "\r\n\r\n{}"}) {
    CAPTURE(part);
    CHECK(put.find(part) != std::string::npos);
  }
  CHECK(world.server->requests[1].find("Content-") == std::string::npos);
}

TEST_CASE("the index of what was answered is told, and 0 where there is none") {
  const auto with = [](const std::string& index) {
    return "HTTP/1.1 200 OK\r\nX-Consul-Index: " + index + "\r\nContent-Length: 0\r\n\r\n";
  };
  World world({{with("18446744073709551615")}, {with("-1")}, {ok("")}});
  std::vector<std::uint64_t> indexes;
  for (int i = 0; i < 3; ++i) {
    world.client->ask(World::get("/"), [&](const HttpResult& answer) {
      indexes.push_back(answer->index);
      world.log.emplace_back();
    });
  }
  world.run(3);
  CHECK(indexes == std::vector<std::uint64_t>{18446744073709551615U, 0, 0});
}

TEST_CASE("bodies of every framing are read") {
  World world({{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"},
               {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"},
               {ok(std::string(1000, 'x'))},
               {"HTTP/1.0 200 OK\r\n\r\nuntil the end", Step::close},
               {ok("fresh")}});
  world.ask("chunked");
  world.ask("head", {"HEAD", "/", "", {}, 10s});
  world.ask("limit");
  world.ask("open");
  world.ask("last");
  world.run(5);
  CHECK(world.log == Log{"chunked: 200 abcde", "head: 200 ", "limit: 200 " + std::string(1000, 'x'),
                         "open: 200 until the end", "last: 200 fresh"});
  CHECK(world.server->connections == 2);
}

TEST_CASE("what goes wrong on a fresh connection is reported, and the next request connects afresh") {
  struct Row {
    Step step;
    std::string why;
  };
  const Row rows[] = {
      {{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Step::close}, "read: partial message"},
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", Step::close}, "read: partial message"},
      {{"HTTP/1.1 2", Step::close}, "read: partial message"},
      {{"", Step::close}, "read: end of stream"},
      {{"", Step::close_unread}, "read: Connection reset by peer"},
      {{"SSH-2.0-x\r\n\r\n"}, "read: bad version"},
      {{ok(std::string(1001, 'x'))}, "body over 1000 bytes"},
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n"},
       "body over 1000 bytes"},
      {{"HTTP/1.1 200 OK\r\nX: " + std::string(70000, 'x') + "\r\n\r\n"}, "read: header limit exceeded"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why, row.step.answer.substr(0, 80));
    World world({row.step, {ok("good")}});
    world.ask("a");
    world.ask("b");
    world.run(2);
    CHECK(world.log == Log{"a: " + row.why, "b: 200 good"});
    CHECK(world.server->connections == 2);
  }
}

TEST_CASE("a server that is not there is reported") {
  Folder folder;
  asio::io_context context(1);
  const auto why = [&](const std::string& path) {
    HttpClient client(context.get_executor(), path);
    std::optional<Problem> problem;
    client.ask({}, [&](HttpResult answer) { problem = answer.error(); });
    CHECK(!problem.has_value());
    context.restart();
    context.run_for(20s);
    REQUIRE(problem.has_value());
    CHECK(problem->exit == Exit::retry);
    return problem->why;
  };
  const std::string path = folder.socket();
  CHECK(why(path) == "connect to " + path + ": No such file or directory");
  { Local::acceptor gone(context, Local::endpoint(path)); }
  CHECK(why(path) == "connect to " + path + ": Connection refused");
  const std::string long_path = "/" + std::string(120, 'x');
  CHECK(why(long_path) == "connect to " + long_path + ": File name too long");
}

TEST_CASE("a deadline ends what is under way and what waits behind it") {
  World world({{""}, {ok("fresh")}});
  const auto start = std::chrono::steady_clock::now();
  world.ask("silent", World::get("/silent", 60ms));
  world.ask("queued", World::get("/queued", 20ms));
  world.ask("next");
  world.run(3);
  CHECK(world.log == Log{"queued: no answer within 20ms", "silent: no answer within 60ms", "next: 200 fresh"});
  CHECK(std::chrono::steady_clock::now() - start >= 60ms);
  CHECK(world.server->connections == 2);
  CHECK(world.server->requests.size() == 2);
}

TEST_CASE("with a connection for each, a silent request delays no other; those over the limit wait for their turn") {
  World world({{""}, {ok("1")}, {ok("2")}, {""}, {ok("3")}}, 2);
  world.ask("silent", World::get("/silent", 10s));
  while (world.server->requests.empty()) world.context.run_one_for(20s);
  world.ask("a");
  world.ask("b");
  world.run(2);
  CHECK(world.log == Log{"a: 200 1", "b: 200 2"});
  CHECK(world.server->connections == 2);  // that of the first answer has served the second
  world.ask("slow", World::get("/slow", 60ms));
  world.ask("late", World::get("/late", 20ms));
  world.ask("c");
  world.run(5);
  CHECK(world.log ==
        Log{"a: 200 1", "b: 200 2", "late: no answer within 20ms", "slow: no answer within 60ms", "c: 200 3"});
  CHECK(world.server->requests.size() == 5);
}

TEST_CASE("of the connections that many requests at once have needed, few are kept") {
  World world({{ok("1")}, {ok("2")}, {ok("3")}, {ok("4")}, {ok("5")}, {ok("6")}, {ok("7")}, {ok("8")}}, 5);
  for (int i = 0; i < 5; ++i) world.ask("x");
  world.run(5);
  CHECK(world.server->connections == 5);
  for (int i = 0; i < 3; ++i) world.ask("y");
  world.run(8);
  CHECK(world.server->connections == 6);
}

TEST_CASE("an answer that stops half way is ended by the deadline") {
  World world({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"}});
  world.ask("half", World::get("/", 30ms));
  world.run(1);
  CHECK(world.log == Log{"half: no answer within 30ms"});
}

TEST_CASE("a connection that the peer closed while idle is replaced before anything is sent") {
  World world({{ok("1"), Step::close}, {ok("2")}});
  world.ask("a");
  world.run(1);
  world.context.poll();
  world.ask("put", {"PUT", "/v1/agent/leave", "", {}, 10s});
  world.run(2);
  CHECK(world.log == Log{"a: 200 1", "put: 200 2"});
  CHECK(world.server->requests.size() == 2);
}

TEST_CASE("on a reused connection that ends without a byte a request is sent once more, if it may be sent twice") {
  struct Row {
    std::string method;
    Step second;
    size_t requests;  // that the server has read
    std::string result;
    bool once = false;
  };
  const std::string half = "HTTP/1.1 200";
  const Row rows[] = {
      {"GET", {"", Step::close}, 3, "200 3"},
      {"PUT", {"", Step::close}, 3, "200 3"},
      {"PUT", {"", Step::close}, 2, "read: end of stream", true},
      {"POST", {"", Step::close}, 2, "read: end of stream"},
      {"GET", {half, Step::close}, 2, "read: partial message"},
      {"PUT", {half, Step::close}, 2, "read: partial message"},
      {"GET", {"", Step::close_unread}, 2, "200 3"},
      {"PUT", {"", Step::close_unread}, 2, "200 3"},
      {"PUT", {"", Step::close_unread}, 1, "read: Connection reset by peer", true},
      {"POST", {"", Step::close_unread}, 1, "read: Connection reset by peer"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.method, row.result, row.second.answer, row.once);
    World world({{ok("1")}, row.second, {ok("3")}});
    world.ask("a");
    world.ask("b", {row.method, "/", "", {}, 10s, row.once});
    world.run(2);
    CHECK(world.log == Log{"a: 200 1", "b: " + row.result});
    CHECK(world.server->requests.size() == row.requests);
  }
}

TEST_CASE("what could not be written on a reused connection is sent once more, if it may be sent twice") {
  for (const bool once : {true, false}) {
    CAPTURE(once);
    World world({{ok("1"), Step::deaf}, {ok("2")}});
    world.ask("a");
    world.ask("b", {"PUT", "/", "", {}, 10s, once});
    world.run(2);
    CHECK(world.log == Log{"a: 200 1", once ? "b: write: Broken pipe" : "b: 200 2"});
  }
}

TEST_CASE("an answer that comes before the request is written to its end is the answer") {
  // As a server does that takes bodies up to a limit: the rest is never read.
  const std::string refused = "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge";
  World world({{refused, Step::close}, {ok("2")}});
  world.ask("a", {"PUT", "/", std::string(8 << 20, 'x'), {}, 10s});
  world.ask("b");
  world.run(2);
  CHECK(world.log == Log{"a: 413 large", "b: 200 2"});
  CHECK(world.server->connections == 2);
}

TEST_CASE("GET is not sent a third time") {
  World world({{ok("1")}, {"", Step::close}, {"", Step::close}, {ok("4")}});
  world.ask("a");
  world.ask("b");
  world.run(2);
  CHECK(world.log == Log{"a: 200 1", "b: read: end of stream"});
  CHECK(world.server->requests.size() == 3);
}

TEST_CASE("reset drops what is outstanding without a word") {
  World world({{""}, {ok("fresh")}});
  world.ask("under way", World::get("/", 50ms));
  world.ask("queued", World::get("/", 50ms));
  while (world.server->requests.empty()) world.context.run_one_for(20s);
  world.client->reset();
  world.ask("next");
  world.run(1);
  world.client.reset();
  world.server.reset();
  world.context.run();  // the deadlines of the dropped ones hold nothing up
  CHECK(world.log == Log{"next: 200 fresh"});
}

TEST_CASE("whoever is answered may ask again, reset or destroy the client") {
  World world({{ok("1")}, {ok("2")}, {ok("3")}});
  world.ask("a", World::get("/"), [&] { world.ask("b", World::get("/"), [&] { world.client.reset(); }); });
  world.run(2);
  CHECK(world.log == Log{"a: 200 1", "b: 200 2"});

  world.client.emplace(world.context.get_executor(), world.folder.socket());
  world.ask("c", World::get("/"), [&] { world.client->reset(); });
  world.ask("dropped");
  world.run(3);
  world.context.poll();
  CHECK(world.log.back() == "c: 200 3");
}

TEST_CASE("ask_once blocks until the answer") {
  Folder folder;
  const auto missing = ask_once(folder.socket(), {});
  REQUIRE(missing.has_error());
  CHECK(missing.error().why.find("connect to ") == 0);

  asio::io_context context(1);
  Server server(context, folder.socket(), {{ok("hello")}, {""}});
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    context.notify_fork(asio::execution_context::fork_child);
    context.run_for(20s);
    ::_exit(0);
  }
  const auto answer = ask_once(folder.socket(), {});
  const auto silent = ask_once(folder.socket(), World::get("/", 20ms));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  REQUIRE(answer.has_value());
  CHECK(answer->status == 200);
  CHECK(answer->body == "hello");
  REQUIRE(silent.has_error());
  CHECK(silent.error().why == "no answer within 20ms");
}

TEST_CASE("the body of a good answer is handed over as it comes, and kept by nobody else") {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Consul-Index: 7\r\n\r\n";
  const std::string whole = head + "5\r\nhello\r\n3\r\n, w\r\n4\r\norld\r\n0\r\n\r\n";
  World world({{whole},
               {whole.substr(0, whole.size() - 9), Step::close},
               {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"},
               {ok(std::string(900, 'x'))},
               {head + "3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n"}});
  std::string taken;
  HttpRequest request = World::get("/list");
  request.take = [&taken](std::string_view piece) { taken += piece; };
  const auto next = [&](const char* name, const std::string& expected) {
    taken.clear();
    world.ask(name, request);
    world.run(world.log.size() + 1);
    CHECK(taken == expected);
  };
  next("whole", "hello, world");
  next("cut", "hello, wor");
  next("refused", "");
  next("plain", std::string(900, 'x'));
  next("long", "");
  CHECK(world.log[0] == "whole: 200 ");
  CHECK(world.log[1].starts_with("cut: read: "));
  CHECK(world.log[2] == "refused: 403 no");
  CHECK(world.log[3] == "plain: 200 ");
  CHECK(world.log[4] == "long: body over 1000 bytes");
}
