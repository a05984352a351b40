#include "life/life.hpp"

#include "life/parts.hpp"
#include "life/stop_orders.hpp"
#include "life/succession.hpp"

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

  void on(const Begin&) { parts_.preparing.begin(); }

  void on(const Prepared& e) {
    if (!parts_.preparing.prepared()) return;
    parts_.reloading.begin_with(e.rules, e.own);
    if (e.moved) parts_.claims.be_wary();
    parts_.supervisor.launch_at(turn_.now);
  }

  void on(const PrepareFailed& e) {
    if (e.rules && in(Phase::prepare) && !hopeless(e)) parts_.reloading.begin_with(*e.rules);
    parts_.preparing.failed(e);
  }

  void on(const HostChanged&) { in(Phase::prepare) ? parts_.preparing.prepare() : parts_.address.host_changed(); }
  void on(const SettingsChanged&) {
    in(Phase::prepare) ? parts_.preparing.prepare() : parts_.reloading.settings_changed();
  }
  void on(const HostRenamed&) { in(Phase::prepare) ? parts_.preparing.prepare() : parts_.reloading.host_renamed(); }

  void on(const GiveUp& m) { orders_.give_up(m.why); }

  // ---- the agent's process

  void on(const Launched& e) {
    parts_.joining.launched();
    parts_.supervisor.on(e);
    parts_.stopping.launched();
    if (turn_.at(StopStep::settle)) parts_.stopping.settle();
  }

  void on(const LaunchFailed& e) { succession_.launch_failed(e); }

  void on(const AgentEnded& e) {
    if (!turn_.process()) return;
    if (parts_.departure.left(e)) orders_.told_to_leave();
    succession_.ended(e);
  }

  void on(const FaultFound& e) {
    // Other settings may be without it.
    life_.reloading.preparing() ? parts_.supervisor.on(FaultFound{e.after, {}}) : parts_.supervisor.on(e);
  }

  void on(const LaunchNow&) { parts_.supervisor.launch_at(turn_.now); }

  void on(const RestartAgent& m) { succession_.restart(m); }
  void on(const ReplaceAgent& m) { succession_.replace(m); }
  void on(const LeaveFirst& m) { succession_.leave_first(m); }
  void on(const LeaveOver& m) { succession_.leave_is_over(m); }
  void on(const EndForGood& m) { succession_.end_for_good(m); }

  void on(const AgentRemains&) {
    parts_.joining.pause();
    parts_.stopping.agent_remains();
  }

  // ---- joining

  void on(const Probed& e) { parts_.joining.on(e); }
  void on(const Joined& e) { parts_.joining.on(e); }
  void on(const OwnAnswered& e) { parts_.pulse.on(e); }
  void on(const ServersAnswered& e) { parts_.pulse.on(e); }

  void on(const Answered& m) {
    if (m.first && !turn_.process()->ending) parts_.reloading.proved();
    if (m.first) parts_.registration.agent_answers();
    if (turn_.at(StopStep::settle)) parts_.stopping.settle();
  }

  void on(const ServersMet&) { parts_.syncer.paused(!life_.registration.held, true); }
  void on(const LeaderFound& m) {
    parts_.registration.leader_found(m.without);
    parts_.standing.leader_found();
    parts_.watch.leader_found(m.without);
    parts_.pulse.leader_found();
  }
  void on(const LeaderMissing& m) { succession_.restart({RestartReason::no_leader, {seconds_field(m.since)}}); }
  void on(const GossipShutDown&) { parts_.departure.gossip_shut_down(); }
  void on(const AgentHung& m) { parts_.supervisor.kill_hung(m.silent, m.in_part); }

  // ---- hooks

  void on(const HookDue& m) { parts_.hooks.run_next(m.kind); }
  void on(const HookEnded& e) { parts_.hooks.on(e); }
  void on(const HookDone&) { turn_.stopping() ? parts_.stopping.hook_done() : parts_.registration.hook_done(); }
  void on(const HookRetry&) { turn_.stopping() ? parts_.stopping.retry_hook() : parts_.registration.retry_hook(); }

  void on(const HookFailed& m) { orders_.stop_for_hook(m.why); }
  void on(const HookSpoiled& m) { parts_.stopping.spoiled(m.trouble); }

  void on(const HooksOverdue&) {
    parts_.hooks.drop();
    parts_.stopping.hooks_overdue();
  }

  // ---- registration

  void on(const ServicesSent& e) { parts_.registration.on(e); }
  void on(const SentAgain& e) { parts_.registration.on(e); }

  void on(const Flushed& e) { parts_.syncer.on(e); }
  void on(const SyncerPaused& m) { parts_.syncer.paused(m.sent, !m.sent); }

  void on(const CatalogSeen& e) {
    parts_.registration.note(e);
    parts_.claims.note_holder(e);
    if (turn_.at(StopStep::leaving) || turn_.at(StopStep::linger)) return parts_.stopping.on(e);
    if (turn_.registering()) parts_.departure.doubts(e) ? parts_.registration.doubted() : parts_.registration.on(e);
  }

  void on(const CheckServices& m) { parts_.registration.check_now(m.at_least); }
  void on(const LookAtCatalog&) { parts_.registration.look(); }
  void on(const Registered& m) {
    parts_.claims.registered(m.anew);
    parts_.watch.registered(m.anew);
  }
  void on(const PartDiffers&) { parts_.registration.part_differs(); }

  void on(const NameTaken&) {
    parts_.joining.ask_within(std::chrono::seconds(1));
    parts_.claims.name_taken();
  }

  // ---- claims, what the servers have of this node, a departure

  void on(const LookedAround& e) { parts_.claims.on(e); }
  void on(const Cleared& e) { parts_.claims.on(e); }
  void on(const TakeIdBackNow& m) { parts_.reloading.take_id_back(m.id); }

  void on(const NewsSeen& e) {
    if (!parts_.watch.on(e) || e.part != NodePart::checks) return;
    parts_.standing.on(e.standing);
    parts_.departure.on(e.standing);
  }
  void on(const ServersDoubted&) { parts_.joining.doubt(); }
  void on(const HeldForFailed&) { parts_.claims.held_for_failed(); }
  void on(const LeaveAnnounced&) { parts_.departure.announced(); }
  void on(const MemberSeen& e) { parts_.departure.on(e); }
  void on(const LookAtMemberNow&) { parts_.departure.look(); }
  void on(const StillMember&) { parts_.stopping.still_member(); }
  void on(const GossipEnded&) { parts_.claims.gossip_shut_down(); }

  void on(const ToldToLeave&) { orders_.told_to_leave(); }

  // ---- the address, settings

  void on(const AddressRead& e) { parts_.address.on(e); }
  void on(const AddressChanged&) { parts_.reloading.address_changed(); }
  void on(const AddressFound&) { parts_.reloading.address_found(); }
  void on(const Reloaded& e) { parts_.reloading.on(e); }
  void on(const AgentReloaded& e) { parts_.reloading.on(e); }
  void on(const IdTakenBack& e) { parts_.reloading.on(e); }
  void on(const IdSettled& m) { parts_.claims.on(m); }
  void on(const SettingsTaken& m) {
    parts_.claims.settings_taken(m.moved);
    if (m.moved || m.for_address) parts_.address.settled();
  }

  void on(const LookAtAddress& m) { parts_.address.look_in(m.in); }
  void on(const ReloadEnds&) { parts_.reloading.end(); }

  void on(const ReloadOver&) {
    // Something else may have begun to be read since.
    if (!life_.reloading.preparing()) parts_.supervisor.launch_waiting();
    if (turn_.at(StopStep::settle)) parts_.stopping.settle();
  }

  // ---- stop

  void on(const Signal& e) {
    switch (e.kind) {
      case SignalKind::terminate:
      case SignalKind::leave:
      case SignalKind::stay:
      case SignalKind::interrupt:
        return orders_.stop(e.kind);
      case SignalKind::quit:
        orders_.stop_at_once();
        hand_on();
        return orders_.cut_short("cut short by SIGQUIT");
      case SignalKind::restart:
        return succession_.restart({RestartReason::asked});
      case SignalKind::report:
        return turn_.emit(Report{});
      case SignalKind::reload:
        return in(Phase::prepare) ? parts_.preparing.prepare() : parts_.reloading.reload();
    }
  }

  void on(const WhyAnswered& e) { parts_.deciding.on(e); }

  void on(const Decided& m) {
    parts_.stopping.decided(m, life_.supervisor.state == AgentState::launching,
                            life_.supervisor.state == AgentState::ending);
  }

  void on(const LeaveAnswered& e) { parts_.stopping.on(e); }
  void on(const ChangeSeen& e) { parts_.stopping.on(e); }
  void on(const Deregistered& e) { parts_.stopping.on(e); }
  void on(const ChildrenGone& e) { parts_.stopping.on(e); }

  // ---- time

  void on(const Tick&) {}

  // Whatever has become due, after every event: a late Tick changes nothing.
  void on_time() {
    if (in(Phase::ended)) return;
    if (in(Phase::sweep)) return parts_.stopping.on_sweep();
    if (turn_.due(life_.address.read_at)) parts_.address.read();
    if (turn_.due(out_of_time(life_.stopping, turn_.rules()))) {
      parts_.stopping.on_out_of_time();
      return hand_on();
    }
    on_deadline();
    hand_on();
    if (turn_.due(life_.joining.probe_at)) parts_.joining.probe();
    if (turn_.due(life_.pulse.ask_at)) parts_.pulse.ask();
    if (turn_.due(life_.pulse.sample_at)) parts_.pulse.sample();
    if (turn_.due(life_.registration.task_at)) parts_.registration.on_task();
    if (turn_.due(life_.stopping.task_at)) parts_.stopping.on_task();
    if (turn_.due(life_.watch.checks.ask_at) || turn_.due(life_.watch.services.ask_at)) parts_.watch.ask();
    if (turn_.due(life_.departure.look_at)) parts_.departure.look();
    if (life_.reloading.awaited_sync && turn_.due(life_.reloading.awaited_sync->due)) parts_.reloading.on_synced();
    if (life_.reloading.held && turn_.due(life_.reloading.held->due)) parts_.reloading.take_held();
    hand_on();
    if (turn_.due(life_.claims.around_at))
      life_.joining.leader ? parts_.claims.look_around() : parts_.claims.look_later();
    if (turn_.due(life_.joining.join_at)) parts_.joining.join();
    if (turn_.due(life_.syncer.flush_at)) parts_.syncer.flush();
  }

  void on_deadline() {
    if (turn_.due(life_.preparing.deadline)) return parts_.preparing.on_deadline();
    if (turn_.due(life_.supervisor.deadline)) return parts_.supervisor.on_deadline();
    if (turn_.due(life_.deciding.deadline)) return parts_.deciding.on_deadline();
    if (turn_.due(life_.stopping.deadline)) return parts_.stopping.on_deadline();
  }

  Life& life_;
  Turn turn_;
  Parts parts_{life_, turn_};
  StopOrders orders_{life_, turn_, parts_};
  Succession succession_{life_, turn_, parts_};
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
