// client_addr and addresses.*: where the agent listens, as texts.
#pragma once

#include <string>
#include <vector>

namespace lictor {

// Splits at blanks and line breaks, as Consul does.
std::vector<std::string> split_listeners(std::string text);

inline bool is_unix(const std::string& listener) { return listener.starts_with("unix://"); }

// What programs on the node connect to: "10.0.0.5:8500", "[::1]:8500"; of all addresses the loopback one.
std::string host_and_port(std::string host, int port);

}  // namespace lictor
