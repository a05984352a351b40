// Lictor's own HTTP listeners: the control socket (everything) and control.http (GET only). No policy: what a
// request means is the handler's business.
#pragma once

#include "base/problem.hpp"
#include "base/time.hpp"
#include "control/authorization.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace lictor {

struct ControlRequest {
  std::string method;  // "GET"; HEAD comes as GET too, and the answer's body is left out
  std::string path;    // without the query
  std::string query;   // after '?', undecoded; empty if none
  std::string body;
  bool local = false;                        // came over the unix socket
  std::optional<PeerCredentials> peer = {};  // whose request it is, where it came over the unix socket
};

struct ControlReply {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";

  // Where set, this is not the reply yet: it is called at once with what takes the real one, once, whenever it is known.
  // Nothing else comes to the client until then, and nothing at all if the server or the client goes first.
  std::function<void(std::function<void(ControlReply)>)> later = {};
};

// Called from the executor.
using ControlHandler = std::function<ControlReply(const ControlRequest&)>;

// The bounds of a listener; the defaults are the program's, tests shorten the times.
struct ControlLimits {
  std::uint32_t header_bytes = 8 << 10;        // of start line and headers: more gets 431
  size_t body_bytes = 64 << 10;                // more gets 413
  size_t connections = 64;                     // and at most an eighth of RLIMIT_NOFILE, but 2; see below
  Duration request = std::chrono::seconds(5);  // for a request to arrive (408), and for its answer to be taken
  Duration idle = std::chrono::seconds(60);    // between requests
};

// HTTP/1.1 with keep-alive. What is no HTTP gets 400. After an error of this kind the connection is closed. A new connection
// always gets in: where all places are taken, it gets that of the connection whose last answer (or else whose beginning) is
// longest ago, so that nobody can keep probes and commands out by holding connections.
class ControlServer {
 public:
  // A stale socket file is replaced; one with a live listener, or a file that is no socket, is a problem. The socket gets
  // `mode` before anyone can connect, and members of `group` may connect, too. The file is removed when the server is destroyed, unless somebody has put
  // another one in its place.
  static Result<std::unique_ptr<ControlServer>> listen_unix(boost::asio::any_io_executor executor,
                                                            const std::string& path, mode_t mode,
                                                            std::optional<gid_t> group, ControlHandler handler,
                                                            ControlLimits limits = {});
  // `endpoint` is "ADDRESS:PORT", numeric ("127.0.0.1:8555", "[::1]:8555"). Methods other than GET and HEAD get 405 here.
  // An address in use is a problem with Exit::retry.
  static Result<std::unique_ptr<ControlServer>> listen_tcp(boost::asio::any_io_executor executor,
                                                           const std::string& endpoint, ControlHandler handler,
                                                           ControlLimits limits = {});
  ~ControlServer();  // closes all connections; the handler is not called any more

  // Where it listens: the path, or ADDRESS:PORT with the port that the kernel chose if 0 was asked for.
  const std::string& endpoint() const;

 private:
  struct State;
  explicit ControlServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace lictor
