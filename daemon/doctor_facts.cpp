#include "doctor_facts.hpp"

#include "agent_api/io/http_client.hpp"
#include "agent_api/node_part.hpp"
#include "agent_config/doubts.hpp"
#include "agent_config/io/agent_binary.hpp"
#include "agent_start.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "files/io/files.hpp"
#include "files/io/storage.hpp"
#include "host_platform.hpp"
#include "network/io/listeners.hpp"
#include "process/io/agent_limits.hpp"
#include "process/io/host.hpp"
#include "process/io/privileges.hpp"

#include <boost/asio/io_context.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

using std::chrono::seconds;

HttpResult ask(const std::string& peer, const std::string& target, const std::string& token, Duration deadline) {
  HttpRequest request{.method = "GET", .target = target, .body = {}, .headers = {}, .deadline = deadline};
  if (!token.empty()) request.headers["X-Consul-Token"] = token;
  return ask_once(peer, std::move(request));
}

// The same, where only 200 will do.
Result<std::string> body_of(const std::string& peer, const std::string& target, const std::string& token = "") {
  // An agent that knows no leader thinks for 7 s before it says so.
  auto answer = ask(peer, target, token, seconds(9));
  if (!answer) return answer.error();
  if (answer->status != 200) {
    return Problem{"GET " + target, fmt::format("{} {}", answer->status, trim(answer->body)), "see the agent's log",
                   Exit::retry};
  }
  return {boost::system::in_place_value, std::move(answer->body)};
}

class Doctor {
 public:
  Doctor(const Settings& settings, const Environment& environment) : settings_(settings), environment_(environment) {}

  DoctorView look() {
    ask_lictor();
    look_around();
    ask_agent();
    look_at_identity();
    look_at_address();
    look_at_storage();
    look_at_secrets();
    look_at_ports();
    look_at_limits();
    look_at_versions();
    look_at_stop();
    look_at_proxies();
    look_at_clock();
    look_at_servers();
    return std::move(view_);
  }

 private:
  void unseen(std::initializer_list<const char*> checks, const std::string& reason) {
    for (const char* check : checks) facts_.unseen.emplace(check, reason);
  }

  // What the cluster's state needs.
  void cluster_unseen(const std::string& reason) {
    unseen({"claims", "held-for-failed", "duplicate-address", "duplicate-id", "failed-member", "entry-without-member",
            "member-without-entry"},
           reason);
  }

  bool lictor_runs() const { return status_.is_object(); }

  void ask_lictor() {
    const std::string& socket = settings_.control.socket;
    const auto body = body_of(socket, "/status");
    if (body) status_ = foreign_json(*body);
    if (lictor_runs()) {
      lictor_ = static_cast<pid_t>(integer_of(status_, "pid"));
      const Json& agent = object_of(status_, "agent");
      agent_expected_ = flag_of(agent, "running");
      // Seen from another pid namespace the number is somebody else's.
      const auto pid = static_cast<pid_t>(integer_of(agent, "pid"));
      if (pid > 0 && is_agent(content_of(fmt::format("/proc/{}/cmdline", pid)))) agent_ = pid;
      return;
    }
    // A lock is held exactly as long as its lictor lives, whatever its socket does.
    if (!locked(settings_.run_dir + "/lictor.lock") && !(access(socket.c_str(), W_OK) != 0 && errno == EACCES)) return;
    view_.could_look = false;
    why_not_ = fmt::format("the lictor that runs here can't be asked: {}",
                           body ? "the answer on " + socket + " is no status" : body.error().why);
  }

  static bool locked(const std::string& path) {
    const auto file = open_to_read(path);
    if (!file) return false;
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    return fcntl(file->get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  }

  void look_around() {
    if (lictor_runs()) running_config_ = foreign_json(content_of(settings_.run_dir + "/consul.json"));
    if (running_config_.is_object()) {
      const Json& tokens = object_of(object_of(running_config_, "acl"), "tokens");
      token_ = text_of(tokens, tokens.contains("agent_recovery") ? "agent_recovery" : "agent_master");
    }
    auto ground = lictor::look(
        settings_, environment_, interfaces_,
        {.token = token_, .agent_version = {}, .bound = nullptr, .moves = Moves::never, .identity = {}, .left = false});
    if (ground) {
      ground_ = std::move(*ground);
    } else if (outsider()) {
      unseen({"settings"}, fmt::format("{}; the lictor that runs has found nothing wrong with them", others_files));
    } else {
      facts_.problems = ground.error();
    }
    facts_.acls = !token_.empty();
    const std::string name = text_of(status_, "node_name");
    if (!name.empty()) {
      facts_.node = NodeKey{name, text_of(status_, "node_id"), text_of(status_, "advertise_address")};
      if (ground_) facts_.node->former = ground_->facts.identity.former;
    } else if (ground_) {
      facts_.node = ground_->own();
    }
  }

  void ask_agent() {
    socket_ = agent_socket(settings_);
    // Others ask it where all do, and as whom they say they are.
    if (const std::string open = text_of(status_, "http_address"); outsider() && open.find('/') == std::string::npos) {
      socket_ = open;
      token_ = variable("CONSUL_HTTP_TOKEN");
    }
    const auto body = body_of(socket_, "/v1/agent/members", token_);
    auto members = body ? parse_members(*body) : Result<std::vector<Member>>(body.error());
    if (!members) {
      if (agent_expected_ && !outsider()) view_.could_look = false;
      if (why_not_.empty())
        why_not_ = agent_expected_ ? "the agent that lictor runs can't be asked: " + members.error().why
                                   : "no agent under lictor runs here";
      unseen({"serf", "clock"}, why_not_);
      return cluster_unseen(why_not_);
    }
    agent_answers_ = true;
    facts_.agent_runs = true;
    facts_.members = std::move(*members);
    for (const Member& m : *facts_.members) {
      if (!facts_.node || m.name != facts_.node->name) continue;
      // As others see it: advertised, which need not be what it is bound to.
      facts_.node->address = m.address;
      if (!m.version.empty()) facts_.running_version = m.version;
    }
    look_at_serf();
    look_at_standing();
    ask_catalog();
  }

  void ask_catalog() {
    const auto body = body_of(socket_, "/v1/catalog/nodes", catalog_token());
    auto nodes = body ? parse_catalog_nodes(*body) : Result<std::vector<CatalogNode>>(body.error());
    if (!nodes) {
      view_.could_look &= outsider();
      return cluster_unseen("the catalog can't be read: " + nodes.error().why);
    }
    const auto own = [this](const CatalogNode& n) { return facts_.node && n.name == facts_.node->name; };
    if (facts_.acls && std::none_of(nodes->begin(), nodes->end(), own)) {
      cluster_unseen(
          "the agent's token does not read the catalog, not even its own entry; give it node_prefix \"\" read");
    }
    facts_.catalog = std::move(*nodes);
  }

  void look_at_standing() {
    if (!facts_.node) return unseen({"held-for-failed"}, "the node's name is not known");
    const auto body = body_of(socket_, "/v1/health/node/" + percent_encode(facts_.node->name), catalog_token());
    NodePartReader checks(NodePart::checks);
    if (body) checks.feed(*body);
    const StandingAnswer standing = checks.whole() ? checks.standing() : StandingAnswer::untold;
    // Lictor knows more than one look shows: a node that nothing reaches comes and goes at the servers.
    facts_.held_for_failed = standing == StandingAnswer::failed || flag_of(status_, "held_for_failed");
    if (standing != StandingAnswer::untold) return;
    unseen({"held-for-failed"}, body ? "the servers tell nothing of this node, or the token may not read it (node:read)"
                                     : "the servers can't be asked: " + body.error().why);
  }

  static bool everywhere(const Listener& l) { return l.address == "0.0.0.0" || l.address == "::"; }

  // Whether others can reach the gossip where the agent says that it is.
  void look_at_way_in(const std::vector<Listener>& listeners, std::string_view bound) {
    if (!facts_.node) return;
    const std::string& address = facts_.node->address;
    facts_.own_address = !interfaces_ || address.starts_with("127.") || on_host(address, *interfaces_);
    const auto port = bound.substr(bound.rfind(':') + 1);
    const auto listens = [&](Protocol protocol) {
      return std::any_of(listeners.begin(), listeners.end(), [&](const Listener& l) {
        return l.protocol == protocol && (l.address == address || everywhere(l)) && std::to_string(l.port) == port;
      });
    };
    facts_.serf_listens = listens(Protocol::tcp) && listens(Protocol::udp);
  }

  void look_at_serf() {
    const auto body = body_of(socket_, "/v1/agent/self", token_);
    const Json self = body ? foreign_json(*body) : Json();
    const Json& config = object_of(self, "DebugConfig");
    std::string bind = text_of(config, "SerfBindAddrLAN");  // "tcp://10.0.0.5:8301"
    bind.erase(0, bind.starts_with("tcp://") ? 6 : 0);
    const auto listeners = list_listeners(agent_);
    if (bind.empty() || !listeners) {
      return unseen({"serf"},
                    bind.empty() ? "the agent does not tell where its gossip is bound" : to_string(listeners.error()));
    }
    facts_.serf_bound = std::any_of(listeners->begin(), listeners->end(), [&bind](const Listener& l) {
      const bool same_port = bind.ends_with(":" + std::to_string(l.port));
      return l.protocol == Protocol::udp && same_port && (everywhere(l) || bind == address_and_port(l.address, l.port));
    });
    look_at_way_in(*listeners, bind);
    facts_.serf_address = std::move(bind);
  }

  void look_at_identity() {
    if (!ground_) return unseen({"identity"}, in_the_way());
    const std::string running = text_of(status_, "node_name"), now = ground_->facts.identity.name;
    if (!running.empty() && running != now) {
      return unseen({"identity"},
                    fmt::format("lictor runs the node as {}, and this command takes it to be {}: the host "
                                "was renamed, or NODE_NAME is not the same here",
                                running, now));
    }
    facts_.identity = ground_->identity;
    if (const std::string id = text_of(status_, "node_id"); !id.empty()) facts_.running_id = id;
  }

  void look_at_address() {
    if (!lictor_runs()) return unseen({"address"}, why_not_.empty() ? "no lictor runs here" : why_not_);
    if (!ground_) return unseen({"address"}, in_the_way());
    const std::string address = text_of(status_, "address");
    if (address.empty()) return unseen({"address"}, "lictor has not chosen an address yet");
    facts_.running_address = address;
    facts_.chosen = ground_->facts.bind;
    if (interfaces_) facts_.chosen_afresh = address_at_start(*ground_, *interfaces_, false).bind;
  }

  void look_at_storage() {
    const std::string data_dir = ground_ ? ground_->facts.data_dir : text_of(status_, "data_dir");
    if (data_dir.empty()) return unseen({"storage"}, in_the_way());
    facts_.fleeting = fleeting_storage(data_dir);
    if (!ground_ || access(data_dir.c_str(), F_OK) != 0) return;
    if (outsider() || (geteuid() != 0 && geteuid() != ground_->facts.uid))
      return unseen({"storage"}, "whether the agent may write its data directory only root or its own user can try");
    if (auto fine = check_data_dir(data_dir, file_user(ground_->facts)); !fine) facts_.data_dir = fine.error();
  }

  void look_at_secrets() {
    if (!ground_) return unseen({"secrets"}, in_the_way());
    facts_.open_secrets = ground_->open_secrets;
    facts_.keyring = ground_->keyring;
  }

  bool is_agent(const std::string& arguments) const {
    return arguments.find("-config-file=" + settings_.run_dir + "/consul.json") != std::string::npos;
  }

  void look_at_ports() {
    const Json* config = running_config_.is_object() ? &running_config_
                         : ground_                   ? &ground_->plan.effective.merged
                                                     : nullptr;
    const auto listeners = list_listeners(agent_);
    if (!config || !listeners) return unseen({"ports"}, config ? to_string(listeners.error()) : in_the_way());
    for (const WantedPort& wanted : wanted_ports(*config, settings_.control.http)) {
      for (const Listener& listener : *listeners) {
        if (!collide(wanted, listener)) continue;
        const auto holder = holder_of(listener);
        if (holder && (holder->pid == lictor_ || holder->pid == agent_ || is_agent(holder->arguments))) continue;
        if (!holder && (wanted.setting == "control.http" ? lictor_runs() : agent_answers_)) {
          unseen({"ports"}, "which program has a port takes " + lacking_sight() + " to see");
          continue;
        }
        facts_.taken.push_back({wanted, holder ? fmt::format("{} (pid {})", holder->name, holder->pid)
                                               : "a process that can't be seen from here"});
      }
    }
  }

  void look_at_limits() {
    if (auto limits = read_agent_limits(agent_)) {
      facts_.limits = *limits;
      if (agent_ == 0 && ground_) facts_.go_release = go_release_of(ground_->facts.binary);
    } else {
      unseen({"limits"}, to_string(limits.error()));
    }
  }

  void look_at_versions() {
    if (!ground_) return unseen({"version"}, in_the_way());
    if (auto version = version_of(ground_->facts.binary, *ground_)) {
      facts_.binary_version = std::move(*version);
    } else {
      unseen({"version"}, to_string(version.error()));
    }
  }

  void look_at_stop() {
    facts_.stop_timeout = settings_.stop.timeout;
    const Environment environment = lictors_environment().value_or(environment_);
    const Platform platform = platform_of(environment, lictor_);
    const StopReason now = ask_platform(platform, environment);
    if (settings_.stop.policy == StopPolicy::automatic) {
      if (now.cause == StopCause::unknown) facts_.untold = now.evidence;
      if (now.cause == StopCause::untold)
        unseen({"stop-policy"}, std::string(nothing_tells) + " lictor is stopped: it leaves");
    }
    const std::string grace = variable("LICTOR_GRACE");
    if (!grace.empty()) {
      if (const auto limit = parse_grace(grace)) {
        facts_.grace = Grace{*limit, "LICTOR_GRACE"};
      } else {
        facts_.bad_grace = grace;
      }
      return;
    }
    // A manager that lictor can tell is asked by it for the time that a stop may take, whatever the unit says.
    if (!variable("NOTIFY_SOCKET").empty()) return;
    if (now.grace) {
      facts_.grace = Grace{*now.grace, platform.unit.empty() ? "Kubernetes" : "TimeoutStopSec of " + platform.unit};
    } else {
      unseen({"grace"}, platform.unit.empty()
                            ? "the platform's grace period is not known; set LICTOR_GRACE to it, as in "
                              "\"30s\" or 30"
                            : "systemctl does not tell TimeoutStopUSec of " + platform.unit);
    }
  }

  // From the doctor's environment, else from the running lictor's: the doctor may have been called from elsewhere. Empty:
  // neither has it.
  std::string variable(const std::string& name) const {
    if (const auto own = environment_.find(name); own != environment_.end() && !own->second.empty()) return own->second;
    const std::string lictors = std::string(1, '\0') + content_of(fmt::format("/proc/{}/environ", lictor_));
    const std::string start = std::string(1, '\0') + name + "=";
    const auto at = lictors.find(start);
    return at == std::string::npos ? "" : std::string(lictors.c_str() + at + start.size());
  }

  // Of the lictor that runs, else our own; nothing where it can't be read.
  std::optional<Environment> lictors_environment() const {
    if (!lictor_runs()) return environment_;
    const std::string lictors = content_of(fmt::format("/proc/{}/environ", lictor_));
    if (lictors.empty()) return std::nullopt;
    Environment variables;
    for (const std::string& variable : split_list(lictors, '\0')) {
      const auto equals = std::min(variable.find('='), variable.size() - 1);
      variables.emplace(variable.substr(0, equals), variable.substr(equals + 1));
    }
    return variables;
  }

  void look_at_proxies() {
    auto variables = lictors_environment();
    if (!variables) return unseen({"proxy"}, "lictor's environment can't be read from here");
    for (const auto& [name, value] : settings_.agent.env) (*variables)[name] = value;
    facts_.proxies = proxies_in(*variables);
  }

  void look_at_clock() {
    if (!agent_answers_) return;
    const auto body = body_of(socket_, "/v1/status/leader", token_);
    const Json leader = body ? foreign_json(*body) : Json();
    if (!leader.is_string() || leader == "") return unseen({"clock"}, "no leader is known");
    // "10.0.0.1:8300" is its RPC port; plain HTTP, where a server serves it to others, is on Consul's default port.
    const auto rpc = leader.get<std::string>();
    const std::string peer = rpc.substr(0, rpc.rfind(':')) + ":8500";
    using std::chrono::system_clock;
    const auto before = system_clock::now();
    const auto answer = ask(peer, "/v1/status/leader", "", seconds(2));
    const auto middle = before + (system_clock::now() - before) / 2;
    const auto date = answer ? parse_http_date(answer->date) : std::nullopt;
    if (!date) {
      return unseen({"clock"}, answer ? peer + " sent no Date header"
                                      : "the leader's HTTP port does not answer: " + answer.error().why);
    }
    // The header is cut to whole seconds.
    const auto server = system_clock::time_point(seconds(*date)) + std::chrono::milliseconds(500);
    facts_.clock_ahead = std::chrono::duration_cast<Duration>(middle - server);
  }

  void look_at_servers() {
    if (!ground_) return unseen({"servers"}, in_the_way());
    const std::string snapshot = member_snapshot(*ground_);
    const bool readable = access(snapshot.c_str(), R_OK) == 0 || errno != EACCES;
    facts_.nobody_to_join = nobody_to_join(ground_->plan.effective, ground_->facts.identity.name, content_of(snapshot));
    if (readable || !facts_.nobody_to_join) return;
    facts_.nobody_to_join = false;
    unseen({"servers"},
           "the settings name no server, and which members the agent remembers only root or its own user can read");
  }

  std::string catalog_token() const {
    if (ground_) return ground_->plan.registration_token;
    return outsider() ? token_ : "";
  }

  std::string in_the_way() const { return outsider() ? others_files : "what the settings check found is in the way"; }

  // Who may ask the lictor that runs, and not read what it and its agent read.
  bool outsider() const {
    struct stat socket {};
    return geteuid() != 0 && lictor_runs() && stat(settings_.control.socket.c_str(), &socket) == 0 &&
           socket.st_uid != geteuid();
  }
  static constexpr const char* others_files = "only root or lictor's own user can read what this needs";

  const Settings& settings_;
  const Environment& environment_;
  DoctorView view_;
  DoctorFacts& facts_ = view_.facts;
  Json status_, running_config_;
  const Interfaces interfaces_ = list_interfaces();
  std::optional<Ground> ground_;
  std::string socket_, token_;
  std::string why_not_;  // lictor or agent could not be asked
  pid_t lictor_ = -1, agent_ = 0;
  bool agent_expected_ = false, agent_answers_ = false;
};

}  // namespace

DoctorView look_as_doctor(const Settings& settings, const Environment& environment) {
  return Doctor(settings, environment).look();
}

}  // namespace lictor
