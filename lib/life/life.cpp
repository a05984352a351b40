#include "life/life.hpp"

#include <utility>

namespace lictor {
namespace {

// One event, taken by the parts that it is for. Grouped by the part that something comes from.
class LifeStep {
 public:
  LifeStep(Life& life, Time now)
      : life_(life),
        turn_(now, life.reloading.in_force, life.supervisor, life.registration, life.stopping, life.jitter) {}

  std::vector<Effect> take(const Happening& what) {
    std::visit(
        [this](const auto& happening) {
          if (counts(happening)) on(happening);
        },
        what);
    hand_on();
    on_time();
    return std::move(turn_.effects);
  }

 private:
  // An answer counts only if it is of the agent that runs now.
  template <class H>
  bool counts(const H& happening) const {
    if constexpr (requires { happening.launch; }) return turn_.current(happening.launch);
    return true;
  }

  // What a part has posted is handed on once it is done, and whatever follows from that before the next.
  void hand_on() {
    for (const Message& message : std::exchange(turn_.messages, {})) {
      std::visit([this](const auto& m) { on(m); }, message);
      hand_on();
    }
  }

  bool in(Phase phase) const { return turn_.in(phase); }

  // ---- preparing

  void on(const Begin&) { preparing_.begin(); }

  void on(const Prepared& e) {
    if (!preparing_.prepared()) return;
    reloading_.begin_with(e.rules, e.own);
    if (e.moved) claims_.be_wary();
    supervisor_.launch_at(turn_.now);
  }

  void on(const PrepareFailed& e) {
    if (e.rules && in(Phase::prepare) && !hopeless(e)) reloading_.begin_with(*e.rules);
    preparing_.failed(e);
  }

  void on(const HostChanged&) { in(Phase::prepare) ? preparing_.prepare() : address_.host_changed(); }
  void on(const SettingsChanged&) { in(Phase::prepare) ? preparing_.prepare() : reloading_.settings_changed(); }
  void on(const HostRenamed&) { in(Phase::prepare) ? preparing_.prepare() : reloading_.host_renamed(); }

  void on(const GiveUp& m) {
    stand_down();
    stopping_.give_up(m.why);
  }

  // ---- the agent's process

  void on(const Launched& e) {
    joining_.launched();
    supervisor_.on(e);
    stopping_.launched();
    if (turn_.at(StopStep::settle)) stopping_.settle();
  }

  void on(const LaunchFailed& e) {
    const bool launching = in(Phase::launch);
    supervisor_.launch_failed();
    if (turn_.stopping()) return stopping_.launch_failed();
    if (!launching) return;
    if (reloading_.on_trial() && e.problem.exit != Exit::internal) return reloading_.started_in_vain(e.problem.why);
    supervisor_.not_launched(e.problem, false, ever_ready());
  }

  void on(const AgentEnded& e) {
    if (!turn_.process()) return;
    if (departure_.left(e)) on(ToldToLeave{});
    hooks_.drop();
    const bool was_calm = in(Phase::serve) && turn_.now - life_.registration.since >= calm;
    const bool in_vain = reloading_.on_trial(), useless = !ever_ready() && !life_.joining.joined;
    const Supervisor::End end = supervisor_.ended(e);
    joining_.ended();
    pulse_.ended();
    hooks_.ended();
    registration_.ended();
    syncer_.ended();
    claims_.ended();
    watch_.ended();
    standing_.ended();
    departure_.ended();
    reloading_.ended();
    if (turn_.stopping() || turn_.leaving_first()) return stopping_.ended(e);
    if (in_vain && !end.ordered) return reloading_.started_in_vain(how_it_ended(e));
    supervisor_.follow(e, end, was_calm, ever_ready());
    if (reloading_.waits_for_end()) return go_on_with_others();
    if (useless && !end.ordered) supervisor_.look_for_fault(e);
  }

  void on(const FaultFound& e) {
    // Other settings may be without it.
    life_.reloading.preparing() ? supervisor_.on(FaultFound{e.after, {}}) : supervisor_.on(e);
  }

  bool ever_ready() const { return life_.registration.first_ready.has_value(); }

  void on(const LaunchNow&) { supervisor_.launch_at(turn_.now); }

  void on(const RestartAgent& m) {
    if (!turn_.stopping() && !turn_.leaving_first() && supervisor_.takes_restart(m.reason, m.more))
      on(ReplaceAgent{m.reason, turn_.now});
  }

  void on(const ReplaceAgent& m) {
    stand_still();
    joining_.pause();
    hooks_.drop();
    supervisor_.replace(m.reason, m.when);
  }

  // What is done for an agent that serves.
  void stand_still() {
    registration_.pause();
    claims_.pause();
    watch_.pause();
    pulse_.pause();
  }

  void on(const LeaveFirst& m) {
    turn_.say(Tone::info, "the node is to have another name: it leaves under the one that it has", m.more);
    supervisor_.leaves_first();
    stand_still();
    hooks_.drop();
    if (!life_.joining.joined) joining_.ask_now();
    stopping_.leave_first();
  }

  void on(const LeaveOver& m) {
    reloading_.left(m.left);
    if (!turn_.process()) return go_on_with_others();
    joining_.pause();
    supervisor_.replace_left(m.asked);
  }

  void go_on_with_others() {
    supervisor_.await_settings();
    reloading_.agent_is_gone();
  }

  void on(const EndForGood& m) {
    hooks_.drop();
    joining_.pause();
    supervisor_.end_for_good(m.by, m.kill, m.why);
  }

  void on(const AgentRemains&) {
    joining_.pause();
    stopping_.agent_remains();
  }

  // ---- joining

  void on(const Probed& e) { joining_.on(e); }
  void on(const Joined& e) { joining_.on(e); }
  void on(const OwnAnswered& e) { pulse_.on(e); }
  void on(const ServersAnswered& e) { pulse_.on(e); }

  void on(const Answered& m) {
    if (m.first && !turn_.process()->ending) reloading_.proved();
    if (m.first) registration_.agent_answers();
    if (turn_.at(StopStep::settle)) stopping_.settle();
  }

  void on(const ServersMet&) { syncer_.paused(!life_.registration.held, true); }
  void on(const LeaderFound& m) {
    registration_.leader_found(m.without);
    standing_.leader_found();
    watch_.leader_found(m.without);
    pulse_.leader_found();
  }
  void on(const LeaderMissing& m) { on(RestartAgent{RestartReason::no_leader, {seconds_field(m.since)}}); }
  void on(const GossipShutDown&) { departure_.gossip_shut_down(); }
  void on(const AgentHung& m) { supervisor_.kill_hung(m.silent, m.in_part); }

  // ---- hooks

  void on(const HookDue& m) { hooks_.run_next(m.kind); }
  void on(const HookEnded& e) { hooks_.on(e); }
  void on(const HookDone&) { turn_.stopping() ? stopping_.hook_done() : registration_.hook_done(); }
  void on(const HookRetry&) { turn_.stopping() ? stopping_.retry_hook() : registration_.retry_hook(); }

  void on(const HookFailed& m) {
    stopping_.end_with(m.why);
    begin_stop(StopOrder::hook, false);
  }

  void on(const HookSpoiled& m) { stopping_.spoiled(m.trouble); }

  void on(const HooksOverdue&) {
    hooks_.drop();
    stopping_.hooks_overdue();
  }

  // ---- registration

  void on(const ServicesSent& e) { registration_.on(e); }
  void on(const SentAgain& e) { registration_.on(e); }

  void on(const Flushed& e) { syncer_.on(e); }
  void on(const SyncerPaused& m) { syncer_.paused(m.sent, !m.sent); }

  void on(const CatalogSeen& e) {
    registration_.note(e);
    claims_.note_holder(e);
    if (turn_.at(StopStep::leaving) || turn_.at(StopStep::linger)) return stopping_.on(e);
    if (turn_.registering()) departure_.doubts(e) ? registration_.doubted() : registration_.on(e);
  }

  void on(const CheckServices& m) { registration_.check_now(m.at_least); }
  void on(const LookAtCatalog&) { registration_.look(); }
  void on(const Registered& m) {
    claims_.registered(m.anew);
    watch_.registered(m.anew);
  }
  void on(const PartDiffers&) { registration_.part_differs(); }

  void on(const NameTaken&) {
    joining_.ask_within(std::chrono::seconds(1));
    claims_.name_taken();
  }

  // ---- claims, what the servers have of this node, a departure

  void on(const LookedAround& e) { claims_.on(e); }
  void on(const Cleared& e) { claims_.on(e); }
  void on(const TakeIdBackNow& m) { reloading_.take_id_back(m.id); }

  void on(const NewsSeen& e) {
    if (!watch_.on(e) || e.part != NodePart::checks) return;
    standing_.on(e.standing);
    departure_.on(e.standing);
  }
  void on(const ServersDoubted&) { joining_.doubt(); }
  void on(const HeldForFailed&) { claims_.held_for_failed(); }
  void on(const LeaveAnnounced&) { departure_.announced(); }
  void on(const MemberSeen& e) { departure_.on(e); }
  void on(const LookAtMemberNow&) { departure_.look(); }
  void on(const StillMember&) { stopping_.still_member(); }
  void on(const GossipEnded&) { claims_.gossip_shut_down(); }

  void on(const ToldToLeave&) {
    // One that is to leave for another name still runs.
    const bool running = life_.supervisor.state == AgentState::running &&
                         turn_.process()->ending.value_or(RestartReason::renamed) == RestartReason::renamed;
    const bool before_leave =
        turn_.at(StopStep::settle) || turn_.at(StopStep::pre_stop) || (turn_.at(StopStep::deciding) && running);
    if (!before_leave && (!running || turn_.stopping() || turn_.leaving_first())) return;
    const bool rejoin = !before_leave && turn_.rules().rejoin_after_leave;
    turn_.say(Tone::info, "the agent was told to leave by somebody else",
              turn_.agent_fields() + Fields{{"on_leave", rejoin ? "rejoin" : "exit"}});
    hooks_.drop();
    if (rejoin) {
      stand_still();
      joining_.pause();
      return supervisor_.leaves();
    }
    if (!before_leave) {
      stopping_.begin(false);
      stand_down();
    }
    told_to_leave();
  }

  void told_to_leave() {
    deciding_.settled({.leave = true, .evidence = "a leave that somebody else has asked for", .told = true});
    stopping_.told_to_leave();
  }

  // ---- the address, settings

  void on(const AddressRead& e) { address_.on(e); }
  void on(const AddressChanged&) { reloading_.address_changed(); }
  void on(const AddressFound&) { reloading_.address_found(); }
  void on(const Reloaded& e) { reloading_.on(e); }
  void on(const AgentReloaded& e) { reloading_.on(e); }
  void on(const IdTakenBack& e) { reloading_.on(e); }
  void on(const IdSettled& m) { claims_.on(m); }
  void on(const SettingsTaken& m) {
    claims_.settings_taken(m.moved);
    if (m.moved || m.for_address) address_.settled();
  }

  void on(const LookAtAddress& m) { address_.look_in(m.in); }
  void on(const ReloadEnds&) { reloading_.end(); }

  void on(const ReloadOver&) {
    // Something else may have begun to be read since.
    if (!life_.reloading.preparing()) supervisor_.launch_waiting();
    if (turn_.at(StopStep::settle)) stopping_.settle();
  }

  // ---- stop

  void on(const Signal& e) {
    switch (e.kind) {
      case SignalKind::terminate:
      case SignalKind::leave:
      case SignalKind::stay:
      case SignalKind::interrupt: {
        const bool interrupt = e.kind == SignalKind::interrupt;
        if (!asked_to_stop()) return begin_stop(order_of(e.kind), interrupt);
        if (interrupt && stopping_.second_interrupt()) return cut_short("cut short by a second interrupt");
        return turn_.say(Tone::info, "already stopping");
      }
      case SignalKind::quit:
        if (!asked_to_stop()) begin_stop(StopOrder::at_once, false);
        hand_on();
        return cut_short("cut short by SIGQUIT");
      case SignalKind::restart:
        return on(RestartAgent{RestartReason::asked});
      case SignalKind::report:
        return turn_.emit(Report{});
      case SignalKind::reload:
        return in(Phase::prepare) ? preparing_.prepare() : reloading_.reload();
    }
  }

  bool asked_to_stop() const { return life_.stopping.stop && !life_.stopping.goes_on; }

  void begin_stop(StopOrder order, bool interrupt) {
    if (!stopping_.can_begin()) return;
    const bool leaves = turn_.process() && turn_.process()->ending == RestartReason::left;
    const bool open = stopping_.begin(interrupt);
    hooks_.begin_anew();
    stand_down();
    if (leaves) return told_to_leave();
    if (!open) return deciding_.settled({});
    if (turn_.process() && !life_.joining.joined) joining_.ask_now();
    deciding_.begin(order);
  }

  void on(const WhyAnswered& e) { deciding_.on(e); }

  void on(const Decided& m) {
    stopping_.decided(m, life_.supervisor.state == AgentState::launching, life_.supervisor.state == AgentState::ending);
  }

  void cut_short(const char* why) {
    if (!stopping_.can_be_cut_short()) return;
    hooks_.drop();
    stopping_.cut_short(why, turn_.process() || life_.supervisor.state == AgentState::launching);
  }

  // From here on only the stop decides.
  void stand_down() {
    preparing_.stand_down();
    supervisor_.stand_down();
    stand_still();
    address_.stand_down();
    reloading_.stand_down();
  }

  void on(const LeaveAnswered& e) { stopping_.on(e); }
  void on(const ChangeSeen& e) { stopping_.on(e); }
  void on(const Deregistered& e) { stopping_.on(e); }
  void on(const ChildrenGone& e) { stopping_.on(e); }

  // ---- time

  void on(const Tick&) {}

  // Whatever has become due, after every event: a late Tick changes nothing.
  void on_time() {
    if (in(Phase::ended)) return;
    if (in(Phase::sweep)) return stopping_.on_sweep();
    if (turn_.due(life_.address.read_at)) address_.read();
    if (turn_.due(out_of_time(life_.stopping, turn_.rules()))) {
      stopping_.on_out_of_time();
      return hand_on();
    }
    on_deadline();
    hand_on();
    if (turn_.due(life_.joining.probe_at)) joining_.probe();
    if (turn_.due(life_.pulse.ask_at)) pulse_.ask();
    if (turn_.due(life_.pulse.sample_at)) pulse_.sample();
    if (turn_.due(life_.registration.task_at)) registration_.on_task();
    if (turn_.due(life_.stopping.task_at)) stopping_.on_task();
    if (turn_.due(life_.watch.checks.ask_at) || turn_.due(life_.watch.services.ask_at)) watch_.ask();
    if (turn_.due(life_.departure.look_at)) departure_.look();
    if (life_.reloading.held && turn_.due(life_.reloading.held->due)) reloading_.take_held();
    hand_on();
    if (turn_.due(life_.claims.around_at)) life_.joining.leader ? claims_.look_around() : claims_.look_later();
    if (turn_.due(life_.joining.join_at)) joining_.join();
    if (turn_.due(life_.syncer.flush_at)) syncer_.flush();
  }

  void on_deadline() {
    if (turn_.due(life_.preparing.deadline)) return preparing_.on_deadline();
    if (turn_.due(life_.supervisor.deadline)) return supervisor_.on_deadline();
    if (turn_.due(life_.deciding.deadline)) return deciding_.on_deadline();
    if (turn_.due(life_.stopping.deadline)) return stopping_.on_deadline();
  }

  Life& life_;
  Turn turn_;
  Preparing preparing_{life_.preparing, turn_};
  Supervisor supervisor_{life_.supervisor, turn_};
  Joining joining_{life_.joining, turn_, life_.claims};
  Pulse pulse_{life_.pulse, turn_};
  Hooks hooks_{life_.hooks, turn_};
  Registration registration_{life_.registration, turn_, life_.joining, life_.hooks, life_.watch};
  Syncer syncer_{life_.syncer, turn_, life_.joining, life_.registration};
  Claims claims_{life_.claims, turn_, life_.registration, life_.reloading};
  CatalogWatch watch_{life_.watch, turn_, life_.joining, life_.claims, life_.standing};
  StandingWatch standing_{life_.standing, turn_, life_.joining};
  Departure departure_{life_.departure, turn_, life_.joining, life_.registration};
  Deciding deciding_{life_.deciding, turn_};
  AddressWatch address_{life_.address, turn_};
  Reloading reloading_{life_.reloading, turn_, life_.joining};
  Stopping stopping_{life_.stopping,
                     turn_,
                     {life_.deciding, life_.joining, life_.hooks, life_.registration, life_.claims, life_.reloading}};
};

}  // namespace

Life new_life(const Rules& rules, std::uint64_t seed) {
  Life life;
  life.reloading.in_force.rules = rules;
  life.jitter.state = seed * 2654435769u + 1;
  return life;
}

std::vector<Effect> step(Life& life, const Event& event) {
  if (phase_of(life) == Phase::ended) return {};
  return LifeStep(life, event.at).take(event.what);
}

}  // namespace lictor
