// Whether an agent's own file has it watch its files by itself.
#pragma once

#include <optional>
#include <string_view>

namespace lictor {

// What `text`, a file of agent.config_dirs in JSON or HCL, gives to auto_reload_config at its top level: the last of several;
// nothing where it is silent. HCL is not parsed but looked through: comments, texts and blocks are passed over, and any value
// but `false` counts as true. Whatever else is wrong with the file is for `consul validate` to say.
std::optional<bool> auto_reload_in(std::string_view text);

}  // namespace lictor
