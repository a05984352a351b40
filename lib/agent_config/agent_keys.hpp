// The keys that the agent's configuration files may have, and what each of them holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lictor {

struct AgentKey {
  enum class Shape : std::uint8_t {
    one,           // a text, flag or number
    object,        // one that files add to
    object_whole,  // one that a later file replaces
    list,          // files add to it
    map,           // of free keys, which a later file replaces one by one
  };

  std::string_view name;  // as the agent spells it
  Shape shape;
  // What it is, or is made of: "t" text, "f" flag, "i" whole number, "u" one that is not negative, "r" number, "T" list of
  // texts, "*" anything; else the name of an object.
  std::string_view of;
};

// A key of one of these objects, whose first is "config", whatever the case, and by its other name where it has one. The union
// over Consul 1.8 to 1.21: which version refuses which key is in outlived_settings.hpp.
std::optional<AgentKey> agent_key(std::string_view object, std::string_view name);

}  // namespace lictor
