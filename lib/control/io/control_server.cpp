#include "control/io/control_server.hpp"

#include "files/io/folder.hpp"
#include "network/io/endpoint.hpp"
#include "process/io/host.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <list>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
// One protocol for both kinds of socket, so that Beast is instantiated once.
using Stream = asio::generic::stream_protocol;

constexpr Duration kLinger = std::chrono::seconds(1);
constexpr Duration kAcceptPause = std::chrono::seconds(1);
constexpr int kSendBuffer = 64 << 10;

// Nobody is who can't be told.
PeerCredentials peer_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  PeerCredentials peer{credentials.uid, credentials.gid, {}};
  // Kernels before 4.13 tell no more.
  std::vector<gid_t> groups(64);
  for (int tries = 0; tries < 2; ++tries) {
    size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const int got = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    const bool more = got != 0 && errno == ERANGE;
    groups.resize(got == 0 || more ? size / sizeof(gid_t) : 0);
    if (more) continue;
    peer.groups = std::move(groups);
    break;
  }
  return peer;
}

// Lets the group read and write the socket beside its own group, as by setfacl(1): acl(5), in the form of
// linux/posix_acl_xattr.h. False: the file system keeps no such lists.
bool admit(const std::string& path, gid_t group, mode_t mode) {
  struct Entry {
    std::uint16_t tag, rights;
    std::uint32_t id;
  };
  struct {
    std::uint32_t version = POSIX_ACL_XATTR_VERSION;
    std::array<Entry, 5> entries;
  } list;
  constexpr std::uint16_t both = ACL_READ | ACL_WRITE;
  constexpr auto nobody = static_cast<std::uint32_t>(ACL_UNDEFINED_ID);
  const auto others = static_cast<std::uint16_t>(mode & both);
  list.entries = {{{htole16(ACL_USER_OBJ), htole16(both), htole32(nobody)},
                   {htole16(ACL_GROUP_OBJ), htole16(both), htole32(nobody)},
                   {htole16(ACL_GROUP), htole16(both), htole32(group)},
                   {htole16(ACL_MASK), htole16(both), htole32(nobody)},
                   {htole16(ACL_OTHER), htole16(others), htole32(nobody)}}};
  list.version = htole32(list.version);
  return ::lsetxattr(path.c_str(), "system.posix_acl_access", &list, sizeof list, 0) == 0;
}

// Whoever has few descriptors needs them for the agent, its hooks and /proc too.
size_t affordable(size_t connections) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return connections;
  return std::min(connections, std::max<size_t>(2, files.rlim_cur / 8));
}

}  // namespace

struct ControlServer::State : std::enable_shared_from_this<State> {
  struct Session;

  State(const asio::any_io_executor& executor, ControlHandler h, ControlLimits l)
      : acceptor(executor), pause(executor), handler(std::move(h)), limits(l) {
    limits.connections = affordable(limits.connections);
  }

  asio::basic_socket_acceptor<Stream> acceptor;
  asio::steady_timer pause;
  ControlHandler handler;
  ControlLimits limits;
  std::string endpoint;
  bool local = false;
  struct stat file {};  // of the unix socket, to remove no other
  // Each is owned by its operations, or by the answer that is awaited, and takes itself out when it goes. In front the one
  // whose last answer, or else whose beginning, is longest ago.
  std::list<Session*> sessions;

  void accept();
  void stop();
};

// One connection: read a request, answer it, again. It lives as long as an operation of it is under way; the server may
// be gone before.
struct ControlServer::State::Session : std::enable_shared_from_this<Session> {
  Session(std::shared_ptr<State> s, Stream::socket peer)
      : server(std::move(s)),
        socket(std::move(peer)),
        timer(socket.get_executor()),
        // Beast's own limits leave out a chunk's extensions.
        buffer(server->limits.header_bytes + size_t{4096}),
        place(server->sessions.insert(server->sessions.end(), this)) {}
  // Without an operation or an answer to come there is nobody left to close it.
  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::shared_ptr<State> server;
  Stream::socket socket;
  asio::steady_timer timer;
  boost::beast::flat_buffer buffer;
  std::optional<http::request_parser<http::string_body>> parser;
  http::response<http::string_body> response;
  std::list<Session*>::iterator place;
  bool late = false;
  bool drain = false;  // the peer may still be sending what we refuse to read

  auto then(void (Session::*step)(error_code)) {
    return [self = shared_from_this(), step](error_code error, size_t = 0) { (*self.*step)(error); };
  }

  // Shuts `direction` when the time is up: every operation on it then ends, those too that a composed one starts later (which
  // a mere cancel would miss).
  void within(Duration limit, Stream::socket::shutdown_type direction) {
    late = false;
    timer.expires_after(limit);
    timer.async_wait([weak = weak_from_this(), direction](error_code error) {
      const auto self = weak.lock();
      // It may have been set anew after it fired.
      if (error || !self || self->timer.expiry() > asio::steady_timer::clock_type::now()) return;
      self->late = true;
      error_code ignored;
      self->socket.shutdown(direction, ignored);
    });
  }

  void wait() {
    server->sessions.splice(server->sessions.end(), server->sessions, place);
    if (buffer.size() > 0) return read({});
    // A connection may be idle for long: it holds nothing meanwhile.
    buffer.shrink_to_fit();
    parser.reset();
    response = {};
    within(server->limits.idle, Stream::socket::shutdown_receive);
    socket.async_wait(Stream::socket::wait_read, then(&Session::read));
  }

  void read(error_code error) {
    if (error || !socket.is_open()) return close();
    within(server->limits.request, Stream::socket::shutdown_receive);
    parser.emplace();
    parser->header_limit(server->limits.header_bytes);
    parser->body_limit(server->limits.body_bytes);
    http::async_read(socket, buffer, *parser, then(&Session::answer));
  }

  void answer(error_code error) {
    // Its place may have been taken while this was on its way.
    if (!socket.is_open()) return;
    if (error) return refuse(error);
    const auto& request = parser->get();
    const bool head = request.method() == http::verb::head;
    ControlReply reply;
    if (!server->local && !head && request.method() != http::verb::get) {
      reply = {405, "only GET and HEAD over TCP; use the control socket\n"};
    } else {
      const std::string_view target(request.target().data(), request.target().size());
      const auto query = target.find('?');
      ControlRequest asked;
      asked.method = head ? "GET" : std::string(request.method_string());
      asked.path = target.substr(0, query);
      if (query != std::string_view::npos) asked.query = target.substr(query + 1);
      asked.body = request.body();
      asked.local = server->local;
      if (asked.local) asked.peer = peer_of(socket.native_handle());
      reply = server->handler(asked);
    }
    const auto answered = [self = shared_from_this(), keep_alive = request.keep_alive(), version = request.version(),
                           head](ControlReply known) {
      if (self->socket.is_open()) self->send(std::move(known), keep_alive, version, head);
    };
    if (!reply.later) return answered(std::move(reply));
    timer.cancel();
    reply.later(answered);
  }

  void refuse(error_code error) {
    const bool got_some = parser->got_some() || buffer.size() > 0;
    int status = 400;
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      status = 431;
    } else if (error == http::error::body_limit) {
      status = 413;
    } else if (late && got_some) {
      status = 408;
    } else if (error == http::error::end_of_stream || error == http::error::partial_message ||
               error.category() != make_error_code(http::error::bad_method).category()) {
      return close();  // the peer has gone
    }
    drain = true;
    const auto reason = http::obsolete_reason(static_cast<http::status>(status));
    send({status, std::string(reason) + "\n"}, false, 11, false);
  }

  void send(ControlReply reply, bool keep_alive, unsigned version, bool head) {
    within(server->limits.request, Stream::socket::shutdown_both);
    response = {};
    response.version(version);
    response.result(static_cast<unsigned>(reply.status));
    response.set(http::field::content_type, reply.content_type);
    response.set(http::field::cache_control, "no-store");
    if (reply.status == 405) response.set(http::field::allow, "GET, HEAD");
    response.keep_alive(keep_alive);
    response.body() = std::move(reply.body);
    response.prepare_payload();
    // HEAD: the length of what GET would have got, without it.
    if (head) response.body().clear();
    http::async_write(socket, response, then(&Session::sent));
  }

  void sent(error_code error) {
    if (error || !socket.is_open()) return close();
    if (response.keep_alive()) return wait();
    if (!drain) return close();
    // Closing over unread bytes resets a TCP connection and may take the answer away from the peer.
    socket.shutdown(Stream::socket::shutdown_send, error);
    within(kLinger, Stream::socket::shutdown_receive);
    discard({});
  }

  void discard(error_code error) {
    if (error || !socket.is_open()) return close();
    buffer.clear();
    socket.async_read_some(buffer.prepare(4096), then(&Session::discard));
  }

  void close() {
    if (!socket.is_open()) return;
    timer.cancel();
    error_code ignored;
    socket.close(ignored);
    server->sessions.erase(place);
  }
};

void ControlServer::State::accept() {
  acceptor.async_accept([weak = weak_from_this()](error_code error, Stream::socket peer) {
    const auto self = weak.lock();
    if (!self || !self->acceptor.is_open()) return;
    if (!error) {
      if (self->sessions.size() >= self->limits.connections) self->sessions.front()->close();
      std::make_shared<Session>(self, std::move(peer))->read({});
      return self->accept();
    }
    // Out of descriptors, mostly: at once again would be a busy loop.
    self->pause.expires_after(kAcceptPause);
    self->pause.async_wait([weak](error_code aborted) {
      const auto again = weak.lock();
      if (!aborted && again && again->acceptor.is_open()) again->accept();
    });
  });
}

void ControlServer::State::stop() {
  error_code ignored;
  acceptor.close(ignored);
  pause.cancel();
  while (!sessions.empty()) sessions.front()->close();
  struct stat now {};
  if (local && ::lstat(endpoint.c_str(), &now) == 0 && now.st_dev == file.st_dev && now.st_ino == file.st_ino) {
    ::unlink(endpoint.c_str());
  }
}

namespace {

Result<void> remove_stale(const std::string& path) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) {
    if (errno == ENOENT) return {};
    return Problem{path, std::string("stat: ") + std::strerror(errno), "choose another socket path"};
  }
  if (!S_ISSOCK(there.st_mode)) {
    return Problem{path, "exists and is no socket", "remove it or choose another socket path"};
  }
  const int error = knock(path);
  if (error == 0) {
    return Problem{path, "another process listens on it", "stop that one or choose another socket path"};
  }
  if (error != ECONNREFUSED) return Problem{path, std::string("probe: ") + std::strerror(error), "remove the file"};
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return Problem{path, std::string("remove stale socket: ") + std::strerror(errno), "remove the file"};
  }
  return {};
}

std::string to_string(const asio::ip::tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::listen_unix(asio::any_io_executor executor,
                                                                  const std::string& path, mode_t mode,
                                                                  std::optional<gid_t> group, ControlHandler handler,
                                                                  ControlLimits limits) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Problem{path, "a socket path has 1 to " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes",
                   "choose another socket path"};
  }
  // A symbolic link that another user put on the way would lead this, and all who ask lictor, elsewhere.
  if (const auto folder = open_folder(folder_of(path)); !folder && errno == ELOOP) return folder.error();
  if (const auto removed = remove_stale(path); !removed) return removed.error();
  const auto failed = [&path](const char* stage, const std::string& why) {
    return Problem{path, std::string(stage) + ": " + why, "see that its folder exists and is lictor's to write to"};
  };
  auto state = std::make_shared<State>(executor, std::move(handler), limits);
  const Stream::endpoint where = asio::local::stream_protocol::endpoint(path);
  error_code error;
  if (state->acceptor.open(where.protocol(), error); error) return failed("open", error.message());
  // The mode from the start: by its path another user's file might be given it.
  const mode_t before = ::umask(~mode & 0777U);
  state->acceptor.bind(where, error);
  ::umask(before);
  if (error) return failed("bind", error.message());
  state->endpoint = path;
  state->local = true;
  std::unique_ptr<ControlServer> server(new ControlServer(state));  // from here on it removes the file
  if (::lstat(path.c_str(), &state->file) != 0) return failed("stat", std::strerror(errno));
  // Before listen, for until then nobody can connect.
  if (group && *group != state->file.st_gid && !((mode & 0060U) == 0060U && admit(path, *group, mode)) &&
      ::lchown(path.c_str(), static_cast<uid_t>(-1), *group) != 0)
    return failed("chown", std::strerror(errno));
  if (state->acceptor.listen(asio::socket_base::max_listen_connections, error); error)
    return failed("listen", error.message());
  state->accept();
  return server;
}

Result<std::unique_ptr<ControlServer>> ControlServer::listen_tcp(asio::any_io_executor executor,
                                                                 const std::string& endpoint, ControlHandler handler,
                                                                 ControlLimits limits) {
  const auto parsed = parse_endpoint(endpoint);
  if (!parsed) {
    return Problem{endpoint, "is no ADDRESS:PORT in numbers", "write it like 127.0.0.1:8555 or [::1]:8555"};
  }
  const auto failed = [&endpoint](const char* stage, const error_code& error) {
    return Problem{endpoint, std::string(stage) + ": " + error.message(),
                   "choose an address of this host and a free port",
                   error == asio::error::address_in_use ? Exit::retry : Exit::config};
  };
  auto state = std::make_shared<State>(executor, std::move(handler), limits);
  const Stream::endpoint where = *parsed;
  error_code error;
  if (state->acceptor.open(where.protocol(), error); error) return failed("open", error);
  // A connection of a predecessor may linger in TIME_WAIT.
  if (state->acceptor.set_option(asio::socket_base::reuse_address(true), error); error) return failed("reuse", error);
  // Handed down to the connections: else the kernel keeps megabytes of answers for each client that does not read.
  if (state->acceptor.set_option(asio::socket_base::send_buffer_size(kSendBuffer), error); error)
    return failed("send buffer", error);
  if (state->acceptor.bind(where, error); error) return failed("bind", error);
  if (state->acceptor.listen(asio::socket_base::max_listen_connections, error); error) return failed("listen", error);
  const Stream::endpoint bound = state->acceptor.local_endpoint(error);
  if (error) return failed("name", error);
  asio::ip::tcp::endpoint chosen;
  std::memcpy(chosen.data(), bound.data(), bound.size());
  state->endpoint = to_string(chosen);
  state->accept();
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

ControlServer::ControlServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

ControlServer::~ControlServer() { state_->stop(); }

const std::string& ControlServer::endpoint() const { return state_->endpoint; }

}  // namespace lictor
