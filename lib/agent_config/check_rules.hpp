// What the agent asks of the definition of a check, wherever that stands: agent/structs/check_type.go.
#pragma once

#include "base/json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lictor {

// A member of a check or service whatever its spelling: "ScriptArgs", "script_args" is "scriptargs". Null where it says nothing.
const Json* spelled(const Json& object, std::string_view plain);
// Not empty.
bool is_said(const Json* value);

// Keys that a service, or a check, of Consul 1.8 to 1.22 may have, whatever the spelling.
bool is_key_of_service(std::string_view key);
bool is_key_of_check(std::string_view key);

bool runs_a_program(const Json& check);

// Why the agent refuses the check, and what to do about it. One of a kind that is not known here has rules of its own.
struct CheckFault {
  std::string why, hint;
};
std::optional<CheckFault> check_fault(const Json& check);

}  // namespace lictor
