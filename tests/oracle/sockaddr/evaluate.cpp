// Templates on standard input, each ended by a zero byte; what lictor makes of each on this host on standard output: V and
// the value, R and why it is refused, or N and why it is not evaluated, ended likewise. The host is read once, as lictor
// reads it.
#include <cstdio>
#include <iostream>
#include <string>

#include "network/io/interfaces.hpp"
#include "sockaddr/template.hpp"

namespace {

struct Shown {
  std::string operator()(const std::string& value) const { return "V" + value; }
  std::string operator()(const lictor::TemplateRefused& refused) const { return "R" + refused.why; }
  std::string operator()(const lictor::TemplateNotEvaluated& open) const { return "N" + open.why; }
};

}  // namespace

int main() {
  const auto interfaces = lictor::list_interfaces();
  if (!interfaces) {
    std::fprintf(stderr, "%s\n", to_string(interfaces.error()).c_str());
    return 1;
  }
  for (std::string text; std::getline(std::cin, text, '\0');) {
    std::cout << std::visit(Shown{}, lictor::evaluate_template(text, {*interfaces})) << '\0';
  }
  return 0;
}
