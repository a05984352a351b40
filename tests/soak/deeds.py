"""What a soak does, and when: a pure function of the seed."""

import collections
import random

Deed = collections.namedtuple("Deed", "kind node seconds number")

# How often each comes. Those of ALONE meet the server, those of REBORN need another lictor.
WEIGHTS = {
    "kill_agent": 10,
    "stop_agent": 8,
    "cut_off": 8,
    "slow": 5,
    "fill_disk": 6,
    "touch_settings": 4,
    "services": 10,
    "break_settings": 4,
    "agent_settings": 6,
    "usr2": 6,
    "hup": 4,
    "term": 6,
    "term_cut_off": 2,
    "kill_lictor": 6,
    "rename": 5,
    "rename_killed": 4,
    "server_silent": 3,
    "server_killed": 3,
}
ALONE = {"server_silent", "server_killed"}
REBORN = {"term", "term_cut_off", "kill_lictor", "rename", "rename_killed"}


def schedule(seed, nodes):
    """The steps of a seed, endless: each a list of deeds at different nodes, done at the same time.

    The first node keeps its lictor all the time, so that growth would show.
    """
    chance = random.Random(seed)

    def deed(free):
        while True:
            kind = chance.choices(list(WEIGHTS), WEIGHTS.values())[0]
            where = chance.choice(free)
            if kind not in REBORN or where != 0:
                return Deed(kind, where, round(chance.uniform(0.2, 8), 1), chance.randrange(1 << 16))

    while True:
        free, step = list(range(nodes)), []
        for _ in range(chance.choice([1, 1, 1, 2, 2, 3])):
            one = deed(free)
            if one.kind in ALONE:
                step = [one._replace(node=None)]
                break
            step.append(one)
            free.remove(one.node)
            if not free:
                break
        yield step


def described(step):
    return ", ".join(
        f"{d.kind}{'' if d.node is None else f' n{d.node + 1}'} ({d.seconds} s, {d.number})" for d in step
    )
