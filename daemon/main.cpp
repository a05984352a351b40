#include "act/host.hpp"
#include "act/log.hpp"
#include "act/privileges.hpp"
#include "attendant.hpp"
#include "commands.hpp"
#include "doctor.hpp"
#include "preparation.hpp"

#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>

namespace {

using namespace lictor;

// For good, before anything of the network or of the agent's is looked at.
void drop_privileges(const Settings& settings, const Environment& environment) {
  umask(077);
  const AgentPrivileges agent = agent_privileges(settings, environment);
  constexpr Capabilities all = ~Capabilities{0};
  if (geteuid() == 0) {
    const auto missing = keep_needed_capabilities(agent.root ? all : agent.capabilities);
    if (!missing) {
      log::warn("capabilities: the kernel refuses to give any up; see the security settings of this host");
    } else if (*missing != 0 && !agent.root) {
      // A file out of reach or a process that can't be ended fails later, and says less.
      log::warn("capabilities: some are missing, and what needs them fails; add them, or run lictor as the agent user",
                {{"missing", names_of_needed(*missing)}});
    }
  }
  if (!agent.gains.empty()) {
    log::info("the agent's program gains privileges by its file (see getcap): it runs without no_new_privs",
              {{"path", agent.gains}});
  } else if (!agent.root) {
    gain_no_privileges();
  }
}

Exit run(const std::optional<std::string>& settings_file, Time executed) {
  Environment environment = current_environment();
  auto settings = load_settings(settings_file, environment);
  if (!settings) return print_problems(settings.error());
  log::set_up(settings->log.level, settings->log.json);
  drop_privileges(*settings, environment);
  boost::asio::io_context io(1);
  const Quit end = Attendant(io, std::move(*settings), settings_file, std::move(environment), executed).run();
  if (end.exit == Exit::ok) {
    log::info(end.reason);
    log::flush();
  } else {
    log::complain(end.reason);
  }
  return end.exit;
}

Exit usage_error(const std::string& why) {
  return print_problems({Problem{"usage", why, "see `lictor -h`", Exit::usage}});
}

Exit dispatch(int argc, char** argv, Time executed) {
  CLI::App app(
      "lictor: attends the Consul client agent of one node\n"
      "Exit codes: 0 done, 1 not done, 64 wrong use, 78 settings or host can't work, 75 try again later");
  app.name("lictor");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_flag("-h,--help", "show this help");
  std::optional<std::string> file;
  app.add_option("-c,--config", file, "settings file (else $LICTOR_CONFIG, else /etc/lictor/lictor.json)");
  Exit exit = Exit::ok;

  app.add_subcommand("run", "attend the agent: start, register, watch, and leave on SIGTERM")->callback([&] {
    exit = run(file, executed);
  });
  app.add_subcommand("check", "check settings, host and the agent's settings")->callback([&] { exit = check(file); });

  bool explain = false;
  auto* render_command = app.add_subcommand("render", "print consul.json as the agent would get it, without secrets");
  render_command->add_flag("--explain", explain, "where each value comes from");
  render_command->callback([&] { exit = render(file, explain); });

  bool json = false, watch = false;
  auto* status_command = app.add_subcommand("status", "show the state of the running lictor");
  status_command->add_flag("--json", json, "as JSON");
  status_command->add_flag("--watch", watch, "until Ctrl-C, anew with each change");
  status_command->callback([&] { exit = show_status(file, json, watch); });

  auto* doctor_command = app.add_subcommand("doctor", "look for what is wrong with this node and its cluster");
  doctor_command->add_flag("--json", json, "as JSON");
  doctor_command->callback([&] { exit = doctor(file, json); });

  std::optional<std::string> svg;
  auto* timeline_command = app.add_subcommand("timeline", "show where the time of the last start and stop went");
  auto* timeline_json_flag = timeline_command->add_flag("--json", json, "as JSON");
  timeline_command->add_option("--svg", svg, "draw it into this file")->type_name("FILE")->excludes(timeline_json_flag);
  timeline_command->footer("Example: lictor leave; lictor timeline");
  timeline_command->callback([&] { exit = show_timeline(file, json, svg); });

  bool is_live = false, is_ready = false;
  auto* health_command = app.add_subcommand("health", "exit 0 if lictor is ready (or with --live: alive), else 1");
  auto* live_flag = health_command->add_flag("--live", is_live, "alive");
  health_command->add_flag("--ready", is_ready, "ready (the default)")->excludes(live_flag);
  health_command->callback([&] { exit = health(file, is_live ? Health::live : Health::ready); });

  std::string goal, timeout = "60s";
  auto* wait_command = app.add_subcommand("wait", "wait until the running lictor has got there");
  wait_command->add_option("--for", goal, "ready, registered or gone")
      ->required()
      ->check(CLI::IsMember({"ready", "registered", "gone"}));
  wait_command->add_option("--timeout", timeout, "longest wait, as in \"90s\"; exit 1 after it")->capture_default_str();
  wait_command->callback([&] {
    const auto limit = parse_duration(timeout);
    if (!limit) {
      exit = usage_error("--timeout: " + limit.error().why);
      return;
    }
    exit = wait_for(file, goal == "ready" ? Goal::ready : goal == "gone" ? Goal::gone : Goal::registered, *limit);
  });

  const auto add_order = [&](const char* name, const char* help, Order what, const char* example) {
    auto* command = app.add_subcommand(name, help);
    command->add_option("--timeout", timeout, "longest wait for the outcome, as in \"90s\"; exit 1 after it")
        ->capture_default_str();
    command->footer(example);
    command->callback([&, what] {
      const auto limit = parse_duration(timeout);
      exit = limit ? order(file, what, *limit) : usage_error("--timeout: " + limit.error().why);
    });
  };
  add_order("reload", "have the settings read again, and say whether they were taken (exit 78: refused)", Order::reload,
            "Example: lictor reload && lictor status");
  add_order("restart", "restart the agent in place, without leaving, and wait until the node is ready again",
            Order::restart, "Example: lictor restart --timeout 2m");
  add_order("leave", "have the node leave (by stop.policy) and lictor end; exit with what it ends with", Order::leave,
            "Example: lictor leave && systemctl poweroff");

  app.add_subcommand("env", "print CONSUL_HTTP_ADDR=... for other programs on the node")->callback([&] {
    exit = show_environment(file);
  });
  app.add_subcommand("version", "print the version")->callback([] { print("lictor " LICTOR_VERSION "\n"); });
  for (CLI::App* command : app.get_subcommands({})) command->set_help_flag("-h,--help", "show this help");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    print((chosen.empty() ? &app : chosen.front())->help());
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }
  return exit;
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
  const lictor::Time executed = std::chrono::floor<lictor::Duration>(std::chrono::steady_clock::now());
  prctl(PR_SET_DUMPABLE, 0);  // no core dump shows a token; programs that are executed are not affected
  fill_standard_descriptors();
  try {
    return static_cast<int>(dispatch(argc, argv, executed));
  } catch (const std::exception& error) {
    const lictor::Problem problem{"internal", error.what(), "please report this", lictor::Exit::internal};
    return static_cast<int>(lictor::print_problems({problem}));
  }
}
