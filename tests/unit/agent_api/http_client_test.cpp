// Requests, and what is made of their answers.
#include "agent_api/io/http_client.hpp"

#include "http_client_parts.hpp"
#include "test.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

using namespace http_client_parts;

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

TEST_CASE("an answer that stops half way is ended by the deadline") {
  World world({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"}});
  world.ask("half", World::get("/", 30ms));
  world.run(1);
  CHECK(world.log == Log{"half: no answer within 30ms"});
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
