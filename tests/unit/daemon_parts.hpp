// Stand-ins for the parts that the interpreter of effects joins. Each notes what it was asked for, in words, and answers when the
// test lets it: `at_once` inside the call, else by answer_all().
#pragma once

#include "interpreter.hpp"

#include <fmt/format.h>

#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

struct Asked {
  std::vector<std::string> words;
  std::deque<std::function<void()>> answers;
  bool at_once = false;
  std::string throws_at;  // what of this kind is asked throws

  void note(std::string text) {
    words.push_back(text);
    if (!throws_at.empty() && text.starts_with(throws_at)) throw std::runtime_error(text);
  }
  void note(std::string text, std::function<void()> answer) {
    note(std::move(text));
    at_once ? answer() : answers.push_back(std::move(answer));
  }
  void answer_all() {
    while (!answers.empty()) {
      const auto answer = std::move(answers.front());
      answers.pop_front();
      answer();
    }
  }
};

struct FakeApi : lictor::AgentCalls {
  explicit FakeApi(Asked& to) : asked(to) {}

  void reset(std::string token) override { asked.note("reset " + token); }
  void use_tokens(Tokens tokens) override {
    asked.note(fmt::format("use_tokens {} {} {}", tokens.registration, tokens.fallback, tokens.agent));
  }
  void probe(lictor::Duration deadline, bool servers, std::function<void(lictor::ProbeAnswer)> done) override {
    asked.note(fmt::format("probe {} {}", lictor::format_duration(deadline), servers), [=, this] { done(probed); });
  }
  void ask_own(lictor::Duration deadline, std::function<void(bool)> done) override {
    asked.note("ask_own " + lictor::format_duration(deadline), [=] { done(true); });
  }
  void ask_servers(const std::string& node, std::function<void(lictor::ServersAnswer, bool)> done) override {
    asked.note("ask_servers " + node, [=] { done(lictor::ServersAnswer::steady, true); });
  }
  void send_services(const std::string& node, const lictor::Services& desired, lictor::Sending what,
                     std::function<void(Sent)> done) override {
    const char* which = what == lictor::Sending::news ? "news" : "difference";
    asked.note(fmt::format("send_services {} {} {}", node, desired.size(), which), [=, this] { done(sent); });
  }
  void look_up_catalog(const std::string& node, const std::string& id, const lictor::Services& desired, bool,
                       std::function<void(Look)> done) override {
    asked.note(fmt::format("look_up_catalog {} {} {}", node, id, desired.size()), [=, this] { done(look); });
  }
  void send_again(const lictor::NodeKey& own, const lictor::Services& desired, bool seen, bool altered,
                  std::function<void(Sent)> done) override {
    asked.note(fmt::format("send_again {} {} {} {}", own.name, desired.size(), seen, altered),
               [=, this] { done(sent); });
  }
  void flush(bool anew, std::function<void(bool)> done) override {
    asked.note(fmt::format("flush {}", anew), [=] { done(true); });
  }
  void await_change(const std::string& node, lictor::Duration limit, std::function<void(bool)> done) override {
    asked.note(fmt::format("await_change {} {}", node, lictor::format_duration(limit)), [=] { done(true); });
  }
  void await_news(const lictor::NodeKey& own, lictor::NodePart part, bool whole, lictor::Duration limit,
                  std::function<void(News)> done) override {
    const char* of = part == lictor::NodePart::checks ? "checks" : "services";
    asked.note(fmt::format("await_news {} {} {} {}", own.name, of, whole, lictor::format_duration(limit)), [=] {
      done({lictor::NewsAnswer::changed, lictor::StandingAnswer::alive});
    });
  }
  void drop_news() override { asked.note("drop_news"); }
  void look_at_member(std::function<void(lictor::MemberAnswer)> done) override {
    asked.note("look_at_member", [=] { done(lictor::MemberAnswer::leaves); });
  }
  void look_around(const lictor::NodeKey& own, std::function<void(const lictor::Result<Surroundings>&)> done) override {
    asked.note("look_around " + own.name, [=, this] { done(around); });
  }
  void clear(const lictor::Claim& claim, std::function<void(lictor::ClearAnswer, std::string)> done) override {
    asked.note("clear " + claim.name, [=] { done(lictor::ClearAnswer::forbidden, "needs more"); });
  }
  void join(lictor::JoinTargets targets, std::function<void(bool)> done) override {
    asked.note(fmt::format("join {} {}", targets.addresses.size(), targets.names.size()), [=] { done(true); });
  }
  void rejoin() override { asked.note("rejoin"); }
  void leave(lictor::Duration deadline, Done done) override {
    asked.note("leave " + lictor::format_duration(deadline), [=, this] { done(outcome); });
  }
  void repeat_leave(const std::string& node, Done done) override {
    asked.note("repeat_leave " + node, [=, this] { done(outcome); });
  }
  void reload(Done done) override {
    asked.note("reload", [=, this] { done(outcome); });
  }
  void deregister(const std::string& node, Done done) override {
    asked.note("deregister " + node, [=, this] { done(outcome); });
  }
  void look_at_maintenance(Done done) override {
    asked.note("look_at_maintenance", [=, this] { done(outcome); });
  }
  void maintain(const std::string& node, const lictor::MaintenanceOrder& order, lictor::Duration,
                std::function<void(const lictor::Result<lictor::ServersSay>&)> done) override {
    asked.note(fmt::format("maintain {} {}", node, order.on), [=, this] {
      if (!outcome) return done(outcome.error());
      done(lictor::ServersSay::as_ordered);
    });
  }
  const lictor::AgentFacts& facts() const override { return facts_; }

  Asked& asked;
  lictor::ProbeAnswer probed = lictor::ProbeAnswer::leader;
  Sent sent;
  Look look;
  lictor::Result<Surroundings> around = Surroundings{};
  lictor::Result<void> outcome;  // of what has no other answer
  lictor::AgentFacts facts_{.version = "1.21.4", .server = "", .members = 3};
};

struct FakeAgentProcess : lictor::AgentProcess {
  explicit FakeAgentProcess(Asked& to) : asked(to) {}

  void make_ready(std::function<void(const lictor::Result<void>&)> ready) override {
    asked.note("make_ready", [=, this] { ready(can); });
  }
  lictor::Result<int> start(std::function<void(lictor::AgentEnded)> when_ended) override {
    asked.note("start");
    ended.push_back(std::move(when_ended));
    return started;
  }
  void signal(int pid, int signal) override { asked.note(fmt::format("signal {} {}", pid, signal)); }
  bool gossips() const override {
    asked.note("gossips");
    return gossip;
  }
  bool works(int pid) override {
    asked.note(fmt::format("works {}", pid));
    return at_work;
  }
  void remember_version(const std::string& version) override { asked.note("remember_version " + version); }
  void run_hook(lictor::HookKind kind, std::size_t index,
                std::function<void(const lictor::Result<void>&)> done) override {
    const char* when = kind == lictor::HookKind::post_start ? "post_start" : "pre_stop";
    asked.note(fmt::format("run_hook {} {}", when, index), [=, this] { done(hook); });
  }
  void end_hook() override { asked.note("end_hook"); }
  void await_children(std::function<void()> childless) override { asked.note("await_children", childless); }
  void signal_children(int signal, std::function<void(std::size_t)> done) override {
    asked.note(fmt::format("signal_children {}", signal), [=] { done(2); });
  }

  Asked& asked;
  lictor::Result<void> can, hook;
  lictor::Result<int> started = 41;
  bool gossip = true, at_work = false;
  std::vector<std::function<void(lictor::AgentEnded)>> ended;  // of each launch
};

struct FakeWitness : lictor::StopWitness {
  explicit FakeWitness(Asked& to) : asked(to) {}

  void ask_why(lictor::Duration within, bool grace_only, std::function<void(lictor::StopReason)> done) override {
    asked.note(fmt::format("ask_why {} {}", lictor::format_duration(within), grace_only), [=, this] { done(reason); });
  }

  Asked& asked;
  lictor::StopReason reason{.cause = lictor::StopCause::comes_back, .evidence = "a restart", .grace = {}};
};

struct FakeSettings : lictor::ActiveSettings {
  explicit FakeSettings(Asked& to) : asked(to) {
    ground.facts.identity.name = "n1";
    ground.facts.identity.id = "id-1";
    ground.plan.token = "recovery";
    ground.plan.registration_token = "r";
    ground.plan.default_token = "d";
    ground.plan.agent_token = "a";
    ground.services = {lictor::SharedJson(lictor::Json{{"ID", "web"}})};
  }

  void read_interfaces(std::function<void(const lictor::Interfaces&)> done) override {
    asked.note("read_interfaces", [=] { done(std::vector<lictor::Interface>{}); });
  }
  std::optional<lictor::PrepareFailed> begin_preparing() override {
    asked.note("begin_preparing");
    return cant_begin;
  }
  void prepare(const lictor::Interfaces&, const std::string&, std::function<void(lictor::Happening)> done) override {
    asked.note("prepare");
    done(prepared);
  }
  const lictor::Ground& in_force() const override { return ground; }
  lictor::AddressRead read_address(const lictor::Interfaces&) override {
    asked.note("read_address");
    return {lictor::AddressState::other, "10.0.0.9"};
  }
  lictor::Result<lictor::NodeKey> take_id(const std::string& id, const lictor::Interfaces&) override {
    asked.note("take_id " + id);
    return taken;
  }
  void reload(const lictor::Reload& what, const lictor::Interfaces&,
              std::function<void(lictor::Reloaded)> done) override {
    asked.note(fmt::format("read_settings {}", what.settings), [=, this] { done(reloaded); });
  }
  void find_fault(std::function<void(std::optional<lictor::Problem>)> done) override {
    asked.note("find_fault", [=, this] { done(fault); });
  }
  lictor::Reloaded drop_reload() override {
    asked.note("drop_reload");
    return {lictor::ReloadResult::broken, {}, "dropped"};
  }
  lictor::Result<void> adopt(bool keep, bool reload) override {
    asked.note(fmt::format("adopt {} {}", keep, reload));
    return installed;
  }
  void go_back(const lictor::Problem& why) override { asked.note("go_back " + why.why); }
  lictor::Result<void> write_again() override {
    asked.note("write_again");
    return installed;
  }
  void forget() override { asked.note("forget"); }

  Asked& asked;
  lictor::Ground ground;
  std::optional<lictor::PrepareFailed> cant_begin;
  std::optional<lictor::Problem> fault;
  lictor::Happening prepared = lictor::Prepared{{}, {"n1", "id-1", "10.0.0.5"}, false};
  lictor::Result<lictor::NodeKey> taken = lictor::NodeKey{"n1", "id-2", "10.0.0.5"};
  lictor::Reloaded reloaded{lictor::ReloadResult::services, {}, "new settings: services"};
  lictor::Result<void> installed;
};

// An interpreter and its parts. What it decides by is told by the test, which hears each event: `effects` follow the next one.
struct Interpreting {
  explicit Interpreting(lictor::Interpreter::Decide decide = {})
      : interpreter(io, lictor::new_life({}, 1), {api, agent, settings, witness},
                    {.stepped = [this](lictor::Time) { ++steps; },
                     .over = [this](const lictor::Happening&) { ++over; },
                     .report = [this] { ++reports; },
                     .ended = [this] { ++ends; }},
                    [this, decide = std::move(decide)](lictor::Life& life, const lictor::Event& event) {
                      heard.push_back(event.what);
                      whole = &life;
                      if (decide) return decide(life, event);
                      if (change) std::exchange(change, nullptr)(life);
                      return std::exchange(effects, {});
                    }) {}

  // Has the effects done, and everything answered that they ask for.
  void act(std::vector<lictor::Effect> wanted) {
    effects = std::move(wanted);
    interpreter.feed(lictor::Tick{});
    asked.answer_all();
  }
  // What was heard after the Tick of act(); of this kind. Fails where it is another, or not one alone.
  template <class What>
  What answer() {
    REQUIRE(heard.size() == 2);
    REQUIRE(std::holds_alternative<What>(heard[1]));
    return std::get<What>(heard[1]);
  }

  boost::asio::io_context io{1};
  Asked asked;
  FakeApi api{asked};
  FakeAgentProcess agent{asked};
  FakeSettings settings{asked};
  FakeWitness witness{asked};
  std::vector<lictor::Effect> effects;
  const lictor::Life* whole = nullptr;        // life: the interpreter's, once something has happened
  std::function<void(lictor::Life&)> change;  // of the life, with the next event
  std::vector<lictor::Happening> heard;
  int steps = 0, over = 0, reports = 0, ends = 0;
  lictor::Interpreter interpreter;
};
