#include "agent_api/maintenance.hpp"
#include "agent_user.hpp"
#include "attendant.hpp"
#include "awaited.hpp"
#include "base/text.hpp"
#include "clock.hpp"
#include "commands.hpp"
#include "doctor.hpp"
#include "help.hpp"
#include "order_signals.hpp"
#include "process/io/host.hpp"
#include "process/io/privileges.hpp"
#include "report/io/log.hpp"
#include "sources.hpp"

#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace lictor;

// For good, before anything of the network or of the agent's is looked at. What the agent and its hooks may do is as the platform has
// it and the settings say; they are given that at each launch.
void drop_privileges(const Settings& settings) {
  umask(077);
  if (geteuid() != 0) return;
  // What is wrong with it is told with everything else.
  const auto agent = agent_user(settings);
  const bool root = agent && agent->uid == 0;
  // A root that gains nothing by the programs that it executes has no more than what lictor keeps.
  if (root && (agent->rights.no_new_privs || !may_gain_privileges())) return;
  const auto missing = keep_capabilities(agent ? agent->rights.capabilities : ~Capabilities{0});
  if (!missing) {
    log::warn("capabilities: the kernel refuses to give any up; see the security settings of this host");
  } else if (*missing != 0 && !root) {
    // A file out of reach or a process that can't be ended fails later, and says less.
    log::warn("capabilities: some are missing, and what needs them fails; add them, or run lictor as the agent user",
              {{"missing", names_of(*missing)}});
  }
}

Exit run(const std::optional<std::string>& settings_file, Time executed) {
  hold_signals();
  Environment environment = current_environment();
  auto settings = load_settings(settings_file, environment);
  const bool known = settings.has_value();
  if (!known && may_come(settings.error())) {
    if (auto without = settings_without_file(environment)) settings = std::move(without);
  }
  if (!settings) return print_problems(settings.error());
  log::set_up(settings->log.level, settings->log.json);
  const auto drop = [](const Settings& s) { drop_privileges(s); };
  if (known) drop(*settings);
  boost::asio::io_context io(1);
  const StartSettings start{.settings = std::move(*settings), .named = settings_file, .known = known};
  const Quit end = attend(io, start, std::move(environment), executed, drop);
  if (end.exit == Exit::ok) {
    log::info(end.reason);
    log::flush();
  } else {
    log::complain(end.reason);
  }
  return end.exit;
}

// `command`: whose help tells the right use; empty: not even that is known. `meant`: what was probably to be written.
Exit usage_error(const std::string& why, const std::string& command, const std::optional<std::string>& meant = {}) {
  const std::string help = fmt::format("see `lictor {}-h`", command.empty() ? "" : command + " ");
  return print_problems(
      {Problem{"usage", why, meant ? fmt::format("did you mean \"{}\"?", *meant) : help, Exit::usage}});
}

// Wrong use, as CLI11 puts it in `why`; of a word that it knows nothing of there is more to say.
Exit misunderstood(const CLI::App& app, std::span<char*> arguments, const std::string& why) {
  const auto commands = app.get_subcommands();
  const std::string chosen = commands.empty() ? "" : commands.front()->get_name();
  const std::vector<std::string> unknown = app.remaining(true);  // in no order
  const auto first = std::find_first_of(arguments.begin(), arguments.end(), unknown.begin(), unknown.end());
  if (first == arguments.end()) return usage_error(why, chosen);
  const std::string word = *first, name = word.substr(0, word.find('='));
  std::vector<std::string> known;
  if (word.starts_with('-')) {
    for (const CLI::App* of : {&app, commands.empty() ? &app : commands.front()}) {
      for (const CLI::Option* option : of->get_options()) {
        for (const std::string& long_name : option->get_lnames()) known.push_back("--" + long_name);
      }
    }
    return usage_error(fmt::format("unknown option \"{}\"", name), chosen, nearest(name, known));
  }
  if (!chosen.empty()) return usage_error(why, chosen);
  for (const CLI::App* command : app.get_subcommands(nullptr)) known.push_back(command->get_name());
  return usage_error(fmt::format("unknown command \"{}\"", word), chosen, nearest(word, known));
}

// What CLI11 takes for a problem of an option is the text that this returns.
std::string no_duration(const std::string& text) {
  const auto duration = parse_duration(text);
  return duration ? "" : duration.error().why;
}

std::string no_reason(const std::string& text) {
  const auto reason = maintenance_reason(text);
  return reason ? "" : reason.error().why + "; " + reason.error().hint;
}

using Deed = std::function<Exit()>;

// Which commands CLI11 is told of. To put all of them together takes it a quarter of the instructions of a start, and only help
// and what is said of wrong use need more than those whose names are on the command line.
enum class Commands { named, all };

// What the command line asks for. Nothing: all commands are needed to tell.
std::optional<Deed> understood(std::span<char*> arguments, Time executed, Commands commands) {
  CLI::App app("lictor: attends the Consul client agent of one node");
  app.name("lictor");
  app.require_subcommand(1);
  use_help_format(app);
  app.footer(
      "Exit codes: 0 done, 1 not done, 64 wrong use, 70 a failure of lictor's own,\n"
      "75 try again later, 78 settings or host can't work. What a command's mean, and\n"
      "an example of its use, tells `lictor COMMAND -h`.");
  std::optional<std::string> file;
  const auto takes_file = [&file](CLI::App& command) {
    command.add_option("-c,--config", file, "settings file (else $LICTOR_CONFIG, else /etc/lictor/lictor.json)")
        ->option_text("FILE");
  };
  takes_file(app);
  Deed deed = [] { return Exit::ok; };
  // `complete` gives the command what it takes beside the file, and what it does.
  const auto add = [&](const CommandHelp& help, const auto& complete) {
    const bool named = std::find(arguments.begin(), arguments.end(), std::string_view(help.name)) != arguments.end();
    if (commands == Commands::named && !named) return;
    CLI::App& command = add_command(app, help);
    takes_file(command);
    complete(command);
  };
  const std::pair<int, const char*> no_lictor{1, "no lictor answers"},
      cant_work{78, "settings or host can't work; no retry will mend it"},
      not_yet{75, "no address yet, or a file is missing; trying again later may help"};

  add({.name = "run",
       .what = "attend the agent: start, register, watch, and leave on SIGTERM",
       .exits = {{0, "stopped as asked; a leave was confirmed"},
                 {1, "stopped, and no server has confirmed the leave; the last line says why"},
                 {75, "could not get going; trying again later may help"},
                 cant_work,
                 {126, "the agent could not be executed"},
                 {127, "the agent was not found"}},
       .example = "lictor run -c /etc/lictor/lictor.json"},
      [&](CLI::App& command) { command.callback([&] { deed = [=] { return run(file, executed); }; }); });

  std::optional<std::string> consul;
  add({.name = "check",
       .what = "check settings, host and the agent's settings",
       .more = "All problems are told at once, and nothing is touched. Where all is fine, the choice of the address is "
               "shown.",
       .exits = {{0, "all is fine"}, not_yet, cant_work, {127, "the agent was not found"}},
       .example = "lictor check -c /etc/lictor/lictor.json && lictor reload"},
      [&](CLI::App& command) {
        command.add_option("--consul", consul, "for this program in the place of agent.binary: before an upgrade")
            ->option_text("FILE");
        command.callback([&] { deed = [=] { return check(file, consul); }; });
      });

  bool explain = false, effective = false;
  add({.name = "render",
       .what = "print consul.json as the agent would get it, without secrets",
       .exits = {{0, "printed"}, not_yet, cant_work, {127, "the agent was not found"}},
       .example = "lictor render --explain | grep addr"},
      [&](CLI::App& command) {
        command.add_flag("--explain", explain, "where each value that the agent goes by comes from");
        command.add_flag("--effective", effective, "all that the agent goes by, files and arguments included");
        command.callback([&] {
          const Rendered what = explain ? Rendered::explained : effective ? Rendered::effective : Rendered::consul_json;
          deed = [=] { return render(file, what); };
        });
      });

  bool json = false, watch = false;
  add({.name = "status",
       .what = "show the state of the running lictor",
       .more = "Without one: what the settings and the host alone tell.",
       .exits = {{0, "shown"}, no_lictor, cant_work},
       .example = "lictor status --json | grep phase"},
      [&](CLI::App& command) {
        command.add_flag("--json", json, "as JSON");
        command.add_flag("--watch", watch, "until Ctrl-C, anew with each change");
        command.callback([&] { deed = [=] { return show_status(file, json, watch); }; });
      });

  add({.name = "doctor",
       .what = "look for what is wrong with this node and its cluster",
       .more = "Of each finding it says what it means and what mends it.",
       .exits = {{0, "nothing was found"}, {1, "there are findings"}, {75, "could not look"}},
       .example = "lictor doctor || echo 'see above'"},
      [&](CLI::App& command) {
        command.add_flag("--json", json, "as JSON");
        command.callback([&] { deed = [=] { return doctor(file, json); }; });
      });

  FleetOptions fleet;
  add({.name = "fleet",
       .what = "show how all nodes of the datacenter are",
       .more =
           "By their own checks, as the servers have them: counts by state, version, phase and problem, nodes without "
           "lictor, restarts in the last hour, and a line for each node that is not well.",
       .exits = {{0, "shown"}, {1, "nobody tells: the agent does not answer, or may not be asked"}, cant_work},
       .example = "lictor fleet --version 1.8"},
      [&](CLI::App& command) {
        command.add_flag("--json", json, "as JSON");
        command.add_flag("--watch", watch, "until Ctrl-C, anew with each change");
        command.add_option("--problem", fleet.problem, "nodes that have it, by its name")->option_text("NAME");
        command
            .add_option("--version", fleet.version,
                        "nodes with this version of lictor or Consul, or one that begins so: 1.21 is 1.21.4, too")
            ->option_text("VERSION");
        command
            .add_option("--filter", fleet.filter,
                        "nodes whose check meets this expression of Consul's, as in 'Node matches \"^web\"'")
            ->option_text("EXPRESSION");
        command
            .add_option("--http-addr", fleet.http_address,
                        "ask this agent: ADDRESS:PORT, or unix:///PATH; else the one of this node")
            ->option_text("ADDRESS");
        command.callback([&] {
          fleet.json = json;
          fleet.watch = watch;
          deed = [=] { return show_fleet(file, fleet); };
        });
      });

  std::optional<std::string> svg;
  add({.name = "timeline",
       .what = "show where the time of the last start and stop went",
       .exits = {{0, "shown"}, {1, "no lictor answers, and none has left a record"}, cant_work},
       .example = "lictor timeline --svg /tmp/lictor.svg"},
      [&](CLI::App& command) {
        auto* timeline_json_flag = command.add_flag("--json", json, "as JSON");
        command.add_option("--svg", svg, "draw it into this file")->option_text("FILE")->excludes(timeline_json_flag);
        command.callback([&] { deed = [=] { return show_timeline(file, json, svg); }; });
      });

  bool is_live = false, is_ready = false;
  add({.name = "health",
       .what = "tell by the exit code whether the node is ready",
       .more = "Made for probes.",
       .exits = {{0, "yes"}, {1, "no, or no lictor answers"}, cant_work},
       .example = "lictor health --ready && echo 'in the catalog'"},
      [&](CLI::App& command) {
        auto* live_flag = command.add_flag("--live", is_live, "whether lictor is not about to give up");
        command.add_flag("--ready", is_ready, "whether the node is registered and knows a leader (the default)")
            ->excludes(live_flag);
        command.callback([&] { deed = [=] { return health(file, is_live ? Health::live : Health::ready); }; });
      });

  std::string goal, timeout = "60s";
  const auto takes_timeout = [&timeout](CLI::App& command) {
    command.add_option("--timeout", timeout, "longest wait, as in 90s or 1m30s (60s where none is given)")
        ->option_text("DURATION")
        ->check(CLI::Validator(no_duration, ""));
  };
  const auto limit = [&timeout] { return parse_duration(timeout).value(); };
  add({.name = "wait",
       .what = "wait until the running lictor has got there",
       .more = "It goes by how the node is when it looks: new settings may not have been taken "
               "yet. `lictor reload` waits for that.",
       .exits = {{0, "it has"}, {1, "it has not within the time"}, cant_work},
       .example = "lictor wait --for ready --timeout 90s && echo 'in the catalog'"},
      [&](CLI::App& command) {
        command
            .add_option(
                "--for", goal,
                "ready: registered, and a leader known; registered: the catalog shows the node and its services; "
                "gone: lictor does not run")
            ->option_text("{ready,registered,gone}")
            ->required()
            ->check(CLI::IsMember({"ready", "registered", "gone"}));
        takes_timeout(command);
        command.callback([&] {
          const Goal awaited = goal == "ready" ? Goal::ready : goal == "gone" ? Goal::gone : Goal::registered;
          deed = [=, within = limit()] { return wait_for(file, awaited, within); };
        });
      });

  const std::pair<int, const char*> not_in_time{1,
                                                "not done, or not known within the time: what was ordered goes on; or "
                                                "no lictor answers"};
  const auto add_order = [&](Order what, const CommandHelp& help) {
    add(help, [&, what](CLI::App& command) {
      takes_timeout(command);
      command.callback([&, what] { deed = [=, within = limit()] { return order(file, what, within); }; });
    });
  };
  add_order(Order::reload, {.name = "reload",
                            .what = "have the settings read again, and say whether they were taken",
                            .exits = {{0, "taken"}, not_in_time, {78, "refused: the old ones stay in force"}},
                            .example = "lictor reload && lictor status"});
  add_order(Order::restart, {.name = "restart",
                             .what = "restart the agent in place, without leaving",
                             .more = "It waits until the node is ready again, with another agent.",
                             .exits = {{0, "ready again, with another agent"}, not_in_time, cant_work},
                             .example = "lictor restart --timeout 2m"});
  add_order(Order::leave,
            {.name = "leave",
             .what = "have the node leave (by stop.policy) and lictor end",
             .more = "It ends with lictor's exit code. In a container, which the platform starts again when it "
                     "has ended, it says what to do instead.",
             .exits = {{0, "stopped as asked; a leave was confirmed"},
                       {1, "not confirmed, or not known within the time; or no lictor answers"},
                       cant_work},
             .example = "lictor leave && systemctl poweroff"});

  std::string state, reason;
  add({.name = "maint",
       .what = "put the node into Consul's maintenance mode, or take it out",
       .more = "While it is in, all its services are critical: over restarts too, until it is "
               "taken out. The node stays ready.",
       .exits = {{0, "done, and the servers show it"}, not_in_time, cant_work},
       .example = "lictor maint on --reason 'a new disk' && lictor maint off"},
      [&](CLI::App& command) {
        command.add_option("state", state, "what it is to be")
            ->option_text("{on,off}")
            ->required()
            ->check(CLI::IsMember({"on", "off"}));
        command.add_option("--reason", reason, "why, for all who look at the node's health: one line (with on)")
            ->option_text("TEXT")
            ->check(CLI::Validator(no_reason, ""));
        takes_timeout(command);
        command.callback([&] {
          if (state == "off" && !reason.empty()) throw CLI::ValidationError("--reason", "is taken with on alone");
          deed = [=, within = limit()] { return maintain(file, state == "on", reason, within); };
        });
      });

  add({.name = "env",
       .what = "print CONSUL_HTTP_ADDR=... for other programs on the node",
       .exits = {{0, "printed"}, not_yet, cant_work, {127, "the agent was not found"}},
       .example = "env \"$(lictor env)\" consul members"},
      [&](CLI::App& command) { command.callback([&] { deed = [=] { return show_environment(file); }; }); });
  add({.name = "version", .what = "print the version", .exits = {{0, "printed"}}, .example = "lictor version"},
      [&](CLI::App& command) {
        command.callback([&] { deed = [] { return print("lictor " LICTOR_VERSION "\n"), Exit::ok; }; });
      });

  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::CallForHelp&) {
    if (commands == Commands::named) return std::nullopt;
    // CLI11 gives help before it looks at what it did not understand.
    if (const auto extra = app.remaining(true); !extra.empty())
      return [exit = misunderstood(app, arguments, CLI::ExtrasError(extra).what())] { return exit; };
    print(app.help());
  } catch (const CLI::ParseError& error) {
    if (commands == Commands::named) return std::nullopt;
    return [exit = misunderstood(app, arguments, error.what())] { return exit; };
  }
  return deed;
}

// To be done when CLI11's picture of the command line is gone.
Deed understood(std::span<char*> arguments, Time executed) {
  if (auto deed = understood(arguments, executed, Commands::named)) return std::move(*deed);
  return understood(arguments, executed, Commands::all).value();
}

// The first file opened would become standard output where that is closed, and would be written to.
void fill_standard_descriptors() {
  int fd = 0;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  // Of what came before, the kernel knows no more than ticks of 10 ms; a static program takes less than one.
  const lictor::Time executed = lictor::steady_now();
  prctl(PR_SET_DUMPABLE, 0);  // no core dump shows a token; programs that are executed are not affected
  fill_standard_descriptors();
  try {
    return static_cast<int>(understood({argv, static_cast<std::size_t>(argc)}, executed)());
  } catch (const std::exception& error) {
    const lictor::Problem problem{"internal", error.what(), "please report this", lictor::Exit::internal};
    return static_cast<int>(lictor::print_problems({problem}));
  }
}
