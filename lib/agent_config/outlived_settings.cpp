#include "agent_config/outlived_settings.hpp"

#include <array>

namespace lictor {
namespace {

struct Outlived {
  const char* key;
  AgentVersion from;  // the first release that refuses it
  const char* instead;
};
// Keys of the configuration that were there in 1.5 and are no more.
constexpr std::array outlived{
    Outlived{
        "connect.proxy", {1, 6, 0}, "take it out, and register sidecars with the services (connect.sidecar_service)"},
    Outlived{"connect.proxy_defaults",
             {1, 6, 0},
             "take it out, and register sidecars with the services (connect.sidecar_service)"},
    Outlived{"acl.disabled_ttl", {1, 11, 0}, "take it out: nothing takes its place"},
    Outlived{"acl_disabled_ttl", {1, 11, 0}, "take it out: nothing takes its place"},
    Outlived{"telemetry.disable_compat_1.9", {1, 13, 0}, "take it out: the metrics of before are gone for good"},
    Outlived{"connect.enable_serverless_plugin", {1, 15, 0}, "take it out: nothing takes its place"},
};

}  // namespace

Problems outlived_settings(const AgentSettings& settings, const AgentVersion& version,
                           const std::string& shown_version) {
  const EffectiveSettings look(settings);
  Problems problems;
  const auto refused = [&](const std::string& key, const std::string& what, const std::string& instead) {
    problems.push_back(Problem{look.subject(key), what + " Consul " + shown_version, instead});
  };
  for (const Outlived& one : outlived) {
    // "disable_compat_1.9" has a dot of its own.
    const std::string_view path = one.key;
    const auto dot = path.find('.');
    const Json* group = dot == path.npos ? &settings.merged : look.get(path.substr(0, dot));
    const std::string name(dot == path.npos ? path : path.substr(dot + 1));
    if (version >= one.from && group && group->is_object() && group->contains(name))
      refused(one.key, "is no setting any more for", one.instead);
  }
  const Json* raft = look.get("raft_protocol");
  if (raft && *raft != 3 && version >= AgentVersion{1, 9, 0}) refused("raft_protocol", "must be 3 for", "take it out");
  const Json *grpc = look.get("ports.grpc"), *grpc_tls = look.get("ports.grpc_tls");
  const bool automatic = is_true(look.get("auto_encrypt.tls")) || is_true(look.get("auto_config.enabled"));
  const bool certificate = !text_in(look.get(look.tls_key("grpc", "cert_file"))).empty() ||
                           (automatic && is_true(look.get("tls.grpc.use_auto_cert")));
  if (version >= AgentVersion{1, 14, 0} && grpc && grpc->is_number() && *grpc > 0 && !grpc_tls && certificate)
    refused("ports.grpc", "speaks no TLS any more, and there is a certificate, with",
            "write \"grpc\": -1, \"grpc_tls\": " + grpc->dump() + " for gRPC with TLS, or \"grpc\": " + grpc->dump() +
                ", \"grpc_tls\": -1 for gRPC without");
  return problems;
}

}  // namespace lictor
