// The agent's HTTP API over the private socket.
//
// Agent calls (probe, leave, reload) carry the recovery token; what reaches the servers (register, catalog), and the list of
// the agent's services, which the agent shortens to those that a token may read, down to none for the recovery token, carries
// the registration token, or where there is none no token, so that the agent applies its own default token. Maintenance of
// the node is set with the agent's own token, which is the one that may write the node.
#pragma once

#include "agent_api/agent_list.hpp"
#include "agent_api/catalog_entry.hpp"
#include "agent_api/io/agent_calls.hpp"
#include "agent_api/io/http_client.hpp"
#include "agent_api/node_part.hpp"
#include "agent_api/service_record.hpp"
#include "agent_api/service_returns.hpp"
#include "base/json_parts.hpp"
#include "network/io/reach.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
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

  // From now on the agent is behind this one. REQUIRES: nothing is under way.
  void use_socket(const std::string& socket);

  void reset(std::string token) override;
  void use_tokens(Tokens tokens) override;
  void probe(Duration deadline, bool servers, std::function<void(ProbeAnswer)> done) override;
  void ask_own(Duration deadline, std::function<void(bool told)> done) override;
  void ask_servers(const std::string& node, std::function<void(ServersAnswer servers, bool told)> done) override;
  void send_services(const std::string& node, const Services& desired, Sending what,
                     std::function<void(Sent)> done) override;
  void look_up_catalog(const std::string& node, const std::string& id, const Services& desired, bool entry_alone,
                       std::function<void(Look)> done) override;
  void send_again(const NodeKey& own, const Services& desired, bool seen, bool altered,
                  std::function<void(Sent)> done) override;
  void flush(bool anew, std::function<void(bool refused)> done) override;
  void await_change(const std::string& node, Duration limit, std::function<void(bool told)> done) override;
  void await_news(const NodeKey& own, NodePart part, bool whole, Duration limit,
                  std::function<void(News)> done) override;
  void drop_news() override;
  void look_at_member(std::function<void(MemberAnswer)> done) override;
  void look_around(const NodeKey& own, std::function<void(const Result<Surroundings>&)> done) override;
  void clear(const Claim& claim, std::function<void(ClearAnswer, std::string text)> done) override;
  void join(JoinTargets targets, std::function<void(bool told)> done) override;
  void rejoin() override;
  void leave(Duration deadline, Done done) override;
  void repeat_leave(const std::string& node, Done done) override;
  void reload(Done done) override;
  void deregister(const std::string& node, Done done) override;
  void look_at_maintenance(Done done) override;
  void maintain(const std::string& node, const MaintenanceOrder& order, Duration limit,
                std::function<void(const Result<ServersSay>&)> done) override;
  const AgentFacts& facts() const override { return facts_; }

  // Whether the agent has the check of the node (node_check.hpp), of this service, as far as is known; and how often it was sent
  // one that it did not have.
  bool has_node_check(const std::string& service) const;
  unsigned node_checks_begun() const { return node_checks_begun_; }
  // PUT /v1/agent/check/update/ID. The same once more costs the servers nothing. `failure`: empty if the agent has taken it.
  void tell_node_check(const char* status, const std::string& output, std::function<void(std::string failure)> done);
  // PUT /v1/catalog/register with that check alone, as the agent has it. `written`: it is, or a server has refused it.
  void write_node_check(const NodeKey& own, std::function<void(bool written)> done);

  // What agents on this data directory have of lictor's, from one of them to the next. An agent keeps its services, and has
  // one that it is sent unchanged forget what it has yet to tell the servers.
  void use_record(ServiceRecord record, std::function<void(const ServiceRecord&)> keep);

  // Of a question to the catalog. Without a leader a server keeps such a call for about 7 s; nobody wants to wait for that.
  static constexpr Duration catalog_deadline = std::chrono::seconds(3);

 private:
  enum class Key { recovery, registration, agent };
  HttpRequest request(std::string method, std::string target, Key key) const;
  std::string registration_failure(const HttpResult& answer, const std::string& what, std::size_t size = 0) const;
  std::string registration_token_name() const;
  void note_shown(const Services& desired, const std::vector<std::string>& lacking);
  void note_seen(const CatalogEntry& entry);
  void ask_catalog(const NodeKey& own, std::function<void(Result<std::vector<CatalogNode>>)> done);
  void ask_members(const NodeKey& own, const std::vector<CatalogNode>& catalog, const std::string& filter,
                   Duration deadline, std::function<void(const Result<MemberSieve>&)> done);
  std::string agent_token_name() const;
  // leader.cpp
  using LeaderResult = boost::system::result<ProbeAnswer, HttpProblem>;
  void ask_for_leader(Duration within, bool servers, std::function<void(const LeaderResult&)> done);
  void ask_servers_for_leader(Duration within, std::function<void(const LeaderResult&)> done);
  // sending_services.cpp
  struct Delivery;
  using DeliveryPtr = std::shared_ptr<Delivery>;
  void forget_sent();
  void ask_list(const DeliveryPtr& delivery);
  void ask_checks(const DeliveryPtr& delivery);
  using ChecksPtr = std::shared_ptr<const AgentChecks>;  // null: they may not be read, or are none
  void weigh(const DeliveryPtr& delivery, const ChecksPtr& checks, std::size_t from);
  void weigh(Delivery& delivery, const SharedJson& service, const ChecksPtr& checks, Time now);
  void compare(const DeliveryPtr& delivery, const ChecksPtr& checks);
  void later(std::function<void()> step);
  void ask_each(const std::string& target, JsonValues::Take take,
                std::function<void(const HttpResult& answer, bool whole)> done, JsonValues::Wanted wanted = {});
  void read_checks(const std::string& target, std::function<void(const HttpResult&, ChecksPtr)> done);
  void note_sent(const std::string& id, const SharedJson& service);
  void note_not_there(const std::string& id);
  void ask_tags(const DeliveryPtr& delivery);
  void deliver(const DeliveryPtr& delivery);
  void deliver_removal(const DeliveryPtr& delivery);
  void deliver_service(const DeliveryPtr& delivery);
  void deliver_stale_check(const DeliveryPtr& delivery);
  bool note_answer(Delivery& delivery, const HttpResult& answer, const std::string& id, const std::string& what,
                   std::size_t size = 0);
  bool lacks(const Delivery& delivery, const std::string& id) const;
  void delivered(Delivery& delivery);
  std::string digest(const SharedJson& service) const;
  // own_answers.cpp
  void ask_entry(std::vector<std::string> targets, std::uint64_t so_far,
                 std::function<void(std::optional<std::uint64_t>)> done);
  void ask_who_leads(std::function<void(ServersAnswer)> done);
  // news.cpp
  struct Heard;
  struct Weighing;
  Heard& heard_of(NodePart part) { return heard_[part == NodePart::checks ? 0 : 1]; }
  void weigh_news(const NodeKey& own, NodePart part, NodePartReader& reader, News news, std::function<void(News)> done);
  bool lacks_shown(const PartDigests& now) const;
  bool shows_leftovers(const NodePartReader& reader) const;
  static std::string node_part_target(const std::string& node, NodePart part);
  void ask_own_entry(const NodeKey& own, std::function<void(const Json& node)> done);
  // sending_again.cpp
  struct Again;
  void again_altered(const std::shared_ptr<Again>& again);
  void again_alive(const std::shared_ptr<Again>& again);
  void again_permit(const std::shared_ptr<Again>& again);
  void ask_leader_for(NodePart part, const std::string& node,
                      std::function<void(const std::shared_ptr<NodePartReader>&)> done);
  void again_read(const std::shared_ptr<Again>& again, std::function<void()> then);
  void again_node(const std::shared_ptr<Again>& again);
  void again_ask(const std::shared_ptr<Again>& again);
  void again_put(const std::shared_ptr<Again>& again);
  void again_compare(const std::shared_ptr<Again>& again);
  std::string checks_target() const;
  void digest_checks(std::function<void(const HttpResult&, std::optional<std::uint64_t>)> done);
  struct Refusals {
    std::map<std::string, std::string> services;  // id -> why
    std::string failure;                          // why it could not be asked
  };
  void ask_permission(std::map<std::string, std::string> names, std::function<void(Refusals)> done);
  void tell_refusal(const std::map<std::string, std::string>& refusals, std::function<void(std::string)> done);
  void ask_servers(const std::string& node, bool on, std::chrono::steady_clock::time_point end, ServersSay so_far,
                   std::function<void(ServersSay)> done);

  // A connection for each call that is outstanding: a slow one never delays another. Maintenance alone is asked of in order, so
  // that the last answer is the last word.
  HttpClient probes_, own_, work_, farewell_, orders_, member_, check_;
  boost::asio::any_io_executor executor_;
  std::optional<Reach> reach_;
  boost::asio::steady_timer pause_;  // while the servers are asked of maintenance
  std::size_t next_name_ = 0;        // of those to join
  std::function<void()> refused_;
  std::string token_;
  Tokens tokens_;
  AgentFacts facts_;
  std::shared_ptr<const int> process_ = std::make_shared<const int>();  // another one for each agent
  // The bodies that the agent has taken, by id: its own list does not show checks.
  SentServices sent_;
  std::set<std::string> may_end_;  // those of them that the agent may deregister itself
  SentServices unseen_;            // sent anew, and not looked for in the catalog since
  ServiceRecord record_;
  bool record_changed_ = false;
  bool maybe_stale_ = false;  // checks of former definitions, in the agent
  std::function<void(const ServiceRecord&)> keep_;
  ServiceReturns returns_;
  std::set<std::string> shown_services_;  // desired ones that the catalog has shown while lictor runs
  bool sent_is_all_ = false;              // the agent has no service of ours beside those
  bool refused_last_ = false;             // the agent, something that was to be sent
  std::set<std::string> faulty_;          // services that were not taken as they are defined, when last sent
  bool self_refused_ = false;  // the agent does not show itself: each question would be one more line of its log
  Json shown_;  // the catalog's entry of this node by the last look, where it lacks something; null: none
  // A digest of the agent's checks at the last flush, if it has not begun others since; 0: it is to be made anew.
  std::uint64_t flushed_ = 0;
  std::set<std::string> own_ids_;  // of what is desired, while it is sent again
  bool leaving_ = false;
  unsigned node_checks_begun_ = 0;
  // Of the last look at the catalog; 0: it showed nothing. And what await_change() was told since.
  std::uint64_t index_ = 0, checks_index_ = 0;
  bool in_catalog_ = false;
  // What was known of the servers when the agent last answered of itself or was first asked, and then by each ask_servers().
  struct Silence {
    std::string leader;
    int servers = 0;                     // that were alive
    std::optional<std::uint64_t> entry;  // a digest of this node's
  };
  Silence silence_;
  int known_servers_ = -1;  // that the agent knew when it last told; -1: it has not
  // What the servers have last told of a part of this node.
  struct Heard {
    explicit Heard(const HttpClient& its_own) : client(its_own) {}
    HttpClient client;
    std::uint64_t index = 0;  // 0: none to wait by
    bool whole = false;
    std::optional<PartDigests> shown{};  // as it is to be; nothing: not yet, by this agent
    bool differs = false;                // it was otherwise when last told
    PartTexts texts{};                   // of the last answer
    StandingAnswer standing = StandingAnswer::untold;
    int dropped = 0;  // times; what was asked before has no answer
    void forget();
  };
  std::array<Heard, 2> heard_;
  Duration longest_wait_ = Duration::max();  // for which the agent bears with a connection on which nothing comes
};

}  // namespace lictor
