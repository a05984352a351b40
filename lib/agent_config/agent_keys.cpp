#include "agent_config/agent_keys.hpp"

#include <algorithm>

namespace lictor {

namespace {

struct Row {
  std::string_view object, keys;
};

// Made from the structures of agent/config in Consul 1.8.7, 1.10.12, 1.14.11 and 1.21.4: all keys that one of them takes.
//
// t: text, f: flag, i: whole number, u: one that is not negative, r: number, *: anything. {x}: the object of that row, {!x}: one
// that a later file replaces whole. [x]: a list, <x>: a map of these; T: a list of texts. Behind a bar: the other name of a key,
// in small letters.
// clang-format off
constexpr Row rows[] = {
    {"config",
     "acl:{acl} addresses:{addresses} advertise_addr:t advertise_addr_ipv4:t advertise_addr_ipv6:t "
     "advertise_addr_wan:t advertise_addr_wan_ipv4:t advertise_addr_wan_ipv6:t advertise_reconnect_timeout:t "
     "auto_config:{auto_config} autopilot:{autopilot} bind_addr:t bootstrap:f bootstrap_expect:i cache:{cache} "
     "check:{check} check_output_max_size:i check_update_interval:t checks:[check] client_addr:t cloud:{cloud} "
     "config_entries:{config_entries} auto_encrypt:{auto_encrypt} connect:{connect} dns_config:{dns} domain:t "
     "alt_domain:t recursors:[t] data_dir:t datacenter:t default_query_time:t default_intention_policy:t "
     "disable_anonymous_signature:f disable_coordinates:f disable_host_node_id:f "
     "disable_http_unprintable_char_filter:f disable_keyring_file:f disable_remote_exec:f disable_update_check:f "
     "discard_check_output:f discovery_max_stale:t enable_agent_tls_for_checks:f enable_central_service_config:f "
     "enable_debug:f enable_script_checks:f enable_local_script_checks:f enable_syslog:f encrypt:t "
     "encrypt_verify_incoming:f encrypt_verify_outgoing:f experiments:[t] gossip_lan:{gossip} gossip_wan:{gossip} "
     "http_config:{http} leave_on_terminate:f license_path:t limits:{limits} locality:{locality} log_level:t "
     "log_json:f log_file:t log_rotate_duration:t log_rotate_bytes:i log_rotate_max_files:i max_query_time:t "
     "node_id:t node_meta:<t> node_name:t peering:{peering} performance:{performance} pid_file:t ports:{ports} "
     "primary_datacenter:t primary_gateways:[t] primary_gateways_interval:t protocol:i raft_protocol:i "
     "raft_snapshot_threshold:i raft_snapshot_interval:t raft_trailing_logs:i raft_prevote_disabled:f "
     "reconnect_timeout:t reconnect_timeout_wan:t rejoin_after_leave:f auto_reload_config:f retry_interval:t "
     "retry_interval_wan:t retry_join:[t] retry_max:i retry_max_wan:i retry_join_wan:[t] serf_lan_allowed_cidrs:[t] "
     "serf_wan_allowed_cidrs:[t] serf_lan:t serf_wan:t server:f server_name:t server_rejoin_age_max:t "
     "service:{service} services:[service] session_ttl_min:t skip_leave_on_interrupt:f syslog_facility:t tls:{tls} "
     "tagged_addresses:<t> telemetry:{telemetry} translate_wan_addrs:f xds:{xds} ui:f ui_content_path:t ui_dir:t "
     "ui_config:{ui} unix_sockets:{unix_socket} watches:[*] rpc:{rpc} raft_logstore:{raft_logstore} "
     "use_streaming_backend:f snapshot_agent:<*> ae_interval:t check_deregister_interval_min:t check_reap_interval:t "
     "consul:{consul} revision:t segment_limit:i segment_name_limit:i sync_coordinate_interval_min:t "
     "sync_coordinate_rate_target:r version:t version_prerelease:t version_metadata:t audit:{audit} "
     "read_replica|non_voting_server:f segment:t segments:[segment] partition:t license_poll_base_time:t "
     "license_poll_max_time:t license_update_base_time:t license_update_max_time:t reporting:{reporting} "
     "start_join:[t] start_join_wan:[t] raft_boltdb:{boltdb} acl_agent_master_token:t acl_agent_token:t "
     "acl_datacenter:t acl_default_policy:t acl_down_policy:t acl_enable_key_list_policy:f acl_master_token:t "
     "acl_replication_token:t acl_ttl:t acl_token:t ca_file:t ca_path:t cert_file:t enable_acl_replication:f "
     "key_file:t tls_cipher_suites:t tls_min_version:t tls_prefer_server_cipher_suites:f verify_incoming:f "
     "verify_incoming_https:f verify_incoming_rpc:f verify_outgoing:f verify_server_hostname:f acl_disabled_ttl:t"},
    {"cache",
     "entry_fetch_max_burst:i entry_fetch_rate:r"},
    {"gossip",
     "gossip_nodes:i gossip_interval:t probe_interval:t probe_timeout:t suspicion_mult:i retransmit_mult:i"},
    {"locality",
     "region:t zone:t"},
    {"consul",
     "coordinate:{coordinate} raft:{raft} server:{server}"},
    {"coordinate",
     "update_batch_size:i update_max_batches:i update_period:t"},
    {"raft",
     "election_timeout:t heartbeat_timeout:t leader_lease_timeout:t"},
    {"server",
     "health_interval:t"},
    {"addresses",
     "dns:t http:t https:t grpc:t grpc_tls:t"},
    {"autopilot",
     "cleanup_dead_servers:f last_contact_threshold:t max_trailing_logs:i min_quorum:u server_stabilization_time:t "
     "disable_upgrade_migration:f redundancy_zone_tag:t upgrade_version_tag:t"},
    {"service_weights",
     "passing:i warning:i"},
    {"service_address",
     "address:t port:i"},
    {"service",
     "kind:t id:t name:t tags:[t] address:t tagged_addresses:<service_address> meta:<t> port:i socket_path:t "
     "check:{check} checks:[check] token:t weights:{service_weights} enable_tag_override:f proxy:{service_proxy} "
     "connect:{service_connect} locality:{locality}"},
    {"check",
     "id:t name:t notes:t service_id|serviceid:t token:t status:t args|scriptargs:[t] http:t header:<T> method:t "
     "body:t disable_redirects:f output_max_size:i tcp:t tcp_use_tls:f udp:t interval:t "
     "docker_container_id|dockercontainerid:t shell:t grpc:t grpc_use_tls:f tls_server_name:t "
     "tls_skip_verify|tlsskipverify:f alias_node:t alias_service:t timeout:t ttl:t h2ping:t h2ping_use_tls:f "
     "os_service:t success_before_passing:i failures_before_warning:i failures_before_critical:i "
     "deregister_critical_service_after|deregistercriticalserviceafter:t"},
    {"service_connect",
     "native:f sidecar_service:{service}"},
    {"service_proxy",
     "destination_service_name:t destination_service_id:t local_service_address:t local_service_port:i "
     "local_service_socket_path:t transparent_proxy:{transparent_proxy} mode:t config:<*> upstreams:[upstream] "
     "mesh_gateway:{mesh_gateway} expose:{expose}"},
    {"upstream",
     "destination_type:t destination_namespace:t destination_partition:t destination_peer:t destination_name:t "
     "datacenter:t local_bind_address:t local_bind_port:i local_bind_socket_path:t local_bind_socket_mode:t "
     "config:<*> mesh_gateway:{mesh_gateway}"},
    {"mesh_gateway",
     "mode:t"},
    {"transparent_proxy",
     "outbound_listener_port:i dialed_directly:f"},
    {"expose",
     "checks:f port:i paths:[expose_path]"},
    {"expose_path",
     "listener_port:i path:t protocol:t local_path_port:i"},
    {"auto_encrypt",
     "tls:f dns_san:[t] ip_san:[t] allow_tls:f"},
    {"connect",
     "enabled:f ca_provider:t ca_config:<*> enable_mesh_gateway_wan_federation:f "
     "default_deregister_critical_service_after:t test_ca_leaf_root_change_spread:t enable_serverless_plugin:f"},
    {"soa",
     "refresh:u retry:u expire:u min_ttl:u"},
    {"dns",
     "allow_stale:f a_record_limit:i disable_compression:f enable_truncate:f max_stale:t node_ttl:t only_passing:f "
     "recursor_strategy:t recursor_timeout:t service_ttl:<t> udp_answer_limit:i enable_additional_node_meta_txt:f "
     "soa:{!soa} use_cache:f cache_max_age:t prefer_namespace:f"},
    {"http",
     "block_endpoints:[t] allow_write_http_from:[t] response_headers:<t> use_cache:f max_header_bytes:i"},
    {"performance",
     "leave_drain_time:t raft_multiplier:i rpc_hold_timeout:t grpc_keepalive_interval:t grpc_keepalive_timeout:t "
     "enable_xds_load_balancing:f"},
    {"telemetry",
     "circonus_api_app:t circonus_api_token:t circonus_api_url:t circonus_broker_id:t circonus_broker_select_tag:t "
     "circonus_check_display_name:t circonus_check_force_metric_activation:t circonus_check_id:t "
     "circonus_check_instance_id:t circonus_check_search_tag:t circonus_check_tags:t circonus_submission_interval:t "
     "circonus_submission_url:t disable_hostname:f disable_per_tenancy_usage_metrics:f enable_host_metrics:f "
     "dogstatsd_addr:t dogstatsd_tags:[t] retry_failed_connection:f filter_default:f prefix_filter:[t] "
     "metrics_prefix:t prometheus_retention_time:t statsd_address:t statsite_address:t disable_compat_1.9:f"},
    {"ports",
     "dns:i http:i https:i serf_lan:i serf_wan:i server:i grpc:i grpc_tls:i proxy_min_port:i proxy_max_port:i "
     "sidecar_min_port:i sidecar_max_port:i expose_min_port:i expose_max_port:i"},
    {"unix_socket",
     "group:t mode:t user:t"},
    {"request_limits",
     "mode:t read_rate:r write_rate:r"},
    {"limits",
     "http_max_conns_per_client:i https_handshake_timeout:t request_limits:{request_limits} rpc_client_timeout:t "
     "rpc_handshake_timeout:t rpc_max_burst:i rpc_max_conns_per_client:i rpc_rate:r kv_max_value_size:u "
     "txn_max_req_len:u"},
    {"segment",
     "advertise:t bind:t name:t port:i rpc_listener:f"},
    {"acl",
     "enabled:f enable_token_replication:f policy_ttl:t role_ttl:t token_ttl:t down_policy:t default_policy:t "
     "enable_key_list_policy:f tokens:{tokens} enable_token_persistence:f msp_disable_bootstrap:f disabled_ttl:t"},
    {"tokens",
     "initial_management:t replication:t agent_recovery:t default:t agent:t config_file_service_registration:t dns:t "
     "managed_service_provider:[service_provider_token] master:t agent_master:t"},
    {"service_provider_token",
     "accessor_id:t secret_id:t"},
    {"config_entries",
     "bootstrap:[*]"},
    {"audit",
     "enabled:f sink:<audit_sink> rpc_enabled:f"},
    {"audit_sink",
     "type:t format:t path:t delivery_guarantee:t mode:t rotate_bytes:i rotate_duration:t rotate_max_files:i name:t"},
    {"auto_config",
     "enabled:f intro_token:t intro_token_file:t server_addresses:[t] dns_sans:[t] ip_sans:[t] "
     "authorization:{authorization}"},
    {"authorization",
     "enabled:f static:{authorizer}"},
    {"authorizer",
     "claim_assertions:[t] allow_reuse:f jwt_supported_algs:[t] bound_audiences:[t] claim_mappings:<t> "
     "list_claim_mappings:<t> oidc_discovery_url:t oidc_discovery_ca_cert:t jwks_url:t jwks_ca_cert:t "
     "jwt_validation_pub_keys:[t] bound_issuer:t expiration_leeway:t not_before_leeway:t clock_skew_leeway:t"},
    {"ui",
     "enabled:f dir:t content_path:t metrics_provider:t metrics_provider_files:[t] metrics_provider_options_json:t "
     "metrics_proxy:{metrics_proxy} dashboard_url_templates:<t>"},
    {"metrics_proxy",
     "base_url:t add_headers:[header] path_allowlist:[t]"},
    {"header",
     "name:t value:t"},
    {"rpc",
     "enable_streaming:f"},
    {"cloud",
     "resource_id:t client_id:t client_secret:t hostname:t auth_url:t scada_address:t"},
    {"tls_protocol",
     "ca_file:t ca_path:t cert_file:t key_file:t tls_min_version:t tls_cipher_suites:t verify_incoming:f "
     "verify_outgoing:f verify_server_hostname:f use_auto_cert:f"},
    {"tls",
     "defaults:{tls_protocol} internal_rpc:{tls_protocol} https:{tls_protocol} grpc:{tls_protocol}"},
    {"peering",
     "enabled:f test_allow_peer_registrations:f"},
    {"xds",
     "update_max_per_second:r"},
    {"raft_logstore",
     "backend:t disable_log_cache:f verification:{verification} boltdb:{boltdb} wal:{wal}"},
    {"verification",
     "enabled:f interval:t"},
    {"boltdb",
     "no_freelist_sync:f"},
    {"wal",
     "segment_size_mb:i"},
    {"license",
     "enabled:f"},
    {"reporting",
     "license:{license}"},
};
// clang-format on

std::optional<AgentKey> parse_key(std::string_view word) {
  const auto colon = word.rfind(':');
  const auto names = word.substr(0, colon), type = word.substr(colon + 1);
  const auto bar = names.find('|');
  AgentKey key{names.substr(0, bar), AgentKey::Shape::one, type};
  if (type.size() == 1) return key;
  key.of = type.substr(1, type.size() - 2);
  switch (type[0]) {
    case '[':
      key.shape = AgentKey::Shape::list;
      break;
    case '<':
      key.shape = AgentKey::Shape::map;
      break;
    default:
      key.shape = AgentKey::Shape::object;
      break;
  }
  if (key.of.starts_with('!')) {
    key.of.remove_prefix(1);
    key.shape = AgentKey::Shape::object_whole;
  }
  return key;
}

bool same_letters(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? x + 32 : x) == (y >= 'A' && y <= 'Z' ? y + 32 : y);
         });
}

}  // namespace

std::optional<AgentKey> agent_key(std::string_view object, std::string_view name) {
  for (const Row& row : rows) {
    if (row.object != object) continue;
    for (std::string_view rest = row.keys; !rest.empty();) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      const std::string_view names = word.substr(0, word.rfind(':'));
      const auto bar = names.find('|');
      if (same_letters(names.substr(0, bar), name)) return parse_key(word);
      if (bar != names.npos && same_letters(names.substr(bar + 1), name)) return parse_key(word);
    }
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace lictor
