// HTTP over a unix socket: how lictor speaks to the agent, and how its commands speak to lictor. Over TCP too, for what
// only another host can tell.
//
// A connection for each request that is outstanding, as many as the client may have; one that is idle is kept alive and
// reused. With one connection requests are made one at a time, in the order asked; with more a silent one delays no other.
// Every request has a deadline. No threads, no name look-ups.
#pragma once

#include "base/problem.hpp"
#include "base/time.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lictor {

struct HttpRequest {
  std::string method = "GET";
  std::string target;                            // "/v1/agent/self"
  std::string body;                              // sent as application/json where not empty
  std::map<std::string, std::string> headers;    // "X-Consul-Token"
  Duration deadline = std::chrono::seconds(10);  // from the moment it is asked, queueing included
  bool once = false;                             // to do it twice is not the same as to do it once
  // Where it is given, the body of an answer with status 200 is handed to it piece by piece, some 32 KiB at most, each in a turn of
  // the loop of its own, and not kept: HttpAnswer::body is empty. What follows may still fail. REQUIRES: it asks the client nothing.
  std::function<void(std::string_view)> take = {};
};

// Makes a question to an agent a blocking query: it is held while there is nothing newer than `index` (HttpAnswer::index of an
// answer to the same question), for `wait` and up to a sixteenth more, which is the servers' jitter. The deadline stays that of
// the answer, from then on.
void hold_until_newer(HttpRequest& get, std::uint64_t index, Duration wait);

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::string date;         // header "Date", the sender's clock; empty where it sent none
  std::uint64_t index = 0;  // header "X-Consul-Index"; 0 where it sent none
  bool leaderless = false;  // header "X-Consul-KnownLeader": false
};

// closed: the peer has taken the connection, and ended it without an answer. late: none came within the deadline. large: it
// has begun, and its body is over the limit.
enum class HttpFailure { other, closed, late, large };
struct HttpProblem : Problem {
  HttpProblem() = default;
  explicit HttpProblem(Problem problem, HttpFailure kind) : Problem(std::move(problem)), failure(kind) {}
  HttpFailure failure = HttpFailure::other;
};
using HttpResult = boost::system::result<HttpAnswer, HttpProblem>;

// Any status is an answer. Problem::what is "GET /v1/agent/self" (never a header), Problem::why says which stage failed:
// "connect to PEER: ...", "write: ...", "read: ...", "no answer within 2s", "body over 1048576 bytes"; Problem::exit is
// Exit::retry.
using HttpDone = std::function<void(HttpResult)>;

class HttpClient {
 public:
  // `peer`: the path of a unix socket, or a literal "10.0.0.1:8500" or "[fd00::1]:8500". `connections`: at once, at most;
  // further requests wait for one of them.
  HttpClient(boost::asio::any_io_executor executor, std::string peer, size_t body_limit = 64 << 20,
             size_t connections = 1);
  void use_peer(std::string peer);  // of connections made from now on
  ~HttpClient();                    // outstanding requests are dropped; their `done` is not called

  // `done` is called exactly once, from the executor, never from inside `ask`. A connection that the peer has closed
  // while it was idle is noticed and replaced. A request that failed on a reused connection all the same, before any
  // byte of an answer had come, is sent once more on a fresh one, unless it may be sent only `once` or its method is POST: the
  // peer may have closed the connection, idle for as long as it bears with that, the moment before. One that could not be
  // written to its end may have been answered all the same (413), and then that is the answer. After a failure the next
  // request connects afresh. Headers of an answer may take 64 KiB.
  void ask(HttpRequest request, HttpDone done);

  // Drops the connections and everything outstanding (their `done` is not called): the peer is another process now.
  void reset();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// For commands: connects, asks, waits, answers. Blocks. `peer` as above.
HttpResult ask_once(const std::string& peer, HttpRequest request);

}  // namespace lictor
