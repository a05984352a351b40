#include "kubernetes/inquiry.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace lictor::kubernetes {

namespace {

constexpr std::int64_t longest_grace = 1'000'000'000;

constexpr std::array kinds = {Kind::pod, Kind::node, Kind::daemonset, Kind::name_space};

const Json& metadata(const Json& object) { return object_of(object, "metadata"); }

const Json& list_of(const Json& object, const char* key) {
  static const Json none = Json::array();
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_array() ? *found : none;
}

const Json* ready_condition(const Json& node) {
  for (const Json& condition : list_of(object_of(node, "status"), "conditions")) {
    if (text_of(condition, "type") == "Ready") return &condition;
  }
  return nullptr;
}

bool shutting_down(const Json& node) {
  const Json* ready = ready_condition(node);
  if (!ready || text_of(*ready, "status") != "False") return false;
  const std::string said = lower(text_of(*ready, "reason") + ": " + text_of(*ready, "message"));
  return said.find("node is shutting down") != std::string::npos;
}

const RemovalTaint* removal_taint(const Json& node) {
  for (const Json& taint : list_of(object_of(node, "spec"), "taints")) {
    if (text_of(taint, "effect") == "PreferNoSchedule") continue;
    const std::string key = text_of(taint, "key");
    const auto* const found =
        std::find_if(removal_taints.begin(), removal_taints.end(), [&](const auto& one) { return one.key == key; });
    if (found != removal_taints.end()) return found;
  }
  return nullptr;
}

// The owner that answers for the pod; an empty object: none does.
const Json& controller(const Json& pod) {
  static const Json none = Json::object();
  for (const Json& owner : list_of(metadata(pod), "ownerReferences")) {
    if (flag_of(owner, "controller")) return owner;
  }
  return none;
}

// Not by metadata.generation, which counts what leaves the pods alone as well.
bool template_changed(const Json& pod, const Json& daemonset) {
  const std::string made_of = text_of(object_of(metadata(pod), "labels"), "pod-template-generation");
  const std::string now =
      text_of(object_of(metadata(daemonset), "annotations"), "deprecated.daemonset.template.generation");
  return !made_of.empty() && !now.empty() && made_of != now;
}

// A word of Kubernetes's that there is no such object: a proxy's page is none.
bool says_not_found(const Json& status) {
  return text_of(status, "kind") == "Status" && text_of(status, "reason") == "NotFound";
}

}  // namespace

const char* word_of(Kind kind) {
  switch (kind) {
    case Kind::pod:
      return "pod";
    case Kind::node:
      return "node";
    case Kind::daemonset:
      return "DaemonSet";
    case Kind::name_space:
      break;
  }
  return "namespace";
}

std::string verdict_line(const Verdict& verdict) {
  Json line = {{"known", verdict.known}, {"leave", verdict.leave}, {"evidence", harmless(verdict.evidence)}};
  if (verdict.grace) line["grace"] = *verdict.grace;
  return json_text(line);
}

Verdict unknown(std::string why) { return {.known = false, .leave = true, .evidence = std::move(why), .grace = {}}; }

std::string likely_daemonset(std::string_view pod) {
  // What Kubernetes makes names unique with.
  constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";
  constexpr std::size_t length = 5;
  const auto dash = pod.rfind('-');
  if (dash == std::string_view::npos || dash == 0 || pod.size() - dash - 1 != length) return "";
  if (pod.find_first_not_of(letters, dash + 1) != std::string_view::npos) return "";
  return std::string(pod.substr(0, dash));
}

std::string path_of(const Question& question, const std::string& name_space) {
  const std::string name = percent_encode(question.name), space = percent_encode(name_space);
  switch (question.kind) {
    case Kind::pod:
      return "/api/v1/namespaces/" + space + "/pods/" + name;
    case Kind::node:
      return "/api/v1/nodes/" + name;
    case Kind::daemonset:
      return "/apis/apps/v1/namespaces/" + space + "/daemonsets/" + name;
    case Kind::name_space:
      break;
  }
  return "/api/v1/namespaces/" + name;
}

Inquiry::Inquiry(Pod pod) : pod_(std::move(pod)) {
  for (const Kind kind : kinds) looks_[kind];
  ask(Kind::pod, pod_.name);
  ask(Kind::node, pod_.node);
  ask(Kind::daemonset, likely_daemonset(pod_.name));
  ask(Kind::name_space, pod_.name_space);
}

void Inquiry::ask(Kind kind, const std::string& name) {
  if (names_[kind] == name) return;
  names_[kind] = name;
  looks_[kind] = {};
  if (!name.empty()) open_.push_back({kind, name});
}

std::vector<Question> Inquiry::questions() { return std::exchange(open_, {}); }

void Inquiry::ask_node_again() { open_.push_back({Kind::node, names_[Kind::node]}); }

void Inquiry::take(const Question& question, const Answer& answer) {
  if (answer.status == 401) void_token_ = true;
  if (names_[question.kind] != question.name) return;
  Look look{.answered = true, .status = answer.status, .object = {}, .fault = {}};
  const std::string word = word_of(question.kind), code = std::to_string(answer.status);
  const auto about = [&](const std::string& what) { return what + " about the " + word; };
  if (answer.status == 0) {
    look.fault = answer.text;
  } else if (answer.status == 403) {
    look.fault = "the pod's service account may not get its " + word + " (403)";
  } else if (answer.status == 404) {
    if (!says_not_found(foreign_json(answer.text))) look.fault = about("an answer that is not Kubernetes's (404)");
  } else if (answer.status != 200) {
    look.fault = about("the API answers " + code);
  } else {
    Json object = foreign_json(answer.text);
    if (object.is_discarded()) {
      look.fault = about("an answer that is no JSON");
    } else if (text_of(metadata(object), "name") != question.name ||
               (question.kind == Kind::node && !ready_condition(object))) {
      look.fault = about("an answer without the fields");
    } else {
      look.object = std::move(object);
    }
  }
  Look& known = looks_[question.kind];
  // What was known before holds where it was asked again in vain.
  if (!look.fault.empty() && known.answered && known.fault.empty()) return;
  known = std::move(look);
  if (question.kind == Kind::pod) correct_names();
}

// By the pod's own word, where it has one.
void Inquiry::correct_names() {
  const Look& pod = look(Kind::pod);
  if (!pod.fault.empty() || pod.status != 200) return;
  if (const std::string node = text_of(object_of(pod.object, "spec"), "nodeName"); !node.empty()) ask(Kind::node, node);
  const Json& owner = controller(pod.object);
  ask(Kind::daemonset, text_of(owner, "kind") == "DaemonSet" ? text_of(owner, "name") : "");
}

bool Inquiry::gone(Kind kind) const { return look(kind).status == 404 && look(kind).fault.empty(); }

bool Inquiry::deleted(Kind kind) const { return !text_of(metadata(look(kind).object), "deletionTimestamp").empty(); }

bool Inquiry::of_no_daemonset() const { return names_.at(Kind::daemonset).empty(); }

std::optional<std::string> Inquiry::why_leave() const {
  if (void_token_)
    return "the API takes the pod's token no more (401): its node, the pod or its service account is gone";
  const Json& node = look(Kind::node).object;
  if (gone(Kind::node)) return "the node is gone";
  if (deleted(Kind::node)) return "the node is being deleted";
  if (shutting_down(node)) return "the node is shutting down";
  if (const RemovalTaint* taint = removal_taint(node))
    return "the node is being removed by " + std::string(taint->whose) + " (taint " + std::string(taint->key) + ")";
  if (gone(Kind::name_space) || deleted(Kind::name_space)) return "the namespace is being deleted";
  const Look& pod = look(Kind::pod);
  // A guess counts where the pod is gone and can't say.
  const bool sure = pod.answered && pod.fault.empty();
  if (sure && gone(Kind::daemonset)) return "the DaemonSet is gone";
  if (sure && deleted(Kind::daemonset)) return "the DaemonSet is being deleted";
  if (sure && of_no_daemonset() && gone(Kind::pod)) return "the pod is gone, and none of a DaemonSet";
  if (sure && of_no_daemonset() && deleted(Kind::pod))
    return "the pod is being deleted, and no DaemonSet has another one run on this node";
  return std::nullopt;
}

std::optional<std::string> Inquiry::fault() const {
  for (const Kind kind : kinds) {
    if (names_.at(kind).empty()) {
      if (kind == Kind::node) return "nothing says which node this is: neither NODE_NAME nor the pod";
      continue;
    }
    if (kind == Kind::name_space && look(kind).status == 403) continue;
    if (!look(kind).answered) return std::string("the API did not answer in time about the ") + word_of(kind);
    if (!look(kind).fault.empty()) return look(kind).fault;
  }
  return std::nullopt;
}

std::string Inquiry::why_stay() const {
  if (gone(Kind::pod)) return "the pod was deleted by force, and its DaemonSet has another one run on this node";
  if (!deleted(Kind::pod)) return "only the container ends: the pod stays on its node";
  if (template_changed(look(Kind::pod).object, look(Kind::daemonset).object))
    return "the DaemonSet's template has changed";
  return "the pod is being deleted, and its DaemonSet has another one run on this node";
}

std::optional<int> Inquiry::grace() const {
  if (void_token_ || gone(Kind::pod) || gone(Kind::node)) return least_grace;
  const Json& pod = look(Kind::pod).object;
  const std::int64_t told = deleted(Kind::pod) ? integer_of(metadata(pod), "deletionGracePeriodSeconds")
                                               : integer_of(object_of(pod, "spec"), "terminationGracePeriodSeconds");
  std::optional<int> seconds;
  if (told > 0 || deleted(Kind::pod))
    seconds = static_cast<int>(std::clamp<std::int64_t>(told, least_grace, longest_grace));
  if (shutting_down(look(Kind::node).object)) return std::min(seconds.value_or(shutdown_grace), shutdown_grace);
  return seconds;
}

std::optional<Verdict> Inquiry::verdict() const {
  if (const auto why = why_leave()) {
    // The pod alone says how much time there is.
    if (!void_token_ && !look(Kind::pod).answered) return std::nullopt;
    return Verdict{.known = true, .leave = true, .evidence = *why, .grace = grace()};
  }
  for (const auto& [kind, name] : names_) {
    if (!name.empty() && !look(kind).answered) return std::nullopt;
  }
  if (may_be_shutting_down()) return std::nullopt;
  return at_last();
}

bool Inquiry::may_be_shutting_down() const {
  return look(Kind::pod).status == 200 && !deleted(Kind::pod) && !why_leave() && !fault();
}

Verdict Inquiry::at_last() const {
  if (const auto why = why_leave()) return {.known = true, .leave = true, .evidence = *why, .grace = grace()};
  if (const auto why = fault()) return {.known = false, .leave = true, .evidence = *why, .grace = grace()};
  return {.known = true, .leave = false, .evidence = why_stay(), .grace = grace()};
}

}  // namespace lictor::kubernetes
