#include "program.hpp"

#include "agent_api/maintenance.hpp"
#include "base/text.hpp"
#include "commands.hpp"
#include "doctor.hpp"

#include <utility>

namespace lictor {
namespace {

std::optional<std::string> file_of(const Arguments& given) { return given.value("config"); }

std::string no_duration(const std::string& text) {
  const auto duration = parse_duration(text);
  return duration ? "" : duration.error().why;
}

std::string no_reason(const std::string& text) {
  const auto reason = maintenance_reason(text);
  return reason ? "" : reason.error().why + "; " + reason.error().hint;
}

constexpr std::pair<int, const char*> no_lictor{1, "no lictor answers"},
    cant_work{78, "settings or host can't work; no retry will mend it"},
    not_yet{75, "no address yet, or a file is missing; trying again later may help"},
    not_in_time{1, "not done, or not known within the time: what was ordered goes on; or no lictor answers"},
    no_agent{127, "the agent was not found"};

constexpr Option as_json{.name = "json", .what = "as JSON"};
constexpr Option anew{.name = "watch", .what = "until Ctrl-C, anew with each change"};
constexpr Option within{.name = "timeout",
                        .value = "DURATION",
                        .what = "longest wait, as in 90s or 1m30s (60s where none is given)",
                        .fault = no_duration};

Duration limit(const Arguments& given) { return parse_duration(given.value(within.name).value_or("60s")).value(); }

// An order that the running lictor carries out.
Command order_command(Order what, Command command) {
  command.options = {within};
  command.run = [what](const Arguments& given) { return order(file_of(given), what, limit(given)); };
  return command;
}

std::vector<Command> looking_commands() {
  return {
      {.name = "check",
       .what = "check settings, host and the agent's settings",
       .more = "All problems are told at once, and nothing is touched. Where all is fine, the choice of the address is "
               "shown.",
       .exits = {{0, "all is fine"}, not_yet, cant_work, no_agent},
       .example = "lictor check -c /etc/lictor/lictor.json && lictor reload",
       .options = {{.name = "consul",
                    .value = "FILE",
                    .what = "for this program in the place of agent.binary: before an upgrade"}},
       .run = [](const Arguments& given) { return check(file_of(given), given.value("consul")); }},
      {.name = "render",
       .what = "print consul.json as the agent would get it, without secrets",
       .exits = {{0, "printed"}, not_yet, cant_work, no_agent},
       .example = "lictor render --explain | grep addr",
       .options = {{.name = "explain", .what = "where each value that the agent goes by comes from"},
                   {.name = "effective", .what = "all that the agent goes by, files and arguments included"}},
       .run =
           [](const Arguments& given) {
             return render(file_of(given), given.has("explain")     ? Rendered::explained
                                           : given.has("effective") ? Rendered::effective
                                                                    : Rendered::consul_json);
           }},
      {.name = "status",
       .what = "show the state of the running lictor",
       .more = "Without one: what the settings and the host alone tell.",
       .exits = {{0, "shown"}, no_lictor, cant_work},
       .example = "lictor status --json | grep phase",
       .options = {as_json, anew},
       .run =
           [](const Arguments& given) { return show_status(file_of(given), given.has("json"), given.has("watch")); }},
      {.name = "doctor",
       .what = "look for what is wrong with this node and its cluster",
       .more = "Of each finding it says what it means and what mends it.",
       .exits = {{0, "nothing was found"}, {1, "there are findings"}, {75, "could not look"}},
       .example = "lictor doctor || echo 'see above'",
       .options = {as_json},
       .run = [](const Arguments& given) { return doctor(file_of(given), given.has("json")); }},
      {.name = "fleet",
       .what = "show how all nodes of the datacenter are",
       .more =
           "By their own checks, as the servers have them: counts by state, version, phase and problem, nodes without "
           "lictor, restarts in the last hour, and a line for each node that is not well.",
       .exits = {{0, "shown"}, {1, "nobody tells: the agent does not answer, or may not be asked"}, cant_work},
       .example = "lictor fleet --version 1.8",
       .options = {as_json,
                   anew,
                   {.name = "problem", .value = "NAME", .what = "nodes that have it, by its name"},
                   {.name = "version",
                    .value = "VERSION",
                    .what = "nodes with this version of lictor or Consul, or one that begins so: 1.21 is 1.21.4, too"},
                   {.name = "filter",
                    .value = "EXPRESSION",
                    .what = "nodes whose check meets this expression of Consul's, as in 'Node matches \"^web\"'"},
                   {.name = "http-addr",
                    .value = "ADDRESS",
                    .what = "ask this agent: ADDRESS:PORT, or unix:///PATH; else the one of this node"}},
       .run =
           [](const Arguments& given) {
             return show_fleet(file_of(given), {.http_address = given.value("http-addr").value_or(""),
                                                .problem = given.value("problem").value_or(""),
                                                .version = given.value("version").value_or(""),
                                                .filter = given.value("filter").value_or(""),

                                                .json = given.has("json"),
                                                .watch = given.has("watch")});
           }},
      {.name = "timeline",
       .what = "show where the time of the last start and stop went",
       .exits = {{0, "shown"}, {1, "no lictor answers, and none has left a record"}, cant_work},
       .example = "lictor timeline --svg /tmp/lictor.svg",
       .options = {as_json, {.name = "svg", .value = "FILE", .what = "draw it into this file", .excludes = "json"}},
       .run =
           [](const Arguments& given) { return show_timeline(file_of(given), given.has("json"), given.value("svg")); }},
  };
}

std::vector<Command> asking_commands() {
  return {
      {.name = "health",
       .what = "tell by the exit code whether the node is ready",
       .more = "Made for probes.",
       .exits = {{0, "yes"}, {1, "no, or no lictor answers"}, cant_work},
       .example = "lictor health --ready && echo 'in the catalog'",
       .options = {{.name = "live", .what = "whether lictor is not about to give up"},
                   {.name = "ready",
                    .what = "whether the node is registered and knows a leader (the default)",
                    .excludes = "live"}},
       .run =
           [](const Arguments& given) {
             return health(file_of(given), given.has("live") ? Health::live : Health::ready);
           }},
      {.name = "wait",
       .what = "wait until the running lictor has got there",
       .more =
           "It goes by how the node is when it looks: new settings may not have been taken yet. `lictor reload` waits "
           "for that.",
       .exits = {{0, "it has"}, {1, "it has not within the time"}, cant_work},
       .example = "lictor wait --for ready --timeout 90s && echo 'in the catalog'",
       .options = {{.name = "for",
                    .value = "{ready,registered,gone}",
                    .what = "ready: registered, and a leader known; registered: the catalog shows the node and its "
                            "services; gone: lictor does not run",
                    .required = true},
                   within},
       .run =
           [](const Arguments& given) {
             const std::string goal = given.value("for").value();
             return wait_for(file_of(given),
                             goal == "ready"  ? Goal::ready
                             : goal == "gone" ? Goal::gone
                                              : Goal::registered,
                             limit(given));
           }},
  };
}

std::vector<Command> ordering_commands() {
  return {
      order_command(Order::reload, {.name = "reload",
                                    .what = "have the settings read again, and say whether they were taken",
                                    .exits = {{0, "taken"}, not_in_time, {78, "refused: the old ones stay in force"}},
                                    .example = "lictor reload && lictor status"}),
      order_command(Order::restart, {.name = "restart",
                                     .what = "restart the agent in place, without leaving",
                                     .more = "It waits until the node is ready again, with another agent.",
                                     .exits = {{0, "ready again, with another agent"}, not_in_time, cant_work},
                                     .example = "lictor restart --timeout 2m"}),
      order_command(Order::leave,
                    {.name = "leave",
                     .what = "have the node leave (by stop.policy) and lictor end",
                     .more = "It ends with lictor's exit code. In a container, which the platform starts again when it "
                             "has ended, it says what to do instead.",
                     .exits = {{0, "stopped as asked; a leave was confirmed"},
                               {1, "not confirmed, or not known within the time; or no lictor answers"},
                               cant_work},
                     .example = "lictor leave && systemctl poweroff"}),
      {.name = "maint",
       .what = "put the node into Consul's maintenance mode, or take it out",
       .more =
           "While it is in, all its services are critical: over restarts too, until it is taken out. The node stays "
           "ready.",
       .exits = {{0, "done, and the servers show it"}, not_in_time, cant_work},
       .example = "lictor maint on --reason 'a new disk' && lictor maint off",
       .options = {{.name = "reason",
                    .value = "TEXT",
                    .what = "why, for all who look at the node's health: one line (with on)",
                    .fault = no_reason},
                   within},
       .operand = {{.name = "state", .value = "{on,off}", .what = "what it is to be"}},
       .fault =
           [](const Arguments& given) {
             const bool vain = given.value("state") == "off" && !given.value("reason").value_or("").empty();
             return std::string(vain ? "--reason: is taken with on alone" : "");
           },
       .run =
           [](const Arguments& given) {
             return maintain(file_of(given), given.value("state") == "on", given.value("reason").value_or(""),
                             limit(given));
           }},
  };
}

}  // namespace

Program make_program(std::function<Exit(const std::optional<std::string>& settings_file, Time executed)> run) {
  Program program{
      .name = "lictor",
      .what = "lictor: attends the Consul client agent of one node",
      .footer =
          "Exit codes: 0 done, 1 not done, 64 wrong use, 70 a failure of lictor's own, 75 try again later, 78 "
          "settings or host can't work. What a command's mean, and an example of its use, tells `lictor COMMAND "
          "-h`.",
      .options = {{.name = "config",
                   .letter = 'c',
                   .value = "FILE",
                   .what = "settings file (else $LICTOR_CONFIG, else /etc/lictor/lictor.json)"}},
      .commands = {
          {.name = "run",
           .what = "attend the agent: start, register, watch, and leave on SIGTERM",
           .exits = {{0, "stopped as asked; a leave was confirmed"},
                     {1, "stopped, and no server has confirmed the leave; the last line says why"},
                     {75, "could not get going; trying again later may help"},
                     cant_work,
                     {126, "the agent could not be executed"},
                     no_agent},
           .example = "lictor run -c /etc/lictor/lictor.json",
           .run = [run = std::move(run)](const Arguments& given) { return run(file_of(given), given.executed); }}}};
  for (auto&& commands : {looking_commands(), asking_commands(), ordering_commands()})
    program.commands.insert(program.commands.end(), commands.begin(), commands.end());
  program.commands.push_back({.name = "env",
                              .what = "print CONSUL_HTTP_ADDR=... for other programs on the node",
                              .exits = {{0, "printed"}, not_yet, cant_work, no_agent},
                              .example = "env \"$(lictor env)\" consul members",
                              .run = [](const Arguments& given) { return show_environment(file_of(given)); }});
  program.commands.push_back({.name = "version",
                              .what = "print the version",
                              .exits = {{0, "printed"}},
                              .example = "lictor version",
                              .run = [](const Arguments&) { return print("lictor " LICTOR_VERSION "\n"), Exit::ok; }});
  return program;
}

}  // namespace lictor
