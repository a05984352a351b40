// The agent's own program, where only that can tell (agent_config/agent_evaluation.hpp): run as the agent's user.
#pragma once

#include "child.hpp"
#include "sources.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace lictor {

// One question after another; each takes some 0.1 s, and no more than 10 s.
class AgentEvaluator {
 public:
  AgentEvaluator(boost::asio::any_io_executor executor, Reaper& reaper) : child_(executor, reaper) {}

  // `done` is called once: inside this call where there is nothing to evaluate, or no child for it.
  using Done = std::function<void(AgentAnswers)>;
  void evaluate(const Sources& sources, const std::vector<std::string>& templates, Done done);

  // The problems of those keys of the agent's settings that lictor does not know and it does not know either. `done` as above.
  void look_at_keys(const Sources& sources, std::function<void(Problems)> done);

 private:
  struct Question {
    LaunchRequest request;
    Child::DoneWithOutput answered;
  };
  void next();

  Child child_;
  std::deque<Question> questions_;
  bool asking_ = false;
};

// The same for commands: blocks.
AgentAnswers evaluated_by_agent(const Sources& sources, const std::vector<std::string>& templates);
Problems keys_refused_by_agent(const Sources& sources);

}  // namespace lictor
