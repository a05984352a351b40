// Orders and questions from lictor's own listeners: the control socket and control.http. An order becomes an event of the life, or
// a call to the agent; who waits for the outcome is answered when it is known, at the latest when lictor ends.
#pragma once

#include "agent_api/io/agent_calls.hpp"
#include "control/io/control_server.hpp"
#include "interpreter.hpp"
#include "report/timeline.hpp"
#include "status.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

class Orders {
 public:
  // What is shown of lictor, at the moment of the call.
  struct Views {
    std::function<Standpoint()> standpoint;
    std::function<std::vector<Course>()> courses;
  };
  // The interpreter and the agent's API live longer than this.
  Orders(boost::asio::any_io_executor executor, Interpreter& interpreter, AgentCalls& api, Views views);

  // Listens; nothing where it does already.
  Result<void> listen(const Settings& settings);

  // After each event and its effects: who waits for an outcome that is known now gets it.
  void answer_waiting(const Happening& happened);

  // Until the next listen().
  void stop_listening();
  // lictor has ended: whoever still waits is told so, and nobody is listened to any more.
  void end();

  // What a request is answered. Total: an exception becomes an answer with status 500.
  ControlReply reply_to(const ControlRequest& request);

 private:
  // Asked after each event and its effects; nothing: not known yet.
  using OutcomeOf = std::function<std::optional<Outcome>(const Happening&)>;
  struct Waiting {
    OutcomeOf outcome;
    std::function<void(ControlReply)> answer;
  };

  ControlReply reply(const ControlRequest& request);
  ControlReply reply_to_order(const ControlRequest& request);
  ControlReply reply_in_turn(const ControlRequest& request);
  ControlReply order(SignalKind kind, bool wait);
  OutcomeOf settings_taken();
  OutcomeOf ready_again();
  ControlReply maintain(const std::string& body);
  ControlReply reply_when_known(OutcomeOf outcome);

  boost::asio::any_io_executor executor_;
  Interpreter& interpreter_;
  AgentCalls& api_;
  Views views_;
  std::vector<Waiting> waiting_;
  std::weak_ptr<std::optional<Outcome>> maintaining_;  // there while an order about maintenance is under way
  std::optional<OrderGroup> group_;
  std::unique_ptr<ControlServer> socket_, http_;
};

}  // namespace lictor
