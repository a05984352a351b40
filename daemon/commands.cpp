#include "commands.hpp"

#include "agent_api/io/http_client.hpp"
#include "agent_config/doubts.hpp"
#include "agent_config/outlived_settings.hpp"
#include "agent_evaluator.hpp"
#include "agent_start.hpp"
#include "awaited.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "child.hpp"
#include "files/io/storage.hpp"
#include "life/turn.hpp"
#include "moving.hpp"
#include "node_files.hpp"
#include "place.hpp"
#include "process/io/host.hpp"
#include "process/io/reaper.hpp"
#include "report/io/log.hpp"
#include "report/io/timeline_file.hpp"
#include "report/timeline.hpp"
#include "running.hpp"
#include "terminal.hpp"

#include <boost/asio/io_context.hpp>

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <thread>

namespace lictor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ResultAll<Ground> look_around(const std::optional<std::string>& settings_file) {
  const Environment environment = current_environment();
  auto settings = load_settings(settings_file, environment);
  if (!settings) return settings.error();
  return look(*settings, environment, list_interfaces());
}

// Runs `consul validate` on the would-be consul.json, in a folder of its own that goes again. The agent's user may read that
// one file, and nothing else there is to anybody but lictor.
Result<void> validate(const Ground& ground) {
  std::string folder = "/tmp/lictor-check-XXXXXX";
  if (!mkdtemp(folder.data()) || chmod(folder.c_str(), 0711) != 0)
    return Problem{folder, "mkdtemp failed", "make /tmp writable"};
  const std::string path = folder + "/consul.json";
  boost::asio::io_context io(1);
  Result<void> valid;
  auto written = write_consul_json(ground, path);
  if (written) {
    auto reaper = Reaper::start(io.get_executor());
    if (!reaper) return reaper.error();
    // What is wrong is told in words that are partly those of the agent's files.
    Child child(io.get_executor(), **reaper, [](const std::string& line) { print_error_line(line); });
    child.run(validation(ground, path), seconds(20), [&](const Result<void>& ended) {
      valid = ended;
      io.stop();
    });
    io.run();
    unlink(path.c_str());
  }
  rmdir(folder.c_str());
  if (!written) return written;
  if (!valid) return Problem{"consul validate", valid.error().why, "see its lines above and mend the agent's settings"};
  return {};
}

// The program that --consul names, and its version.
struct NamedConsul {
  std::string path, version;
};
Result<NamedConsul> consul_at(const std::string& named, const Ground& ground) {
  const auto no_consul = [&named](const std::string& why) {
    return Problem{"--consul", named + ": " + why, "name a Consul of 1.5 or later that runs on this machine"};
  };
  auto path = find_binary(named.find('/') == named.npos ? named : std::filesystem::absolute(named).string(),
                          ground.facts.environment);
  if (!path) return no_consul(path.error().why);
  const auto version = version_of(*path, ground);
  if (!version) return no_consul(version.error().why);
  const auto parsed = parse_agent_version(*version);
  if (!parsed) return no_consul("its version is no version of Consul's: " + *version);
  if (*parsed < oldest_agent) return no_consul("is Consul " + *version);
  return NamedConsul{std::move(*path), *version};
}

// Each scalar and list on a line, with where it came from.
void explain(const AgentSettings& settings, const Json& value, const std::string& path, std::string& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items())
      explain(settings, member, path.empty() ? key : path + "." + key, out);
    return;
  }
  const std::string origin = settings.origin(path);
  out += harmless(fmt::format("{} = {}  # {}", path, json_text(value), origin.empty() ? "lictor" : origin)) + "\n";
}

std::string explained(const Ground& ground) {
  std::string out = "# what the agent goes by\n";
  explain(ground.plan.effective, without_secrets(ground.plan.effective.merged), "", out);
  out += "# settings of lictor\n";
  for (const auto& [key, origin] : ground.settings.origins)
    out += harmless(fmt::format("{}  # {}", key, origin)) + "\n";
  return out;
}

// What an agent starts with all the same.
std::vector<std::string> doubts(const Ground& ground) {
  std::vector<std::string> all = contradicting_files(ground.config.effective());
  Json own = Json::array();
  for (const Definition& definition : ground.settings.services.value_or(std::vector<Definition>()))
    own.push_back(*definition.json);
  for (auto&& more :
       {ids_twice(ground.plan.effective, ground.services), unknown_service_keys(own), misspelt_names(own)})
    all.insert(all.end(), more.begin(), more.end());
  if (nobody_to_join(ground.plan.effective, ground.facts.identity.name, content_of(member_snapshot(ground))))
    all.emplace_back(
        "retry_join: no server is named anywhere, and the data directory knows no member: the node is not ready before "
        "somebody joins it; name the servers in retry_join");
  return all;
}

}  // namespace

void print(const std::string& text) {
  fwrite(text.data(), 1, text.size(), stdout);
  fflush(stdout);
}

void print_error_line(std::string_view text) {
  const std::string line = harmless(text) + "\n";
  fwrite(line.data(), 1, line.size(), stderr);
}

void print_line(std::string_view text) { print(harmless(text) + "\n"); }

std::string json_page(const Json& value, int indent) {
  const std::string line = json_text(value);
  const bool escaped = harmless(line) != line;
  return value.dump(indent, ' ', escaped, Json::error_handler_t::replace) + "\n";
}

Exit print_problems(const Problems& problems) {
  for (const Problem& problem : problems) log::complain(harmless(to_string(problem)));
  const auto worst = std::max_element(problems.begin(), problems.end(),
                                      [](const Problem& a, const Problem& b) { return a.exit < b.exit; });
  return worst->exit;
}

namespace {

// What `check` ends with. `awaited`: those of the problems for which a start would wait.
Exit print_checked(const Problems& problems, const Problems& awaited, const ResultAll<Settings>& settings) {
  const Exit exit = print_problems(problems);
  if (exit == Exit::retry && !awaited.empty() && settings)
    print_error_line(fmt::format("a start waits for what is missing there, for {} (wait.files), and then ends with 75",
                                 format_duration(settings->wait.files)));
  return exit;
}

// The files and mounts that are not there yet.
Problems awaited_files(const Settings& settings, const Environment& environment) {
  Problems awaited = missing_mounts(settings), read;
  Sources sources;
  if (read_sources(sources, settings, environment, read)) {
    const Problems certificates = missing_certificates(sources);
    awaited.insert(awaited.end(), certificates.begin(), certificates.end());
  }
  std::copy_if(read.begin(), read.end(), std::back_inserter(awaited),
               [](const Problem& p) { return p.exit == Exit::retry; });
  return awaited;
}

}  // namespace

Exit check(const std::optional<std::string>& settings_file, const std::optional<std::string>& consul) {
  const Environment environment = current_environment();
  auto settings = load_settings(settings_file, environment);
  if (!settings) return print_checked(settings.error(), settings.error(), settings_without_file(environment));
  const Sandbox sandbox = sandbox_of_lictor(*settings, environment);
  take_rights(sandbox);
  const Problems awaited = awaited_files(*settings, environment), mounts = missing_mounts(*settings);
  const Interfaces interfaces = list_interfaces();
  auto ground = look(*settings, environment, interfaces);
  if (!ground) {
    Problems problems = ground.error();
    problems.insert(problems.end(), mounts.begin(), mounts.end());
    return print_checked(problems, awaited, settings);
  }
  std::optional<std::string> version;
  if (consul) {
    auto named = consul_at(*consul, *ground);
    if (!named) return print_problems({named.error()});
    ground->facts.binary = std::move(named->path);
    version = std::move(named->version);
  } else if (auto in_use = version_of(ground->facts.binary, *ground)) {
    version = std::move(*in_use);
  }
  if (const std::string lost = capabilities_lost(*ground); !lost.empty()) print_line("warning: " + lost);
  Problems problems = start_problems(*ground, interfaces);
  problems.insert(problems.end(), mounts.begin(), mounts.end());
  if (const auto parsed = version ? parse_agent_version(*version) : std::nullopt) {
    const Problems outlived = outlived_settings(ground->plan.effective, *parsed, *version);
    problems.insert(problems.end(), outlived.begin(), outlived.end());
  }
  const AgentSettings& agent = ground->plan.effective;
  const Problems refused =
      service_faults(ground->services, agent, version ? parse_agent_version(*version) : std::nullopt);
  problems.insert(problems.end(), refused.begin(), refused.end());
  const Problems keys = keys_refused_by_agent(*ground);
  problems.insert(problems.end(), keys.begin(), keys.end());
  if (auto valid = validate(*ground); !valid) problems.push_back(valid.error());
  const MoveTold move = look_at_move(*ground);
  problems.insert(problems.end(), move.problems.begin(), move.problems.end());
  if (!problems.empty()) return print_checked(problems, awaited, settings);
  for (const std::string& warning : ground->warnings) print_line("warning: " + warning);
  for (const std::string& doubt : doubts(*ground)) print_line("warning: " + doubt);
  for (const std::string& broken : checks_out_of_place(*ground, sandbox)) print_line("warning: " + broken);
  if (const std::string told = account_of_policy(*settings, environment); !told.empty()) print_line(told);
  for (const std::string& notice : ground->plan.notices) print_line(notice);
  if (const auto from = settings->origins.at("agent.config_dirs"); from.starts_with("default, "))
    print_line("agent.config_dirs: " + from.substr(9) + " and nothing else is named");
  for (const std::string& line : move.lines) print_line(line);
  if (interfaces)
    for (const std::string& line : account_of(address_at_start(*ground, *interfaces, true), *interfaces))
      print_line(line);
  print_line(fmt::format("settings and host are fine{}: node {} at {} ({})", consul ? " for Consul " + *version : "",
                         ground->facts.identity.name, ground->facts.bind.address, ground->facts.bind.origin));
  return Exit::ok;
}

Exit render(const std::optional<std::string>& settings_file, Rendered what) {
  auto ground = look_around(settings_file);
  if (!ground) return print_problems(ground.error());
  const Plan& plan = ground->plan;
  if (what == Rendered::explained) {
    print(explained(*ground));
  } else {
    print(json_page(without_secrets(what == Rendered::effective ? plan.effective.merged : plan.consul_json)));
  }
  return Exit::ok;
}

Exit show_timeline(const std::optional<std::string>& settings_file, bool json, const std::optional<std::string>& svg) {
  auto settings = settings_to_ask(settings_file, current_environment());
  if (!settings) return print_problems(settings.error());
  const std::string& socket = settings->control.socket;
  std::vector<Course> courses;
  if (auto answer = ask_lictor(*settings, "/timeline")) {
    auto told = parse_timeline(socket, answer->body);
    if (!told)
      return print_problems(
          {Problem{socket, "the answer is no timeline",
                   "is another program listening there, or a lictor of another version?", Exit::incomplete}});
    courses = std::move(*told);
  } else if (access(socket.c_str(), F_OK) == 0) {
    // What the file has may be of an earlier life than this one.
    print_problems({answer.error()});
  }
  const auto data_dir = data_dir_of(*settings);
  if (!data_dir) return print_problems({data_dir.error()});
  auto left = left_timeline(*data_dir);
  if (!left && courses.empty()) return print_problems({left.error()});
  if (!left) {
    print_problems({left.error()});
  } else if (courses.empty()) {
    courses = std::move(*left);
  } else if (courses.back().kind != CourseKind::stop && !left->empty() && left->back().kind == CourseKind::stop) {
    courses.push_back(left->back());
  }
  if (courses.empty())
    return print_problems(
        {Problem{"timeline", "no lictor answers on " + socket + ", and none has left " + timeline_path(*data_dir),
                 "a lictor that runs, or has been stopped, has one; are these its settings?", Exit::incomplete}});
  if (!svg) {
    print(json ? timeline_json(courses) : timeline_text(courses, colours_wanted(STDOUT_FILENO)));
  } else if (auto drawn = write_atomically(*svg, timeline_svg(courses), {.mode = 0644, .uid = {}, .gid = {}}); !drawn) {
    return print_problems({drawn.error()});
  }
  return Exit::ok;
}

Exit health(const std::optional<std::string>& settings_file, Health which) {
  auto settings = settings_to_ask(settings_file, current_environment());
  if (!settings) return print_problems(settings.error());
  auto answer = ask_lictor(*settings, which == Health::live ? "/livez" : "/readyz");
  if (!answer) return print_problems({answer.error()});
  print(answer->body);
  return answer->status == 200 ? Exit::ok : Exit::incomplete;
}

Exit wait_for(const std::optional<std::string>& settings_file, Goal goal, Duration limit) {
  auto settings = settings_to_ask(settings_file, current_environment());
  if (!settings) return print_problems(settings.error());
  const auto begin = std::chrono::steady_clock::now(), end = begin + limit;
  const char* name = goal == Goal::ready ? "ready" : goal == Goal::registered ? "registered" : "gone";
  Progress progress(goal == Goal::gone ? "lictor to be gone" : fmt::format("the node to be {}", name));
  std::string seen;
  for (;;) {
    const auto answer = ask_lictor(*settings, "/status", seconds(2));
    if (goal == Goal::gone && !answer) return Exit::ok;
    const Json status = answer ? foreign_json(answer->body) : Json();
    if (goal == Goal::ready && flag_of(status, "ready")) return Exit::ok;
    if (goal == Goal::registered && flag_of(status, "registered")) return Exit::ok;
    seen = answer ? what_holds_up(status) : answer.error().why;
    if (std::chrono::steady_clock::now() >= end) {
      return print_problems({Problem{"wait", fmt::format("not {} within {} ({})", name, format_duration(limit), seen),
                                     "see `lictor status`", Exit::incomplete}});
    }
    progress.show(seen);
    const auto waited = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin);
    std::this_thread::sleep_for(paced(waited, 20, milliseconds(20), milliseconds(250)));
  }
}

namespace {

struct Words {
  const char *path, *command, *awaited;
};

// Orders it from the running lictor, and tells what comes of it.
Exit order(const std::optional<std::string>& settings_file, const Words& words, std::string body, Duration limit) {
  auto settings = settings_to_ask(settings_file, current_environment());
  if (!settings) return print_problems(settings.error());
  boost::asio::io_context io(1);
  HttpClient lictor(io.get_executor(), settings->control.socket);
  std::optional<HttpResult> answer;
  lictor.ask({.method = "POST", .target = words.path, .body = std::move(body), .headers = {}, .deadline = limit},
             [&](HttpResult got) {
               answer = std::move(got);
               io.stop();
             });
  {
    Progress progress(words.awaited);
    while (!answer) {
      io.run_for(seconds(1));
      if (answer || !progress.shown()) continue;
      const auto status = ask_lictor(*settings, "/status", milliseconds(500));
      progress.show(status ? what_holds_up(foreign_json(status->body)) : "");
    }
  }
  if (!*answer) {
    const bool late = answer->error().failure == HttpFailure::late;
    return print_problems({Problem{
        words.command, late ? fmt::format("not over within {}", format_duration(limit)) : answer->error().why,
        late ? "it goes on: see `lictor status`" : unanswered_hint(settings->control.socket), Exit::incomplete}});
  }
  if ((*answer)->status == 403) {
    const std::string refused(trim((*answer)->body));
    const auto end = std::min(refused.find("; "), refused.size());
    return print_problems(
        {Problem{words.command, refused.substr(0, end),
                 end < refused.size() ? refused.substr(end + 2) : "give it as root", Exit::incomplete}});
  }
  const Json told = foreign_json((*answer)->body);
  if ((*answer)->status != 200 || !told.is_object())
    return print_problems(
        {Problem{words.command, std::string(trim((*answer)->body)), "see `lictor status`", Exit::incomplete}});
  const Exit exit{told.contains("exit") ? static_cast<int>(integer_of(told, "exit"))
                                        : static_cast<int>(Exit::internal)};
  const std::string text = text_of(told, "text");
  if (exit == Exit::ok) {
    print_line(text);
  } else {
    log::complain(harmless(text));
  }
  return exit;
}

// Told beforehand: with the first process of a container those end that were started in it by hand.
void tell_what_follows_leave() {
  if (getenv("KUBERNETES_SERVICE_HOST") != nullptr) {
    return log::complain(
        "leave: Kubernetes starts this container again as soon as it has ended, and the node comes back; to keep "
        "callers "
        "away use `lictor maint on`, to replace the pod `kubectl delete pod`, to take the node out for good `kubectl "
        "drain "
        "--ignore-daemonsets` and `kubectl delete node`");
  }
  if (in_container() && access("/run/systemd/system", F_OK) != 0) {
    log::complain(
        "leave: this container ends with it, and where it has a restart policy (`always`, `unless-stopped`) its engine "
        "starts it again, and the node comes back; to keep callers away use `lictor maint on`, to keep the node out "
        "stop "
        "the container (`docker stop`), which leaves as well");
  }
}

}  // namespace

Exit order(const std::optional<std::string>& settings_file, Order what, Duration limit) {
  switch (what) {
    case Order::reload:
      return order(settings_file, {"/reload?wait", "reload", "the settings to be taken"}, "", limit);
    case Order::restart:
      return order(settings_file, {"/restart?wait", "restart", "the node to be ready again"}, "", limit);
    case Order::leave:
      tell_what_follows_leave();
      return order(settings_file, {"/leave?wait", "leave", "the node to leave and lictor to end"}, "", limit);
  }
  return Exit::internal;
}

Exit maintain(const std::optional<std::string>& settings_file, bool on, const std::string& reason, Duration limit) {
  const Json body = {{"on", on}, {"reason", reason}};
  return order(settings_file, {"/maint", "maint", "the servers to know of it"}, json_text(body), limit);
}

Exit show_environment(const std::optional<std::string>& settings_file) {
  auto ground = look_around(settings_file);
  if (!ground) return print_problems(ground.error());
  print_line("CONSUL_HTTP_ADDR=" + ground->plan.http_address);
  return Exit::ok;
}

}  // namespace lictor
