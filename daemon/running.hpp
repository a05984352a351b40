// How the commands speak to the lictor that runs.
#pragma once

#include "agent_api/io/http_client.hpp"
#include "base/problem.hpp"
#include "base/time.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace lictor {

// The answer to a GET on its control socket. Problem::exit is Exit::incomplete.
Result<HttpAnswer> ask_lictor(const Settings& settings, const std::string& path,
                              Duration deadline = std::chrono::seconds(5));

// For a command that only asks the running lictor: the settings; those without their file where that is not this user's to
// read, or while the lictor that runs waits for it.
ResultAll<Settings> settings_to_ask(const std::optional<std::string>& named, const Environment& environment);

// What to do about a lictor that does not answer on `socket`.
std::string unanswered_hint(const std::string& socket);

// Of a body of GET /status: the phase, and what is awaited there.
std::string what_holds_up(const Json& status);

}  // namespace lictor
