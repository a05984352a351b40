// client_addr and addresses.*: where the agent listens, as texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lictor {

// Splits at blanks, as Consul does, but not inside a go-sockaddr template, which holds blanks of its own.
std::vector<std::string> split_listeners(std::string_view text);

inline bool is_template(const std::string& listener) { return listener.find("{{") != std::string::npos; }
inline bool is_unix(const std::string& listener) { return listener.starts_with("unix://"); }

// What programs on the node connect to: "10.0.0.5:8500", "[::1]:8500"; of all addresses the loopback one.
std::string host_and_port(std::string host, int port);

}  // namespace lictor
