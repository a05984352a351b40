#include "agent_config/listener_list.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace lictor {

std::vector<std::string> split_listeners(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
  return split_list(text, ' ');
}

std::string host_and_port(std::string host, int port) {
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace lictor
