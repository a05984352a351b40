// The agent's HTTP API over the private socket, in the words of the life: each call yields one of its answers.
//
// Agent calls (probe, leave, reload) carry the recovery token; what reaches the servers (register, catalog), and the list of
// the agent's services, which the agent shortens to those that a token may read, down to none for the recovery token, carries
// the registration token, or where there is none no token, so that the agent applies its own default token. Maintenance of
// the node is set with the agent's own token, which is the one that may write the node.
#pragma once

#include "act/http_client.hpp"
#include "act/reach.hpp"
#include "decide/join.hpp"
#include "decide/life.hpp"
#include "decide/maintenance.hpp"
#include "decide/services.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lictor {

struct AgentFacts {
  std::string version;  // of the agent: "1.8.7"
  std::string server;   // address of the leader as the agent knows it: "10.0.0.1:8300"
  int members = 0;      // of the LAN gossip pool, this node included; 0 until known
  int servers = 0;      // those of them that are servers and alive
  // Why the node is in maintenance, as the agent last said; nothing: it is not, or it is not known yet.
  std::optional<std::string> maintenance = {};
};

// Not thread-safe; callbacks come from the executor, each exactly once, unless reset() comes first.
class AgentApi {
 public:
  // failure: empty if it worked, else "why; what to do".
  using Done = std::function<void(std::string failure)>;

  // `refused`: a server has refused to register, to deregister or to tell of the catalog for want of a permission; before
  // the call that it is about is answered.
  AgentApi(boost::asio::any_io_executor executor, const std::string& socket, std::function<void()> refused = {});

  // A new agent process: what was outstanding is dropped.
  void reset(std::string token);

  // From now on; `fallback` is the agent's default token, `agent` its own. The agent keeps with each service the token that
  // registered it, its own default one too, and syncs it with the servers by that: with another token all services are sent
  // again at the next send_services().
  struct Tokens {
    std::string registration, fallback, agent;  // empty: none
  };
  void use_tokens(Tokens tokens);

  // GET /v1/status/leader, which asks a server, and if that stays unanswered for half the deadline GET /. While a server is
  // silent an agent answers nothing that asks it or takes the lock on the agent's services (agent/self does); what needs
  // neither, nor a token that a server would have to know, it answers at once. Any status is an answer.
  void probe(Duration deadline, std::function<void(ProbeAnswer)> done);

  // What agents on this data directory have been sent, from one of them to the next: service id -> a digest of the body and
  // the token. An agent keeps its services, and has one that it is sent unchanged forget what it has yet to tell the servers.
  using Record = std::map<std::string, std::string>;
  void use_record(Record record, std::function<void(const Record&)> keep);

  struct Sent {
    std::string failure;   // empty: it worked
    bool refused = false;  // for want of a permission
    bool changed = false;  // something was sent
    bool missing = false;  // the agent lacks something that is desired
  };
  // Makes the agent's services those desired (decide/services.hpp). Where it is not known what the agent has, or its list alone
  // can tell, news are found in that list, too. What was refused is sent only when the servers say that they would take it.
  void send_services(const std::vector<Json>& desired, Sending what, std::function<void(Sent)> done);

  // GET /v1/catalog/node/NAME?consistent: what a server's own record says.
  struct Look {
    CatalogAnswer answer = CatalogAnswer::failed;
    NodeKey holder = {};                      // of an entry with another id (CatalogAnswer::taken)
    std::vector<std::string> leftovers = {};  // leftovers_in_catalog()
  };
  void look_up_catalog(const std::string& node, const std::string& id, const std::vector<Json>& desired,
                       std::function<void(Look)> done);

  // What the agent has and the catalog lacks, by the last look, is written there: the entry of the node and its checks (PUT
  // /v1/txn, with the agent's own token), then one service after the other with its checks (PUT /v1/catalog/register). `seen`:
  // an entry that was not shown is gone, else it may be hidden, and is not written. A failure is about what is desired; what
  // others have put on the agent is written where that is permitted.
  void send_again(const NodeKey& own, const std::vector<Json>& desired, bool seen, std::function<void(Sent)> done);

  // Has the agent send the servers what it has yet to tell them (State.SyncChanges): where `anew`, or where its checks have changed
  // since the last time. Each change by the API does so (agent/agent_endpoint: syncChanges); this takes one of lictor's services,
  // that is not in maintenance, out of maintenance. `refused`: the agent does not permit that.
  void flush(bool anew, std::function<void(bool refused)> done);

  // Answers when what look_up_catalog() showed last may have changed, at most `limit` later; `told` false: that can't be asked.
  // Of an entry that was there GET /v1/health/node/NAME?index=N, as servers of 1.8 forget the index of an entry together with
  // it, and of its checks they don't; of one that was not there GET /v1/catalog/node/NAME?index=N.
  void await_change(const std::string& node, Duration limit, std::function<void(bool told)> done);

  struct Surroundings {
    std::vector<Member> members;
    std::vector<CatalogNode> catalog;  // only entries with our address, name or id
    bool failed_member = false;        // asked with `health`: our serfHealth check is critical
    std::string failure;
  };
  // GET /v1/agent/members, GET /v1/catalog/nodes with a filter that the servers apply, and with `health`
  // GET /v1/health/node/NAME. Also fills in facts().
  void look_around(const NodeKey& own, bool health, std::function<void(Surroundings)> done);

  // PUT /v1/agent/force-leave/NAME?prune and PUT /v1/catalog/deregister, whichever the claim says. `text` names the
  // permission where one is missing.
  void clear(const Claim& claim, std::function<void(ClearAnswer, std::string text)> done);

  // Unless the agent knows a live server (GET /v1/agent/members): PUT /v1/agent/join with the first of the addresses that
  // takes a connection; where none does, with one of the names, another one each time. An address that does not answer
  // would hold up every other join of the agent for 10 s.
  void join(JoinTargets targets, std::function<void()> done);

  // PUT /v1/agent/join with the address of the leader: serf exchanges all state with it.
  void rejoin();

  void leave(Duration deadline, Done done);  // PUT /v1/agent/leave, on a connection of its own
  // PUT /v1/agent/force-leave/NODE, with this agent's own node while it leaves: the message that a leave sends, once more. An
  // agent that does not leave refutes it.
  void repeat_leave(const std::string& node, Done done);
  void reload(Done done);                               // PUT /v1/agent/reload
  void deregister(const std::string& node, Done done);  // PUT /v1/catalog/deregister

  // GET /v1/agent/checks, for facts().maintenance. Where it fails nothing changes there.
  void look_at_maintenance(Done done = [](const std::string&) {});
  // PUT /v1/agent/maintenance, a look at what the agent has of it, and GET /v1/health/node/NODE?consistent until the servers
  // show it, for at most `limit`. `failure`: the agent has not taken it. REQUIRES: no other one is under way.
  void maintain(const std::string& node, const MaintenanceOrder& order, Duration limit,
                std::function<void(std::string failure, ServersSay)> done);

  const AgentFacts& facts() const { return facts_; }

  // Of a question to the catalog. Without a leader a server keeps such a call for about 7 s; nobody wants to wait for that.
  static constexpr Duration catalog_deadline = std::chrono::seconds(3);

 private:
  enum class Key { recovery, registration, agent };
  HttpRequest request(std::string method, std::string target, Key key) const;
  std::string registration_failure(const HttpResult& answer, const std::string& what, std::size_t size = 0) const;
  std::string registration_token_name() const;
  void ask_health(const NodeKey& own, std::shared_ptr<Surroundings> seen, std::function<void(Surroundings)> done);
  std::string agent_token_name() const;
  void forget_sent();
  void send_difference(const std::vector<Json>& desired, std::function<void(Sent)> done);
  void send_difference(const std::vector<Json>& desired, const std::vector<Json>& granted,
                       std::function<void(Sent)> done);
  void recall(const std::vector<Json>& desired, const Json& actual, std::function<void()> then);
  std::string digest(const Json& service) const;
  void keep_record();
  void send_changes(std::shared_ptr<ServiceChanges> changes, std::function<void(Sent)> done, Sent so_far);
  // sending_again.cpp
  struct Again;
  void again_read(const std::shared_ptr<Again>& again, std::function<void()> then);
  void again_node(const std::shared_ptr<Again>& again);
  void again_ask(const std::shared_ptr<Again>& again);
  void again_put(const std::shared_ptr<Again>& again);
  void again_compare(const std::shared_ptr<Again>& again);
  struct Refusals {
    std::map<std::string, std::string> services;  // id -> why
    std::string failure;                          // why it could not be asked
  };
  void ask_permission(std::map<std::string, std::string> names, std::function<void(Refusals)> done);
  void tell_refusal(const std::map<std::string, std::string>& refusals, std::function<void(std::string)> done);
  void ask_servers(const std::string& node, bool on, std::chrono::steady_clock::time_point end, ServersSay so_far,
                   std::function<void(ServersSay)> done);

  // Seven connections: a slow call on one never delays a call on another.
  HttpClient probes_, work_, looks_, farewell_, joins_, orders_, changes_;
  boost::asio::any_io_executor executor_;
  std::optional<Reach> reach_;
  boost::asio::steady_timer pause_;  // while the servers are asked of maintenance
  std::size_t next_name_ = 0;        // of those to join
  std::function<void()> refused_;
  std::string token_;
  Tokens tokens_;
  AgentFacts facts_;
  // The bodies that the agent has taken, by id: its own list does not show checks.
  std::map<std::string, Json> sent_;
  Record record_;
  std::function<void(const Record&)> keep_;
  bool sent_is_all_ = false;   // the agent has no service of ours beside those
  bool refused_last_ = false;  // the agent, something that was to be sent
  Json shown_;  // the catalog's entry of this node by the last look, where it lacks something; null: none
  std::uint64_t flushed_ = 0;      // a digest of the agent's checks at the last flush; 0: none yet
  std::set<std::string> own_ids_;  // of what is desired, while it is sent again
  bool leaving_ = false;
  // Of the last look at the catalog; 0: it showed nothing. And what await_change() was told since.
  std::uint64_t index_ = 0, checks_index_ = 0;
  bool in_catalog_ = false;
};

}  // namespace lictor
