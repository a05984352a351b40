#include "report/notice.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace lictor {
namespace {

Standing standing_of(const LifeView& life) {
  if (life.stop() || life.giving_up()) return Standing::stopping;
  if (!life.first_ready()) return Standing::starting;
  return life.reloading() ? Standing::reloading : Standing::ready;
}

}  // namespace

std::string state_of(const LifeView& life) {
  if (life.stop()) return life.stop()->leave ? "leaving" : "ending";
  if (life.giving_up()) return "giving up";
  if (life.ready()) return life.leader() ? "registered" : "registered; no leader known";
  if (life.no_address()) return life.no_address()->why;
  if (!life.agent()) return "no agent";
  if (!life.failure().empty()) return life.failure();
  if (!life.answered()) return "the agent does not answer yet";
  return life.leader() ? "not registered" : "no leader known";
}

Notice notice_of(const LifeView& life, const std::string& settings_problem) {
  Notice notice{standing_of(life), to_string(life.phase())};
  if (notice.standing == Standing::stopping) return notice;
  notice.status += ": " + state_of(life);
  if (life.agent()) notice.status += fmt::format("; agent {}", life.agent()->pid);
  if (!settings_problem.empty()) notice.status += "; new settings refused: " + settings_problem;
  // A line break would end the field.
  notice.status = harmless(notice.status);
  return notice;
}

std::string notice_message(const Notice& before, const Notice& now, const Rules& rules, Time at) {
  std::string message;
  if (now.standing != before.standing) {
    switch (now.standing) {
      case Standing::starting:
        break;
      case Standing::ready:
        message = "READY=1\n";
        break;
      case Standing::reloading:
        message = fmt::format("RELOADING=1\nMONOTONIC_USEC={}\n", at.time_since_epoch().count());
        break;
      case Standing::stopping:
        message = fmt::format("STOPPING=1\nEXTEND_TIMEOUT_USEC={}\n",
                              (rules.stop_timeout + sweep_limit + std::chrono::seconds(1)).count());
        break;
    }
  }
  if (now.status != before.status) message += "STATUS=" + now.status + "\n";
  return message;
}

std::string alive_message(const Notice& now, Duration watchdog) {
  std::string message = "WATCHDOG=1\n";
  if (now.standing == Standing::starting) message += fmt::format("EXTEND_TIMEOUT_USEC={}\n", watchdog.count());
  return message;
}

}  // namespace lictor
