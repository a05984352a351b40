// The daemon: the parts that act, and the interpreter that has them do what the life (life/life.hpp) wants.
//
//   interpreter.hpp      what happens goes to the life, and what follows to one of these
//     agent_child.hpp      the agent as a child: launch, output, signals; hooks
//     settings_files.hpp   the taking of settings: watch, validate, adopt; at a start, waiting for what is named
//     watches.hpp            what tells that files, mounts or the network have changed
//     agent_api/io/agent_api.hpp    the agent's HTTP API
//   orders.hpp           orders and questions from the control socket
//   order_signals.hpp    orders by signal
//   manager_notices.hpp  what a service manager is told
//
// Everything runs on one io_context in one thread.
#pragma once

#include "life/life.hpp"
#include "settings_files.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>

namespace lictor {

// Called once, where the settings file was awaited, with the settings that have come.
using SettingsKnown = std::function<void(const Settings&)>;

// Lives the whole life and returns how it ended. `executed`: when the process began. Called once in a process.
// REQUIRES: hold_signals() (order_signals.hpp); the caller has set the log up by `start`.
Quit attend(boost::asio::io_context& io, const StartSettings& start, Environment environment, Time executed,
            SettingsKnown known);

}  // namespace lictor
