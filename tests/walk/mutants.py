#!/usr/bin/env python3
"""Mutants of the life: each breaks one law in one place, and the walk must notice.

mutants.py --list     one name a line: LAW or LAW.N
mutants.py SOURCE     writes a copy of life.cpp with all of them to standard output: the one that $LICTOR_MUTANT names is
                      awake in it, and without that it is the life itself
"""
import sys

# (law, what stands in the source, what stands there in the copy: MUTANT is true for this mutant alone)
MUTANTS = [
    ("one-agent", "    if (in(Phase::launch) && !life_.launching) {", "    if (in(Phase::launch) && (MUTANT || !life_.launching)) {"),
    ("leave-once", "        if (!life_.stop) begin_stop(false, false);\n", "        if (!life_.stop) begin_stop(MUTANT, false);\n"),
    ("leave-once", "if (there && !stop.repeated &&", "if (there && (MUTANT || !stop.repeated) &&"),
    ("no-comeback", "      case Phase::linger:\n      case Phase::ending:\n        return sweep();",
     "      case Phase::linger:\n      case Phase::ending:\n        return MUTANT ? launch_at(now_) : sweep();"),
    ("quit-once", "    if (life_.agent || life_.launching) end_by_kill(why);",
     "    if (MUTANT) sweep();\n    else if (life_.agent || life_.launching) end_by_kill(why);"),
    ("quit-once", "    if (in(Phase::sweep)) quit();", "    if (in(Phase::sweep)) MUTANT ? (quit(), quit()) : quit();"),
    ("truth", "if (answer == CatalogAnswer::gone && !life_.agent->seen)", "if (!MUTANT && answer == CatalogAnswer::gone && !life_.agent->seen)"),
    ("truth", "    } else if (!stop.knew_leader) {", "    } else if (!MUTANT && !stop.knew_leader) {"),
    ("truth", "stop.old_look = life_.agent->looking;", "if (!MUTANT) stop.old_look = life_.agent->looking;"),
    ("truth", "        stop.came_back = true;\n", "        if (!MUTANT) stop.came_back = true;\n"),
    ("budget", "life_.out_of_time = now_ + life_.rules.stop_timeout;",
     "life_.out_of_time = now_ + life_.rules.stop_timeout + seconds(MUTANT ? 20 : 0);"),
    ("budget", "      if (now_ - life_.since >= sweep_limit) return quit();\n",
     "      if (!MUTANT && now_ - life_.since >= sweep_limit) return quit();\n"),
    ("no-shortcut", "      case Phase::linger:\n        return end_by_kill(",
     "      case Phase::linger:\n        if (MUTANT) return end_gently();\n        return end_by_kill("),
    ("told", "    if (!std::exchange(life_.agent->killed, true))\n", "    if (!MUTANT && !std::exchange(life_.agent->killed, true))\n"),
    ("told", "      if (!std::exchange(agent.killed, true))\n", "      if (MUTANT || !std::exchange(agent.killed, true))\n"),
    ("settled", "std::min(limit, synced().value_or(limit));", "MUTANT ? now_ : std::min(limit, synced().value_or(limit));"),
    ("settled", "life_.deadline = life_.reloading.running ? limit", "life_.deadline = !MUTANT && life_.reloading.running ? limit"),
    ("join", "if (agent.joining || !(in(Phase::join) || registering())) return;",
     "if (agent.joining || (!MUTANT && !(in(Phase::join) || registering()))) return;"),
    ("join", "if (leader) agent.join_at.reset();", "if (!MUTANT && leader) agent.join_at.reset();"),
    ("join", "    agent.joining = true;\n", "    agent.joining = !MUTANT;\n"),
    ("patience", "waited >= life_.rules.hung_after", "waited >= life_.rules.hung_after / (MUTANT ? 2 : 1)"),
    ("patience", "(in(Phase::join) && !waits_for_servers) || registering()",
     "(in(Phase::join) && (MUTANT || !waits_for_servers)) || registering()"),
    ("patience", "now_ - *agent.leaderless >= life_.rules.rejoin_after",
     "now_ - *agent.leaderless >= life_.rules.rejoin_after / (MUTANT ? 2 : 1)"),
    ("patience", "life_.rules.rejoin_after > Duration{} &&", "(MUTANT || life_.rules.rejoin_after > Duration{}) &&"),
    ("patience", "    if (leader) agent.leaderless.reset();\n", "    if (!MUTANT && leader) agent.leaderless.reset();\n"),
    ("patience", "      say(leader ? Tone::info : Tone::warn,",
     "      if (MUTANT && !leader) restart(RestartReason::no_leader);\n      say(leader ? Tone::info : Tone::warn,"),
    ("patience", "if (!e.gossip && (in(Phase::join) || registering())) return quarrelled();",
     "if (MUTANT && leader && !agent.leader) return quarrelled();\n"
     "    if (MUTANT && leader && !e.gossip && in(Phase::serve)) return;\n"
     "    if (MUTANT ? !leader && registering() : !e.gossip && (in(Phase::join) || registering())) return quarrelled();"),
    ("hands-off", "      if (claim.dead() && !refused.contains(claim.name) && !early) agent.to_clear",
     "      if ((MUTANT || claim.dead()) && !refused.contains(claim.name) && !early) agent.to_clear"),
    ("hands-off", "    if (!life_.rules.heal) return;\n", "    if (!MUTANT && !life_.rules.heal) return;\n"),
    ("hands-off", "    if (held_elsewhere()) return not_ours_to_leave();\n",
     "    if (!MUTANT && held_elsewhere()) return not_ours_to_leave();\n"),
    ("flushed", "if (!registering() || agent.unflushable ||", "if ((!MUTANT && !registering()) || agent.unflushable ||"),
    ("flushed", "    life_.agent->unflushable = e.refused;\n", "    life_.agent->unflushable = !MUTANT && e.refused;\n"),
    ("flushed", "    agent.flush_at = std::min(agent.flush_at.value_or(next), next);\n",
     "    if (!MUTANT) agent.flush_at = std::min(agent.flush_at.value_or(next), next);\n"),
    ("give-up", "if (!life_.first_ready && life_.deaths >= life_.rules.give_up_after) {",
     "if ((MUTANT || !life_.first_ready) && life_.deaths >= life_.rules.give_up_after) {"),
    ("ready", "life.agent->registered && life.agent->leader;", "life.agent->registered && (MUTANT || life.agent->leader);"),
    ("ready", "return life_.agent && launch == life_.launches; }", "return life_.agent && (MUTANT || launch == life_.launches); }"),
    ("ready", "    if (hooks_are_due()) return register_more();  //", "    if (!MUTANT && hooks_are_due()) return register_more();  //"),
    ("hooks", "    if (agent.looking || agent.sending_again || agent.hooking) return;",
     "    if (agent.looking || agent.sending_again || (!MUTANT && agent.hooking)) return;"),
    ("hooks", "    if (life_.agent) life_.agent->hooks_done = 0;\n", "    if (!MUTANT && life_.agent) life_.agent->hooks_done = 0;\n"),
    ("in-force", "    } else if (stopping()) {\n      emit(Forget{});", "    } else if (!MUTANT && stopping()) {\n      emit(Forget{});"),
    ("in-force", "    if (stopping()) {\n      if (e.failure.empty()) emit(Forget{});",
     "    if (!MUTANT && stopping()) {\n      if (e.failure.empty()) emit(Forget{});"),
    ("in-force", "    } else if (outdated) {", "    } else if (!MUTANT && outdated) {"),
    ("in-force", "|| life_.took_id || preparing_settings()) return;", "|| life_.took_id || (!MUTANT && preparing_settings())) return;"),
    ("back", "        if (in_vain) return started_in_vain(how);", "        if (!MUTANT && in_vain) return started_in_vain(how);"),
    ("back", "const bool proven = life_.ever_answered && !life_.before;", "const bool proven = MUTANT || (life_.ever_answered && !life_.before);"),
    ("back", "      go_back(Problem{\"agent\", e.failure,", "      if (!MUTANT) go_back(Problem{\"agent\", e.failure,"),
    ("back", "    launch_at(now_);\n  }\n\n  void go_back", "    launch_at(now_ + seconds(MUTANT ? 1 : 0));\n  }\n\n  void go_back"),
    ("awake", "    life_.task_at = now_ + paced(now_ - life_.since, 20, milliseconds(2), seldom);\n",
     "    if (!MUTANT) life_.task_at = now_ + paced(now_ - life_.since, 20, milliseconds(2), seldom);\n"),
    ("awake", "    note_failure(e.failure, e.refused);\n    life_.task_at = now_ + until_sent_anew();\n",
     "    note_failure(e.failure, e.refused);\n    if (!MUTANT) life_.task_at = now_ + until_sent_anew();\n"),
    ("awake", "(told_in_time ? look_anyway : pace)", "(told_in_time ? look_anyway * (MUTANT ? 2 : 1) : pace)"),
    ("awake", "    life_.deadline = now_ + sweep_grace;\n", "    if (!MUTANT) life_.deadline = now_ + sweep_grace;\n"),
]

SLEEPING = """\
#include <cstdlib>
#include <string_view>
static const char* const awake = std::getenv("LICTOR_MUTANT");
"""


def named():
    seen = {}
    for law, old, new in MUTANTS:
        seen[law] = seen.get(law, 0) + 1
        yield f"{law}.{seen[law]}", old, new


def main(args):
    if args == ["--list"]:
        print("\n".join(name for name, _, _ in named()))
        return 0
    text = open(args[0], encoding="utf-8").read()
    switches = ""
    for name, old, new in named():
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
