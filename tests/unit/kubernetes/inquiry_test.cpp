// What can be known at SIGTERM, row by row as a real Kubernetes answered, and what follows from it.
#include "kubernetes/inquiry.hpp"

#include "base/json_text.hpp"

#include "test.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace lictor;
using namespace lictor::kubernetes;

namespace {

const Pod ours{"lictor-x7k2p", "consul", "node-1"};

Json parsed(const char* text) { return parse_json("test", text).value(); }

// The four as they are while all is well.
struct World {
  Json pod = parsed(R"({"kind": "Pod", "metadata": {"name": "lictor-x7k2p", "labels": {"pod-template-generation": "3"},
      "ownerReferences": [{"kind": "DaemonSet", "name": "lictor", "controller": true}]},
      "spec": {"nodeName": "node-1", "terminationGracePeriodSeconds": 45}})");
  Json node = parsed(R"({"kind": "Node", "metadata": {"name": "node-1"}, "spec": {}, "status": {"conditions": [
      {"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True", "reason": "KubeletReady"}]}})");
  Json daemonset = parsed(R"({"kind": "PartialObjectMetadata", "metadata": {"name": "lictor",
      "annotations": {"deprecated.daemonset.template.generation": "3"}}})");
  Json space = parsed(R"({"kind": "PartialObjectMetadata", "metadata": {"name": "consul"}})");
  std::map<Kind, int> status = {};  // other than 200

  World& pod_deleted(int grace = 45) {
    pod["metadata"]["deletionTimestamp"] = "2026-11-30T08:00:00Z";
    pod["metadata"]["deletionGracePeriodSeconds"] = grace;
    return *this;
  }
  World& template_changed() {
    daemonset["metadata"]["annotations"]["deprecated.daemonset.template.generation"] = "4";
    return *this;
  }
  World& deleted(Json World::*what) {
    (this->*what)["metadata"]["deletionTimestamp"] = "2026-11-30T08:00:00Z";
    return *this;
  }
  World& taint(const char* key, const char* effect = "NoSchedule") {
    node["spec"]["taints"].push_back({{"key", key}, {"effect", effect}});
    return *this;
  }
  World& cordoned() {
    node["spec"]["unschedulable"] = true;
    return taint("node.kubernetes.io/unschedulable");
  }
  World& answers(Kind kind, int code) {
    status[kind] = code;
    return *this;
  }
  World& shutting_down(const char* message = "node is shutting down") {
    node["status"]["conditions"][1] = {
        {"type", "Ready"}, {"status", "False"}, {"reason", "KubeletNotReady"}, {"message", message}};
    return *this;
  }

  Answer answer(const Question& question) const {
    if (const auto found = status.find(question.kind); found != status.end()) {
      if (found->second == 404)
        return {404, R"({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404})"};
      return {found->second, R"({"kind": "Status", "status": "Failure"})"};
    }
    const std::map<Kind, const Json*> all = {
        {Kind::pod, &pod}, {Kind::node, &node}, {Kind::daemonset, &daemonset}, {Kind::name_space, &space}};
    const Json& object = *all.at(question.kind);
    if (object["metadata"]["name"] == question.name) return {200, object.dump()};
    return {404, R"({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404})"};
  }
};

// All questions answered, new ones that came of it included.
Inquiry asked(const World& world, const Pod& pod = ours) {
  Inquiry inquiry(pod);
  for (auto questions = inquiry.questions(); !questions.empty(); questions = inquiry.questions()) {
    for (const Question& question : questions) inquiry.take(question, world.answer(question));
  }
  return inquiry;
}

Verdict judged(const World& world, const Pod& pod = ours) { return asked(world, pod).at_last(); }

struct Row {
  const char* event;
  World world;
  bool leave;
  const char* evidence;
  std::optional<int> grace;
};

}  // namespace

TEST_CASE("each event that a real Kubernetes was seen to answer about is told from the others") {
  const std::vector<Row> rows = {
      {"rollout restart, image, undo", World().pod_deleted().template_changed(), false, "template has changed", 45},
      {"delete pod", World().pod_deleted(), false, "another one run on this node", 45},
      {"delete pod --force", World().answers(Kind::pod, 404), false, "deleted by force", 2},
      {"cordoned, and then a rollout", World().cordoned().pod_deleted().template_changed(), false,
       "template has changed", 45},
      {"delete node",
       World()
           .answers(Kind::pod, 401)
           .answers(Kind::node, 401)
           .answers(Kind::daemonset, 401)
           .answers(Kind::name_space, 401),
       true, "(401)", 2},
      {"node gone, the token still good", World().pod_deleted(30).answers(Kind::node, 404), true, "the node is gone",
       2},
      {"node with a finalizer deleted", World().deleted(&World::node).pod_deleted(), true, "node is being deleted", 45},
      {"autoscaler: taint, then eviction", World().taint("ToBeDeletedByClusterAutoscaler").pod_deleted(), true,
       "removed by the cluster autoscaler (taint ToBeDeletedByClusterAutoscaler)", 45},
      {"DaemonSet deleted", World().answers(Kind::daemonset, 404).pod_deleted(), true, "DaemonSet is gone", 45},
      {"DaemonSet deleted in the foreground", World().deleted(&World::daemonset).pod_deleted(), true,
       "DaemonSet is being deleted", 45},
      {"namespace deleted", World().deleted(&World::space).pod_deleted(), true, "namespace is being deleted", 45},
      {"graceful node shutdown", World().shutting_down(), true, "node is shutting down", 10},
      {"liveness failed", World(), false, "only the container ends", 45},
  };
  for (const Row& row : rows) {
    INFO(row.event);
    const Verdict verdict = judged(row.world);
    CHECK(verdict.known);
    CHECK(verdict.leave == row.leave);
    CHECK(contains(verdict.evidence, row.evidence));
    CHECK(verdict.grace == row.grace);
  }
}

TEST_CASE("every removal taint says leave, with whichever effect but the softest") {
  for (const RemovalTaint& taint : removal_taints) {
    INFO(taint.key);
    const std::string key(taint.key);
    CHECK(judged(World().pod_deleted().taint(key.c_str(), "NoExecute")).leave);
    CHECK_FALSE(judged(World().pod_deleted().taint(key.c_str(), "PreferNoSchedule")).leave);
  }
  for (const char* key :
       {"node.kubernetes.io/unschedulable", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable",
        "DeletionCandidateOfClusterAutoscaler", "node.kubernetes.io/memory-pressure", "example.com/gpu"}) {
    INFO(key);
    CHECK_FALSE(judged(World().pod_deleted().taint(key)).leave);
  }
}

TEST_CASE(
    "a node that is not ready for another reason stays, and one that shuts down is known by its words among others") {
  CHECK_FALSE(judged(World().pod_deleted().shutting_down("container runtime is down")).leave);
  World ready = World().pod_deleted().shutting_down();
  ready.node["status"]["conditions"][1]["status"] = "True";
  CHECK_FALSE(judged(ready).leave);
  const Verdict verdict = judged(World().shutting_down("[node is shutting down, PLEG is not healthy]"));
  CHECK(verdict.leave);
  CHECK(verdict.known);
}

TEST_CASE("a pod of no DaemonSet leaves when it is deleted, and stays when only its container ends") {
  World world;
  world.pod["metadata"]["name"] = "lictor-0";
  world.pod["metadata"]["ownerReferences"][0]["kind"] = "StatefulSet";
  const Pod pod{"lictor-0", "consul", "node-1"};
  CHECK_FALSE(judged(world, pod).leave);
  CHECK(judged(world, pod).known);
  const Verdict deleted = judged(World(world).pod_deleted(), pod);
  CHECK(deleted.known);
  CHECK(deleted.leave);
  CHECK(contains(deleted.evidence, "no DaemonSet"));
  const Verdict forced = judged(World(world).answers(Kind::pod, 404), pod);
  CHECK(forced.known);
  CHECK(forced.leave);
  CHECK(forced.grace == 2);
  world.pod["metadata"].erase("ownerReferences");
  CHECK(judged(World(world).pod_deleted(), pod).leave);
}

TEST_CASE("the pod's own word about its node and DaemonSet wins over what was guessed") {
  World world;
  world.pod["spec"]["nodeName"] = "ip-10-0-0-7.internal";
  world.node["metadata"]["name"] = "ip-10-0-0-7.internal";
  world.pod["metadata"]["ownerReferences"][0]["name"] = "clients";
  world.daemonset["metadata"]["name"] = "clients";
  const Verdict verdict = judged(World(world).pod_deleted());
  CHECK(verdict.known);
  CHECK_FALSE(verdict.leave);
  // In whichever order they come: what was said of a wrong name is not believed.
  Inquiry inquiry(ours);
  const auto questions = inquiry.questions();
  for (auto question = questions.rbegin(); question != questions.rend(); ++question)
    inquiry.take(*question, world.answer(*question));
  CHECK_FALSE(inquiry.verdict());
  for (const Question& question : inquiry.questions()) inquiry.take(question, world.answer(question));
  CHECK_FALSE(inquiry.at_last().leave);
}

TEST_CASE("the pod, its likely DaemonSet, its node and its namespace are asked side by side") {
  const auto questions = Inquiry(ours).questions();
  REQUIRE(questions.size() == 4);
  std::vector<std::string> paths;
  for (const Question& question : questions) paths.push_back(path_of(question, ours.name_space));
  CHECK(paths == std::vector<std::string>{"/api/v1/namespaces/consul/pods/lictor-x7k2p", "/api/v1/nodes/node-1",
                                          "/apis/apps/v1/namespaces/consul/daemonsets/lictor",
                                          "/api/v1/namespaces/consul"});
  CHECK(path_of({Kind::node, "a/b?c"}, "x") == "/api/v1/nodes/a%2Fb%3Fc");
  const std::map<std::string, std::string> names = {
      {"lictor-x7k2p", "lictor"},
      {"consul-clients-bbbbb", "consul-clients"},
      {"lictor-0", ""},
      {"lictor-aeiou", ""},
      {"lictor", ""},
      {"-x7k2p", ""},
      {"lictor-x7k2pp", ""},
      {"", ""},
  };
  for (const auto& [pod, daemonset] : names) CHECK(likely_daemonset(pod) == daemonset);
}

TEST_CASE("what can't be known is a leave that says why") {
  struct Fault {
    std::function<Answer(const Question&)> answer;
    const char* evidence;
  };
  const World world = World().pod_deleted();
  const auto but = [&](Kind kind, Answer answer) {
    return [&world, kind, answer](const Question& question) {
      return question.kind == kind ? answer : world.answer(question);
    };
  };
  const std::vector<Fault> faults = {
      {but(Kind::node, {0, "the API closes the connection"}), "closes the connection"},
      {but(Kind::node, {403, ""}), "may not get its node (403)"},
      {but(Kind::pod, {403, ""}), "may not get its pod (403)"},
      {but(Kind::daemonset, {403, ""}), "may not get its DaemonSet (403)"},
      {but(Kind::node, {500, ""}), "answers 500 about the node"},
      {but(Kind::node, {200, "<html>"}), "no JSON about the node"},
      {but(Kind::node, {200, "{}"}), "without the fields about the node"},
      {but(Kind::node, {200, R"({"metadata": {"name": "node-1"}})"}), "without the fields about the node"},
      {but(Kind::pod, {200, R"([1, "x"])"}), "without the fields about the pod"},
      {but(Kind::pod, {200, R"({"metadata": {"name": "other"}})"}), "without the fields about the pod"},
      {but(Kind::node, {404, "<html>not here</html>"}), "not Kubernetes's (404)"},
      {but(Kind::daemonset, {404, "404 page not found"}), "not Kubernetes's (404)"},
      {but(Kind::name_space, {503, ""}), "answers 503 about the namespace"},
  };
  for (const Fault& fault : faults) {
    INFO(fault.evidence);
    Inquiry inquiry(ours);
    for (const Question& question : inquiry.questions()) inquiry.take(question, fault.answer(question));
    const auto verdict = inquiry.verdict();
    REQUIRE(verdict);
    CHECK_FALSE(verdict->known);
    CHECK(verdict->leave);
    CHECK(contains(verdict->evidence, fault.evidence));
  }
}

TEST_CASE("a namespace that may not be read is no reason to leave, and one question unanswered is") {
  const World world = World().pod_deleted().answers(Kind::name_space, 403);
  CHECK(judged(world) ==
        Verdict{true, false, "the pod is being deleted, and its DaemonSet has another one run on this node", 45});
  for (const Kind kind : {Kind::pod, Kind::node, Kind::daemonset, Kind::name_space}) {
    Inquiry inquiry(ours);
    for (const Question& question : inquiry.questions()) {
      if (question.kind != kind) inquiry.take(question, World().pod_deleted().answer(question));
    }
    CHECK_FALSE(inquiry.verdict());
    CHECK_FALSE(inquiry.at_last().known);
    CHECK(inquiry.at_last().leave);
    CHECK(contains(inquiry.at_last().evidence, "did not answer in time"));
  }
}

TEST_CASE("one word for leaving is enough, as soon as the pod has said how much time there is") {
  Inquiry inquiry(ours);
  const World world = World().pod_deleted(30).taint("karpenter.sh/disrupted");
  inquiry.take({Kind::node, "node-1"}, world.answer({Kind::node, "node-1"}));
  CHECK_FALSE(inquiry.verdict());
  CHECK(inquiry.at_last().known);
  CHECK(inquiry.at_last().leave);
  CHECK_FALSE(inquiry.at_last().grace);
  inquiry.take({Kind::pod, ours.name}, world.answer({Kind::pod, ours.name}));
  REQUIRE(inquiry.verdict());
  CHECK(inquiry.verdict()->grace == 30);

  Inquiry refused(ours);
  refused.take({Kind::daemonset, "lictor"}, {401, "Unauthorized"});
  REQUIRE(refused.verdict());
  CHECK(refused.verdict()->leave);
  CHECK(refused.verdict()->grace == 2);
}

TEST_CASE("a pod that is not being deleted waits for a node that may only be about to say that it shuts down") {
  Inquiry inquiry = asked(World());
  CHECK_FALSE(inquiry.verdict());
  REQUIRE(inquiry.may_be_shutting_down());
  inquiry.ask_node_again();
  const std::vector<Question> again = {{Kind::node, "node-1"}};
  CHECK(inquiry.questions() == again);
  SECTION("it says so") {
    inquiry.take(again[0], World().shutting_down().answer(again[0]));
    REQUIRE(inquiry.verdict());
    CHECK(inquiry.verdict()->leave);
    CHECK(inquiry.verdict()->grace == 10);
  }
  SECTION("it does not") {
    inquiry.take(again[0], World().answer(again[0]));
    CHECK_FALSE(inquiry.verdict());
    CHECK_FALSE(inquiry.at_last().leave);
  }
  SECTION("no answer changes nothing") {
    inquiry.take(again[0], {0, "the API closes the connection"});
    CHECK(inquiry.at_last().known);
    CHECK_FALSE(inquiry.at_last().leave);
  }
  CHECK_FALSE(asked(World().pod_deleted()).may_be_shutting_down());
}

TEST_CASE("the grace is the kubelet's least at the least, and none where nobody knows") {
  CHECK(judged(World().pod_deleted(0)).grace == 2);
  CHECK(judged(World().pod_deleted(1)).grace == 2);
  CHECK(judged(World().pod_deleted(600).shutting_down()).grace == 10);
  CHECK(judged(World().pod_deleted(5).shutting_down()).grace == 5);
  CHECK_FALSE(judged(World().pod_deleted().answers(Kind::pod, 403)).grace);
}

TEST_CASE("a verdict is one line, whatever the words in it") {
  CHECK(verdict_line({true, false, "a\nb", 45}) == R"({"evidence":"a b","grace":45,"known":true,"leave":false})");
  CHECK(verdict_line(unknown("no API")) == R"({"evidence":"no API","known":false,"leave":true})");
}
