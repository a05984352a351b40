// What becomes of connections: broken ones, several at once, and those that are used again.
#include "http_client_parts.hpp"
#include "test.hpp"

#include <string>

using namespace http_client_parts;

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

TEST_CASE("GET is not sent a third time") {
  World world({{ok("1")}, {"", Step::close}, {"", Step::close}, {ok("4")}});
  world.ask("a");
  world.ask("b");
  world.run(2);
  CHECK(world.log == Log{"a: 200 1", "b: read: end of stream"});
  CHECK(world.server->requests.size() == 3);
}
