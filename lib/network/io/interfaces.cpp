#include "network/io/interfaces.hpp"

#include <linux/rtnetlink.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "files/io/descriptor.hpp"
#include "files/io/files.hpp"
#include "network/io/interfaces_parse.hpp"
#include "process/io/launcher.hpp"

namespace lictor {
namespace {

Problem problem(const char* step, int error) {
  // A sandbox that forbids the address family is the one cause that an administrator meets.
  const bool forbidden = error == EAFNOSUPPORT || error == EPERM || error == EACCES;
  return Problem{"network interfaces", std::string("netlink ") + step + ": " + error_text(error),
                 forbidden ? "allow AF_NETLINK sockets (systemd: RestrictAddressFamilies)" : "try again",
                 forbidden ? Exit::config : Exit::retry};
}

Result<Descriptor> open_socket(int flags, unsigned groups) {
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (socket.get() < 0 || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return problem("socket", errno);
  return socket;
}

// Strict kernels want the whole of a request's own header, zero but for what filters.
template <class Header>
struct Request {
  nlmsghdr message{};
  Header header{};
};

template <class Header>
int send_request(int fd, std::uint16_t type, const Header& header) {
  Request<Header> request;
  request.message.nlmsg_len = sizeof request;
  request.message.nlmsg_type = type;
  request.message.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.message.nlmsg_seq = type;
  request.header = header;
  return ::send(fd, &request, sizeof request, 0) < 0 ? errno : 0;
}

// Reads answers up to the end of the dump. True if it was consistent.
Result<bool> receive_dump(int fd, std::uint16_t request, std::vector<char>& buffer,
                          const std::function<void(std::string_view)>& answer) {
  bool consistent = true;
  for (;;) {
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const ssize_t n =
        ::recvfrom(fd, buffer.data(), buffer.size(), MSG_TRUNC, reinterpret_cast<sockaddr*>(&sender), &length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return problem("answer", errno == EAGAIN ? ETIMEDOUT : errno);
    if (sender.nl_pid != 0) continue;  // not the kernel
    if (static_cast<size_t>(n) > buffer.size()) return problem("answer", EMSGSIZE);
    std::string_view rest(buffer.data(), static_cast<size_t>(n));
    answer(rest);
    while (const auto message = take_message(rest)) {
      if (message->sequence != request) continue;
      if ((message->flags & NLM_F_DUMP_INTR) != 0) consistent = false;
      int error = 0;
      if ((message->type == NLMSG_ERROR || message->type == NLMSG_DONE) && message->payload.size() >= sizeof error) {
        std::memcpy(&error, message->payload.data(), sizeof error);
      }
      if (error < 0) return problem("dump", -error);
      if (message->type == NLMSG_DONE || message->type == NLMSG_ERROR) return consistent;
    }
  }
}

}  // namespace

Result<bool> dump_interfaces(const std::function<void(std::string_view)>& answer) {
  const auto opened = open_socket(0, 0);
  if (!opened) return opened.error();
  const int socket = opened->get();
  const timeval patience{2, 0};
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // Lets the kernel leave out all tables but the main one; older kernels send everything, which is only slower.
  ::setsockopt(socket, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);

  rtmsg main_table{};
  main_table.rtm_table = RT_TABLE_MAIN;
  std::vector<char> buffer(32768);  // the kernel fills at most this much at a time
  bool consistent = true;
  for (const std::uint16_t type : {RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE}) {
    const int error = type == RTM_GETLINK   ? send_request(socket, type, ifinfomsg{})
                      : type == RTM_GETADDR ? send_request(socket, type, ifaddrmsg{})
                                            : send_request(socket, type, main_table);
    if (error != 0) return problem("request", error);
    const auto received = receive_dump(socket, type, buffer, answer);
    if (!received) return received.error();
    consistent = consistent && *received;
  }
  return consistent;
}

namespace {

// All the answers of one dump, one after another.
Result<std::string> dump() {
  std::string answers;
  // A table that changes during every one of these is changing all the time: the last look is as good as any, and
  // whoever watches is told of the next change anyway.
  for (int tries = 0; tries < 5; ++tries) {
    answers.clear();
    const auto consistent = dump_interfaces([&](std::string_view bytes) { answers += bytes; });
    if (!consistent) return consistent.error();
    if (*consistent) break;
  }
  return {boost::system::in_place_value, std::move(answers)};
}

std::vector<Interface> interfaces_in(std::string_view answers) {
  std::vector<Interface> interfaces;
  parse_interfaces(answers, interfaces);
  return interfaces;
}

Result<void> dump_into(int file) {
  const auto answers = dump();
  if (!answers) return answers.error();
  if (::write(file, answers->data(), answers->size()) != static_cast<ssize_t>(answers->size()))
    return problem("answer", errno);
  return {};
}

std::string answers_in(int file) {
  struct stat about {};
  ::fstat(file, &about);
  std::string content(static_cast<std::size_t>(about.st_size), '\0');
  content.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::pread(file, content.data(), content.size(), 0))));
  return content;
}

}  // namespace

Interfaces list_interfaces() {
  const auto answers = dump();
  if (!answers) return answers.error();
  return interfaces_in(*answers);
}

void list_interfaces(boost::asio::any_io_executor executor, Reaper& reaper,
                     std::function<void(const Interfaces&)> done) {
  // Not a pipe: with hundreds of links the child would wait for somebody to read.
  const auto file = std::make_shared<const Descriptor>(::memfd_create("interfaces", MFD_CLOEXEC));
  LaunchRequest request;
  request.before = [fd = file->get()] { return dump_into(fd); };
  if (file->get() < 0) return done(list_interfaces());
  auto child = launch(executor, request);
  if (!child) return done(list_interfaces());
  const auto report = std::make_shared<const LaunchReport>(std::move(child->report));
  reaper.expect(child->pid, [file, report, done = std::move(done)](ExitStatus status) {
    if (const auto failure = report->failure()) return done(*failure);
    // Killed: by whoever was short of memory, say.
    done(status == ExitStatus{.code = 0} ? Interfaces(interfaces_in(answers_in(file->get()))) : list_interfaces());
  });
}

namespace {

// What changed is asked for afresh, so the messages themselves are thrown away. ENOBUFS: some were lost.
bool drain(int fd) {
  bool news = false;
  char byte = 0;
  for (;;) {
    if (::recv(fd, &byte, sizeof byte, MSG_DONTWAIT) < 0 && errno != ENOBUFS) return news;
    news = true;
  }
}

}  // namespace

Result<std::unique_ptr<DescriptorWatch>> watch_interfaces(const boost::asio::any_io_executor& executor,
                                                          std::function<void()> changed) {
  auto socket = open_socket(
      SOCK_NONBLOCK, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE);
  if (!socket) return socket.error();
  return std::make_unique<DescriptorWatch>(executor, socket->release(), DescriptorWatch::Sign::wait_read,
                                           [changed = std::move(changed)](int fd) {
                                             if (drain(fd)) changed();
                                           });
}

}  // namespace lictor
