#include "agent_user.hpp"
#include "attendant.hpp"
#include "awaited.hpp"
#include "clock.hpp"
#include "commands.hpp"
#include "order_signals.hpp"
#include "process/io/host.hpp"
#include "process/io/privileges.hpp"
#include "program.hpp"
#include "report/io/log.hpp"
#include "sources.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

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

Exit carry_out(std::span<char* const> words, Time executed) {
  const Program program = make_program(run);
  auto asked = read_command_line(program, words);
  if (const auto* problem = std::get_if<Problem>(&asked)) return print_problems({*problem});
  if (const auto* help = std::get_if<Help>(&asked)) return print(help->text), Exit::ok;
  auto& [command, arguments] = std::get<Invocation>(asked);
  arguments.executed = executed;
  return command->run(arguments);
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
    return static_cast<int>(carry_out({argv, static_cast<std::size_t>(argc)}, executed));
  } catch (const std::exception& error) {
    const lictor::Problem problem{"internal", error.what(), "please report this", lictor::Exit::internal};
    return static_cast<int>(lictor::print_problems({problem}));
  }
}
