#!/usr/bin/env python3
"""Mutants of the life: each breaks one law in one place, and the walk must notice.

mutants.py --list     one name a line: LAW.N
mutants.py --sources  the sources that have mutants, a name a line
mutants.py SOURCE     writes a copy of it with all of its mutants to standard output: the one that $LICTOR_MUTANT names is awake
                      in it, and without that it is the source itself

They are patches of the text, and not hooks in it: there are fifty, and the life reads as if there were none.
"""
import pathlib
import sys

# (law, its part of the life, what stands in the source, what stands there in the copy: MUTANT is true for this mutant alone)
MUTANTS = [
    ("awaited", "preparing", "return own_.since + turn_.rules().bind_wait;", "return (MUTANT ? own_.began : own_.since) + turn_.rules().bind_wait;"),
    ("awaited", "preparing", "return own_.since + lock_wait;", "return (MUTANT ? own_.began : own_.since) + lock_wait;"),
    ("awaited", "preparing", "  own_.awaited = e.files.empty() ? Problems{e.problem} : e.files;\n",
     "  if (MUTANT && !e.files.empty()) own_.began = turn_.now;\n"
     "  own_.awaited = e.files.empty() ? Problems{e.problem} : e.files;\n"),
    ("one-agent", "supervisor", "  if (own_.state == AgentState::waiting) {\n",
     "  if (own_.state == AgentState::waiting || (MUTANT && own_.state == AgentState::launching)) {\n"
     "    own_.state = AgentState::waiting;\n"),
    ("leave-once", "life", "        orders_.stop_at_once();\n",
     "        if (MUTANT) return orders_.stop(SignalKind::terminate);\n        orders_.stop_at_once();\n"),
    ("decided", "stopping", "  if (!own_.stop->asked_to_leave) {\n",
     "  if (MUTANT || !own_.stop->asked_to_leave) {\n"),
    ("leave-once", "leaving", "  if (stop.repeated < most_repeats) {\n", "  if (!MUTANT && stop.repeated < most_repeats) {\n"),
    ("no-comeback", "stopping", "    case StopStep::linger:\n    case StopStep::ending:\n      return sweep();",
     "    case StopStep::linger:\n    case StopStep::ending:\n"
     "      if (MUTANT) turn_.emit(Launch{turn_.launch() + 1});\n      return sweep();"),
    ("quit-once", "stop_orders", "  parts_.stopping.cut_short(why, turn_.process()",
     "  if (MUTANT) parts_.stopping.agent_remains();\n  else parts_.stopping.cut_short(why, turn_.process()"),
    ("quit-once", "stopping", "  if (in(StopStep::sweep)) quit();", "  if (in(StopStep::sweep)) MUTANT ? (quit(), quit()) : quit();"),
    ("truth", "leaving", "if (answer == CatalogAnswer::gone && !others_.registration.seen)",
     "if (!MUTANT && answer == CatalogAnswer::gone && !others_.registration.seen)"),
    ("truth", "leaving", "  } else if (!stop.knew_leader) {", "  } else if (!MUTANT && !stop.knew_leader) {"),
    ("truth", "leaving", "stop.old_look = others_.registration.looking;",
     "if (!MUTANT) stop.old_look = others_.registration.looking;"),
    ("truth", "leaving", "  own_.stop->came_back = true;\n", "  if (!MUTANT) own_.stop->came_back = true;\n"),
    ("budget", "stopping", "return stop.asked + budget_of(stop, rules);", "return stop.asked + budget_of(stop, rules) + seconds(MUTANT ? 20 : 0);"),
    ("budget", "stopping", "  if (turn_.now - own_.since >= sweep_limit) return quit();\n",
     "  if (!MUTANT && turn_.now - own_.since >= sweep_limit) return quit();\n"),
    ("budget", "stopping", "  if (!stop.grace) return rules", "  if (MUTANT || !stop.grace) return rules"),
    ("budget", "stopping", "!hooks_left() || hooks_last()) return leave();", "!hooks_left() || (!MUTANT && hooks_last())) return leave();"),
    ("decided", "deciding", "turn_.now + decide_within;", "turn_.now + decide_within * (MUTANT ? 3 : 1);"),
    ("decided", "stop_orders", "  parts_.deciding.begin(order);\n",
     "  parts_.deciding.begin(order);\n  if (MUTANT) parts_.stopping.decided({}, false, false);\n"),
    ("leave-once", "deciding", "  return {.leave = !stay,", "  return {.leave = MUTANT || !stay,"),
    ("truth", "deciding", "      reason.cause == StopCause::comes_back ||",
     "      reason.cause == StopCause::comes_back || (MUTANT && reason.cause == StopCause::unknown) ||"),
    ("truth", "deciding", "&& turn_.rules().stay_over_reboot)", "&& (MUTANT || turn_.rules().stay_over_reboot))"),
    ("no-shortcut", "stopping", "    case StopStep::linger:\n      return end_by_kill(",
     "    case StopStep::linger:\n      if (MUTANT) return end_gently();\n      return end_by_kill("),
    ("told", "supervisor", "  if (!std::exchange(own_.process->killed, true))\n    turn_.say(tone,",
     "  if (!MUTANT && !std::exchange(own_.process->killed, true))\n    turn_.say(tone,"),
    ("told", "supervisor", "  if (!std::exchange(own_.process->killed, true))\n    turn_.say(Tone::warn,",
     "  if (MUTANT || !std::exchange(own_.process->killed, true))\n    turn_.say(Tone::warn,"),
    ("settled", "stopping", "std::min(limit, agent.synced().value_or(limit));",
     "MUTANT ? turn_.now : std::min(limit, agent.synced().value_or(limit));"),
    ("settled", "stopping", "own_.deadline = others_.reloading.work.running ? limit",
     "own_.deadline = !MUTANT && others_.reloading.work.running ? limit"),
    ("join", "joining", "if (own_.joining || !(turn_.in(Phase::join) || turn_.registering())) return;",
     "if (own_.joining || (!MUTANT && !(turn_.in(Phase::join) || turn_.registering()))) return;"),
    ("join", "joining", "  if (!own_.serverless) stop_joining();", "  if (!MUTANT && !own_.serverless) stop_joining();"),
    ("join", "joining", "  own_.joining = true;\n", "  own_.joining = !MUTANT;\n"),
    ("patience", "joining", "  if (own_.answered) return silent >= enough;\n",
     "  if (own_.answered) return silent >= enough / (MUTANT ? 2 : 1);\n"),
    ("patience", "joining", "  if (works && !own_.answered) own_.worked = turn_.now;\n",
     "  if (!MUTANT && works && !own_.answered) own_.worked = turn_.now;\n"),
    ("patience", "pulse", "  return idle >= enough ||", "  return idle >= enough / (MUTANT ? 2 : 1) ||"),
    ("patience", "pulse", "  if (e.servers != ServersAnswer::steady)\n", "  if (!MUTANT && e.servers != ServersAnswer::steady)\n"),
    ("patience", "pulse", "std::max<Duration>(held_up_limit - enough, Duration{});", 
     "(MUTANT ? Duration{} : std::max<Duration>(held_up_limit - enough, Duration{}));"),
    ("patience", "pulse", "  if (e.told) own_.worked", "  if (!MUTANT && e.told) own_.worked"),
    ("replaced", "pulse", "  if (hung()) turn_.post", "  if (!MUTANT && hung()) turn_.post"),
    ("replaced", "pulse", "  own_.sample_at = turn_.now + pause;\n", "  own_.sample_at = turn_.now + pause * (MUTANT ? 20 : 1);\n"),
    ("quiet", "joining", "      own_.in_vain ? paced(", "      !MUTANT && own_.in_vain ? paced("),
    ("quiet", "joining", "pause / static_cast<std::int64_t>(joins.names);", "pause / static_cast<std::int64_t>(joins.names * (MUTANT ? 9 : 1));"),
    ("quiet", "joining", "const bool agent_does = !own_.joined", "const bool agent_does = !MUTANT && !own_.joined"),
    ("patience", "joining", "(turn_.in(Phase::join) && !waits_for_servers) || turn_.registering()",
     "(turn_.in(Phase::join) && (MUTANT || !waits_for_servers)) || turn_.registering()"),
    ("patience", "joining", "in_vain_since() + rejoin_after <= turn_.now",
     "in_vain_since() + rejoin_after / (MUTANT ? 2 : 1) <= turn_.now"),
    ("patience", "joining", "return own_.unled.value_or(*own_.leaderless)", "return MUTANT ? *own_.leaderless : own_.unled.value_or(*own_.leaderless)"),
    ("patience", "joining", "rejoin_after > Duration{} &&", "(MUTANT || rejoin_after > Duration{}) &&"),
    ("patience", "joining", "  if (leader) own_.leaderless.reset();\n", "  if (!MUTANT && leader) own_.leaderless.reset();\n"),
    ("patience", "joining", "  if (!leader) {\n    return turn_.say(Tone::warn,",
     "  if (!leader) {\n    if (MUTANT) turn_.post(RestartAgent{RestartReason::no_leader});\n    return turn_.say(Tone::warn,"),
    ("patience", "joining",
     "  if (!e.gossip && (turn_.in(Phase::join) || turn_.registering())) return turn_.post(GossipShutDown{});",
     "  if (MUTANT && leader && changed) return turn_.post(GossipShutDown{});\n"
     "  if (MUTANT && leader && !e.gossip && turn_.in(Phase::serve)) return;\n"
     "  if (MUTANT ? !leader && turn_.registering() : !e.gossip && (turn_.in(Phase::join) || turn_.registering()))\n"
     "    return turn_.post(GossipShutDown{});"),
    ("hands-off", "claims", "  return claim.dead();\n", "  return MUTANT || claim.dead();\n"),
    ("evidence", "claims", "  if (!claim.former) return false;\n", "  if (!MUTANT && !claim.former) return false;\n"),
    ("hands-off", "claims", "  if (!turn_.rules().heal) return;\n", "  if (!MUTANT && !turn_.rules().heal) return;\n"),
    ("hands-off", "leaving", "  if (others_.claims.held_elsewhere(turn_.own())) {\n",
     "  if (!MUTANT && others_.claims.held_elsewhere(turn_.own())) {\n"),
    ("steady", "address", "    own_.settling.reset();\n    turn_.post(AddressFound{});\n",
     "    if (!MUTANT) own_.settling.reset();\n    turn_.post(AddressFound{});\n"),
    ("steady", "address", "  if (turn_.now < settled) return", "  if (!MUTANT && turn_.now < settled) return"),
    ("flushed", "syncer", "if (!turn_.registering() || own_.refused ||", "if ((!MUTANT && !turn_.registering()) || own_.refused ||"),
    ("flushed", "syncer", "  own_.refused = e.refused;\n", "  own_.refused = !MUTANT && e.refused;\n"),
    ("flushed", "syncer", "  own_.flush_at = std::min(own_.flush_at.value_or(next), next);\n",
     "  if (!MUTANT) own_.flush_at = std::min(own_.flush_at.value_or(next), next);\n"),
    ("heard", "catalog_watch", "  if (asks) turn_.emit(DropNews{});", "  if (!MUTANT && asks) turn_.emit(DropNews{});"),
    ("heard", "catalog_watch", "  if (!question.asking) question.ask_at", "  if (MUTANT || !question.asking) question.ask_at"),
    ("heard", "catalog_watch", "    q.ask_at = turn_.now + watch_pause;\n", "    if (!MUTANT) q.ask_at = turn_.now + watch_pause;\n"),
    ("heard", "catalog_watch", "&own_.services}) ask_soon(*question);",
     "&own_.services}) if (!MUTANT || question == &own_.checks) ask_soon(*question);"),
    ("unhurried", "catalog_watch", "third = most / 3;", "third = most / (MUTANT ? 30 : 3);"),
    ("unhurried", "catalog_watch", "  if (q.hasty % 2 == 1) return turn_.now;", "  if (MUTANT || q.hasty % 2 == 1) return turn_.now;"),
    ("unhurried", "catalog_watch", "  if (answer == NewsAnswer::changed) {\n", "  if (MUTANT && answer == NewsAnswer::changed) return turn_.now;\n  if (answer == NewsAnswer::changed) {\n"),
    ("rest", "joining", "servers = own_.doubts || again ||", "servers = MUTANT || own_.doubts || again ||"),
    ("rest", "joining", "  own_.doubts = true;\n", "  own_.doubts = !MUTANT;\n"),
    ("rest", "registration", "  } else if (needs_no_look()) {", "  } else if (!MUTANT && needs_no_look()) {"),
    ("rest", "registration", "if (own_.differs) unseen ?", "if (MUTANT || own_.differs) unseen ?"),
    ("give-up", "supervisor", "if (!ever_ready && own_.deaths >= turn_.rules().give_up_after) {",
     "if ((MUTANT || !ever_ready) && own_.deaths >= turn_.rules().give_up_after) {"),
    ("give-up", "succession", "useless = !ever_ready() && ", "useless = (MUTANT || !ever_ready()) && "),
    ("give-up", "supervisor", "if (e.problem && e.problem->exit == Exit::config) return",
     "if (!MUTANT && e.problem && e.problem->exit == Exit::config) return"),
    ("awake", "supervisor", "  if (!own_.deadline) own_.deadline = std::max(turn_.now, own_.not_before);",
     "  if (!MUTANT && !own_.deadline) own_.deadline = std::max(turn_.now, own_.not_before);"),
    ("ready", "view", "return life.joining.leader ||", "return MUTANT || life.joining.leader ||"),
    ("ready", "view", "ready_needs_leader && !life.joining.closes", "ready_needs_leader && (MUTANT || !life.joining.closes)"),
    ("ready", "life", "return turn_.current(happening.launch);",
     "return MUTANT ? turn_.process().has_value() : turn_.current(happening.launch);"),
    ("ready", "registration", "  if (hooks_are_due()) return register_more();  //",
     "  if (!MUTANT && hooks_are_due()) return register_more();  //"),
    ("ready", "registration", " && own_.first_ready;\n  if (!unsaid)", " && (MUTANT || own_.first_ready);\n  if (!unsaid)"),
    ("ready", "registration", "CatalogAnswer::incomplete && !e.lost", "CatalogAnswer::incomplete && (MUTANT || !e.lost)"),
    ("ready", "registration", "  return !own_.first_ready &&", "  return !MUTANT && !own_.first_ready &&"),
    ("each", "registration", "  if (!failed) return register_more();\n",
     "  if (MUTANT && failed) not_registered();\n  if (!failed) return register_more();\n"),
    ("hooks", "registration", "  if (own_.looking || own_.sending_again || hooks_.running) return;",
     "  if (own_.looking || own_.sending_again || (!MUTANT && hooks_.running)) return;"),
    ("hooks", "hooks", "  drop();\n  own_.done = 0;\n", "  drop();\n  if (!MUTANT) own_.done = 0;\n"),
    ("in-force", "reloading", "  } else if (turn_.stopping()) {\n    turn_.emit(Forget{});",
     "  } else if (!MUTANT && turn_.stopping()) {\n    turn_.emit(Forget{});"),
    ("in-force", "reloading", "  if (turn_.stopping()) {\n    if (good) turn_.emit(Forget{});",
     "  if (!MUTANT && turn_.stopping()) {\n    if (good) turn_.emit(Forget{});"),
    ("in-force", "reloading", "  } else if (outdated) {", "  } else if (!MUTANT && outdated) {"),
    ("in-force", "reloading", "settings || again,", "settings || (!MUTANT && again),"),
    ("in-force", "claims", "|| own_.took_id || reloading_.preparing()) return;",
     "|| own_.took_id || (!MUTANT && reloading_.preparing())) return;"),
    ("renamed", "reloading", "hold(e) || leave_first(e)", "hold(e) || (!MUTANT && leave_first(e))"),
    ("renamed", "supervisor", "    if (own_.deadline) own_.deadline = turn_.now;\n",
     "    if (MUTANT || own_.deadline) own_.deadline = turn_.now;\n"),
    ("truth", "stopping", "  turn_.post(LeaveOver{stop.confirmed,",
     "  turn_.post(LeaveOver{MUTANT || stop.confirmed,"),
    ("truth", "stopping", "own_.left = stop.confirmed && !stop.came_back;", "own_.left = MUTANT || (stop.confirmed && !stop.came_back);"),
    ("back", "succession", "  if (in_vain && !end.ordered) return", "  if (!MUTANT && in_vain && !end.ordered) return"),
    ("back", "reloading", "const bool proven = own_.ever_answered && !own_.before;",
     "const bool proven = MUTANT || (own_.ever_answered && !own_.before);"),
    ("back", "reloading", "asks_agent && (e.settings || (tell && !moves))", "asks_agent && (e.settings || (!MUTANT && tell && !moves))"),
    ("back", "reloading", "    go_back(Problem{\"agent\", e.failure,", "    if (!MUTANT) go_back(Problem{\"agent\", e.failure,"),
    ("back", "life", "  void on(const LaunchNow&) { parts_.supervisor.launch_at(turn_.now); }",
     "  void on(const LaunchNow&) { parts_.supervisor.launch_at(turn_.now + std::chrono::seconds(MUTANT ? 1 : 0)); }"),
    ("settled", "reloading", "  if (tell && await_sync(e)) return;\n", "  if (!MUTANT && tell && await_sync(e)) return;\n"),
    ("spread", "reloading", "|| own_.at_once || own_.moves ||", "|| (!MUTANT && own_.at_once) || own_.moves ||"),
    ("spread", "reloading", "|| own_.moves || spread <=", "|| own_.moves || MUTANT || spread <="),
    ("spread", "reloading", "own_.held->due - turn_.now > spread)", "own_.held->due - turn_.now > spread * (MUTANT ? 5 : 1))"),
    ("spread", "reloading", "  own_.after_leave.reset();\n  own_.held.reset();\n",
     "  own_.after_leave.reset();\n  if (!MUTANT) own_.held.reset();\n"),
    ("spread", "succession", "  parts_.supervisor.await_settings();\n", "  if (!MUTANT) parts_.supervisor.await_settings();\n"),
    ("spread", "reloading", "return own_.after_leave || own_.held;", "return own_.after_leave || (!MUTANT && own_.held);"),
    ("give-up", "departure", "return e.code == 0 &&", "return (MUTANT || e.code == 0) &&"),
    ("leave-once", "stopping", "  if (!own_.stop->member) return", "  if (!MUTANT && !own_.stop->member) return"),
    ("truth", "leaving", "  own_.stop->leave = own_.stop->by_other = true;\n",
     "  own_.stop->leave = own_.stop->by_other = true;\n  if (MUTANT) own_.stop->leave = false;\n"),
    ("hands-off", "departure", "  if (own_.gone) look();\n", "  if (MUTANT) own_.gone = false;\n  if (own_.gone) look();\n"),
    ("ready", "registration", "doubted() { own_.registered = false; }", "doubted() { own_.registered = MUTANT && own_.registered; }"),
    ("no-comeback", "stop_orders", "  if (rejoin) {\n", "  if (rejoin || (MUTANT && !before_leave)) {\n"),
    ("no-shortcut", "supervisor", "  own_.process->ending = RestartReason::left;\n",
     "  own_.process->ending = RestartReason::left;\n  if (MUTANT) return terminate();\n"),
    ("awake", "registration", "  own_.task_at = turn_.now + paced(turn_.now - since, 20, milliseconds(2), seldom);\n",
     "  if (!MUTANT) own_.task_at = turn_.now + paced(turn_.now - since, 20, milliseconds(2), seldom);\n"),
    ("awake", "registration", "return registered(false);\n  own_.task_at = turn_.now + until_sent_anew();\n",
     "return registered(false);\n  if (!MUTANT) own_.task_at = turn_.now + until_sent_anew();\n"),
    ("awake", "syncer", "  own_.flush_at.reset();\n", "  if (!MUTANT) own_.flush_at.reset();\n"),
    ("awake", "leaving", "(told_in_time ? look_anyway : pace)", "(told_in_time ? look_anyway * (MUTANT ? 2 : 1) : pace)"),
    ("awake", "stopping", "  own_.deadline = turn_.now + sweep_grace;\n", "  if (!MUTANT) own_.deadline = turn_.now + sweep_grace;\n"),
]

SLEEPING = """\
#include <cstdlib>
#include <string_view>
static const char* const awake = std::getenv("LICTOR_MUTANT");
"""


def source_of(part):
    return "life.cpp" if part == "life" else f"{part}.cpp"


def named():
    seen = {}
    for law, part, old, new in MUTANTS:
        seen[law] = seen.get(law, 0) + 1
        yield f"{law}.{seen[law]}", source_of(part), old, new


def main(args):
    if args == ["--list"]:
        print("\n".join(name for name, *_ in named()))
        return 0
    if args == ["--sources"]:
        print("\n".join(sorted({source for _, source, *_ in named()})))
        return 0
    text = pathlib.Path(args[0]).read_text(encoding="utf-8")
    switches = ""
    for name, source, old, new in named():
        if source != pathlib.Path(args[0]).name:
            continue
        if text.count(old) != 1:
            print(f"mutants.py: {name}: its place occurs {text.count(old)} times in {args[0]}, not once", file=sys.stderr)
            return 1
        switch = "mutant_" + name.replace("-", "_").replace(".", "_")
        switches += f'static const bool {switch} = awake && std::string_view(awake) == "{name}";\n'
        text = text.replace(old, new.replace("MUTANT", switch))
    print(SLEEPING + switches + text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
