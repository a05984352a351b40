#!/usr/bin/env python3
"""Mutants of the life: each breaks one law in one place, and the walk must notice.

mutants.py --list             one name a line: LAW or LAW.N
mutants.py NAME SOURCE       writes the mutated copy of life.cpp to standard output
"""
import sys

# (law, what stands in the source, what stands there in the mutant)
MUTANTS = [
    ("one-agent", "    if (in(Phase::launch) && !life_.launching) {\n      life_.deadline = now_;",
     "    if (in(Phase::launch)) {\n      life_.deadline = now_;"),
    ("leave-once", "        if (!life_.stop) begin_stop(false, false);\n", "        if (!life_.stop) begin_stop(true, false);\n"),
    ("leave-once", "if (there && !stop.repeated &&", "if (there &&"),
    ("no-comeback", "      case Phase::linger:\n      case Phase::ending:\n        return sweep();",
     "      case Phase::linger:\n      case Phase::ending:\n        return launch_at(now_);"),
    ("quit-once", "    if (life_.agent || life_.launching) end(SIGKILL);", "    sweep();"),
    ("quit-once", "    if (in(Phase::sweep)) quit();", "    if (in(Phase::sweep)) quit(), quit();"),
    ("truth", "if (answer == CatalogAnswer::gone && !life_.agent->seen) answer = CatalogAnswer::forbidden;", ""),
    ("truth", "    } else if (!stop.knew_leader) {", "    } else if (false) {"),
    ("truth", "stop.old_look = life_.agent->looking;", ""),
    ("truth", "        stop.came_back = true;\n", ""),
    ("budget", "life_.out_of_time = now_ + life_.rules.stop_timeout;",
     "life_.out_of_time = now_ + life_.rules.stop_timeout + seconds(20);"),
    ("budget", "      if (now_ - life_.since >= sweep_limit) return quit();\n", ""),
    ("no-shortcut", "      case Phase::linger:\n        return end(SIGKILL);", "      case Phase::linger:\n        return end(SIGTERM);"),
    ("settled", "    life_.deadline = std::min(limit, synced);", "    life_.deadline = now_;"),
    ("join", "if (agent.joining || !(in(Phase::join) || registering())) return;", "if (agent.joining) return;"),
    ("join", "if (leader) agent.join_at.reset();", ""),
    ("join", "    agent.joining = true;\n", ""),
    ("patience", "waited >= life_.rules.hung_after", "waited >= life_.rules.hung_after / 2"),
    ("patience", "(in(Phase::join) && !waits_for_servers) || registering()", "in(Phase::join) || registering()"),
    ("patience", "now_ - *agent.leaderless >= life_.rules.rejoin_after", "now_ - *agent.leaderless >= life_.rules.rejoin_after / 2"),
    ("patience", "life_.rules.rejoin_after > Duration{} &&", "true &&"),
    ("patience", "    if (leader) agent.leaderless.reset();\n", ""),
    ("patience", "      say(leader ? Tone::info : Tone::warn,", "      if (!leader) restart(RestartReason::no_leader);\n      say(leader ? Tone::info : Tone::warn,"),
    ("patience", "if (!e.gossip && (in(Phase::join) || registering())) return quarrelled();",
     "if (leader && !agent.leader) return quarrelled();\n    if (leader && !e.gossip && in(Phase::serve)) return;\n    if (!leader && registering()) return quarrelled();"),
    ("hands-off", "      if (claim.dead() && !refused && !early) agent.to_clear", "      if (!refused && !early) agent.to_clear"),
    ("hands-off", "    if (!life_.rules.heal) return;\n", ""),
    ("hands-off", "    if (held_elsewhere()) return not_ours_to_leave();\n", ""),
    ("give-up", "if (!life_.first_ready && life_.deaths >= life_.rules.give_up_after) {",
     "if (life_.deaths >= life_.rules.give_up_after) {"),
    ("ready", "life.agent->registered && life.agent->leader;", "life.agent->registered;"),
    ("ready", "bool current(int launch) const { return life_.agent && launch == life_.launches; }",
     "bool current(int) const { return life_.agent.has_value(); }"),
    ("hooks", "    if (agent.sending || agent.looking || agent.hooking) return;", "    if (agent.sending || agent.looking) return;"),
    ("hooks", "    if (life_.agent) life_.agent->hooks_done = 0;\n", ""),
    ("awake", "    life_.task_at = now_ + retry;\n", ""),
    ("awake", "    life_.deadline = now_ + sweep_grace;\n", ""),
]


def named():
    seen = {}
    for law, old, new in MUTANTS:
        seen[law] = seen.get(law, 0) + 1
        yield f"{law}.{seen[law]}", old, new


def main(args):
    if args == ["--list"]:
        print("\n".join(name for name, _, _ in named()))
        return 0
    name, source = args
    old, new = next((o, n) for m, o, n in named() if m == name)
    text = open(source, encoding="utf-8").read()
    if text.count(old) != 1:
        print(f"mutants.py: {name}: its place occurs {text.count(old)} times in {source}, not once", file=sys.stderr)
        return 1
    print(text.replace(old, new), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
