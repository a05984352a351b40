#include "agent_config/listener_list.hpp"

namespace lictor {

std::vector<std::string> split_listeners(std::string_view text) {
  std::vector<std::string> parts;
  bool inside = false, fresh = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "{{") inside = true;
    if (i > 1 && text.substr(i - 2, 2) == "}}") inside = false;
    if (!inside && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n')) {
      fresh = true;
      continue;
    }
    if (fresh) parts.emplace_back();
    fresh = false;
    parts.back() += text[i];
  }
  return parts;
}

std::string host_and_port(std::string host, int port) {
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace lictor
