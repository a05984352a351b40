// The daemon: the parts that act, and the interpreter that has them do what the life (life/life.hpp) wants.
//
//   interpreter.hpp      what happens goes to the life, and what follows to one of these
//     agent_child.hpp      the agent as a child: launch, output, signals; hooks
//     settings_files.hpp   the taking of settings: watch, validate, adopt
//     agent_api/io/agent_api.hpp    the agent's HTTP API
//   orders.hpp           orders and questions from the control socket
//   order_signals.hpp    orders by signal
//   manager_notices.hpp  what a service manager is told
//
// Everything runs on one io_context in one thread.
#pragma once

#include "life/life.hpp"
#include "settings/settings.hpp"

#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>

namespace lictor {

// Lives the whole life and returns how it ended. `named`: the settings file of -c, read again at a reload. `executed`: when the
// process began. Called once in a process. REQUIRES: hold_signals() (order_signals.hpp); the caller has set `settings` up the log.
Quit attend(boost::asio::io_context& io, Settings settings, std::optional<std::string> named, Environment environment,
            Time executed);

}  // namespace lictor
