#include "kubernetes/io/resolve.hpp"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace lictor::kubernetes {

namespace {

Endpoint endpoint(int family, const void* bytes, std::uint16_t port) {
  Endpoint to;
  if (family == AF_INET) {
    sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
    std::memcpy(&v4.sin_addr, bytes, sizeof v4.sin_addr);
    std::memcpy(&to.address, &v4, to.size = sizeof v4);
  } else {
    sockaddr_in6 v6{
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_flowinfo = 0, .sin6_addr = {}, .sin6_scope_id = 0};
    std::memcpy(&v6.sin6_addr, bytes, sizeof v6.sin6_addr);
    std::memcpy(&to.address, &v6, to.size = sizeof v6);
  }
  return to;
}

// The first address that DNS has for the name; `family` of that kind.
std::optional<Endpoint> look_up(struct __res_state& resolver, const std::string& name, int family, std::uint16_t port) {
  const int type = family == AF_INET ? ns_t_a : ns_t_aaaa;
  const std::uint16_t size = family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr);
  std::array<unsigned char, 4096> answer{};
  // A name with a dot is whole: in a pod's search list it would cost a query each.
  int length = -1;
  if (name.find('.') != std::string::npos)
    length = res_nquery(&resolver, name.c_str(), ns_c_in, type, answer.data(), answer.size());
  if (length < 0) length = res_nsearch(&resolver, name.c_str(), ns_c_in, type, answer.data(), answer.size());
  ns_msg message;
  if (length < 0 || ns_initparse(answer.data(), std::min<int>(length, answer.size()), &message) != 0)
    return std::nullopt;
  for (int at = 0; at < ns_msg_count(message, ns_s_an); ++at) {
    ns_rr record;
    if (ns_parserr(&message, ns_s_an, at, &record) != 0) return std::nullopt;
    if (ns_rr_type(record) == type && ns_rr_rdlen(record) == size) return endpoint(family, ns_rr_rdata(record), port);
  }
  return std::nullopt;
}

struct Found {
  std::mutex mutex;
  std::condition_variable done;
  bool over = false;
  std::optional<Endpoint> endpoint;
};

}  // namespace

OrFault<Endpoint> resolve(const std::string& host, std::uint16_t port, std::chrono::steady_clock::time_point deadline) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, host.c_str(), bytes.data()) == 1) return endpoint(family, bytes.data(), port);
  }
  // The C library waits in whole seconds.
  const auto found = std::make_shared<Found>();
  std::thread([found, host, port] {
    struct __res_state resolver {};
    std::optional<Endpoint> endpoint;
    if (res_ninit(&resolver) == 0) {
      endpoint = look_up(resolver, host, AF_INET, port);
      if (!endpoint) endpoint = look_up(resolver, host, AF_INET6, port);
    }
    const std::lock_guard lock(found->mutex);
    found->endpoint = endpoint;
    found->over = true;
    found->done.notify_all();
  }).detach();
  std::unique_lock lock(found->mutex);
  if (!found->done.wait_until(lock, deadline, [&] { return found->over; }))
    return Fault{"DNS did not answer in time for " + host};
  if (!found->endpoint) return Fault{"DNS has no address for " + host};
  return *found->endpoint;
}

}  // namespace lictor::kubernetes
