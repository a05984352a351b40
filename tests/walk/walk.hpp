// The life (life/life.hpp) under a virtual clock.
//
// The world here answers every effect as the real one may: late, never, with any outcome; the agent dies when it likes;
// signals and the kernel's news come at any moment; answers for agents that are gone turn up. The laws are those of the
// header, checked from the outside, with the walk's own bookkeeping. Each part of the life has a file of its own here,
// laws_PART.cpp: how the world answers the part's effects, and its laws. What is asked of the whole is in walk.cpp.
#pragma once

#include "choices.hpp"
#include "life/view.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace lictor::walk {

struct Broken : std::runtime_error {
  Broken(std::string law_, const std::string& how) : std::runtime_error(how), law(std::move(law_)) {}
  std::string law;
};

void hold(bool kept, const char* law, const char* how);

// What an effect still owes an answer for.
struct Owed {
  Effect effect;
  Time latest;
  bool after_leave;  // asked for after the agent had been asked to leave
};

// A value: a copy lives on by itself. Everything here throws Broken.
class Walk {
 public:
  Walk(Choices& choices, const Rules& rules, std::uint64_t seed)
      : choices_(&choices), life_(new_life(rules, seed)), in_force_{rules, {}} {
    tell(Begin{}, "begin");
  }

  void go_on_with(Choices& choices) { choices_ = &choices; }
  bool over() const { return quit_; }
  // Nothing that matters has happened since `before`, of which this is a copy.
  bool stands_where(const Walk& before) const {
    return now_ == before.now_ && owed_.size() == before.owed_.size() && gossip_ == before.gossip_ &&
           leaves_ == before.leaves_ && effects_ == before.effects_ && life_ == before.life_;
  }

  // One thing that happens.
  void one();
  void signal(SignalKind kind);
  // Every life must end: after a TERM it has the budget and no more.
  void to_the_end();

  struct Turn {
    Time at;
    const char* name;
    Phase phase;
  };
  const std::vector<Turn>& turns() const { return turns_; }

 private:
  // ---- turns
  LifeView seen() const { return life_; }

  template <class... Weights>
  std::size_t by_weight(Weights... weights) {
    return choices_->among(std::array<int, sizeof...(weights)>{weights...});
  }
  std::size_t among(std::size_t n) {
    static const std::vector<int> even(64, 1);
    return choices_->among({even.data(), std::min(n, even.size())});
  }
  // The likely outcome comes first, so that Odometer and StraightOn begin with it.
  bool mostly(int percent) { return by_weight(percent, 100 - percent) == 0; }
  bool seldom(int percent) { return !mostly(100 - percent); }
  Duration upto(Duration most) { return Duration(choices_->upto(most.count())); }

  // ---- what happens
  void pass_time();
  void stale_answer();
  void tell(Happening what, const char* name);
  void answer(std::size_t index);
  void owe(const Effect& effect, Duration most);

  // An effect, given: the laws that it could break. Answered: what comes of it.
  template <class E>
  void respond(const E&) {}
  void take(const Say&) {}
  void take(const Report&) {}
  void take(const SignalChildren&) {}

  // ---- preparing
  void respond(const Prepare& e);
  void take(const Prepare& e);
  void hold_awaited();

  // ---- the address
  void host_changes();
  void respond(const ReadAddress&);
  void take(const ReadAddress& e);
  void hold_steady() const;

  // ---- supervisor
  void respond(const Launch&);
  void respond(const FindFault& e);
  void respond(const EndAgent& e);
  void take(const Launch& e);
  void take(const FindFault& e);
  void take(const EndAgent& e);
  void agent_dies();
  void end_agent_process(const AgentEnded& how);
  void forget_agent();
  void count_killings(const std::vector<Effect>& effects);
  void hold_give_up() const;

  // ---- joining
  void respond(const Probe& e);
  void respond(const Join& e);
  void take(const Probe& e);
  void take(const Join& e);
  void closed(const Probe& e);
  void hold_quiet(const Join& e);
  void note_full_sync();
  void hold_patience() const;
  void hold_rest() const;
  void doubt();

  // ---- pulse
  void respond(const AskOwn& e);
  void respond(const AskServers& e);
  void take(const AskOwn& e);
  void take(const AskServers& e);
  bool hung_in_part() const;
  void hold_replaced() const;

  // ---- registration
  void respond(const SendServices& e);
  void respond(const SendAgain& e);
  void respond(const LookUpCatalog& e);
  void take(const SendServices& e);
  void take(const SendAgain& e);
  void take(const LookUpCatalog& e);
  void hold_registration();

  // ---- hooks
  void respond(const RunHook& e);
  void take(const RunHook& e);
  void take(const EndHook&);

  // ---- syncer
  void respond(const Flush& e);
  void take(const Flush& e);
  void hold_flushed() const;

  // ---- claims
  void respond(const LookAround& e);
  void respond(const Clear& e);
  void take(const LookAround& e);
  void take(const Clear& e);
  void take(const Rejoin&);

  // ---- catalog watch
  void respond(const AwaitNews& e);
  void take(const AwaitNews& e);
  void take(const DropNews&);
  void note_registered();
  void note_outage_over();
  bool awaits_news(NodePart part) const;
  void hold_heard() const;

  // ---- departure
  void respond(const LookAtMember& e);
  void take(const LookAtMember& e);
  void note_departure();

  // ---- reloading
  void respond(const Reload& e);
  void respond(const TakeIdBack& e);
  void respond(const Adopt& e);
  void take(const Reload& e);
  void take(const TakeIdBack& e);
  void take(const Adopt& e);
  void take(const GoBack&);
  void take(const Forget&);
  void begin_to_prepare();
  void put_into_force(InForce settings);
  void hold_back();
  bool reads() const;
  bool note_to_read();
  void hold_in_force() const;
  void note_turn_has_come();
  void hold_spread();

  // ---- deciding
  void respond(const AskWhy& e);
  void take(const AskWhy& e);
  bool decided() const;  // what a stop is to do
  void hold_decided() const;

  // ---- stopping
  void respond(const AskLeave& e);
  void respond(const AwaitChange& e);
  void respond(const Deregister& e);
  void respond(const AwaitChildren&);
  void take(const AskLeave& e);
  void take(const RepeatLeave&);
  void take(const AwaitChange& e);
  void take(const Deregister& e);
  void take(const AwaitChildren& e);
  void take(const Quit& e);
  void note_stop(bool leave, bool decided = true);
  Duration budget() const;
  Duration at_least() const;
  void hold_stopping() const;
  void hold_budget() const;

  Choices* choices_;
  Life life_;
  Time now_{std::chrono::seconds(1000)};
  std::vector<Owed> owed_;
  std::vector<Turn> turns_;
  long effects_ = 0;

  // The world, and what the laws need to know of the past. Preparing:
  bool given_up_ = false;

  // supervisor
  bool agent_ = false, launching_ = false, told_to_end_ = false, killed_ = false;
  bool restart_asked_ = false, replaced_ = false;
  int launches_ = 0;
  long told_of_kill_ = 0;  // in this step

  // joining: of this agent
  bool answered_ = false, mute_ = false, leader_ = false;
  std::optional<Time> unanswered_;  // since then
  std::optional<Time> worked_;      // last seen to
  std::optional<Time> closing_;     // since when it ends each connection without an answer
  bool closes_ = false;             // and was seen to do so for longer than a moment
  std::optional<Time> joined_;
  std::optional<Time> leaderless_;  // since then, having joined
  std::optional<Time> unled_;       // since then servers are known, and no leader
  bool synced_ = false;
  int members_ = 0;
  // While it knows no server.
  struct Serverless {
    Time since;
    std::optional<Time> attempt_over = {};  // the last one
    std::optional<Time> in_vain = {};       // since when each attempt has told it to join
  };
  std::optional<Serverless> serverless_;
  Time launched_at_{};
  std::optional<Time> name_told_;  // last
  bool gossip_ = true, quarrelled_ = false;

  // pulse: of this agent
  bool deaf_ = false;  // it never tells what it has
  struct OwnMute {
    Time since;                             // it has been asked, or its servers were silent
    std::optional<Time> moved{}, worked{};  // last: the servers were not as before; it has told them something
    bool sampled = false;
  };
  std::optional<OwnMute> own_mute_;
  Time own_asked_{};

  // registration
  bool sent_ = false, catalog_ = false, seen_ = false, ever_ready_ = false;
  bool refused_ = false, unsent_ = false;  // some service, when last sent; they were not taken, whatever it was for
  bool ever_registered_ = false;           // the catalog has shown all, while lictor runs

  // hooks. New settings may bring some; they run without a moment of not being ready.
  bool hook_running_ = false, pre_stop_began_ = false, failed_hook_ = false;
  std::size_t hooks_done_ = 0, hooks_wanted_ = 0;

  // syncer
  std::optional<Time> paused_;  // last
  bool unflushable_ = false;

  // preparing: what was not there when it was last looked for, and since when
  Missing awaits_ = Missing::nothing;
  bool given_up_waiting_ = false;
  std::optional<Time> prepared_from_;
  Time missing_since_{}, locked_until_{};

  // the address: whether the host has the one in use, and which other one would do in its place
  bool there_ = true;
  std::string other_;
  Time read_there_{};  // when it was last read to be there, or taken

  // claims
  std::string holder_;  // address of the entry under our name with another id, as last answered; empty: none

  // catalog watch: of this agent
  struct HeardOf {
    Time asked{};                  // last
    std::vector<Time> lately{};    // within a second
    std::vector<Time> in_haste{};  // asked in a row after answers that were not held and had nothing new
    bool hasty = false;            // the last one was
    bool good = false, differs = false;
    std::optional<Time> not_before{};  // after an outage
  };
  std::array<HeardOf, 2> heard_{};
  bool told_of_difference_ = false;  // and nothing was sent again for it
  bool calm_ = false;                // the catalog has shown all, and nothing has changed since
  int asks_allowed_ = 0;             // of servers, for that: two for each
  std::optional<Time> doubted_;      // since then: that there is a leader still

  // departure: of this agent
  bool leaves_ = false;                   // by itself
  bool gone_ = false, believed_ = false;  // the entry that was there, at the last look; and the agent was asked since
  bool asked_member_ = false;             // in this stop
  std::optional<Time> rejoins_;           // it was seen to leave then, and another one follows

  // reloading: settings in force, prepared, kept
  struct Next {
    Rules rules;
    NodeKey own;
    ReloadResult result;
    bool settings;       // read again
    bool waits = false;  // for its turn
  };
  InForce in_force_;
  std::optional<Next> next_;
  std::optional<InForce> kept_;
  int version_ = 0, base_ = 0, launched_with_ = 0;  // of what is in force: now, when reading began, with the agent
  bool preparing_ = false, proven_ = false;         // an agent has answered with what is in force
  bool did_not_start_ = false;
  bool to_read_ = false;  // settings have changed, or somebody wants them read
  bool unread_ = false;   // settings waited when the agent ended
  bool at_once_ = false;  // somebody wants what is being read, or its turn has come
  std::optional<Time> back_at_;
  std::optional<Time> leave_first_;  // since when the agent is to leave, for one of another name
  bool prepared_since_ = false;      // settings, since an agent has left and ended

  // stopping
  std::optional<Time> stop_at_;
  Rules rules_at_stop_;
  int launches_at_stop_ = 0;
  bool stop_leave_ = false, quit_signal_ = false;
  bool decided_ = false;           // whether it leaves
  std::optional<Duration> grace_;  // of the platform, in this stop
  int repeated_leave_ = 0;
  bool asked_leave_ = false, knew_leader_ = false, leave_completed_ = false;
  bool fresh_ = false;        // what is answered now was asked for after the agent had been asked to leave
  bool left_before_ = false;  // under another name, and there has been no agent since
  bool confirmed_ = false, forbidden_ = false, spoilt_ = false, came_back_ = false, taken_out_ = false;
  bool quit_ = false;
};

}  // namespace lictor::walk
