// Where the control server listens: modes and owners of its socket, stale ones, addresses.
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
#include <sys/xattr.h>
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

TEST_CASE("the control socket gets its mode and group, and is removed at the end") {
  Folder folder;
  asio::io_context context(1);
  const auto listen = [&](mode_t mode, std::optional<gid_t> gid = {}) {
    return ControlServer::listen_unix(context.get_executor(), folder.socket(), mode, gid,
                                      [](const ControlRequest&) { return ControlReply{}; });
  };
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  for (const mode_t mode : {0600U, 0660U, 0666U}) {
    const auto server = listen(mode, 12345);
    REQUIRE(server.has_value());
    CHECK((*server)->endpoint() == folder.socket());
    struct stat file {};
    REQUIRE(::lstat(folder.socket().c_str(), &file) == 0);
    CHECK(S_ISSOCK(file.st_mode));
    CHECK((file.st_mode & 07777) == mode);
    // By its group, or by a list of access rights beside that.
    const bool listed = ::lgetxattr(folder.socket().c_str(), "system.posix_acl_access", nullptr, 0) > 0;
    CHECK(listed == (mode != 0600 && file.st_gid == ::getegid()));
    CHECK((listed || file.st_gid == 12345));
  }
  CHECK(!folder.has_socket());
}

TEST_CASE("a stale socket is replaced, a live one and another file are left alone") {
  Folder folder;
  asio::io_context context(1);
  const auto listen = [&](const std::string& path) {
    return ControlServer::listen_unix(context.get_executor(), path, 0600, {},
                                      [](const ControlRequest&) { return ControlReply{}; });
  };
  { asio::local::stream_protocol::acceptor(context, asio::local::stream_protocol::endpoint(folder.socket())); }
  REQUIRE(folder.has_socket());
  {
    const auto server = listen(folder.socket());
    REQUIRE(server.has_value());
    const auto second = listen(folder.socket());
    REQUIRE(second.has_error());
    CHECK(second.error().why == "another process listens on it");
    CHECK(second.error().what == folder.socket());
    CHECK(folder.has_socket());

    // Somebody else's socket in its place is not removed with it.
    ::unlink(folder.socket().c_str());
    asio::local::stream_protocol::acceptor(context, asio::local::stream_protocol::endpoint(folder.socket()));
  }
  CHECK(folder.has_socket());
  ::unlink(folder.socket().c_str());

  std::ofstream(folder.socket()) << "precious";
  const auto refused = listen(folder.socket());
  REQUIRE(refused.has_error());
  CHECK(refused.error().why == "exists and is no socket");
  CHECK(folder.has_socket());

  CHECK(listen(folder.path + "/no/s").error().why == "bind: No such file or directory");
  CHECK(listen("/" + std::string(107, 'x')).error().why == "a socket path has 1 to 107 bytes");
  CHECK(listen("").error().why == "a socket path has 1 to 107 bytes");
}

TEST_CASE("a TCP endpoint is numeric, free and of this host") {
  asio::io_context context(1);
  const auto listen = [&](const std::string& endpoint) {
    return ControlServer::listen_tcp(context.get_executor(), endpoint,
                                     [](const ControlRequest&) { return ControlReply{}; });
  };
  for (const char* bad : {"", "8555", ":8555", "localhost:8555", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                          "127.0.0.1:-1", "127.0.0.1:1x", "::1:8555", "[::1]", "[127.0.0.1]:8555", "[]:1"}) {
    CAPTURE(bad);
    const auto server = listen(bad);
    REQUIRE(server.has_error());
    CHECK(server.error().what == bad);
    CHECK(server.error().why == "is no ADDRESS:PORT in numbers");
    CHECK(server.error().exit == Exit::config);
  }
  for (const std::string host : {"127.0.0.1", "[::1]"}) {
    CAPTURE(host);
    const auto server = listen(host + ":0");
    REQUIRE(server.has_value());
    CHECK(starts((*server)->endpoint(), host + ":"));
    CHECK((*server)->endpoint() != host + ":0");
    const auto taken = listen((*server)->endpoint());
    REQUIRE(taken.has_error());
    CHECK(taken.error().why == "bind: Address already in use");
    CHECK(taken.error().exit == Exit::retry);
  }
  const auto foreign = listen("192.0.2.1:0");
  REQUIRE(foreign.has_error());
  CHECK(foreign.error().why == "bind: Cannot assign requested address");
  CHECK(foreign.error().exit == Exit::config);
}
