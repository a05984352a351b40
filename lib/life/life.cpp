#include "life/life.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <set>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Polls often at first, when a few milliseconds are a large share of the wait, and seldom later.
Duration paced(Duration waited, int share, Duration at_least, Duration at_most) {
  return std::clamp(waited / share, at_least, at_most);
}

std::string how_it_ended(const AgentEnded& e) {
  if (e.not_executed) return e.not_executed->why;
  return e.code >= 0 ? fmt::format("exit code {}", e.code) : fmt::format("signal {}", e.signal);
}

Quit quit_over(const Problem& problem) { return {problem.exit, to_string(problem)}; }

Field in_seconds(Duration time) {
  return {"seconds", std::chrono::duration<double>(std::chrono::floor<milliseconds>(time)).count()};
}

Fields operator+(Fields fields, const Fields& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Fields fields_of(const Claim& claim) {
  return {{"claim", to_string(claim.kind)},
          {"name", claim.name},
          {"id", claim.id},
          {"address", claim.address},
          {"state", claim.state}};
}

// By which an agent multiplies the random part of its waits for a full sync.
int sync_scale(int members) { return members <= 128 ? 1 : static_cast<int>(std::ceil(std::log2(members / 128.0))) + 1; }

// One step: the life, the moment, and the effects so far. Grouped by what happens, in the order of a life.
class Step {
 public:
  Step(Life& life, Time now) : life_(life), now_(now) {}

  std::vector<Effect> take(const Happening& what) {
    std::visit([this](const auto& happening) { on(happening); }, what);
    on_time();
    return std::move(effects_);
  }

 private:
  // ---- small words

  template <class E>
  void emit(E effect) {
    effects_.emplace_back(std::move(effect));
  }
  void say(Tone tone, std::string text, Fields fields = {}) { emit(Say{tone, std::move(text), std::move(fields)}); }
  // Which agent a line is about.
  Fields agent_fields() const { return {{"launch", life_.launches}, {"pid", life_.agent->pid}}; }
  bool due(const std::optional<Time>& time) const { return time && *time <= now_; }
  // An answer counts only if it is of the agent that runs now.
  bool current(int launch) const { return life_.agent && launch == life_.launches; }
  bool in(Phase phase) const { return life_.phase == phase; }
  bool stopping() const { return life_.stop.has_value() || life_.verdict.has_value(); }
  Time end_of_time() const { return *life_.out_of_time; }
  Duration reserve(Duration wanted) const { return std::min<Duration>(wanted, life_.rules.stop_timeout / 4); }
  Time end_of_leave() const { return std::max(now_, end_of_time() - reserve(killing_reserve)); }

  void enter(Phase phase) {
    life_.phase = phase;
    life_.since = now_;
    life_.deadline.reset();
    life_.task_at.reset();
    if (phase == Phase::registering || phase == Phase::serve) return;
    life_.around_at.reset();
    if (phase >= Phase::settle) life_.address_at.reset();
  }

  // ---- prepare

  void on(const Begin&) {
    life_.began = life_.since = now_;
    life_.deadline = now_ + life_.rules.bind_wait;
    prepare();
  }

  void prepare() {
    if (life_.preparing.running) {
      life_.preparing.again = true;
      return;
    }
    life_.preparing = {.running = true};
    emit(Prepare{});
  }

  void on(const HostChanged&) {
    if (in(Phase::prepare)) return prepare();
    if (!stopping() && !life_.address_at) life_.address_at = now_ + address_settles;
  }

  void on(const Prepared& e) {
    life_.preparing = {};
    if (!in(Phase::prepare)) return;
    life_.rules = e.rules;
    life_.own = e.own;
    if (e.moved) be_wary();
    life_.no_address.reset();
    launch_at(now_);
  }

  void on(const PrepareFailed& e) {
    const bool again = std::exchange(life_.preparing, {}).again;
    if (!in(Phase::prepare)) return;
    if (e.final || e.problem.exit != Exit::retry) return give_up(e.problem);
    if (e.rules) life_.rules = *e.rules;
    life_.deadline = std::max(now_, life_.since + life_.rules.bind_wait);
    if (!life_.no_address) {
      say(Tone::info, "waiting for an address", {in_seconds(life_.rules.bind_wait), {"reason", e.problem.why}});
    }
    life_.no_address = e.problem;
    no_address_in_time();
    if (again && in(Phase::prepare)) prepare();
  }

  // What is being looked for right now may still be found.
  void no_address_in_time() {
    if (life_.preparing.running || now_ < life_.since + life_.rules.bind_wait) return;
    give_up(*life_.no_address);
  }

  // ---- launch

  void launch_at(Time when) {
    enter(Phase::launch);
    life_.deadline = when;
  }

  void launch() {
    life_.deadline.reset();
    life_.launching = true;
    emit(Launch{++life_.launches});
  }

  void on(const Launched& e) {
    life_.launching = false;
    life_.agent = Agent{.pid = e.pid, .started = now_};
    life_.probe_at = now_;
    if (in(Phase::launch)) enter(Phase::join);
    if (in(Phase::ending)) kill_agent("it was started too late, for the stop");
  }

  void on(const LaunchFailed& e) {
    life_.launching = false;
    if (in(Phase::settle) || in(Phase::ending)) return agent_missing();
    if (!in(Phase::launch)) return;
    if (life_.before && e.problem.exit != Exit::internal) return started_in_vain(e.problem.why);
    not_launched(e.problem);
  }

  void not_launched(const Problem& problem) {
    if (!life_.first_ready && problem.exit != Exit::internal) return give_up(problem);
    say(Tone::error, to_string(problem));
    died(problem.why);
  }

  // An agent has ended, or could not be started, and no stop was asked.
  void died(const std::string& how) {
    const bool was_calm = in(Phase::serve) && now_ - life_.since >= calm;
    life_.deaths = was_calm ? 1 : life_.deaths + 1;
    if (!life_.first_ready && life_.deaths >= life_.rules.give_up_after) {
      return give_up(
          Problem{"agent", fmt::format("died {} times before it was ever ready, at last with {}", life_.deaths, how),
                  "its own last lines above say why, and restart.give_up_after how often to try", Exit::retry});
    }
    const Duration wait = backoff(life_.deaths);
    say(Tone::info, "launching the agent again", {in_seconds(wait), {"deaths", life_.deaths}});
    launch_at(now_ + wait);
  }

  Duration backoff(int times) {
    Duration wait = life_.rules.restart_min;
    for (int i = 1; i < times && wait < life_.rules.restart_max; ++i) wait *= 2;
    wait = std::min(wait, life_.rules.restart_max);
    return std::chrono::duration_cast<milliseconds>(wait + wait * (random(401) - 200) / 1000);
  }

  // 0 <= random < bound; xorshift64: enough to keep ten thousand nodes from marching in step.
  std::int64_t random(std::uint64_t bound) {
    std::uint64_t& r = life_.random;
    r ^= r << 13;
    r ^= r >> 7;
    r ^= r << 17;
    return static_cast<std::int64_t>(r % bound);
  }

  // ---- the agent's end

  void on(const AgentEnded& e) {
    if (!life_.agent) return;
    drop_hook();
    if (!stopping() && !e.not_executed) note_restart(life_.agent->ending.value_or(RestartReason::died));
    const Field end = e.code >= 0 ? Field{"code", e.code} : Field{"signal", e.signal};
    const Fields fields = agent_fields() + Fields{end};
    const bool in_vain = life_.before && !life_.agent->answered;
    const bool reloading = life_.agent->reloading;
    life_.agent.reset();
    life_.probe_at.reset();
    if (reloading) reload_over();
    const std::string how = how_it_ended(e);
    switch (life_.phase) {
      case Phase::restart:
        say(Tone::info, "the agent has ended", fields);
        return launch_at(std::max(now_, life_.not_before));
      case Phase::leaving:
        if (e.code == 0) life_.stop->answered = true;
        return left_by_its_own_word(fmt::format("the agent ended during the leave ({})", how));
      case Phase::linger:
      case Phase::ending:
        return sweep();
      case Phase::settle:
      case Phase::pre_stop:
        return agent_missing();
      default:
        if (in_vain) return started_in_vain(how);
        if (e.not_executed) return not_launched(*e.not_executed);
        say(Tone::warn, "the agent has died", fields);
        died(how);
    }
  }

  void note_restart(RestartReason reason) {
    ++life_.tally.restarts[static_cast<std::size_t>(reason)];
    life_.last_restart = {reason, now_};
  }

  void agent_missing() {
    trouble("the agent was not running, so it could not leave");
    sweep();
  }

  // What is kept of a stop's time for ending the agent is not used up by waiting for it.
  Time within_reserve(Time from, Duration wait) const {
    if (!in(Phase::ending)) return from + wait;
    const Duration kept = reserve(ending_reserve);
    return std::min(from + wait, std::max(from + kept, end_of_time() - kept));
  }
  Time end_of_terms() const { return within_reserve(life_.since, kill_after); }

  // Ends the agent for good or for a restart. on_deadline() tells it again: one that is still about to start takes TERM and
  // goes on (Consul's handler for signals during the start ends with it); and kills it where that does not help.
  void terminate_agent() {
    emit(EndAgent{SIGTERM});
    life_.deadline = std::min(now_ + term_interval, end_of_terms());
  }

  void kill_agent(std::string_view why, Tone tone = Tone::info) {
    if (!std::exchange(life_.agent->killed, true))
      say(tone, "killing the agent", agent_fields() + Fields{{"reason", std::string(why)}});
    emit(EndAgent{SIGKILL});
    life_.deadline = within_reserve(now_, seconds(1));
  }

  void insist() {
    if (!life_.agent->killed && now_ < end_of_terms()) return terminate_agent();
    kill_agent("it did not end when it was told to", Tone::warn);
  }

  // `more`: what led to it.
  void restart(RestartReason reason, const Fields& more = {}) {
    if (stopping()) return;
    const Fields why = Fields{{"reason", to_string(reason)}} + more;
    if (in(Phase::launch) && !life_.launching) {
      life_.deadline = now_;
    } else if (in(Phase::join) || in(Phase::registering) || in(Phase::serve)) {
      say(Tone::info, "restarting the agent without leaving", agent_fields() + why);
      replace_agent(reason, now_);
    } else {
      say(Tone::info, "no restart: the agent is about to be started anyway", why);
    }
  }

  // Ends the agent without leaving; the next one is launched when it is gone, and not before `when`.
  void replace_agent(RestartReason reason, Time when) {
    enter(Phase::restart);
    life_.agent->ending = reason;
    drop_hook();
    life_.probe_at.reset();
    life_.not_before = when;
    terminate_agent();
  }

  // ---- join, and the watch

  void probe() {
    Agent& agent = *life_.agent;
    life_.probe_at.reset();
    if (agent.probing) return;
    agent.probing = true;
    if (!agent.unanswered) agent.unanswered = now_;
    const Duration patience = *agent.unanswered + life_.rules.hung_after - now_;
    emit(Probe{life_.launches, std::max<Duration>(patience, milliseconds(100))});
  }

  void on(const Probed& e) {
    if (!current(e.launch)) return;
    Agent& agent = *life_.agent;
    agent.probing = false;
    if (e.members > 0) agent.members = e.members;
    if (e.answer == ProbeAnswer::silent) return silent();
    agent.unanswered.reset();
    note_closing(e.answer == ProbeAnswer::closed);
    if (agent.closing && !agent.closes) return probe_again(now_ - *agent.closing);
    if (!agent.answered && !agent.closing) {
      agent.answered = now_;
      if (!agent.ending) proved();
      send_early();
    }
    const bool leader = e.answer == ProbeAnswer::leader;
    const bool changed = agent.leader != leader;
    agent.leader = leader;
    if (leader && !agent.joined) agent.joined = now_;
    if (leader && changed) {
      agent.led = now_;
      syncer_paused(!agent.held);
    }
    if (leader) life_.ever_joined = true;
    next_probe();
    const Duration without = agent.leaderless ? now_ - *agent.leaderless : Duration{};
    if (leader) agent.join_at.reset();
    if (!leader && !agent.join_at && !agent.joining) join_later();
    if (leader) agent.leaderless.reset();
    if (!leader && agent.joined && !agent.leaderless) agent.leaderless = now_;
    if (in(Phase::settle)) return settle();
    if (!e.gossip && (in(Phase::join) || registering())) return quarrelled();
    if (agent.leaderless && life_.rules.rejoin_after > Duration{} &&
        now_ - *agent.leaderless >= life_.rules.rejoin_after) {
      return restart(RestartReason::no_leader, {in_seconds(now_ - *agent.leaderless)});
    }
    if (in(Phase::join) && leader) {
      enter(Phase::registering);
      return register_more();
    }
    if (in(Phase::serve) && changed) {
      say(leader ? Tone::info : Tone::warn,
          leader ? "a leader is known again" : "no leader is known: not ready until there is one",
          leader ? Fields{in_seconds(without)} : Fields{});
      if (leader) life_.task_at = now_;
    }
  }

  // An agent that ends connections lives, and another one would be no other: it is left alone, not ready. One that is about to
  // end itself does it, too, for a moment.
  void note_closing(bool closes) {
    Agent& agent = *life_.agent;
    if (!closes) agent.closing.reset();
    if (closes && !agent.closing) agent.closing = now_;
    const bool lasts = agent.closing && now_ - *agent.closing >= closing_limit;
    if (std::exchange(agent.closes, lasts) == lasts) return;
    lasts ? say(Tone::warn, "the agent ends each connection without an answer: not ready until it answers",
                agent_fields())
          : say(Tone::info, "the agent answers again", agent_fields());
  }

  // The catalog shows what the agent before had registered: this one can take its services while it joins.
  void send_early() {
    if (in(Phase::join) && life_.first_ready && life_.agent->to_send) send();
  }

  void join_later() {
    const auto spread = static_cast<std::uint64_t>((join_at_most - join_at_least).count()) + 1;
    life_.agent->join_at = now_ + join_at_least + Duration(random(spread));
  }

  // Consul itself tries its retry_join only each retry_interval, and no more once it has joined.
  void join() {
    Agent& agent = *life_.agent;
    agent.join_at.reset();
    if (agent.joining || !(in(Phase::join) || registering())) return;
    agent.joining = true;
    emit(Join{life_.launches});
  }

  void on(const Joined& e) {
    if (!current(e.launch)) return;
    life_.agent->joining = false;
    if (life_.agent->leader) return;
    join_later();
    // It may have worked.
    if (life_.probe_at) life_.probe_at = now_;
  }

  void next_probe() {
    const Agent& agent = *life_.agent;
    const bool waiting = !agent.leader || in(Phase::settle);
    const Duration waited = now_ - (agent.joined ? *agent.joined : agent.started);
    const Duration seldom = std::min<Duration>(life_.rules.hung_after / 2, wary() ? seconds(1) : seconds(3600));
    life_.probe_at = now_ + (waiting ? paced(waited, 50, milliseconds(1), milliseconds(500)) : seldom);
  }

  void silent() {
    Agent& agent = *life_.agent;
    const bool waits_for_servers = life_.rules.api_after_join && !agent.answered;
    const bool watched = (in(Phase::join) && !waits_for_servers) || registering();
    const Duration waited = now_ - agent.unanswered.value_or(now_);
    if (watched && waited >= life_.rules.hung_after) {
      // From here on it is an agent that has died.
      if (!std::exchange(agent.killed, true))
        say(Tone::warn, "the agent is hung, its API silent; killing it", agent_fields() + Fields{in_seconds(waited)});
      agent.ending = RestartReason::hung;
      emit(EndAgent{SIGKILL});
      life_.probe_at = now_ + seconds(1);
      return;
    }
    probe_again(waited);
  }

  void probe_again(Duration waited) { life_.probe_at = now_ + paced(waited, 50, milliseconds(1), milliseconds(250)); }

  // ---- register, and the check each minute

  bool registering() const { return in(Phase::registering) || in(Phase::serve); }

  bool hooks_are_due() const { return life_.agent->hooks_done < life_.rules.post_start.size(); }

  void register_more() {
    Agent& agent = *life_.agent;
    life_.task_at.reset();
    if (agent.sending) return look_beside();
    if (agent.looking || agent.sending_again || agent.hooking) return;
    if (agent.to_send) {
      send();
    } else if (hooks_are_due()) {
      agent.hooking = true;
      emit(RunHook{life_.launches, HookKind::post_start, agent.hooks_done});
    } else {
      look();
    }
  }

  void send() {
    Agent& agent = *life_.agent;
    agent.sending = now_;
    emit(SendServices{life_.launches, *std::exchange(agent.to_send, std::nullopt)});
    look_beside();
  }

  // Hundreds of services take seconds, and for a name that is not this node's are sent in vain.
  void look_beside() {
    if (in(Phase::registering)) life_.task_at = now_ + beside_sending;
  }

  void look() {
    life_.task_at.reset();
    if (life_.agent->looking) return;
    life_.agent->looking = true;
    emit(LookUpCatalog{life_.launches});
  }

  void on(const ServicesSent& e) {
    if (!current(e.launch)) return;
    Agent& agent = *life_.agent;
    const bool passed_on = e.changed && agent.led && *agent.sending >= *agent.led;
    agent.sending.reset();
    if (e.changed) syncer_paused(passed_on);
    if (!e.failure.empty()) {
      send_later(Sending::difference);
    } else if (passed_on) {
      agent.held = now_;
    } else if (e.changed || !agent.held) {
      // Kept from an agent before, or taken when there was no server to tell: what is not in the catalog has to be sent.
      agent.held = now_ - on_its_way;
    }
    if (!registering()) return;
    if (e.failure.empty()) return register_more();
    note_failure(e.failure, e.refused);
    not_registered();
    // The catalog alone tells why: a former entry of this node, or another node, stands in the way.
    look();
  }

  void on(const CatalogSeen& e) {
    if (!current(e.launch)) return;
    Agent& agent = *life_.agent;
    agent.looking = false;
    const bool there = e.answer == CatalogAnswer::registered || e.answer == CatalogAnswer::incomplete;
    agent.seen = agent.seen || there;
    agent.looked = true;
    note_holder(e);
    if (in(Phase::leaving) || in(Phase::linger)) {
      if (!std::exchange(life_.stop->old_look, false)) return seen_while_leaving(e.answer);
      life_.task_at = now_;
      return;
    }
    if (!registering()) return;
    if (there) note_leftovers(e.leftovers);
    if (e.answer == CatalogAnswer::taken) return name_taken();
    if (agent.sending) return look_beside();  // what is missing is on its way
    const bool hidden = may_be_hidden(e.answer) && !agent.blocked && now_ - life_.since >= unseen_limit;
    const bool forbidden = e.answer == CatalogAnswer::forbidden || hidden;
    const bool good = e.answer == CatalogAnswer::registered || forbidden;
    const bool unsaid = e.answer == CatalogAnswer::failed && agent.registered;  // nobody said that it is not there
    if (!good && !unsaid) not_registered();
    // Sent in vain, or new settings came meanwhile and this answer is about the old ones.
    if (agent.to_send) return agent.failure.empty() ? register_more() : void(life_.task_at = now_ + until_sent_anew());
    if (hooks_are_due()) return register_more();  // looked at beside the sending
    if (good) return registered(forbidden);
    if (unsaid) {
      life_.task_at = now_ + seconds(1);
      return;
    }
    if (lost(e.answer)) return send_again();
    const Duration seldom = agent.blocked ? refusal_interval : Duration(seconds(1));
    life_.task_at = now_ + paced(now_ - life_.since, 20, milliseconds(2), seldom);
  }

  // With ACLs an entry that may not be read looks like none.
  bool may_be_hidden(CatalogAnswer answer) const {
    return life_.rules.acl && !life_.agent->seen && answer == CatalogAnswer::gone;
  }

  // What the agent has and the catalog lacks: where it has been there, or has had the time to come there, it is lost or was
  // never let in, and the agent does not know that it has to be sent.
  bool lost(CatalogAnswer answer) const {
    const Agent& agent = *life_.agent;
    if (!agent.held || answer == CatalogAnswer::failed) return false;
    const Time told = std::max(*agent.held, agent.sent_again.value_or(*agent.held));
    return (agent.shown && *agent.shown >= told) || now_ - told >= time_to_come(answer);
  }

  Duration time_to_come(CatalogAnswer answer) const {
    const Agent& agent = *life_.agent;
    const bool again = agent.sent_again && *agent.sent_again >= *agent.held;
    if (agent.blocked && !again && !may_be_hidden(answer))
      return {};  // it has not come before, and no agent sends it twice
    if (agent.blocked) return refusal_interval;
    return again ? paced(now_ - life_.since, 2, on_its_way, seconds(60)) : on_its_way;
  }

  void send_again() {
    Agent& agent = *life_.agent;
    life_.task_at.reset();
    agent.sending_again = true;
    emit(SendAgain{life_.launches, agent.seen || !life_.rules.acl});
  }

  void on(const SentAgain& e) {
    if (!current(e.launch)) return;
    Agent& agent = *life_.agent;
    agent.sending_again = false;
    agent.sent_again = now_;
    if (e.missing) send_later(Sending::difference);
    if (!registering()) return;
    if (e.failure.empty()) {
      agent.blocked = false;
      return register_more();
    }
    note_failure(e.failure, e.refused);
    life_.task_at = now_ + until_sent_anew();
  }

  Duration until_sent_anew() const {
    if (life_.agent->blocked) return refusal_interval;
    return paced(now_ - life_.since, 10, milliseconds(20), seconds(5));
  }

  void note_failure(const std::string& failure, bool refused) {
    Agent& agent = *life_.agent;
    agent.blocked = refused;
    if (agent.failure == failure) return;
    say(Tone::warn, "not registered yet", {{"reason", failure}});
    agent.failure = failure;
  }

  // Just given up, it may still be on its way out.
  void note_leftovers(const std::vector<std::string>& ids) {
    Agent& agent = *life_.agent;
    if (ids.empty()) agent.left_over = {};
    if (!ids.empty() && !agent.left_over.since) agent.left_over.since = now_;
    agent.left_over.ids = ids;
    if (!agent.left_over.lasts(now_) || std::exchange(agent.left_over.told, true)) return;
    say(Tone::warn, "the catalog still shows services that this node's agent has given up",
        {{"services", lictor::join(ids, " ")}});
  }

  void not_registered() {
    Agent& agent = *life_.agent;
    if (in(Phase::serve)) {
      say(Tone::warn, "the catalog no longer shows what this node registered; registering again");
      enter(Phase::registering);
    }
    agent.registered = false;
  }

  void registered(bool unseen) {
    Agent& agent = *life_.agent;
    agent.registered = true;
    agent.shown = now_;
    agent.blocked = false;
    agent.failure.clear();
    if (!agent.first_registered) agent.first_registered = now_;
    if (!life_.first_ready) life_.first_ready = now_;
    life_.took_id = false;
    if (!in(Phase::serve)) {
      enter(Phase::serve);
      say(Tone::info,
          unseen ? "registered, by the agent's word: the catalog may not be read (ACL: node:read)" : "registered",
          agent_fields() + Fields{in_seconds(now_ - agent.started)});
      life_.around_at = now_;
    }
    // A server that has not yet heard of this node's return takes out what was just registered (leaveReconcile), and
    // that the agent only finds with its full sync. So the first look of those to come is when that is over.
    const std::optional<Time> sync = synced();
    life_.task_at = sync && *sync > now_ ? *sync : now_ + check_interval;
    if (agent.left_over.since && !agent.left_over.told)
      life_.task_at = std::min(*life_.task_at, *agent.left_over.since + left_over_limit);
  }

  // When the agent's full sync for the servers that it has last met is over; nothing before it knew a leader.
  std::optional<Time> synced() const {
    const Agent& agent = *life_.agent;
    if (!agent.led) return std::nullopt;
    return *agent.led + sync_window(agent.members);
  }

  // ---- what the agent's syncer leaves lying

  // `sent`: but all that it has was sent to the servers, as an agent does at the end of a registration or a reload.
  void syncer_paused(bool sent) {
    Agent& agent = *life_.agent;
    agent.paused = now_;
    agent.flush_anew = true;
    const Time next = sent ? now_ + flush_interval : now_;
    agent.flush_at = std::min(agent.flush_at.value_or(next), next);
  }

  // Not in a stop: what is sent in a leave puts the node back into the catalog.
  void flush() {
    Agent& agent = *life_.agent;
    agent.flush_at.reset();
    const Duration waits = sync_window(agent.members) + sync_retry_window(agent.members);
    if (!registering() || agent.unflushable || now_ - *agent.paused > waits) return;
    agent.flush_at = now_ + flush_interval;
    if (!agent.leader || agent.sending || agent.flushing) return;
    agent.flushing = true;
    emit(Flush{life_.launches, std::exchange(agent.flush_anew, false)});
  }

  void on(const Flushed& e) {
    if (!current(e.launch)) return;
    life_.agent->flushing = false;
    life_.agent->unflushable = e.refused;
  }

  void send_later(Sending at_least) {
    life_.agent->to_send = std::max(life_.agent->to_send.value_or(at_least), at_least);
  }

  void check_now(Sending at_least) {
    if (!life_.agent || !registering()) return;
    send_later(at_least);
    register_more();
  }

  // ---- other claims on our name, id and address

  bool wary() const { return life_.contested || (life_.wary_until && now_ < *life_.wary_until); }
  void be_wary() { life_.wary_until = now_ + wary_for; }

  bool held_elsewhere() const { return life_.contested && life_.contested->address != life_.own.address; }

  void end_contest() {
    if (std::exchange(life_.contested, {}))
      say(Tone::info, "no other id holds this node's name any more", {{"name", life_.own.name}});
  }

  // Another id holds our name. At our own address that was this node before its data directory was lost; elsewhere it
  // is another node.
  void note_holder(const CatalogSeen& e) {
    if (e.answer == CatalogAnswer::forbidden || e.answer == CatalogAnswer::failed) return;
    if (e.answer != CatalogAnswer::taken) return end_contest();
    const Claim claim{.kind = ClaimKind::name,
                      .name = life_.own.name,
                      .id = e.holder.id,
                      .address = e.holder.address,
                      .state = "in the catalog"};
    if (life_.contested == claim) return;
    life_.contested = claim;
    ++life_.tally.name_claims;
    if (held_elsewhere()) {
      say(Tone::error, "another node holds this node's name: not touched; give one of the two another node.name",
          fields_of(claim));
    } else if (life_.rules.fixed_id) {
      say(Tone::error,
          "the servers keep this node's name for another id; take node_id out of the agent's settings, or set it to "
          "that",
          fields_of(claim));
    } else if (life_.took_id) {
      say(Tone::error,
          "the servers refuse this node even with the id that was taken back; look for another agent with this name "
          "and "
          "address",
          fields_of(claim));
    }
  }

  void name_taken() {
    const bool ours = !held_elsewhere();
    if (life_.probe_at) life_.probe_at = std::min(*life_.probe_at, now_ + seconds(1));
    not_registered();
    life_.task_at = now_ + paced(now_ - life_.since, 5, milliseconds(50), seconds(2));
    if (!ours || life_.rules.fixed_id || life_.took_id || preparing_settings()) return;
    if (now_ - life_.since < reserved_after) return;
    say(Tone::warn, "the servers keep this node's name for the id it had before; taking back its id",
        fields_of(*life_.contested));
    life_.taking_id = true;
    emit(TakeIdBack{life_.contested->id});
  }

  void on(const IdTakenBack& e) {
    life_.taking_id = false;
    if (stopping()) {
      if (e.failure.empty()) emit(Forget{});
      return;
    }
    life_.took_id = true;
    if (e.failure.empty()) {
      adopt({life_.rules, e.own}, {.launch = life_.launches, .keep = false, .reload = false});
      life_.contested.reset();
      ++life_.tally.ids_taken_back;
      restart(RestartReason::id_taken_back, {{"id", e.own.id}});
    } else {
      say(Tone::error, "the id was not taken back", {{"reason", e.failure}});
    }
    if (std::exchange(life_.reloading, {}).again) reload();
  }

  // A newcomer whose name is alive elsewhere loses the vote about it: serf ends, the process and its API live on.
  void quarrelled() {
    ++life_.tally.gossip_shut_down;
    if (!wary()) life_.quarrels = 0;
    be_wary();
    const Duration wait = backoff(++life_.quarrels);
    say(Tone::error,
        "the agent's gossip has shut itself down, as it does when its name is alive at another address; restarting it "
        "without leaving",
        agent_fields() + Fields{{"name", life_.own.name}, in_seconds(wait)});
    replace_agent(RestartReason::gossip_shut_down, now_ + wait);
  }

  void look_around() {
    life_.around_at.reset();
    Agent& agent = *life_.agent;
    if (!registering() || agent.looking_around || agent.clearing) return;
    agent.looking_around = true;
    emit(LookAround{life_.launches, wary()});
  }

  void on(const LookedAround& e) {
    if (!current(e.launch)) return;
    life_.agent->looking_around = false;
    if (!registering()) return;
    if (!e.failure.empty()) {
      say(Tone::debug, "members and catalog were not looked at", {{"reason", e.failure}});
      life_.around_at = now_ + look_interval;
      return;
    }
    tell_of(e.claims);
    const std::vector<Claim> before = std::exchange(life_.claims, e.claims);
    if (e.failed_member) {
      // Seen when this node's address is new: the others know its name at the old one, and take over the new one only when
      // they are told of it again after DeadNodeReclaimTime.
      ++life_.tally.taken_for_failed;
      if (!life_.rejoining) say(Tone::warn, "the servers take this node for failed; joining again until they don't");
      be_wary();
      emit(Rejoin{life_.launches});
    } else if (life_.rejoining) {
      say(Tone::info, "the servers see this node alive again");
    }
    life_.rejoining = e.failed_member;
    if (life_.claims.empty() && !wary()) return;
    life_.around_at = now_ + look_interval;
    clear_dead(before);
  }

  void tell_of(const std::vector<Claim>& claims) {
    const std::set<Claim> before(life_.claims.begin(), life_.claims.end()), after(claims.begin(), claims.end());
    std::size_t news = 0, gone = 0;
    for (const Claim& claim : claims) {
      if (before.contains(claim)) continue;
      ++(claim.kind == ClaimKind::address ? life_.tally.address_claims
         : claim.kind == ClaimKind::name  ? life_.tally.name_claims
                                          : life_.tally.id_claims);
      if (++news > claims_told) continue;
      const bool clearing = claim.dead() && life_.rules.heal;
      say(Tone::warn,
          clearing       ? "another node claims what is this node's: it is dead, clearing it away"
          : claim.dead() ? "another node claims what is this node's: it is dead, and left alone, node.heal is off"
                         : "another node claims what is this node's: not touched, it may be alive",
          fields_of(claim));
    }
    for (const Claim& claim : life_.claims) {
      if (!after.contains(claim) && ++gone <= claims_told)
        say(Tone::info, "another node no longer claims what is this node's", fields_of(claim));
    }
    const auto rest = [&](Tone tone, const char* text, std::size_t count) {
      if (count > claims_told) say(tone, text, {{"count", static_cast<std::int64_t>(count - claims_told)}});
    };
    rest(Tone::warn, "more nodes claim what is this node's", news);
    rest(Tone::info, "more nodes no longer claim what is this node's", gone);
  }

  void clear_dead(const std::vector<Claim>& before) {
    Agent& agent = *life_.agent;
    agent.to_clear.clear();
    if (!life_.rules.heal) return;
    const std::set<std::string_view> refused(agent.refused.begin(), agent.refused.end());
    std::set<std::pair<std::string_view, std::string_view>> known;
    for (const Claim& claim : before) known.emplace(claim.name, claim.state);
    for (const Claim& claim : life_.claims) {
      const bool early = claim.prune && !known.contains({claim.name, claim.state});
      if (claim.dead() && !refused.contains(claim.name) && !early) agent.to_clear.push_back(claim);
    }
    clear_next();
  }

  void clear_next() {
    Agent& agent = *life_.agent;
    if (agent.to_clear.empty() || agent.clearing) return;
    agent.clearing = true;
    emit(Clear{life_.launches, agent.to_clear.back()});
  }

  void on(const Cleared& e) {
    if (!current(e.launch) || !life_.agent->clearing) return;
    Agent& agent = *life_.agent;
    agent.clearing = false;
    const Claim claim = agent.to_clear.back();
    agent.to_clear.pop_back();
    if (e.answer == ClearAnswer::cleared) {
      ++life_.tally.claims_cleared;
      if (!claim.prune) be_wary();
    } else {
      ++life_.tally.clearings_refused;
      say(Tone::warn, "the dead claim was not cleared away", fields_of(claim) + Fields{{"reason", e.text}});
      if (e.answer == ClearAnswer::forbidden) agent.refused.push_back(claim.name);
    }
    if (registering()) clear_next();
  }

  // ---- the address

  void read_address() {
    life_.address_at.reset();
    if (stopping()) return;
    if (life_.reading_address.running) {
      life_.reading_address.again = true;
      return;
    }
    life_.reading_address = {.running = true};
    emit(ReadAddress{});
  }

  void on(const AddressRead& e) {
    if (std::exchange(life_.reading_address, {}).again) return read_address();
    if (stopping()) return;
    if (e.state == AddressState::gone) {
      if (std::exchange(life_.address_gone, true)) return;
      ++life_.tally.addresses_lost;
      return say(Tone::warn, "the address is gone; the agent is left as it is until there is one",
                 {{"address", life_.own.address}, {"reason", e.text}});
    }
    const bool was_gone = std::exchange(life_.address_gone, false);
    if (e.state == AddressState::same) {
      life_.ignored_address.clear();
      if (was_gone) say(Tone::info, "the address is back", {{"address", life_.own.address}});
      return;
    }
    if (life_.rules.restart_on_change) return apply_settings(false);
    if (std::exchange(life_.ignored_address, e.text) == e.text) return;
    say(Tone::info,
        "this node's address would now be another one; the agent keeps the old one (bind.on_change: ignore)",
        {{"address", life_.own.address}, {"other", e.text}});
  }

  // ---- hooks

  void drop_hook() {
    if (life_.agent && std::exchange(life_.agent->hooking, false)) emit(EndHook{});
  }

  void on(const HookEnded& e) {
    if (!current(e.launch) || !life_.agent->hooking) return;
    Agent& agent = *life_.agent;
    agent.hooking = false;
    const bool before_leave = in(Phase::pre_stop);
    if (!before_leave && !registering()) return;
    const auto& hooks = before_leave ? life_.rules.pre_stop : life_.rules.post_start;
    const OnFailure rule = agent.hooks_done < hooks.size() ? hooks[agent.hooks_done] : OnFailure::ignore;
    const char* kind = before_leave ? "pre_stop" : "post_start";
    const Problem problem{fmt::format("{} hook {}", kind, agent.hooks_done + 1), e.failure,
                          "mend the command or set its on_failure to retry or ignore", Exit::retry};
    if (!e.failure.empty()) {
      say(Tone::warn, "a hook has failed",
          {{"hook", kind}, {"number", static_cast<std::int64_t>(agent.hooks_done + 1)}, {"reason", e.failure}});
      if (rule == OnFailure::retry) {
        life_.task_at = now_ + paced(now_ - life_.since, 4, seconds(1), seconds(30));
        return;
      }
      if (rule == OnFailure::fail && !before_leave) {
        life_.verdict = quit_over(problem);
        return begin_stop(life_.rules.leave, false);
      }
      if (rule == OnFailure::fail) trouble(problem.what + ": " + problem.why);
    }
    ++agent.hooks_done;
    before_leave ? pre_stop() : register_more();
  }

  // ---- stop

  void on(const Signal& e) {
    switch (e.kind) {
      case SignalKind::terminate:
      case SignalKind::interrupt: {
        const bool interrupt = e.kind == SignalKind::interrupt;
        if (!life_.stop) return begin_stop(life_.rules.leave, interrupt);
        if (interrupt && std::exchange(life_.stop->interrupted, true))
          return cut_short("cut short by a second interrupt");
        return say(Tone::info, "already stopping");
      }
      case SignalKind::quit:
        if (!life_.stop) begin_stop(false, false);
        return cut_short("cut short by SIGQUIT");
      case SignalKind::restart:
        return restart(RestartReason::asked);
      case SignalKind::report:
        return emit(Report{});
      case SignalKind::reload:
        return reload();
    }
  }

  void begin_stop(bool leave, bool interrupt) {
    if (life_.stop || in(Phase::sweep) || in(Phase::ended)) return;
    const Phase before = life_.phase;
    life_.stop = Stop{.asked = now_, .leave = leave, .interrupted = interrupt};
    life_.out_of_time = now_ + life_.rules.stop_timeout;
    say(Tone::info, leave ? "stopping: the node leaves the cluster" : "stopping: the node stays in the catalog");
    drop_hook();
    if (life_.agent) life_.agent->hooks_done = 0;
    if (!life_.agent && !life_.launching) {
      if (leave && life_.launches > 0) trouble("the agent was not running, so it could not leave");
      return sweep();
    }
    // An agent that is already being ended can't be asked any more.
    if (leave && before == Phase::restart) trouble("the agent was being restarted, so it could not leave");
    if (!leave || before == Phase::restart) return end_gently();
    enter(Phase::settle);
    if (life_.agent && !life_.agent->joined) life_.probe_at = now_;
    settle();
  }

  // A leave in that name would be a leave of the other node.
  void not_ours_to_leave() {
    trouble(fmt::format("the name {} belongs to another node, at {}, so nothing was left", life_.own.name,
                        life_.contested->address));
    end_gently();
  }

  void settle() {
    const Time limit = life_.stop->asked + std::min<Duration>(settle_limit, life_.rules.stop_timeout / 3);
    life_.deadline = limit;
    if (!life_.agent) return;  // its launch is under way
    const Agent& agent = *life_.agent;
    // Servers that are back are told all there is, as new ones are: after a leave that would undo it. So would a reload.
    life_.deadline = life_.reloading.running ? limit : std::min(limit, synced().value_or(limit));
    if (!due(life_.deadline)) {
      // Whose name is it? The time until the leave is enough to ask.
      if (agent.joined && !agent.looked && !agent.looking) look();
      return;
    }
    if (!agent.answered) {
      trouble("the agent's API never answered, so it could not be asked to leave");
      return end_by_kill("its API never answered");
    }
    enter(Phase::pre_stop);
    life_.deadline = life_.stop->asked + life_.rules.stop_timeout / 2;
    pre_stop();
  }

  void pre_stop() {
    Agent& agent = *life_.agent;
    life_.task_at.reset();
    if (agent.hooks_done >= life_.rules.pre_stop.size()) return leave();
    agent.hooking = true;
    emit(RunHook{life_.launches, HookKind::pre_stop, agent.hooks_done});
  }

  void leave() {
    if (held_elsewhere()) return not_ours_to_leave();
    enter(Phase::leaving);
    Stop& stop = *life_.stop;
    stop.asked_to_leave = now_;
    stop.knew_leader = life_.agent->leader;
    stop.old_look = life_.agent->looking;
    life_.deadline = end_of_leave();
    emit(AskLeave{life_.launches, *life_.deadline - now_});
    // A server takes the entry out 0.4 s after the request at the earliest.
    life_.task_at = now_ + milliseconds(200);
  }

  void seen_while_leaving(CatalogAnswer answer) {
    Stop& stop = *life_.stop;
    const bool there = answer == CatalogAnswer::registered || answer == CatalogAnswer::incomplete;
    if (in(Phase::linger)) {
      if (there) {
        // The agent's periodic full sync fell into the leave. Its next one is a minute away.
        say(Tone::warn, "the catalog entry came back after the leave; taking it out again");
        stop.came_back = true;
        life_.task_at.reset();
        life_.deadline = end_of_leave();
        emit(Deregister{life_.launches});
      } else {
        linger_on();
      }
      return;
    }
    // What was never seen can't be seen to go.
    if (answer == CatalogAnswer::taken) answer = CatalogAnswer::gone;
    if (answer == CatalogAnswer::gone && !life_.agent->seen) answer = CatalogAnswer::forbidden;
    if (answer == CatalogAnswer::gone) {
      stop.confirmed = true;
      say(Tone::info, "a server confirmed the leave", {in_seconds(now_ - stop.asked)});
      enter(Phase::linger);
      life_.deadline = std::min(now_ + life_.rules.linger, end_of_leave());
      linger_on();
    } else if (answer == CatalogAnswer::forbidden) {
      stop.forbidden = true;
      if (stop.answered) left_by_its_own_word("the agent did not answer");
    } else {
      const Time unheard = *stop.asked_to_leave + unheard_after;
      if (there && !stop.repeated && now_ >= unheard) {
        say(Tone::warn, "the servers have not heard of the leave; telling them again");
        stop.repeated = true;
        emit(RepeatLeave{life_.launches});
      }
      // Of a catalog that can't be read just now a change is not told either.
      there ? look_again(look_often) : void(life_.task_at = now_ + look_less_often);
      if (now_ < unheard) life_.task_at = std::min(*life_.task_at, unheard);
    }
  }

  // At once when the servers tell of a change, else by and by; `pace`: where they can't be asked to.
  void look_again(Duration pace) {
    Agent& agent = *life_.agent;
    const Stop& stop = *life_.stop;
    const Duration left = *life_.deadline - now_;
    if (!stop.untold && !agent.awaiting && left > Duration{}) {
      agent.awaiting = now_;
      emit(AwaitChange{life_.launches, left});
    }
    // Once the agent is done leaving, there is not much time left for a word that was lost.
    const bool told_in_time = agent.awaiting && !(in(Phase::leaving) && stop.answered);
    life_.task_at = now_ + (told_in_time ? look_anyway : pace);
  }

  // The last look is shortly before the end.
  void linger_on() {
    look_again(look_less_often);
    if (const Time last = *life_.deadline - look_less_often; last > now_)
      life_.task_at = std::min(*life_.task_at, last);
  }

  void on(const ChangeSeen& e) {
    if (!current(e.launch)) return;
    const std::optional<Time> since = std::exchange(life_.agent->awaiting, std::nullopt);
    if (!in(Phase::leaving) && !in(Phase::linger)) return;
    life_.stop->untold |= !e.told;
    // In a busy catalog there is always something to tell.
    if (life_.task_at && since) life_.task_at = std::min(*life_.task_at, std::max(now_, *since + look_often));
  }

  void on(const LeaveAnswered& e) {
    if (!current(e.launch) || !in(Phase::leaving)) return;
    Stop& stop = *life_.stop;
    stop.answered = e.failure.empty();
    stop.refusal = e.failure;
    if (stop.forbidden) return left_by_its_own_word("the agent did not answer");
    // The agent is done; a server's word can only be moments away.
    life_.deadline = std::min(*life_.deadline, now_ + last_look);
    if (life_.task_at) life_.task_at = now_;
  }

  // No server confirmed, and none will any more: what is the agent's own word worth?
  void left_by_its_own_word(const std::string& instead) {
    Stop& stop = *life_.stop;
    if (!stop.answered) {
      trouble(!stop.refusal.empty() ? "the agent did not leave: " + stop.refusal : instead);
    } else if (!stop.knew_leader) {
      trouble("the agent left, but it knew no server, so no server saw it");
    } else if (!stop.forbidden) {
      trouble("the agent says it left, but no server confirmed it");
    }
    life_.agent ? end_by_kill(stop.answered ? "it has left" : "it did not leave") : sweep();
  }

  void on(const Deregistered& e) {
    if (!current(e.launch) || !in(Phase::linger)) return;
    life_.stop->came_back = !e.failure.empty();
    if (life_.stop->came_back) {
      say(Tone::error, "the catalog entry could not be taken out again", {{"reason", e.failure}});
    }
    end_by_kill("it has left");
  }

  void cut_short(const char* why) {
    if (in(Phase::sweep) || in(Phase::ended)) return;
    Stop& stop = *life_.stop;
    if (stop.leave && !stop.confirmed) trouble(why);
    drop_hook();
    if (life_.agent || life_.launching) end_by_kill(why);
  }

  void trouble(const std::string& text) {
    if (life_.stop && life_.stop->leave && life_.stop->trouble.empty()) life_.stop->trouble = text;
  }

  void give_up(const Problem& why) {
    life_.verdict = quit_over(why);
    sweep();
  }

  // A launch under way is ended as soon as its pid is known.
  void begin_ending() {
    enter(Phase::ending);
    life_.probe_at.reset();
    life_.deadline = end_of_time();
  }
  void end_gently() {
    begin_ending();
    if (life_.agent) terminate_agent();
  }
  void end_by_kill(std::string_view why) {
    begin_ending();
    if (life_.agent) kill_agent(why);
  }

  void sweep() {
    enter(Phase::sweep);
    life_.probe_at.reset();
    life_.out_of_time.reset();
    life_.deadline = now_ + sweep_grace;
    emit(SignalChildren{SIGTERM});
    emit(AwaitChildren{});
  }

  void on(const ChildrenGone&) {
    if (in(Phase::sweep)) quit();
  }

  void quit() {
    enter(Phase::ended);
    emit(last_words());
  }

  Quit last_words() const {
    if (life_.verdict) return *life_.verdict;
    const Stop& stop = *life_.stop;
    if (!stop.trouble.empty()) {
      return quit_over(Problem{
          "leave", stop.trouble,
          fmt::format("if the node does not come back, `consul force-leave -prune {}` takes it out", life_.own.name),
          Exit::incomplete});
    }
    if (stop.came_back) {
      return quit_over(Problem{
          "leave", "the node left, but its catalog entry came back and could not be taken out again",
          "the servers take it out within a minute, or give the agent's default token node:write", Exit::incomplete});
    }
    if (!stop.leave) return {Exit::ok, "stopped without leaving"};
    if (!stop.asked_to_leave) return {Exit::ok, "stopped before the agent was started; there was nothing to leave"};
    return {Exit::ok, stop.confirmed ? "the node has left the cluster, confirmed by a server"
                                     : "the node has left the cluster, by the agent's word"};
  }

  // ---- new settings

  void reload() {
    if (in(Phase::prepare)) return prepare();
    if (stopping()) return say(Tone::info, "settings are not read again now");
    apply_settings(true);
  }

  bool preparing_settings() const { return life_.reloading.running || life_.taking_id; }

  // The address is looked at in any case.
  void apply_settings(bool read) {
    if (preparing_settings()) {
      if (read) life_.reloading.again = true;
      // Whatever becomes of the settings.
      if (!read) life_.address_at = now_ + address_settles;
      return;
    }
    life_.reloading = {.running = true};
    emit(Reload{read});
  }

  void on(const Reloaded& e) {
    const bool outdated = std::exchange(life_.outdated, false);
    if (e.result == ReloadResult::broken) {
      refused(e);
    } else if (stopping()) {
      emit(Forget{});
    } else if (outdated) {
      emit(Forget{});
      life_.reloading = {};
      return apply_settings(e.settings);
    } else {
      return take(e);
    }
    reload_over();
  }

  void refused(const Reloaded& e) {
    if (stopping()) return;
    ++life_.tally.reloads[static_cast<std::size_t>(e.result)];
    // Settings are told of each time that somebody orders it, an address is looked at until it is taken.
    if (!e.settings) life_.address_at = now_ + look_interval;
    if (!e.settings && std::exchange(life_.refused_move, e.text) == e.text) return;
    say(Tone::error, "settings not applied, the old ones stay in force", {{"reason", e.text}});
  }

  void take(const Reloaded& e) {
    const bool moves = e.own.address != life_.own.address;
    const bool asks_agent = e.result == ReloadResult::reloaded || e.result == ReloadResult::restart;
    Agent* const agent = life_.agent ? &*life_.agent : nullptr;
    // One without an answer yet, such as one that waits for a certificate (auto_encrypt), can't be told to reload.
    const bool tell = e.result == ReloadResult::reloaded && agent && agent->answered && !agent->ending;
    if (moves) {
      ++life_.tally.address_changes;
      say(Tone::warn, "this node moves to another address",
          {{"name", e.own.name}, {"id", e.own.id}, {"address", e.own.address}, {"before", life_.own.address}});
      be_wary();
    }
    life_.refused_move.clear();
    life_.new_keys = e.keys;
    // No agent could go back to an address that is gone.
    const bool proven = life_.ever_answered && !life_.before;
    adopt({e.rules, e.own}, {.launch = life_.launches, .keep = asks_agent && e.settings && proven, .reload = tell});
    if (agent) agent->refused.clear();
    if (in(Phase::serve) && !life_.claims.empty()) life_.around_at = now_;
    if (tell) {
      agent->reloading = true;
      return;
    }
    taken(e.result);
    if (asks_agent) restart(moves ? RestartReason::address : RestartReason::settings, {{"keys", e.keys}});
    reload_over();
  }

  void adopt(InForce prepared, const Adopt& how) {
    if (how.keep) life_.before = InForce{life_.rules, life_.own};
    life_.rules = std::move(prepared.rules);
    life_.own = std::move(prepared.own);
    emit(how);
  }

  void on(const AgentReloaded& e) {
    if (!current(e.launch) || !life_.agent->reloading) return;
    life_.agent->reloading = false;
    syncer_paused(true);
    if (e.failure.empty()) {
      proved();
      taken(ReloadResult::reloaded);
    } else if (life_.before && !stopping()) {
      go_back(Problem{"agent", e.failure, "see the agent's lines above"});
      check_now(Sending::difference);
    }
    reload_over();
  }

  void taken(ReloadResult result) {
    ++life_.tally.reloads[static_cast<std::size_t>(result)];
    const Fields keys{{"keys", life_.new_keys}};
    if (result == ReloadResult::unchanged) say(Tone::info, "settings read again; nothing for the agent has changed");
    if (result == ReloadResult::services) say(Tone::info, "new settings", keys);
    if (result == ReloadResult::reloaded) say(Tone::info, "new settings, taken by the running agent", keys);
    check_now(Sending::news);
  }

  void reload_over() {
    const bool again = std::exchange(life_.reloading, {}).again;
    life_.outdated = false;
    if (in(Phase::settle)) return settle();
    if (again && !stopping()) reload();
  }

  // ---- settings on trial

  // An agent has answered with those in force.
  void proved() {
    life_.ever_answered = true;
    if (std::exchange(life_.before, {})) emit(Forget{});
  }

  // The agent that was to take new settings did not get as far as to its API's first answer.
  void started_in_vain(const std::string& how) {
    go_back(Problem{"agent", fmt::format("with the new settings ({}) it did not start: {}", life_.new_keys, how),
                    "its own last lines above say why; mend the settings and reload them"});
    launch_at(now_);
  }

  void go_back(const Problem& why) {
    life_.rules = std::move(life_.before->rules);
    life_.own = std::move(life_.before->own);
    life_.before.reset();
    life_.outdated = life_.reloading.running;
    ++life_.tally.reloads[static_cast<std::size_t>(ReloadResult::broken)];
    say(Tone::error, "new settings taken back, those before are in force again", {{"reason", to_string(why)}});
    emit(GoBack{why});
    // It may have changed with them, and be no matter of theirs.
    life_.address_at = now_ + address_settles;
  }

  // ---- time

  void on(const Tick&) {}

  // Whatever has become due, after every event: a late Tick changes nothing.
  void on_time() {
    if (in(Phase::sweep)) {
      if (!due(life_.deadline)) return;
      if (now_ - life_.since >= sweep_limit) return quit();
      emit(SignalChildren{SIGKILL});
      life_.deadline = now_ + milliseconds(50);
      return;
    }
    if (due(life_.address_at)) read_address();
    if (due(life_.out_of_time) && life_.phase < Phase::ending) {
      trouble("the leave was not over within stop.timeout");
      return end_by_kill("stop.timeout is over");
    }
    if (due(life_.deadline)) on_deadline();
    if (due(life_.probe_at) && life_.agent) probe();
    if (due(life_.task_at) && life_.agent) on_task();
    if (due(life_.around_at) && life_.agent) look_around();
    if (life_.agent && due(life_.agent->join_at)) join();
    if (life_.agent && due(life_.agent->flush_at)) flush();
  }

  void on_deadline() {
    switch (life_.phase) {
      case Phase::prepare:
        life_.deadline.reset();
        return no_address_in_time();
      case Phase::launch:
        return launch();
      case Phase::restart:
      case Phase::ending:
        if (in(Phase::ending) && (!life_.agent || now_ - life_.since >= seconds(8))) return sweep();
        return insist();
      case Phase::settle:
        return settle();
      case Phase::pre_stop:
        say(Tone::warn, "the pre_stop hooks have used up their half of stop.timeout; leaving without waiting for them");
        drop_hook();
        return leave();
      case Phase::leaving:
        return left_by_its_own_word("the leave was not over within stop.timeout");
      case Phase::linger:
        return end_by_kill("it has left");
      default:
        life_.deadline.reset();
    }
  }

  void on_task() {
    switch (life_.phase) {
      case Phase::serve:
        return check_now(Sending::difference);
      case Phase::registering:
        return life_.agent->sending ? look() : register_more();
      case Phase::pre_stop:
        return pre_stop();
      case Phase::leaving:
      case Phase::linger:
        return look();
      default:
        life_.task_at.reset();
    }
  }

  Life& life_;
  const Time now_;
  std::vector<Effect> effects_;
};

}  // namespace

Rules rules_of(const Settings& s, const AgentTraits& traits) {
  const auto failures = [](const std::vector<Hook>& hooks) {
    std::vector<OnFailure> rules;
    for (const Hook& hook : hooks) rules.push_back(hook.on_failure);
    return rules;
  };
  return {.leave = s.stop.leave,
          .linger = s.stop.linger,
          .stop_timeout = s.stop.timeout,
          .bind_wait = s.bind.wait,
          .restart_min = s.restart.min,
          .restart_max = s.restart.max,
          .give_up_after = s.restart.give_up_after,
          .hung_after = s.watch.hung_after,
          .rejoin_after = s.watch.rejoin_after,
          .post_start = failures(s.hooks.post_start),
          .pre_stop = failures(s.hooks.pre_stop),
          .acl = traits.acl,
          .heal = s.node.heal,
          .restart_on_change = s.bind.restart_on_change,
          .fixed_id = traits.fixed_id,
          .api_after_join = traits.api_after_join};
}

Duration sync_window(int members) {
  // The sync itself takes a moment too.
  return sync_scale(members) * seconds(3) + milliseconds(100);
}

Duration sync_retry_window(int members) { return seconds(15) + sync_scale(members) * seconds(15); }

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::prepare:
      return "prepare";
    case Phase::launch:
      return "launch";
    case Phase::join:
      return "join";
    case Phase::registering:
      return "register";
    case Phase::serve:
      return "serve";
    case Phase::restart:
      return "restart";
    case Phase::settle:
    case Phase::pre_stop:
    case Phase::leaving:
    case Phase::linger:
      return "leave";
    case Phase::ending:
    case Phase::sweep:
      return "end";
    case Phase::ended:
      return "ended";
  }
  return "";
}

const char* to_string(RestartReason reason) {
  switch (reason) {
    case RestartReason::died:
      return "died";
    case RestartReason::hung:
      return "hung";
    case RestartReason::asked:
      return "asked";
    case RestartReason::settings:
      return "settings";
    case RestartReason::address:
      return "address";
    case RestartReason::id_taken_back:
      return "id_taken_back";
    case RestartReason::gossip_shut_down:
      return "gossip_shut_down";
    case RestartReason::no_leader:
      return "no_leader";
  }
  return "";
}

const char* to_string(ReloadResult result) {
  switch (result) {
    case ReloadResult::broken:
      return "broken";
    case ReloadResult::unchanged:
      return "unchanged";
    case ReloadResult::services:
      return "services";
    case ReloadResult::reloaded:
      return "reloaded";
    case ReloadResult::restart:
      return "restart";
  }
  return "";
}

Life new_life(const Rules& rules, std::uint64_t seed) {
  Life life;
  life.rules = rules;
  life.random = seed * 2654435769u + 1;
  return life;
}

std::vector<Effect> step(Life& life, const Event& event) {
  if (life.phase == Phase::ended) return {};
  return Step(life, event.at).take(event.what);
}

std::optional<Time> next_wake(const Life& life) {
  if (life.phase == Phase::ended) return std::nullopt;
  std::optional<Time> first;
  for (const auto& time :
       {life.deadline, life.probe_at, life.task_at, life.out_of_time, life.around_at, life.address_at,
        life.agent ? life.agent->join_at : std::nullopt, life.agent ? life.agent->flush_at : std::nullopt}) {
    if (time && (!first || *time < *first)) first = time;
  }
  return first;
}

bool ready(const Life& life) {
  return life.phase == Phase::serve && life.agent && life.agent->registered && life.agent->leader;
}

bool live(const Life& life) { return !life.verdict && life.phase != Phase::ended; }

}  // namespace lictor
