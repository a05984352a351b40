#include "control/io/control_server.hpp"

#include "control_world.hpp"
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

using namespace control_world;
using namespace lictor;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using boost::system::error_code;

TEST_CASE("the handler gets what was asked, and its reply is sent") {
  struct Row {
    bool local;
    std::string start;  // method and target
    std::string body;
    std::string method, path, query;
    std::string status;
  };
  const Row rows[] = {
      {true, "GET /status", "", "GET", "/status", "", "200 OK"},
      {true, "GET /a/b?x=1&y=%20?z", "", "GET", "/a/b", "x=1&y=%20?z", "200 OK"},
      {true, "POST /leave", "{}", "POST", "/leave", "", "200 OK"},
      {true, "PURGE /x", "", "PURGE", "/x", "", "200 OK"},
      {false, "GET /missing?", "", "GET", "/missing", "", "404 Not Found"},
  };
  World world;
  for (const auto& row : rows) {
    CAPTURE(row.start);
    world.asked.clear();
    Peer peer(world.context, row.local ? world.folder.socket() : world.tcp->endpoint());
    peer.send(row.start + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(row.body.size()) + "\r\n" +
              kClose + row.body);
    const std::string answer = peer.until_closed();
    CAPTURE(answer);
    CHECK(starts(answer, "HTTP/1.1 " + row.status + "\r\n"));
    CHECK(answer.find("\r\nContent-Length: 6\r\n") != std::string::npos);
    CHECK(answer.find("\r\nContent-Type: text/plain; charset=utf-8\r\n") != std::string::npos);
    CHECK(answer.find("\r\n\r\nhello\n") != std::string::npos);
    REQUIRE(world.asked.size() == 1);
    CHECK(world.asked[0].method == row.method);
    CHECK(world.asked[0].path == row.path);
    CHECK(world.asked[0].query == row.query);
    CHECK(world.asked[0].body == row.body);
    CHECK(world.asked[0].local == row.local);
  }
}

TEST_CASE("HEAD gets GET's headers without the body, and the connection goes on") {
  World world;
  for (const auto& endpoint : {world.folder.socket(), world.tcp->endpoint()}) {
    CAPTURE(endpoint);
    world.asked.clear();
    Peer peer(world.context, endpoint);
    peer.send("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n").until("\r\n\r\n");
    CHECK(peer.received().find("\r\nContent-Length: 6\r\n") != std::string::npos);
    peer.send("GET /livez HTTP/1.1\r\nHost: x\r\n" + kClose).until_closed();
    // The next answer follows the headers at once.
    CHECK(peer.received().find("\r\n\r\nHTTP/1.1 200 OK\r\n") != std::string::npos);
    REQUIRE(world.asked.size() == 2);
    CHECK(world.asked[0].method == "GET");
  }
}

TEST_CASE("over TCP nothing but GET and HEAD reaches the handler") {
  World world;
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "PURGE"}) {
    CAPTURE(method);
    Peer peer(world.context, world.tcp->endpoint());
    peer.send(method + " /leave HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" + kClose);
    CHECK(starts(peer.until_closed(), "HTTP/1.1 405 Method Not Allowed\r\n"));
    CHECK(peer.received().find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
  }
  CHECK(world.asked.empty());
}

TEST_CASE("what is no request within the bounds is refused and the connection closed") {
  struct Row {
    std::string name;
    std::string bytes;
    std::string status;
  };
  const std::string many(size_t{1} << 20, 'x');
  const Row rows[] = {
      {"garbage", "hello there\r\n\r\n", "400 Bad Request"},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), "400 Bad Request"},
      {"bad header", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "400 Bad Request"},
      {"bad length", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "400 Bad Request"},
      {"long target", "GET /" + many, "431 Request Header Fields Too Large"},
      {"long header", "GET / HTTP/1.1\r\nX: " + many, "431 Request Header Fields Too Large"},
      {"long body", "POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n" + many, "413 Payload Too Large"},
      {"long chunk extension", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + many,
       "431 Request Header Fields Too Large"},
      {"long trailer", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + many,
       "431 Request Header Fields Too Large"},
      {"long chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + many, "413 Payload Too Large"},
  };
  World world;
  for (const auto& row : rows) {
    for (const auto& endpoint : {world.folder.socket(), world.tcp->endpoint()}) {
      CAPTURE(row.name, endpoint);
      Peer peer(world.context, endpoint);
      CHECK(starts(peer.send(row.bytes).until_closed(), "HTTP/1.1 " + row.status + "\r\n"));
      // A client that writes all before it reads must get that far.
      CHECK(peer.taken());
    }
  }
  CHECK(world.asked.empty());

  Peer peer(world.context, world.folder.socket());
  peer.send("POST / HTTP/1.1\r\nContent-Length: 65536\r\n" + kClose + many.substr(0, 65536));
  CHECK(starts(peer.until_closed(), "HTTP/1.1 200 OK\r\n"));
  CHECK(world.asked.at(0).body.size() == 65536);
}

TEST_CASE("a connection is kept as long as the client wants it") {
  World world;
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto answers = [](const std::string& text) {
    size_t count = 0;
    for (auto at = text.find("HTTP/1.1 200"); at != std::string::npos; at = text.find("HTTP/1.1 200", at + 1)) ++count;
    return count;
  };
  Peer peer(world.context, world.tcp->endpoint());
  peer.send(get).until("hello");
  peer.received().clear();
  peer.send(get).until("hello");
  CHECK(!peer.closed());
  peer.received().clear();
  peer.send(get + get + "GET / HTTP/1.1\r\nHost: x\r\n" + kClose);
  CHECK(answers(peer.until_closed()) == 3);

  Peer old(world.context, world.tcp->endpoint());
  CHECK(starts(old.send("GET / HTTP/1.0\r\n\r\n").until_closed(), "HTTP/1.0 200 OK\r\n"));
}

TEST_CASE("a slow client is sent away") {
  ControlLimits limits;
  limits.request = 40ms;
  limits.idle = 80ms;
  World world(limits);
  for (const auto& endpoint : {world.folder.socket(), world.tcp->endpoint()}) {
    CAPTURE(endpoint);
    const auto start = std::chrono::steady_clock::now();
    Peer silent(world.context, endpoint);
    Peer half(world.context, endpoint);
    half.send("GET / HT");
    Peer body(world.context, endpoint);
    body.send("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc");
    Peer idle(world.context, endpoint);
    idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(silent.until_closed().empty());
    CHECK(starts(half.until_closed(), "HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(starts(body.until_closed(), "HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(std::chrono::steady_clock::now() - start >= limits.request);
    CHECK(starts(idle.until_closed(), "HTTP/1.1 200 OK\r\n"));
    CHECK(std::chrono::steady_clock::now() - start >= limits.idle);
  }
}

TEST_CASE("an answer that nobody takes is given up, and others are served meanwhile") {
  ControlLimits limits;
  limits.request = 50ms;
  limits.connections = 2;
  World world(limits);
  world.body = std::string(32 << 20, 'x');
  // A client that never reads; the kernel's buffers take less than the answer.
  asio::local::stream_protocol::socket deaf(world.context);
  deaf.connect(asio::local::stream_protocol::endpoint(world.folder.socket()));
  asio::write(deaf, asio::buffer(std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
  while (world.asked.empty()) world.context.run_one_for(kBound);
  world.body = "small";
  Peer(world.context, world.folder.socket()).send("GET / HTTP/1.1\r\nHost: x\r\n" + kClose).until_closed();
  // Its place is free again: two others don't take each other's.
  const auto given_up = [&] {
    pollfd seen{deaf.native_handle(), POLLRDHUP, 0};
    return ::poll(&seen, 1, 0) == 1 && (seen.revents & POLLRDHUP) != 0;
  };
  const auto end = std::chrono::steady_clock::now() + kBound;
  while (!given_up() && std::chrono::steady_clock::now() < end) world.context.run_one_for(1ms);
  REQUIRE(given_up());
  Peer second(world.context, world.folder.socket());
  second.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").until("small");
  Peer third(world.context, world.folder.socket());
  third.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").until("small");
  CHECK(!second.closed());
}

TEST_CASE("a new connection takes the place of the one that was answered longest ago") {
  ControlLimits limits;
  limits.connections = 2;
  World world(limits);
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const auto& endpoint : {world.folder.socket(), world.tcp->endpoint()}) {
    CAPTURE(endpoint);
    Peer first(world.context, endpoint);
    Peer second(world.context, endpoint);
    first.send(get).until("hello");
    second.send(get).until("hello");
    first.received().clear();
    first.send(get).until("hello");
    Peer third(world.context, endpoint);
    third.send(get).until("hello");
    second.until_closed();
    CHECK(!first.closed());
    // Half a request keeps no place.
    Peer half(world.context, endpoint);
    half.send("GET / HT");
    first.until_closed();
    Peer fourth(world.context, endpoint);
    fourth.send(get).until("hello");
    third.until_closed();
    Peer fifth(world.context, endpoint);
    fifth.send(get).until("hello");
    half.until_closed();
    CHECK(!fourth.closed());
  }
}

TEST_CASE("1,000 connections held in every way keep nobody out, and little of them is kept") {
  const auto descriptors = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit enough = before;
  enough.rlim_cur = std::min<rlim_t>(before.rlim_max, 8192);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &enough) == 0);
  {
    World world;
    const auto at_first = descriptors();
    std::vector<std::unique_ptr<Peer>> held;
    const std::string ways[] = {"", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"};
    for (size_t i = 0; i < 1000; ++i) {
      held.push_back(std::make_unique<Peer>(world.context, i % 2 == 0 ? world.folder.socket() : world.tcp->endpoint()));
      held.back()->send(ways[i / 2 % 4]);
      world.context.poll();
      if (i % 50 != 0) continue;
      for (const auto& endpoint : {world.folder.socket(), world.tcp->endpoint()}) {
        Peer peer(world.context, endpoint);
        CHECK(starts(peer.send("GET / HTTP/1.1\r\nHost: x\r\n" + kClose).until_closed(), "HTTP/1.1 200 OK\r\n"));
      }
    }
    // The clients' ends, and the places of both listeners.
    CHECK(descriptors() <= at_first + 1000 + 2 * 64 + 4);
    held.clear();
    world.context.poll();
    CHECK(descriptors() <= at_first + 4);
  }
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("with few descriptors few connections are kept; without any, accepting pauses and goes on later") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = 40;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  World world;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 6; ++i) {
    peers.push_back(std::make_unique<Peer>(world.context, world.folder.socket()));
    peers.back()->send(get).until("hello");
  }
  peers[0]->until_closed();
  CHECK(!peers[1]->closed());
  peers.clear();
  world.context.poll();

  Peer late(world.context, world.folder.socket());
  few.rlim_cur = 3;  // all further descriptors have higher numbers
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  late.send(get);
  size_t turns = 0;
  const auto end = std::chrono::steady_clock::now() + 200ms;
  while (std::chrono::steady_clock::now() < end) turns += world.context.run_one_until(end);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(turns < 20);
  CHECK(late.received().empty());
  late.until("hello");
}

TEST_CASE("a destroyed server closes its connections and answers nobody") {
  World world;
  Peer open(world.context, world.folder.socket());
  open.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").until("hello");
  Peer half(world.context, world.tcp->endpoint());
  half.send("GET / HT");
  world.context.poll();
  open.received().clear();
  open.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  world.local.reset();
  world.tcp.reset();
  CHECK(open.until_closed().empty());
  CHECK(half.until_closed().empty());
  CHECK(world.asked.size() == 1);
}

TEST_CASE("a server destroyed at any moment does not call its handler any more") {
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  for (int steps = 0; steps < 40; ++steps) {
    CAPTURE(steps);
    World world;
    Peer peer(world.context, world.folder.socket());
    peer.send(get + get + get);
    for (int step = 0; step < steps; ++step) world.context.poll_one();
    world.local.reset();
    const size_t asked = world.asked.size();
    peer.until_closed();
    CHECK(world.asked.size() == asked);
    if (steps == 39) CHECK(asked == 3);
  }
}

TEST_CASE("a server may be destroyed by its handler") {
  World world;
  world.then = [&] { world.local.reset(); };
  Peer peer(world.context, world.folder.socket());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").until_closed();
  CHECK(world.asked.size() == 1);
}

TEST_CASE("an answer that is dropped closes its connection, and the place is free for another") {
  asio::io_context context(1);
  const Folder folder;
  std::function<void(ControlReply)> awaited;
  const ControlHandler handler = [&awaited](const ControlRequest& request) {
    ControlReply reply{200, "hello\n"};
    if (request.path == "/drop") reply.later = [](const auto&) {};
    if (request.path == "/await") reply.later = [&awaited](auto answer) { awaited = std::move(answer); };
    return reply;
  };
  auto server =
      ControlServer::listen_unix(context.get_executor(), folder.socket(), 0660, {}, handler, {.connections = 2});
  REQUIRE(server.has_value());
  const auto get = [](const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"; };
  for (int i = 0; i < 3; ++i) {
    Peer peer(context, folder.socket());
    CHECK(peer.send(get("/drop")).until_closed().empty());
  }
  // Neither gives way to the other.
  Peer first(context, folder.socket()), second(context, folder.socket());
  first.send(get("/")).until("hello");
  second.send(get("/")).until("hello");
  CHECK_FALSE(first.closed());
  second.send(get("/await"));
  while (!awaited) context.run_one_for(kBound);
  awaited = nullptr;
  second.until_closed();
  CHECK_FALSE(first.closed());
  first.send(get("/drop"));
  server->reset();
  first.until_closed();
}
