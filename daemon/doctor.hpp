// `lictor doctor`: looks at this node and, through its agent, at the cluster, and says what is wrong.
#pragma once

#include "base/problem.hpp"

#include <optional>
#include <string>

namespace lictor {

// Prints the report on standard output (report/doctor.hpp has its JSON's shape), for people with colour where that is a
// terminal and NO_COLOR is empty. Changes nothing. Takes at most some 20 s where nobody answers.
//
// Exit::ok: no findings. Exit::incomplete: findings. Exit::retry: could not look: the settings can't be read (their
// problems are told on standard error, nothing is printed), or a lictor or an agent that runs can't be asked (the report is
// printed with what could be seen). Without a lictor all that this host alone can tell is looked at.
Exit doctor(const std::optional<std::string>& settings_file, bool json);

}  // namespace lictor
