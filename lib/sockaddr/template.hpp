// Addresses by rule: the templates of HashiCorp's go-sockaddr ("{{ GetPrivateIP }}"), which Consul takes wherever a setting
// is an address, evaluated as the agent evaluates them.
#pragma once

#include "network/address.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lictor {

// What a template can ask about. The interfaces are in the kernel's order, as the agent gets them, too.
struct TemplateHost {
  const std::vector<Interface>& interfaces;
  // The library learns of the default route from `ip route`. Without that program no host has one for it.
  bool ip_command = true;
};

// The library refuses the template, and so does the agent with all of its settings. `why` is for people.
struct TemplateRefused {
  std::string why;
  bool whatever_the_host = false;  // its text alone is wrong; else another host, or this one later, may do
};

// What the agent makes of it can't be told here: something that is not built in, or that depends on the agent's own build
// (which of two equal addresses comes first after sorting a dozen, say). `why` is for people.
struct TemplateNotEvaluated {
  std::string why;
};

using EvaluatedTemplate = std::variant<std::string, TemplateRefused, TemplateNotEvaluated>;

// Text without a template is its own value; several addresses are told apart by whatever the template writes between them.
// Pure, and bounded in time, memory and depth, whatever the text is.
//
// The language is Go's text/template without define, template, block, break, continue, call, html, js, urlquery, slice,
// floating and octal numbers; the functions are all of go-sockaddr 1.0. Held by tests/oracle/sockaddr against the library.
EvaluatedTemplate evaluate_template(std::string_view text, const TemplateHost& host);

}  // namespace lictor
