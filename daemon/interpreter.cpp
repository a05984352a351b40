#include "interpreter.hpp"

#include "clock.hpp"
#include "process/io/host.hpp"
#include "process/io/loop_turns.hpp"
#include "report/io/log.hpp"

#include <boost/asio/post.hpp>

#include <signal.h>

#include <exception>
#include <stdexcept>
#include <utility>
#include <variant>

namespace lictor {
namespace {

// Of failures of lictor's own, in a life: with more it can't get to its end.
constexpr int most_failures = 100;
// What a node needs to begin to serve is given back once there is nothing to do for so long.
constexpr Duration rest = std::chrono::seconds(5);

// As the life has it: empty if it worked.
std::string failure_of(const Result<void>& done) { return done ? "" : to_string(done.error()); }

}  // namespace

AgentCalls::Tokens tokens_of(const Plan& plan) {
  return {.registration = plan.registration_token, .fallback = plan.default_token, .agent = plan.agent_token};
}

Interpreter::Interpreter(boost::asio::io_context& io, Life life, Parts parts, Observers observers, Decide decide)
    : io_(io),
      life_(std::move(life)),
      parts_(parts),
      observers_(std::move(observers)),
      decide_(std::move(decide)),
      timer_(io) {}

Quit Interpreter::run() {
  feed(Begin{});
  while (!guarded([this] { io_.run(); })) continue;
  if (end_) return *end_;
  const Problem problem{"internal", "the event loop ended by itself", "please report this", Exit::internal};
  return {problem.exit, to_string(problem)};
}

// True: there was no exception.
template <class Deed>
bool Interpreter::guarded(const Deed& deed) {
  try {
    deed();
    return true;
  } catch (const std::exception& error) {
    fail(error.what());
    return false;
  }
}

void Interpreter::fail(const std::string& why) {
  log::error("a failure of lictor's own, for which it stops", {{"reason", why}});
  if (++failures_ > most_failures) throw std::runtime_error(why);
  if (!std::exchange(failure_, why).empty()) return;
  feed_later(Signal{SignalKind::terminate});
}

void Interpreter::feed_later(Happening what) {
  boost::asio::post(io_, [this, what = std::move(what)] { feed(what); });
}

void Interpreter::feed(Happening what) {
  queue_.push_back(std::move(what));
  if (std::exchange(feeding_, true)) return;
  while (!queue_.empty() && !end_) {
    const Happening next = std::move(queue_.front());
    queue_.pop_front();
    guarded([&] { take(next); });
  }
  feeding_ = false;
  if (end_) return;
  if (phase_ != seen_.phase()) phase_changed();
  arm_timer();
}

void Interpreter::take(const Happening& what) {
  const Time at = steady_now();
  const std::vector<Effect> effects = decide_(life_, {at, what});
  observers_.stepped(at);
  for (const Effect& effect : effects) {
    guarded([&] { std::visit([this](const auto& e) { act(e); }, effect); });
  }
  observers_.over(what);
}

void Interpreter::phase_changed() {
  phase_ = seen_.phase();
  log::debug("phase", {{"phase", to_string(phase_)}});
}

void Interpreter::arm_timer() {
  const std::optional<Time> wake = next_wake(life_);
  if (wake == armed_) return;
  armed_ = wake;
  const bool rests = phase_ == Phase::serve && wake && *wake - steady_now() >= rest;
  if (rests && pages_.worth_giving_back(pages_come_by())) give_memory_back();
  if (!wake) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(*wake);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    armed_.reset();
    feed(Tick{});
  });
}

// ------------------------------------------------------------------------------------ the agent as a child

void Interpreter::act(const Launch& e) {
  parts_.agent.make_ready([this, launch = e.launch](const Result<void>& can) {
    if (!can) return feed(LaunchFailed{can.error()});
    if (seen_.stop()) return feed(LaunchFailed{Problem{"agent", "a stop came first", "", Exit::internal}});
    const auto pid = parts_.agent.start([this, launch](AgentEnded ended) {
      if (launch == seen_.launches()) feed(std::move(ended));
    });
    if (!pid) return feed(LaunchFailed{pid.error()});
    parts_.api.reset(parts_.settings.in_force().plan.token);
    log::info("agent started", {{"launch", launch}, {"pid", *pid}});
    feed(Launched{*pid});
  });
}

void Interpreter::act(const FindFault& e) {
  parts_.settings.find_fault([this, after = e.after](std::optional<Problem> problem) {
    feed(FaultFound{after, std::move(problem)});
  });
}

void Interpreter::act(const RunHook& e) {
  parts_.agent.run_hook(e.kind, e.index, [this, launch = e.launch](const Result<void>& ended) {
    feed(HookEnded{launch, ended ? "" : ended.error().why});
  });
}

void Interpreter::act(const EndHook&) { parts_.agent.end_hook(); }

void Interpreter::act(const EndAgent& e) { parts_.agent.signal(seen_.agent()->pid, e.signal); }

void Interpreter::act(const AwaitChildren&) {
  parts_.agent.await_children([this] { feed(ChildrenGone{}); });
}

void Interpreter::act(const SignalChildren& e) {
  parts_.agent.signal_children(e.signal, [signal = e.signal](std::size_t count) {
    if (count == 0) return;
    log::info(signal == SIGKILL ? "killing processes that were left" : "ending processes that were left",
              {{"count", static_cast<std::int64_t>(count)}});
  });
}

// ----------------------------------------------------------------------------------- calls to the agent

void Interpreter::use_tokens() { parts_.api.use_tokens(tokens_of(parts_.settings.in_force().plan)); }

void Interpreter::act(const Probe& e) {
  parts_.api.probe(e.deadline, e.servers, [this, launch = e.launch](ProbeAnswer answer) {
    // An agent that answers has its gossip port; in the way of one that is about to bind it, looking would end it.
    if (answer == ProbeAnswer::silent) {
      const auto& agent = seen_.agent();
      return feed(Probed{.launch = launch, .answer = answer, .works = agent && parts_.agent.works(agent->pid)});
    }
    feed(Probed{launch, answer, parts_.api.facts().members, parts_.agent.gossips()});
  });
}

void Interpreter::act(const AskOwn& e) {
  parts_.api.ask_own(e.deadline, [this, launch = e.launch](bool told) { feed(OwnAnswered{launch, told}); });
}

void Interpreter::act(const AskServers& e) {
  parts_.api.ask_servers(parts_.settings.in_force().facts.identity.name,
                         [this, launch = e.launch](ServersAnswer servers, bool told) {
                           feed(ServersAnswered{launch, servers, told});
                         });
}

void Interpreter::act(const SendServices& e) {
  if (e.what != Sending::news) parts_.api.look_at_maintenance([](const Result<void>&) {});  // with all else that it has
  const auto answer = [this, launch = e.launch](AgentCalls::Sent sent) {
    feed(ServicesSent{launch, std::move(sent.failure), sent.changed, std::move(sent.faults), std::move(sent.returned)});
  };
  const Ground& ground = parts_.settings.in_force();
  parts_.api.send_services(ground.facts.identity.name, ground.services, e.what, answer);
}

void Interpreter::act(const LookUpCatalog& e) {
  const Ground& ground = parts_.settings.in_force();
  const auto answer = [this, e](AgentCalls::Look look) {
    feed(CatalogSeen{e.launch, look.answer, std::move(look.holder), std::move(look.leftovers), std::move(look.awaited),
                     look.lost, e.entry_alone});
  };
  parts_.api.look_up_catalog(ground.facts.identity.name, ground.facts.identity.id, ground.services, e.entry_alone,
                             answer);
}

void Interpreter::act(const SendAgain& e) {
  const Ground& ground = parts_.settings.in_force();
  const auto answer = [this, launch = e.launch](AgentCalls::Sent sent) {
    feed(SentAgain{launch, std::move(sent.failure), sent.refused, sent.missing, std::move(sent.faults), sent.changed});
  };
  parts_.api.send_again(ground.own(), ground.services, e.seen, e.altered, answer);
}

void Interpreter::act(const Flush& e) {
  parts_.api.flush(e.anew, [this, launch = e.launch](bool refused) { feed(Flushed{launch, refused}); });
}

void Interpreter::act(const AwaitChange& e) {
  parts_.api.await_change(parts_.settings.in_force().facts.identity.name, e.limit,
                          [this, launch = e.launch](bool told) {
                            feed(ChangeSeen{launch, told});
                          });
}

void Interpreter::act(const LookAround& e) {
  parts_.api.look_around(seen_.own(), [this, launch = e.launch](const Result<AgentCalls::Surroundings>& seen) {
    parts_.agent.remember_version(parts_.api.facts().version);
    if (!seen) return feed(LookedAround{launch, {}, to_string(seen.error())});
    feed(LookedAround{launch, find_claims(seen_.own(), seen->members, seen->catalog), ""});
  });
}

void Interpreter::act(const AwaitNews& e) {
  const auto answer = [this, launch = e.launch, part = e.part](AgentCalls::News news) {
    feed(NewsSeen{launch, part, news.answer, news.standing, news.leaderless});
  };
  parts_.api.await_news(parts_.settings.in_force().own(), e.part, e.whole, e.limit, answer);
}

void Interpreter::act(const DropNews&) { parts_.api.drop_news(); }

void Interpreter::act(const LookAtMember& e) {
  parts_.api.look_at_member([this, launch = e.launch](MemberAnswer answer) { feed(MemberSeen{launch, answer}); });
}

void Interpreter::act(const Clear& e) {
  parts_.api.clear(e.claim, [this, launch = e.launch](ClearAnswer answer, std::string text) {
    feed(Cleared{launch, answer, std::move(text)});
  });
}

void Interpreter::act(const Join& e) {
  JoinTargets targets = join_targets(parts_.settings.in_force().plan);
  if (!e.names) targets.names.clear();
  parts_.api.join(std::move(targets), [this, launch = e.launch](bool told) { feed(Joined{launch, told}); });
}

void Interpreter::act(const Rejoin&) { parts_.api.rejoin(); }

void Interpreter::act(const AskWhy& e) {
  parts_.witness.ask_why(e.within, e.grace_only, [this](StopReason reason) { feed(WhyAnswered{std::move(reason)}); });
}

void Interpreter::act(const AskLeave& e) {
  log::info("asking the agent to leave the cluster");
  parts_.api.leave(e.deadline, [this, launch = e.launch](const Result<void>& left) {
    feed(LeaveAnswered{launch, failure_of(left)});
  });
}

void Interpreter::act(const RepeatLeave&) {
  parts_.api.repeat_leave(parts_.settings.in_force().facts.identity.name, [](const Result<void>& told) {
    if (!told) log::warn(to_string(told.error()));
  });
}

void Interpreter::act(const Deregister& e) {
  parts_.api.deregister(parts_.settings.in_force().facts.identity.name,
                        [this, launch = e.launch](const Result<void>& gone) {
                          feed(Deregistered{launch, failure_of(gone)});
                        });
}

// -------------------------------------------------------------------------------------------- settings

void Interpreter::act(const Prepare& e) {
  if (auto failed = parts_.settings.begin_preparing()) return feed(std::move(*failed));
  parts_.settings.read_interfaces([this, settled = e.settled](const Interfaces& interfaces) {
    if (seen_.phase() != Phase::prepare) return;  // a stop came first
    parts_.settings.prepare(interfaces, settled, [this](Happening prepared) {
      if (std::holds_alternative<Prepared>(prepared)) use_tokens();
      feed(std::move(prepared));
    });
  });
}

void Interpreter::act(const ReadAddress&) {
  parts_.settings.read_interfaces(
      [this](const Interfaces& interfaces) { feed(parts_.settings.read_address(interfaces)); });
}

void Interpreter::act(const TakeIdBack& e) {
  parts_.settings.read_interfaces([this, id = e.id](const Interfaces& interfaces) {
    const auto own = parts_.settings.take_id(id, interfaces);
    feed(own ? IdTakenBack{*own, ""} : IdTakenBack{seen_.own(), to_string(own.error())});
  });
}

// An agent that leaves must hear of no reload: it would put the node back, or end without having left.
void Interpreter::act(const Reload& e) {
  parts_.settings.read_interfaces([this, e](const Interfaces& interfaces) {
    if (ending()) return feed(parts_.settings.drop_reload());
    parts_.settings.reload(e, interfaces, [this](Reloaded news) { feed(std::move(news)); });
  });
}

void Interpreter::act(const Adopt& e) {
  const Result<void> installed = parts_.settings.adopt(e.keep, e.reload);
  if (!e.reload) return use_tokens();
  const auto answer = [this, launch = e.launch](const Result<void>& taken) {
    // The running agent has its new default token only when it has reloaded.
    use_tokens();
    feed(AgentReloaded{launch, failure_of(taken)});
  };
  if (!installed) return answer(installed);
  parts_.api.reload(answer);
}

void Interpreter::act(const GoBack& e) {
  parts_.settings.go_back(e.why);
  use_tokens();
  if (!seen_.agent()) return;  // a launch writes its own consul.json
  if (auto written = parts_.settings.write_again(); !written) return log::error(to_string(written.error()));
  parts_.api.reload([](const Result<void>& taken) {
    if (!taken) log::warn("the agent did not take back the settings before", {{"reason", to_string(taken.error())}});
  });
}

void Interpreter::act(const Forget&) { parts_.settings.forget(); }

// ------------------------------------------------------------------------------------------ the outside

void Interpreter::act(const Report&) { observers_.report(); }

void Interpreter::act(const Say& e) { log::write(e.tone, e.text, e.fields); }

void Interpreter::act(const Quit& e) {
  const auto seconds = [](auto time) {
    return std::chrono::duration<double>(std::chrono::floor<std::chrono::microseconds>(time)).count();
  };
  log::debug("longest turn of the event loop",
             {{"seconds", seconds(LoopTurn::longest())}, {"lost", seconds(LoopTurn::longest_lost())}});
  end_ = e;
  if (!failure_.empty())
    end_ = {Exit::internal,
            to_string(Problem{"internal", failure_, "please report this", Exit::internal}) + " (" + e.reason + ")"};
  io_.stop();
  observers_.ended();
}

}  // namespace lictor
