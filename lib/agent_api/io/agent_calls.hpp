// What is asked of the agent over its API, in the words of the life: each call yields one of its answers. AgentApi
// (agent_api.hpp) asks a real agent; tests of who calls have a stand-in.
#pragma once

#include "agent_api/answers.hpp"
#include "agent_api/join.hpp"
#include "agent_api/maintenance.hpp"
#include "agent_api/services.hpp"
#include "base/problem.hpp"
#include "base/time.hpp"
#include "identity/claims.hpp"

#include <functional>
#include <optional>
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
class AgentCalls {
 public:
  // The problem's subject is what was asked for ("leave"), its reason is the agent's.
  using Done = std::function<void(const Result<void>&)>;

  virtual ~AgentCalls() = default;

  // A new agent process: what was outstanding is dropped.
  virtual void reset(std::string token) = 0;

  // From now on; `fallback` is the agent's default token, `agent` its own. The agent keeps with each service the token that
  // registered it, its own default one too, and syncs it with the servers by that: with another token all services are sent
  // again at the next send_services().
  struct Tokens {
    std::string registration, fallback, agent;  // empty: none
    bool operator==(const Tokens&) const = default;
  };
  virtual void use_tokens(Tokens tokens) = 0;

  // Whether a leader is known: GET /v1/agent/self, which tells without a question to anybody how many live servers the agent
  // knows. Where that is none, none of them leads. Where a leader was known before, and as many servers are alive as then, it is
  // taken to be known still, unless `servers`. Else GET /v1/status/leader, which asks a server: of an agent without one it would
  // cost a line of its log. Where all that stays unanswered for half the deadline: GET /. While a server is silent an agent answers
  // nothing that asks it or takes the lock on the agent's services (agent/self does); what needs neither, nor a token that a
  // server would have to know, it answers at once. Any status is an answer.
  virtual void probe(Duration deadline, bool servers, std::function<void(ProbeAnswer)> done) = 0;

  // GET /v1/agent/services and GET /v1/agent/checks, of what the recovery token may read. `told`: both are answered. They take the
  // lock on what the agent has, which its sync with the servers holds for as long as these take.
  virtual void ask_own(Duration deadline, std::function<void(bool told)> done) = 0;
  // Where that is not answered: GET /v1/catalog/node/NAME?consistent and GET /v1/health/node/NAME?consistent, which the leader
  // answers, GET /v1/status/leader and GET /v1/agent/members. `told`: the node's entry is another one than when this was last
  // asked, with no answer to ask_own() between.
  virtual void ask_servers(const std::string& node, std::function<void(ServersAnswer servers, bool told)> done) = 0;

  struct Sent {
    std::string failure;   // of the whole: it broke off; empty: all that was to be sent has been answered
    bool refused = false;  // something, for want of a permission
    bool changed = false;  // something was sent
    bool missing = false;  // the agent lacks something that is desired
    // Of send_services(): each stands for itself, and the failure is about the rest. Of send_again(): it is about these.
    std::vector<ServiceFault> faults = {};
    std::vector<ServiceReturn> returned = {};  // of send_services(): the agent has taken them again
    bool complete() const { return failure.empty() && faults.empty(); }
  };
  // Makes the agent's services those desired (agent_api/services.hpp), by the least that has to be said: what others have put on
  // them stays, such as checks, maintenance and tags. Where it is not known what the agent has, or its list alone can tell, news
  // are found in that list, too. What was refused is sent only when the servers say that they would take it, and what the
  // agent itself has taken out less and less (agent_api/service_returns.hpp). `node`: the name of this one.
  virtual void send_services(const std::string& node, const Services& desired, Sending what,
                             std::function<void(Sent)> done) = 0;

  // GET /v1/catalog/node/NAME?consistent: what a server's own record says.
  struct Look {
    CatalogAnswer answer = CatalogAnswer::failed;
    NodeKey holder = {};                      // of an entry with another id (CatalogAnswer::taken)
    std::vector<std::string> leftovers = {};  // leftovers_in_catalog()
    // Of `incomplete`: desired services that are not there, and have never been while lictor runs. Others have been.
    std::vector<std::string> awaited = {};
    bool lost = false;  // one of those others
  };
  // `entry_alone`: whose it is, and nothing of the services: `incomplete` is ours, whatever it shows.
  virtual void look_up_catalog(const std::string& node, const std::string& id, const Services& desired,
                               bool entry_alone, std::function<void(Look)> done) = 0;

  // What the agent has and the catalog lacks, by the last look, is written there: the entry of the node and its checks (PUT
  // /v1/txn, with the agent's own token), then one service after the other with its checks (PUT /v1/catalog/register). `seen`:
  // an entry that was not shown is gone, else it may be hidden, and is not written. `altered`: the entry is there, and what of it,
  // its services and its checks is otherwise than the agent has it is written too; the leader is asked once more what that is. A
  // failure is about what is desired; what others have put on the agent is written where that is permitted.
  virtual void send_again(const NodeKey& own, const Services& desired, bool seen, bool altered,
                          std::function<void(Sent)> done) = 0;

  // Has the agent send the servers what it has yet to tell them (State.SyncChanges): where `anew`; where its checks have changed
  // since the last time, or others have begun; and where the catalog did not show what was sent. Each change by the API does so (agent/agent_endpoint: syncChanges); this takes one of lictor's services,
  // that is not in maintenance, out of maintenance. `refused`: the agent does not permit that.
  virtual void flush(bool anew, std::function<void(bool refused)> done) = 0;

  // Answers when what look_up_catalog() showed last may have changed, at most `limit` later; `told` false: that can't be asked.
  // Of an entry that was there GET /v1/health/node/NAME?index=N, as servers of 1.8 forget the index of an entry together with
  // it, and of its checks they don't; of one that was not there GET /v1/catalog/node/NAME?index=N.
  virtual void await_change(const std::string& node, Duration limit, std::function<void(bool told)> done) = 0;

  struct News {
    NewsAnswer answer = NewsAnswer::unanswered;
    StandingAnswer standing = StandingAnswer::untold;  // of the checks
    bool leaderless = false;                           // the server that has answered knows no leader
  };
  // Answers at once when it is first asked of an agent, and then when that may have changed, at most `limit` later: GET
  // /v1/health/node/NAME?stale&index=N&wait=LIMIT, and GET /v1/catalog/node/NAME?... likewise. Any server may answer. `whole`: else
  // nothing but serfHealth is asked for. What was shown before and is not as it was is compared with what the agent has, which
  // costs no server anything. As Consul's documentation of blocking queries has it, an index that went back is forgotten; one that
  // has not moved when it is answered before its time, too. Where the agent ends connections that are idle it is asked for less.
  virtual void await_news(const NodeKey& own, NodePart part, bool whole, Duration limit,
                          std::function<void(News)> done) = 0;
  // What await_news() is out for is dropped with its connections, and not answered.
  virtual void drop_news() = 0;

  // GET /v1/agent/self: its Member.Status. While a server is silent it may not answer; it is not waited for long.
  virtual void look_at_member(std::function<void(MemberAnswer)> done) = 0;

  struct Surroundings {
    std::vector<Member> members;
    std::vector<CatalogNode> catalog;  // only entries with our address, name or id
  };
  // GET /v1/agent/members, GET /v1/catalog/nodes with a filter that the servers apply. Also fills in facts().
  virtual void look_around(const NodeKey& own, std::function<void(const Result<Surroundings>&)> done) = 0;

  // PUT /v1/agent/force-leave/NAME?prune and PUT /v1/catalog/deregister, whichever the claim says. `text` names the
  // permission where one is missing.
  virtual void clear(const Claim& claim, std::function<void(ClearAnswer, std::string text)> done) = 0;

  // PUT /v1/agent/join with the first of the addresses that takes a connection; where none does, with one of the names,
  // another one each time. An address that does not answer would hold up every other join of the agent for 10 s. `told`: it
  // was asked to.
  virtual void join(JoinTargets targets, std::function<void(bool told)> done) = 0;

  // PUT /v1/agent/join with the address of the leader: serf exchanges all state with it.
  virtual void rejoin() = 0;

  virtual void leave(Duration deadline, Done done) = 0;  // PUT /v1/agent/leave, on a connection of its own
  // PUT /v1/agent/force-leave/NODE, with this agent's own node while it leaves: the message that a leave sends, once more. An
  // agent that does not leave refutes it.
  virtual void repeat_leave(const std::string& node, Done done) = 0;
  virtual void reload(Done done) = 0;                               // PUT /v1/agent/reload
  virtual void deregister(const std::string& node, Done done) = 0;  // PUT /v1/catalog/deregister

  // GET /v1/agent/checks, for facts().maintenance. Where it fails nothing changes there.
  virtual void look_at_maintenance(Done done) = 0;

  // PUT /v1/agent/maintenance, a look at what the agent has of it, and GET /v1/health/node/NODE?consistent until the servers
  // show it, for at most `limit`. A problem: the agent has not taken it. REQUIRES: no other one is under way.
  virtual void maintain(const std::string& node, const MaintenanceOrder& order, Duration limit,
                        std::function<void(const Result<ServersSay>&)> done) = 0;

  virtual const AgentFacts& facts() const = 0;
};

}  // namespace lictor
