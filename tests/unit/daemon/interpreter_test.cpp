// What users rely on of the interpreter of effects: what the life wants is done, with what belongs to it, and answered once; and
// whatever fails, lictor ends by its own stop.
#include "interpreter.hpp"

#include "clock.hpp"
#include "report/io/log.hpp"
#include "test.hpp"

#include "daemon_parts.hpp"

#include <boost/asio/post.hpp>

#include <signal.h>

#include <algorithm>
#include <chrono>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

using Words = std::vector<std::string>;

// Where the answer's launch is not told by its type, it is none.
int launch_of(const Happening& happened) {
  return std::visit(
      [](const auto& what) {
        if constexpr (requires { what.launch; }) {
          return what.launch;
        } else {
          return 0;
        }
      },
      happened);
}

Life with_agent(Life life) {
  life.supervisor.process.emplace().pid = 41;
  return life;
}

}  // namespace

TEST_CASE("each effect is answered by its own event, once, and that names the launch it was for") {
  struct Row {
    const char* name;
    Effect effect;
    std::optional<Happening> answer;  // nothing: it has none
    int launch = 0;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"prepare", Prepare{}, Prepared{{}, {}, false}},
           {"launch", Launch{0}, Launched{41}},
           {"an agent's end", FindFault{7}, FaultFound{7, {}}},
           {"probe", Probe{7, seconds(1)}, Probed{7, ProbeAnswer::leader, 3}, 7},
           {"services", SendServices{7, Sending::difference}, ServicesSent{7, ""}, 7},
           {"news of services", SendServices{7, Sending::news}, ServicesSent{7, ""}, 7},
           {"catalog", LookUpCatalog{7}, CatalogSeen{7, CatalogAnswer::gone}, 7},
           {"why it stops", AskWhy{seconds(1), false}, WhyAnswered{}},
           {"what the catalog has lost", SendAgain{7, true}, SentAgain{7, ""}, 7},
           {"what the agent has", AskOwn{7, seconds(1)}, OwnAnswered{7, true}, 7},
           {"the servers", AskServers{7}, ServersAnswered{7, ServersAnswer::steady}, 7},
           {"what the agent has yet to send", Flush{7, true}, Flushed{7}, 7},
           {"a change in the catalog", AwaitChange{7, seconds(1)}, ChangeSeen{7, true}, 7},
           {"an id", TakeIdBack{"id-2"}, IdTakenBack{{}, ""}},
           {"members", LookAround{7}, LookedAround{7, {}, ""}, 7},
           {"news of the node", AwaitNews{7, NodePart::checks, true, seconds(1)},
            NewsSeen{7, NodePart::checks, NewsAnswer::changed, StandingAnswer::alive}, 7},
           {"the end of the questions", DropNews{}, std::nullopt},
           {"a claim", Clear{7, {}}, Cleared{7, ClearAnswer::cleared, ""}, 7},
           {"join", Join{7, false}, Joined{7, true}, 7},
           {"rejoin", Rejoin{7}, std::nullopt},
           {"address", ReadAddress{}, AddressRead{AddressState::same, ""}},
           {"hook", RunHook{7, HookKind::pre_stop, 1}, HookEnded{7, ""}, 7},
           {"the end of a hook", EndHook{}, std::nullopt},
           {"leave", AskLeave{7, seconds(1)}, LeaveAnswered{7, ""}, 7},
           {"a leave told again", RepeatLeave{7}, std::nullopt},
           {"deregister", Deregister{7}, Deregistered{7, ""}, 7},
           {"no children", AwaitChildren{}, ChildrenGone{}},
           {"signals to children", SignalChildren{SIGTERM}, std::nullopt},
           {"reload", Reload{true}, Reloaded{ReloadResult::services, {}, ""}},
           {"adopt, and tell the agent", Adopt{7, true, true}, AgentReloaded{7, ""}, 7},
           {"adopt", Adopt{7, true, false}, std::nullopt},
           {"go back", GoBack{Problem{"agent", "ended", ""}}, std::nullopt},
           {"forget", Forget{}, std::nullopt},
           {"report", Report{}, std::nullopt},
           {"say", Say{Tone::debug, "a line"}, std::nullopt},
       }) {
    for (const bool at_once : {false, true}) {
      CAPTURE(row.name, at_once);
      Interpreting world;
      world.asked.at_once = at_once;
      world.act({row.effect});
      CHECK(world.heard.size() == (row.answer ? 2U : 1U));
      if (world.heard.size() < 2) continue;
      CHECK(world.heard[1].index() == row.answer->index());
      CHECK(launch_of(world.heard[1]) == row.launch);
    }
  }
}

TEST_CASE("an effect comes to its part with all that it says, and by the settings in force") {
  const Life life = with_agent(new_life({}, 1));
  struct Row {
    Effect effect;
    Words asked;
  };
  Claim claim;
  claim.name = "old";
  for (const Row& row : std::initializer_list<Row>{
           {Prepare{}, {"begin_preparing", "read_interfaces", "prepare", "use_tokens r d a"}},
           {Launch{0}, {"make_ready", "start", "reset recovery"}},
           {FindFault{7}, {"find_fault"}},
           {Probe{7, milliseconds(500)}, {"probe 500ms true", "gossips"}},
           {Probe{7, milliseconds(500), false}, {"probe 500ms false", "gossips"}},
           {SendServices{7, Sending::news}, {"send_services n1 1 news"}},
           {SendServices{7, Sending::difference}, {"look_at_maintenance", "send_services n1 1 difference"}},
           {LookUpCatalog{7}, {"look_up_catalog n1 id-1 1"}},
           {SendAgain{7, true}, {"send_again n1 1 true false"}},
           {SendAgain{7, false}, {"send_again n1 1 false false"}},
           {SendAgain{7, true, true}, {"send_again n1 1 true true"}},
           {AskOwn{7, seconds(3)}, {"ask_own 3s"}},
           {AskServers{7}, {"ask_servers n1"}},
           {Flush{7, true}, {"flush true"}},
           {AwaitChange{7, seconds(9)}, {"await_change n1 9s"}},
           {TakeIdBack{"id-2"}, {"read_interfaces", "take_id id-2"}},
           {LookAround{7}, {"look_around own", "remember_version 1.21.4"}},
           {AwaitNews{7, NodePart::checks, false, seconds(9)}, {"await_news n1 checks false 9s"}},
           {AwaitNews{7, NodePart::services, true, seconds(9)}, {"await_news n1 services true 9s"}},
           {DropNews{}, {"drop_news"}},
           {LookAtMember{7}, {"look_at_member"}},
           {Clear{7, claim}, {"clear old"}},
           {Join{7, false}, {"join 1 0"}},
           {Join{7, true}, {"join 1 1"}},
           {Rejoin{7}, {"rejoin"}},
           {ReadAddress{}, {"read_interfaces", "read_address"}},
           {RunHook{7, HookKind::post_start, 0}, {"run_hook post_start 0"}},
           {RunHook{7, HookKind::pre_stop, 2}, {"run_hook pre_stop 2"}},
           {EndHook{}, {"end_hook"}},
           {AskWhy{seconds(1), true}, {"ask_why 1s true"}},
           {AskLeave{7, seconds(4)}, {"leave 4s"}},
           {RepeatLeave{7}, {"repeat_leave n1"}},
           {Deregister{7}, {"deregister n1"}},
           {EndAgent{SIGKILL}, {"signal 41 9"}},
           {EndAgent{SIGTERM}, {"signal 41 15"}},
           {AwaitChildren{}, {"await_children"}},
           {SignalChildren{SIGKILL}, {"signal_children 9"}},
           {Reload{true}, {"read_interfaces", "read_settings true"}},
           {Reload{false}, {"read_interfaces", "read_settings false"}},
           // An agent that runs has its new default token when it has reloaded.
           {Adopt{7, true, true}, {"adopt true true", "reload", "use_tokens r d a"}},
           {Adopt{7, false, false}, {"adopt false false", "use_tokens r d a"}},
           {GoBack{Problem{"agent", "ended", ""}}, {"go_back ended", "use_tokens r d a", "write_again", "reload"}},
           {Forget{}, {"forget"}},
       }) {
    CAPTURE(row.asked);
    Interpreting world;
    world.settings.ground.plan.effective.merged = {{"retry_join", {"10.0.0.1", "consul.example.com"}}};
    world.change = [&](Life& now) {
      now = life;
      now.reloading.in_force.own.name = "own";
      now.address.missing = "no address";
    };
    world.act({row.effect});
    CHECK(world.asked.words == row.asked);
  }
}

TEST_CASE("an event says what the part has answered") {
  Interpreting world;
  const Problem problem{"leave", "403 Permission denied", ""};

  SECTION("a probe") {
    world.agent.gossip = false;
    world.act({Probe{7, seconds(1)}});
    const auto probed = world.answer<Probed>();
    CHECK(probed.answer == ProbeAnswer::leader);
    CHECK(probed.members == 3);
    CHECK_FALSE(probed.gossip);
  }
  SECTION("settings that no agent starts with") {
    world.settings.fault = problem;
    world.act({FindFault{7}});
    const auto found = world.answer<FaultFound>();
    CHECK(found.after == 7);
    CHECK(found.problem == problem);
  }
  SECTION("the agent's own member") {
    world.act({LookAtMember{7}});
    CHECK(world.answer<MemberSeen>().answer == MemberAnswer::leaves);
  }
  SECTION("services") {
    world.api.sent = {.failure = "no", .faults = {{"db", "400", false, true}}, .returned = {{"web", true}}};
    world.act({SendServices{7, Sending::news}});
    const auto sent = world.answer<ServicesSent>();
    CHECK(sent.failure == "no");
    CHECK(sent.faults == world.api.sent.faults);
    CHECK(sent.returned == world.api.sent.returned);
    CHECK_FALSE(sent.changed);
  }
  SECTION("what the catalog has lost") {
    world.api.sent = {.failure = "no", .refused = true, .changed = false, .missing = true};
    world.act({SendAgain{7, false}});
    const auto sent = world.answer<SentAgain>();
    CHECK(sent.failure == "no");
    CHECK(sent.refused);
    CHECK(sent.missing);
  }
  SECTION("what the agent has, and the servers by the way of it") {
    world.act({AskOwn{7, seconds(1)}});
    CHECK(world.answer<OwnAnswered>().told);
    Interpreting other;
    other.act({AskServers{7}});
    const auto servers = other.answer<ServersAnswered>();
    CHECK(servers.servers == ServersAnswer::steady);
    CHECK(servers.told);
  }
  SECTION("an agent that is silent, and at work") {
    world.api.probed = ProbeAnswer::silent;
    world.agent.at_work = true;
    world.change = [](Life& life) { life = with_agent(life); };
    world.act({Probe{7, seconds(1)}});
    CHECK(world.answer<Probed>().works);
    CHECK(world.asked.words == Words{"probe 1s true", "works 41"});
  }
  SECTION("an agent that does not let lictor flush it") {
    world.act({Flush{7, false}});
    CHECK(world.answer<Flushed>().refused);
  }
  SECTION("the catalog") {
    world.api.look = {CatalogAnswer::taken, {"n1", "id-9", "10.0.0.9"}, {"old"}};
    world.act({LookUpCatalog{7}});
    const auto seen = world.answer<CatalogSeen>();
    CHECK(seen.answer == CatalogAnswer::taken);
    CHECK(seen.holder == NodeKey{"n1", "id-9", "10.0.0.9"});
    CHECK(seen.leftovers == Words{"old"});
  }
  SECTION("members: who claims what is the node's own") {
    const CatalogNode other{.name = "other", .id = "id-9", .address = "10.0.0.5"};
    world.api.around = AgentCalls::Surroundings{.members = {}, .catalog = {other}};
    world.change = [](Life& life) { life.reloading.in_force.own = {"n1", "id-1", "10.0.0.5"}; };
    world.act({LookAround{7}});
    const auto around = world.answer<LookedAround>();
    CHECK(around.failure.empty());
    REQUIRE(around.claims.size() == 1);
    CHECK(around.claims[0].name == "other");
  }
  SECTION("members that can't be told") {
    world.api.around = Problem{"members", "no answer within 10s", ""};
    world.act({LookAround{7}});
    CHECK(world.answer<LookedAround>().failure == "members: no answer within 10s");
  }
  SECTION("a claim") {
    world.act({Clear{7, {}}});
    CHECK(world.answer<Cleared>().answer == ClearAnswer::forbidden);
    CHECK(std::get<Cleared>(world.heard[1]).text == "needs more");
  }
  SECTION("an id that can't be taken") {
    world.settings.taken = problem;
    world.change = [](Life& life) { life.reloading.in_force.own.id = "id-1"; };
    world.act({TakeIdBack{"id-2"}});
    const auto taken = world.answer<IdTakenBack>();
    CHECK(taken.own.id == "id-1");
    CHECK(taken.failure == to_string(problem));
  }
  SECTION("a hook") {
    world.agent.hook = Problem{"/bin/hook", "exit code 3", "run it by hand"};
    world.act({RunHook{7, HookKind::post_start, 0}});
    CHECK(world.answer<HookEnded>().failure == "exit code 3");
  }
  SECTION("a leave") {
    world.api.outcome = problem;
    world.act({AskLeave{7, seconds(1)}});
    CHECK(world.answer<LeaveAnswered>().failure == "leave: 403 Permission denied");
  }
  SECTION("a deregistration") {
    world.api.outcome = problem;
    world.act({Deregister{7}});
    CHECK(world.answer<Deregistered>().failure == to_string(problem));
  }
  SECTION("an agent that refuses to reload") {
    world.api.outcome = problem;
    world.act({Adopt{7, true, true}});
    CHECK(world.answer<AgentReloaded>().failure == to_string(problem));
  }
  SECTION("a consul.json that can't be put into its place: the agent is not told of it") {
    world.settings.installed = problem;
    world.act({Adopt{7, true, true}});
    CHECK(world.answer<AgentReloaded>().failure == to_string(problem));
    CHECK(world.asked.words == Words{"adopt true true", "use_tokens r d a"});
  }
  SECTION("a start that can't be prepared, and nothing more is read") {
    world.settings.cant_begin = PrepareFailed{problem, true};
    world.act({Prepare{}});
    CHECK(world.answer<PrepareFailed>().problem == problem);
    CHECK(world.asked.words == Words{"begin_preparing"});
  }
  SECTION("an address that is not there: no token is used") {
    world.settings.prepared = PrepareFailed{problem};
    world.act({Prepare{}});
    CHECK(world.answer<PrepareFailed>().problem == problem);
    CHECK(world.asked.words == Words{"begin_preparing", "read_interfaces", "prepare"});
  }
}

TEST_CASE("a silent agent's gossip port is not looked at: that would end one that is about to bind it") {
  Interpreting world;
  world.api.probed = ProbeAnswer::silent;
  world.act({Probe{7, seconds(1)}});
  CHECK(world.answer<Probed>().gossip);
  CHECK(world.asked.words == Words{"probe 1s true"});
}

TEST_CASE("what a stop has overtaken is not begun any more, and answered all the same") {
  Interpreting world;
  const auto stopped = [](Life& life) {
    life.stopping.stop.emplace();
    life.stopping.step = StopStep::ending;
  };
  SECTION("a launch") {
    world.effects = {Launch{0}};
    world.interpreter.feed(Tick{});
    world.change = stopped;
    world.interpreter.feed(Tick{});
    world.asked.answer_all();
    CHECK(std::get<LaunchFailed>(world.heard.back()).problem.why == "a stop came first");
    CHECK(world.asked.words == Words{"make_ready"});
  }
  SECTION("a reload") {
    world.change = stopped;
    world.act({Reload{true}});
    CHECK(world.answer<Reloaded>().text == "dropped");
    CHECK(world.asked.words == Words{"read_interfaces", "drop_reload"});
  }
  SECTION("a prepare, for which the life waits no more") {
    world.change = stopped;
    world.act({Prepare{}});
    CHECK(world.heard.size() == 1);
    CHECK(world.asked.words == Words{"begin_preparing", "read_interfaces"});
  }
}

TEST_CASE("an event that an effect brings at once waits for the effects beside it") {
  Asked* asked = nullptr;
  Interpreting world([&asked](Life&, const Event& event) -> std::vector<Effect> {
    if (std::holds_alternative<Begin>(event.what)) return {ReadAddress{}, EndHook{}};
    asked->note("heard");
    return {};
  });
  asked = &world.asked;
  world.asked.at_once = true;
  world.interpreter.feed(Begin{});
  // The address is answered inside the first effect, and heard after the second.
  CHECK(world.asked.words == Words{"read_interfaces", "read_address", "end_hook", "heard"});
  CHECK(world.steps == 2);
  CHECK(world.over == 2);
}

TEST_CASE("the time that the life wants to be woken at is an event, and one alone") {
  Interpreting world;
  world.change = [](Life& life) { life.supervisor.deadline = steady_now() + milliseconds(20); };
  world.interpreter.feed(HostChanged{});
  world.interpreter.feed(HostChanged{});  // the time is the same
  world.change = [](Life& life) { life.supervisor.deadline.reset(); };
  world.io.run_for(seconds(20));  // ends when there is nothing to wait for
  REQUIRE(world.heard.size() == 3);
  CHECK(std::holds_alternative<Tick>(world.heard[2]));
}

TEST_CASE("a report is whoever shows lictor's to make, and lines are the log's") {
  Interpreting world;
  world.act({Report{}, Say{Tone::info, "a line of the life's", {{"launch", 1}}}});
  CHECK(world.reports == 1);
  const auto lines = log::recent();
  CHECK(
      std::any_of(lines.begin(), lines.end(), [](const Line& line) { return line.message == "a line of the life's"; }));
}

TEST_CASE("going back with an agent tells it so, and without one is left to the next launch") {
  Interpreting world;
  const Problem why{"agent", "ended", ""};
  SECTION("without an agent") {
    world.act({GoBack{why}});
    CHECK(world.asked.words == Words{"go_back ended", "use_tokens r d a"});
  }
  SECTION("a consul.json that can't be written: the agent reads none that is not there") {
    world.settings.installed = why;
    world.change = [](Life& life) { life = with_agent(life); };
    world.act({GoBack{why}});
    CHECK(world.asked.words == Words{"go_back ended", "use_tokens r d a", "write_again"});
  }
}
