#include "agent_config/check_rules.hpp"

#include "base/text.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <set>

namespace lictor {
namespace {

std::string spelling(std::string_view key) {
  std::string name = lower(std::string(key));
  name.erase(std::remove(name.begin(), name.end(), '_'), name.end());
  return name;
}

// A duration that is more than none; one that can't be read is Consul's own to tell.
bool positive(const Json* value) {
  if (!value) return false;
  if (!value->is_string()) return value->is_number() && *value > 0;
  const auto duration = parse_duration(value->get<std::string>());
  return !duration || *duration > Duration{};
}

}  // namespace

const Json* spelled(const Json& object, std::string_view name) {
  for (const auto& [key, value] : object.items()) {
    if (spelling(key) == name && !value.is_null()) return &value;
  }
  return nullptr;
}

bool is_said(const Json* value) { return value && *value != "" && *value != Json::array(); }

bool is_key_of_service(std::string_view key) {
  static const std::set<std::string> known{"kind",  "id",         "name",      "tags",      "address",
                                           "meta",  "port",       "ports",     "check",     "checks",
                                           "token", "socketpath", "weights",   "connect",   "enabletagoverride",
                                           "proxy", "locality",   "namespace", "partition", "taggedaddresses"};
  return known.count(spelling(key)) > 0;
}

bool is_key_of_check(std::string_view key) {
  static const std::set<std::string> known{"id",
                                           "checkid",
                                           "name",
                                           "notes",
                                           "serviceid",
                                           "token",
                                           "status",
                                           "args",
                                           "scriptargs",
                                           "http",
                                           "header",
                                           "method",
                                           "body",
                                           "tcp",
                                           "udp",
                                           "interval",
                                           "dockercontainerid",
                                           "shell",
                                           "grpc",
                                           "grpcusetls",
                                           "tlsservername",
                                           "tlsskipverify",
                                           "timeout",
                                           "ttl",
                                           "aliasnode",
                                           "aliasservice",
                                           "h2ping",
                                           "h2pingusetls",
                                           "osservice",
                                           "outputmaxsize",
                                           "successbeforepassing",
                                           "failuresbeforewarning",
                                           "failuresbeforecritical",
                                           "deregistercriticalserviceafter",
                                           "disableredirects",
                                           "tcpusetls"};
  return known.count(spelling(key)) > 0;
}

bool runs_a_program(const Json& check) {
  return is_said(spelled(check, "args")) || is_said(spelled(check, "scriptargs"));
}

std::optional<CheckFault> check_fault(const Json& check) {
  const auto says = [&check](std::string_view key) { return is_said(spelled(check, key)); };
  for (const auto& [key, value] : check.items()) {
    if (!is_key_of_check(key)) return std::nullopt;
  }
  if (check.empty()) return std::nullopt;  // Consul passes over it
  const bool by_itself = runs_a_program(check) || says("http") || says("tcp") || says("udp") || says("grpc") ||
                         says("h2ping") || says("osservice");
  const bool alias = says("aliasnode") || says("aliasservice");
  const bool interval = positive(spelled(check, "interval")), ttl = positive(spelled(check, "ttl"));
  if (interval && ttl) return CheckFault{"the check has an interval and a TTL", "give it one of the two"};
  if (by_itself && !interval) return CheckFault{"the check has no interval", "give it an \"interval\", as in \"10s\""};
  if (by_itself && alias) return CheckFault{"the check is an alias and has a test of its own", "make two checks of it"};
  if (!by_itself && !alias && !ttl)
    return CheckFault{"the check tests nothing and has no TTL", "give it something to test, or a \"ttl\""};
  return std::nullopt;
}

}  // namespace lictor
