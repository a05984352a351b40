// The loop: what happens goes to the life (life/life.hpp) as an event, and each effect that follows is done by one of the parts,
// whose answer is the next event. Nothing is decided here.
//
// Everything runs on one io_context in one thread.
//   - Events are taken one after another: one that an effect brings at once waits until the effects before it are done.
//   - Each effect that has an answer is answered by exactly one event, unless the agent that it was for ends first; one that
//     tells of an agent that has been followed by another is dropped, here or by the life.
//   - No exception ends lictor without its stop: the agent would be killed with it, and the node would not leave. One from an
//     effect, an event or a callback is told of, and the life is told to stop, once; the end is then Exit::internal.
//   - After Quit nothing happens any more.
#pragma once

#include "agent_api/io/agent_calls.hpp"
#include "life/view.hpp"
#include "parts.hpp"
#include "process/pages_at_rest.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// The tokens that the settings in force give the agent's API.
AgentCalls::Tokens tokens_of(const Plan& plan);

class Interpreter {
 public:
  // Who follows the life without taking part in it. All are called from the executor.
  struct Observers {
    std::function<void(Time)> stepped;           // the life has taken a step; its effects follow
    std::function<void(const Happening&)> over;  // this event's effects are done
    std::function<void()> report;                // the status is wanted in the log
    std::function<void()> ended;                 // Quit: end() is there, and the loop ends after this
  };
  // The parts live longer than this.
  struct Parts {
    AgentCalls& api;
    AgentProcess& agent;
    ActiveSettings& settings;
    StopWitness& witness;
  };
  // What decides: step(), or a test's stand-in for it.
  using Decide = std::function<std::vector<Effect>(Life&, const Event&)>;

  Interpreter(boost::asio::io_context& io, Life life, Parts parts, Observers observers, Decide decide = step);

  // Takes an event, and all that follows from it at once. Not after Quit.
  void feed(Happening what);
  // The same from a turn of the loop of its own, for who is called by what the event's effects may destroy.
  void feed_later(Happening what);

  // Begins, and returns how the life ended. Called once.
  Quit run();

  LifeView life() const { return seen_; }
  // Nothing new is begun: a stop was asked for, or lictor gives up.
  bool ending() const { return seen_.stop() || seen_.giving_up(); }
  const std::optional<Quit>& end() const { return end_; }

 private:
  template <class Deed>
  bool guarded(const Deed& deed);
  void fail(const std::string& why);
  void take(const Happening& what);
  void arm_timer();
  void phase_changed();
  void use_tokens();

  // One for each effect.
  void act(const Prepare& e);
  void act(const Launch&);
  void act(const FindFault&);
  void act(const Probe&);
  void act(const AskOwn&);
  void act(const AskServers&);
  void act(const SendServices&);
  void act(const LookUpCatalog&);
  void act(const SendAgain&);
  void act(const Flush&);
  void act(const AwaitChange&);
  void act(const TakeIdBack&);
  void act(const LookAround&);
  void act(const AwaitNews&);
  void act(const DropNews&);
  void act(const LookAtMember&);
  void act(const Clear&);
  void act(const Join&);
  void act(const Rejoin&);
  void act(const ReadAddress&);
  void act(const RunHook&);
  void act(const EndHook&);
  void act(const AskWhy&);
  void act(const AskLeave&);
  void act(const RepeatLeave&);
  void act(const Deregister&);
  void act(const EndAgent&);
  void act(const AwaitChildren&);
  void act(const SignalChildren&);
  void act(const Reload&);
  void act(const Adopt&);
  void act(const GoBack&);
  void act(const Forget&);
  void act(const Report&);
  void act(const Say&);
  void act(const Quit&);

  boost::asio::io_context& io_;
  Life life_;
  const LifeView seen_{life_};
  Parts parts_;
  Observers observers_;
  Decide decide_;
  Phase phase_ = Phase::prepare;  // as last seen by phase_changed
  std::deque<Happening> queue_;
  bool feeding_ = false;
  std::optional<Quit> end_;
  std::string failure_;  // of lictor's own, for which it stops
  int failures_ = 0;
  boost::asio::steady_timer timer_;
  std::optional<Time> armed_;
  PagesAtRest pages_;
};

}  // namespace lictor
