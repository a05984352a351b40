"""The command line: what `-h` says of each command is whole, fits the screen and works, and wrong use is told."""

import re

from package_test import command_line
from snippets import SOURCE, Host
from tools import eventually
from world import LEFT, write_script


def helps(host):
    """Command -> what `lictor COMMAND -h` prints; "" -> what `lictor -h` does."""
    names = ["", *command_line(host.world)[1]]
    return {name: host.sh(f"lictor {name} -h") for name in names}


def example(told):
    """The example at the end of a command's help; AssertionError where there is none."""
    found = re.search(r"\nExample:\n  (lictor .*|.*\$\(lictor .*)\n$", told)
    assert found, told
    return found[1]


def help_is_whole(world):
    """Each command's help has what it does, its use, options, exit codes and one example, on lines of 80 columns; each exit
    code is one that the page knows."""
    codes = set(re.findall(r"^\| (\d+) \|", (SOURCE / "docs/architecture.md").read_text(), re.M))
    found = helps(Host(world))
    listed = found[""]
    for name, told in found.items():
        assert max(map(len, told.splitlines())) <= 80, told
        assert not re.search(r"[ \t]$", told, re.M), told
        if not name:
            continue
        what, options, exits, line = re.fullmatch(
            rf"([^\n]+)\n.*?Usage: lictor {name} \[OPTIONS\][^\n]*\n\n"
            r"(.*?)\nExit codes:\n((?:  [^\n]*\n)+)\nExample:\n  ([^\n]*)\n",
            told,
            re.S,
        ).groups()
        assert not what.endswith(".") and f"  {name:8}  {what}\n" in listed, told
        assert "-h,--help" in options and "-c,--config FILE" in options, told
        told_of = re.findall(r"^  (\d+) ", exits, re.M)
        assert {"0", "64"} <= set(told_of) <= codes and told_of == sorted(told_of, key=int), (name, told_of)
        assert f"lictor {name}" in line, told


def help_examples_work(world):
    """The example of every command, run on a node that serves, ends with 0."""
    server, host = world.server(), Host(world)
    write_script("/usr/local/bin/systemctl", f'echo "$@" > {host.folder}/systemctl\n')
    examples = {name: example(told) for name, told in helps(host).items() if name}
    run = examples.pop("run")
    assert run == f"lictor run -c {host.settings_file}", "what Host.start() does"
    host.start().ready()
    eventually(server.passing, 15, "the service passes")
    leave = examples.pop("leave")
    for name, line in examples.items():
        print(name, ":", line)
        host.sh(line)
    assert host.sh(leave) and host.ended() == 0 and server.member("n1") == LEFT
    with open(f"{host.folder}/systemctl") as file:
        assert file.read() == "poweroff\n"


def help_options_anywhere(world):
    """Options come before or after operands and commands, and -h with them."""
    host = Host(world)
    for line in ("-c {} env", "env -c {}", "-c{} env", "env --config={}"):
        assert "CONSUL_HTTP_ADDR=" in host.sh("lictor " + line.format(host.settings_file)), line
    assert host.sh("lictor -h wait") == host.sh("lictor wait --help") == host.sh("lictor wait -h --timeout 1s")
    asked = ("maint on --reason a --timeout 2s", "maint --timeout 2s --reason a on", "--config {} maint --reason=a on")
    for line in asked:
        told = host.sh("lictor " + line.format(host.settings_file), (1,))
        assert told.startswith("lictor: maint: ") and "is lictor running here" in told, told


def help_of_wrong_use(world):
    """A wrong command line: exit code 64, nothing on standard output, one line that names what is wrong and whose help to
    see. Asking for help at the same time changes nothing."""
    host = Host(world)
    general, commands, _ = command_line(world)
    wrong = {
        "": "lictor -h",
        "nonsense": "lictor -h",
        "nonsense -h": "lictor -h",
        "-h nonsense": "lictor -h",
        "--nonsense": "lictor -h",
        "-c": "lictor -h",
        "status run": "lictor status -h",
        "wait": "lictor wait -h",
        "wait --for never": "lictor wait -h",
        "wait --for ready --timeout 5": "lictor wait -h",
        "maint": "lictor maint -h",
        "maint maybe": "lictor maint -h",
        "health --live --ready": "lictor health -h",
    }
    for name, options in commands.items():
        wrong |= {f"{name} {extra}": f"lictor {name} -h" for extra in ("nonsense", "--nonsense", "--nonsense -h", "-c")}
        if "--timeout" in options:
            for duration in ("5", "x", "-1s", "''", "1e9h"):
                wrong[f"{name} --timeout {duration}"] = f"lictor {name} -h"
    assert {"-c", "--config", "-h", "--help"} == general and len(wrong) > 60
    hints = {line: f"see `{see}`" for line, see in wrong.items()}
    slips = {"rnu": "run", "-c x staus": "status", "Reload --timeout 2s": "reload"}
    hints |= {line: f'did you mean "{meant}"?' for line, meant in slips.items()}
    slips = {"run --confg x": "--config", "wait --fro=ready": "--for", "--confg x": "--config", "leave --tiemout 2s -h": "--timeout"}
    hints |= {line: f'did you mean "{meant}"?' for line, meant in slips.items()}
    for line, hint in hints.items():
        told = host.sh(f"lictor {line} 2>&1 >/dev/null", (64,))
        assert re.fullmatch(rf"lictor: usage: [^\n]+; {re.escape(hint)}\n", told), (line, told)
        assert not host.sh(f"lictor {line} 2>/dev/null", (64,)), line
    assert host.sh("lictor rnu 2>&1", (64,)).startswith('lictor: usage: unknown command "rnu"; ')
    assert host.sh("lictor run --confg x 2>&1", (64,)).startswith('lictor: usage: unknown option "--confg"; ')


def help_in_shells(world):
    """The completions name all commands, options and values that the help names, and no others: bash is asked, what the
    others' files say is read; so are the commands and options in lictor(1) and in README's table."""
    host = Host(world)
    general, commands, values = command_line(world)
    script = f". {SOURCE}/config/completions/lictor.bash\n"
    script += 'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _lictor; echo "${COMPREPLY[*]}"; }\n'
    expected = {"lictor ''": set(commands), "lictor -": general}
    expected |= {f"lictor {name} -": general | options for name, options in commands.items()}
    positional = {name: choice for name, choice in values.items() if not name.startswith("-")}
    expected |= {f"lictor wait {name} ''": set(choice) for name, choice in values.items() if name.startswith("-")}
    expected |= {"lictor maint ''": set(positional["state"])}
    write_script(f"{host.folder}/ask", f"exec bash {host.folder}/ask.bash\n")
    with open(f"{host.folder}/ask.bash", "w") as file:
        file.write(script + "".join(f"ask {typed}\n" for typed in expected))
    offered = [set(line.split()) for line in host.sh(f"{host.folder}/ask").splitlines()]
    assert dict(zip(expected, offered, strict=True)) == expected

    zsh = (SOURCE / "config/completions/lictor.zsh").read_text()
    fish = (SOURCE / "config/completions/lictor.fish").read_text()
    own = set().union(*commands.values()) - general
    for title, text, names, options in (
        ("zsh", zsh, r"^  '(\w+):", r"(?<=['\])])(--[a-z-]+)(?=\[)"),
        ("fish", fish, r"__fish_use_subcommand -a (\w+)", r" -l ([a-z-]+)"),
    ):
        assert set(re.findall(names, text, re.M)) == set(commands), title
        found = {option if option.startswith("-") else f"--{option}" for option in re.findall(options, text)}
        assert found - general == own, (title, found ^ own)
        assert all(" ".join(choice) in text for choice in values.values()), title
    table = (SOURCE / "README.md").read_text().partition("## Commands")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)", table, re.M)) == set(commands)
    manual = (SOURCE / "docs/lictor.1").read_text()
    named = [set(re.findall(pattern, manual, re.M)) for pattern in (r"^\.Nm\n\.Cm (\w+)", r"^\.It Cm (\w+)$")]
    assert named == [set(commands)] * 2, named
