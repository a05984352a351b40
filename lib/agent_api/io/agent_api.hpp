// The agent's HTTP API over the private socket.
//
// Agent calls (probe, leave, reload) carry the recovery token; what reaches the servers (register, catalog), and the list of
// the agent's services, which the agent shortens to those that a token may read, down to none for the recovery token, carries
// the registration token, or where there is none no token, so that the agent applies its own default token. Maintenance of
// the node is set with the agent's own token, which is the one that may write the node.
#pragma once

#include "agent_api/io/agent_calls.hpp"
#include "agent_api/io/http_client.hpp"
#include "network/io/reach.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lictor {

class AgentApi : public AgentCalls {
 public:
  // `refused`: a server has refused to register, to deregister or to tell of the catalog for want of a permission; before
  // the call that it is about is answered.
  AgentApi(boost::asio::any_io_executor executor, const std::string& socket, std::function<void()> refused = {});

  void reset(std::string token) override;
  void use_tokens(Tokens tokens) override;
  void probe(Duration deadline, std::function<void(ProbeAnswer)> done) override;
  void send_services(const std::vector<Json>& desired, Sending what, std::function<void(Sent)> done) override;
  void look_up_catalog(const std::string& node, const std::string& id, const std::vector<Json>& desired,
                       std::function<void(Look)> done) override;
  void send_again(const NodeKey& own, const std::vector<Json>& desired, bool seen,
                  std::function<void(Sent)> done) override;
  void flush(bool anew, std::function<void(bool refused)> done) override;
  void await_change(const std::string& node, Duration limit, std::function<void(bool told)> done) override;
  void await_standing(const std::string& node, Duration limit, std::function<void(StandingAnswer)> done) override;
  void drop_standing() override { standing_.reset(); }
  void look_at_member(std::function<void(MemberAnswer)> done) override;
  void look_around(const NodeKey& own, std::function<void(const Result<Surroundings>&)> done) override;
  void clear(const Claim& claim, std::function<void(ClearAnswer, std::string text)> done) override;
  void join(JoinTargets targets, std::function<void()> done) override;
  void rejoin() override;
  void leave(Duration deadline, Done done) override;
  void repeat_leave(const std::string& node, Done done) override;
  void reload(Done done) override;
  void deregister(const std::string& node, Done done) override;
  void look_at_maintenance(Done done) override;
  void maintain(const std::string& node, const MaintenanceOrder& order, Duration limit,
                std::function<void(const Result<ServersSay>&)> done) override;
  const AgentFacts& facts() const override { return facts_; }

  // What agents on this data directory have been sent, from one of them to the next: service id -> a digest of the body and
  // the token. An agent keeps its services, and has one that it is sent unchanged forget what it has yet to tell the servers.
  using Record = std::map<std::string, std::string>;
  void use_record(Record record, std::function<void(const Record&)> keep);

  // Of a question to the catalog. Without a leader a server keeps such a call for about 7 s; nobody wants to wait for that.
  static constexpr Duration catalog_deadline = std::chrono::seconds(3);

 private:
  enum class Key { recovery, registration, agent };
  HttpRequest request(std::string method, std::string target, Key key) const;
  std::string registration_failure(const HttpResult& answer, const std::string& what, std::size_t size = 0) const;
  std::string registration_token_name() const;
  void take_facts(const std::vector<Member>& members, const NodeKey& own);
  void ask_catalog(const NodeKey& own, std::shared_ptr<Surroundings> seen,
                   std::function<void(const Result<Surroundings>&)> done);
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

  // Nine connections: a slow call on one never delays a call on another.
  HttpClient probes_, work_, looks_, farewell_, joins_, orders_, changes_, standing_, member_;
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
  std::uint64_t standing_index_ = 0;  // of the last answer about this node's standing; 0: none to wait by
};

}  // namespace lictor
