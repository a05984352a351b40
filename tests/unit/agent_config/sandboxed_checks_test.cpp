#include "agent_config/sandboxed_checks.hpp"

#include "test.hpp"

#include <linux/capability.h>

using namespace lictor;

namespace {

AgentSettings settings_of(const char* text) {
  AgentSettings settings;
  settings.merged = Json::parse(text);
  return settings;
}

std::optional<ProgramLook> look(const std::string& word) {
  if (word == "sudo" || word == "/bin/su") return ProgramLook{.set_id = true};
  if (word == "ping") return ProgramLook{.capabilities = capability(CAP_NET_RAW)};
  if (word == "/opt/health") return ProgramLook{.interpreter = "node"};
  if (word == "sh" || word == "/bin/sh" || word == "pgrep" || word == "curl") return ProgramLook{};
  return std::nullopt;
}

std::string shown(const std::vector<ScriptWord>& words) {
  std::string out;
  for (const auto& [text, program] : words) out += (out.empty() ? "" : " ") + (program ? "[" + text + "]" : text);
  return out;
}

std::vector<std::string> broken(const std::vector<std::string>& words, const Sandbox& sandbox) {
  AgentSettings settings;
  settings.merged = {{"checks", {{{"name", "c"}, {"args", words}}}}};
  return broken_checks(script_checks(settings, {}), sandbox, look);
}

Sandbox with(const char* line, const char* value) {
  Sandbox sandbox{.origin = "u"};
  sandbox.lines[line] = value;
  return sandbox;
}

}  // namespace

TEST_CASE("checks that run a program are found wherever an agent has them", "[sandbox]") {
  const auto found = script_checks(settings_of(R"({
    "check": {"id": "one", "args": ["/bin/sh", "-c", "pgrep -x sleep | grep -q ."]},
    "checks": [{"Name": "two", "ScriptArgs": ["x"]}, {"name": "http", "http": "http://localhost"},
               {"name": "inside", "docker_container_id": "c", "args": ["pgrep"]}],
    "service": {"name": "web", "check": {"args": ["y"]}},
    "services": [{"name": "db", "checks": [{"script": "sudo z; a>b"}]}]})"),
                                   {SharedJson(Json{{"Name", "own"}, {"Check", {{"Args", {"w", "-v"}}}}})});
  REQUIRE(found.size() == 5);
  // Programs in brackets.
  std::map<std::string, std::string> words;
  for (const ScriptCheck& one : found) words[one.name] = shown(one.words);
  CHECK(words == std::map<std::string, std::string>{{"one", "[/bin/sh] -c [pgrep] -x sleep [grep] -q ."},
                                                    {"two", "[x]"},
                                                    {"web", "[y]"},
                                                    {"db", "[sudo] [z] [a] b"},
                                                    {"own", "[w] -v"}});
}

TEST_CASE("the words of a shell's line", "[sandbox]") {
  for (const auto& [line, words] : std::map<std::string, std::string>{
           {"", ""},
           {"getent passwd $(id -u) | cut -d : -f 6", "[getent] passwd $ [id] -u [cut] -d : -f 6"},
           {"if test -e x; then top; else A=b ps; fi", "if [test] -e x then [top] else A=b [ps] [fi]"},
           {"timeout 5 nice -n 5 /bin/su -c 'x y'", "[timeout] 5 [nice] -n 5 [/bin/su] -c x y"},
           {"bash -c \"pgrep a\" && sudo -n `which b`", "[bash] -c [pgrep] a [sudo] -n [which] b"},
           {"a >/tmp/b 2>&1 < c", "[a] /tmp/b 2 1 c"},
           {"! a || { b; }", "! [a] { [b] [}]"},
       }) {
    CAPTURE(line);
    CHECK(shown(words_of_shell(line)) == words);
  }
}

TEST_CASE("a check is named with the line that breaks it, and with nothing else", "[sandbox]") {
  struct Row {
    std::vector<std::string> words;
    Sandbox sandbox;
    std::string told;  // empty: nothing
  };
  Sandbox no_new_privs{.origin = "u", .no_new_privs = true};
  Sandbox few{.origin = "u", .bounding = capability(CAP_KILL)};
  const std::vector<Row> rows{
      {{"pgrep", "-x", "sleep"},
       with("ProtectProc", "invisible"),
       "check \"c\": pgrep: ProtectProc=invisible (u) hides the processes of other users"},
      // An argument is no program.
      {{"curl", "top"}, with("ProtectProc", "invisible"), ""},
      {{"sh", "-c", "curl top"}, with("ProtectProc", "invisible"), ""},
      {{"sh", "-c", "top"}, with("ProtectProc", "invisible"), "check \"c\": top: ProtectProc=invisible"},
      {{"/opt/health"},
       with("MemoryDenyWriteExecute", "yes"),
       "check \"c\": /opt/health: MemoryDenyWriteExecute=yes (u) keeps"},
      {{"pgrep"}, with("MemoryDenyWriteExecute", "yes"), ""},
      {{"sh", "-c", "test -S /tmp/x.sock"},
       with("PrivateTmp", "yes"),
       "check \"c\": /tmp/x.sock: PrivateTmp=yes (u) gives"},
      {{"/home/a/b.sh"}, with("ProtectHome", "yes"), "check \"c\": /home/a/b.sh: ProtectHome=yes (u) hides it"},
      {{"/homes/a"}, with("ProtectHome", "yes"), ""},
      {{"dd", "if=/dev/sda"}, with("PrivateDevices", "yes"), "check \"c\": /dev/sda: PrivateDevices=yes"},
      {{"sh", "-c", "x > /dev/null 2>/dev/stderr"}, with("PrivateDevices", "yes"), ""},
      {{"nice", "true"},
       with("SystemCallFilter", "read write"),
       "check \"c\": nice: SystemCallFilter=read write (u) refuses"},
      {{"nice", "true"}, with("SystemCallFilter", "read setpriority write"), ""},
      {{"nice", "true"},
       with("SystemCallFilter", "~setpriority:EPERM mount"),
       "check \"c\": nice: SystemCallFilter (u)"},
      {{"nice", "true"}, with("SystemCallFilter", "~mount"), ""},
      {{"tcpdump"},
       with("RestrictAddressFamilies", "AF_INET"),
       "check \"c\": tcpdump: RestrictAddressFamilies=AF_INET"},
      {{"tcpdump"}, with("RestrictAddressFamilies", "AF_INET AF_PACKET"), ""},
      {{"/bin/su"}, no_new_privs, "check \"c\": /bin/su: NoNewPrivileges=yes (u) keeps a set-user-id program"},
      {{"ping", "::1"},
       no_new_privs,
       "check \"c\": ping: NoNewPrivileges=yes (u) keeps a program from its file's capabilities"},
      {{"ping", "::1"}, few, "check \"c\": ping: CapabilityBoundingSet (u) has no cap_net_raw"},
      {{"/bin/su"}, few, ""},
      {{"pgrep"}, no_new_privs, ""},
      {{"pgrep"}, Sandbox{}, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.words, row.told);
    const auto told = broken(row.words, row.sandbox);
    REQUIRE(told.size() == (row.told.empty() ? 0U : 1U));
    if (!told.empty()) CHECK(told.front().starts_with(row.told));
  }
  // One line, told once.
  CHECK(broken({"sh", "-c", "pgrep a; ps; pidof b"}, with("ProtectProc", "invisible")).size() == 1);
}
