// Tells the agent how the node is (report/node_word.hpp), where a service has the check for that (agent_api/node_check.hpp).
#pragma once

#include "agent_api/io/agent_api.hpp"
#include "report/node_word.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <optional>
#include <string>

namespace lictor {

class NodeTeller {
 public:
  // What there is to tell; looked at also where only time has passed.
  struct Standpoint {
    LifeView life;
    const Services* services;                   // desired; null until prepare is over
    Time settled;                               // when those were taken
    std::optional<AgentVersion> agent_version;  // as its binary has it
    BesideLife beside;
  };
  // The API lives longer than this.
  NodeTeller(boost::asio::any_io_executor executor, AgentApi& api, std::function<Standpoint()> standpoint);

  void follow(Time at);  // after each step of the life

 private:
  NodeFacts facts(const Standpoint& now);
  void ask(const NodeWord& word, const NodeKey& own);
  void take(const std::string& failure, bool written);
  void arm();

  AgentApi& api_;
  std::function<Standpoint()> standpoint_;
  boost::asio::steady_timer timer_;
  std::optional<Time> armed_;
  NodeTelling telling_;
  std::string service_;         // that has the check
  std::optional<Time> looked_;  // for it: when the services among which it was looked for were taken
  std::string failure_;         // the last, while it lasts
};

}  // namespace lictor
