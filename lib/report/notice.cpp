#include "report/notice.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace lictor {
namespace {

bool has_started(const LifeView& life, const Notice& before, const ReadyRule& rule, Time at) {
  if (before.standing != Standing::starting || life.first_ready() || (rule.by_api && life.answered())) return true;
  const auto last = ready_at_last(life, rule);
  return last && at >= *last;
}

Standing standing_of(const LifeView& life, const Notice& before, const ReadyRule& rule, Time at) {
  if (life.stop() || life.giving_up()) return Standing::stopping;
  if (!has_started(life, before, rule, at)) return Standing::starting;
  return life.reloading() ? Standing::reloading : Standing::ready;
}

}  // namespace

ReadyRule ready_rule(const Settings& settings) {
  return {.by_api = settings.systemd.ready_by_api, .within = settings.systemd.ready_within};
}

std::optional<Time> ready_at_last(const LifeView& life, const ReadyRule& rule) {
  return rule.within == Duration{} ? std::nullopt : std::optional(life.began() + rule.within);
}

std::string state_of(const LifeView& life) {
  if (life.stop() && !life.verdict()) return "finding out why it is to stop";
  if (life.stop()) return life.stop()->leave ? "leaving" : "ending";
  if (life.giving_up()) return "giving up";
  if (life.ready()) return life.leader() ? "registered" : "registered; no leader known";
  if (life.missing() == Missing::files) {
    std::string files;
    for (const Problem& p : life.awaited()) files += (files.empty() ? "waiting for " : ", ") + p.what + ": " + p.why;
    return files;
  }
  if (life.missing() == Missing::lock)
    return "waiting for another lictor to end: " + life.awaited().front().what + " is " + life.awaited().front().why;
  if (!life.awaited().empty()) return life.awaited().front().why;
  if (!life.agent()) return "no agent";
  if (!life.failure().empty()) return life.failure();
  if (!life.answered()) return "the agent does not answer yet";
  return life.leader() ? "not registered" : "no leader known";
}

Notice notice_of(const LifeView& life, const std::string& settings_problem, const Notice& before, const ReadyRule& rule,
                 Time at) {
  Notice notice{standing_of(life, before, rule, at), to_string(life.phase())};
  if (notice.standing == Standing::stopping) return notice;
  notice.status += ": " + state_of(life);
  if (life.agent()) notice.status += fmt::format("; agent {}", life.agent()->pid);
  if (life.held())
    notice.status += "; new settings need a restart of the agent, which waits for its turn (restart.spread)";
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
