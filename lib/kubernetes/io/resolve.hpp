#pragma once

#include "kubernetes/io/fault.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace lictor::kubernetes {

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};

// The endpoint of an address or of a name, the latter by the servers of /etc/resolv.conf: the C library's getaddrinfo is none for a
// static program. By `deadline`, leaving a thread behind where they do not answer. The error: why not.
OrFault<Endpoint> resolve(const std::string& host, std::uint16_t port, std::chrono::steady_clock::time_point deadline);

}  // namespace lictor::kubernetes
