#include "commands.hpp"

#include "base/json_text.hpp"
#include "ground.hpp"
#include "process/io/host.hpp"
#include "report/status_text.hpp"
#include "running.hpp"
#include "status.hpp"
#include "terminal.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <utility>

namespace lictor {
namespace {

// Between looks while watching: soon enough for eyes, and seldom enough for the lictor that is asked.
constexpr Duration watch_interval = std::chrono::milliseconds(200);

struct Told {
  Json status;
  std::optional<Problem> unanswered;
};

// Without a running lictor there are still the settings, the address and the identity, as a start would find them now.
Told ask(const Settings& settings, const Environment& environment) {
  const auto answer = ask_lictor(settings, "/status");
  if (answer) {
    Json status = foreign_json(answer->body);
    if (status.is_object()) return {std::move(status), {}};
  }
  Told told{{{"version", LICTOR_VERSION}, {"running", false}},
            answer ? Problem{settings.control.socket, "the answer is no status", "is another program listening there?",
                             Exit::incomplete}
                   : answer.error()};
  const auto ground = look(settings, environment, list_interfaces());
  if (ground) told.status.update(ground_json(*ground));
  told.status["problems"] = Json::array();
  for (const Problem& problem : ground ? Problems{} : ground.error())
    told.status["problems"].push_back(to_string(problem));
  return told;
}

std::string page(const Json& status) {
  return status_text(status, std::chrono::system_clock::now(), page_style(STDOUT_FILENO));
}

Exit watch_status(const Settings& settings, const Environment& environment, bool json) {
  std::optional<WatchedPage> drawn;
  if (!json && isatty(STDOUT_FILENO) == 1) drawn.emplace();
  boost::asio::io_context io(1);
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  bool over = false;
  signals.async_wait([&over](boost::system::error_code, int) { over = true; });
  std::optional<Json> before;
  while (!over) {
    Told told = ask(settings, environment);
    if (drawn) {
      drawn->show(page(told.status));
    } else if (Json now = without_ages(told.status); now != before) {
      print(json ? json_page(told.status, -1) : (before ? "\n" : "") + page(told.status));
      before = std::move(now);
    }
    io.run_for(watch_interval);
  }
  return Exit::ok;
}

}  // namespace

Exit show_status(const std::optional<std::string>& settings_file, bool json, bool watch) {
  const Environment environment = current_environment();
  const auto settings = settings_to_ask(settings_file, environment);
  if (!settings) return print_problems(settings.error());
  if (watch) return watch_status(*settings, environment, json);
  const Told told = ask(*settings, environment);
  print(json ? json_page(told.status) : page(told.status));
  return told.unanswered ? print_problems({*told.unanswered}) : Exit::ok;
}

}  // namespace lictor
