// Why a pod is stopped: whether its node stays, as at an upgrade, or goes.
//
// Nothing that the kubelet does to the container tells. The API does: what it answers about the pod, its node, its DaemonSet and its
// namespace at that moment. All four are asked side by side, the node and the DaemonSet by the names that they are likely to have;
// where the pod's answer says another, that one is asked again.
//
//   any answer                            401: the token is void, because the node, the pod or its service account is gone   leave
//   node                                  404                                                                              leave
//                                         deletionTimestamp                                                                leave
//                                         Ready False, "node is shutting down"                                             leave
//                                         a taint of `removal_taints`                                                      leave
//   namespace                             deletionTimestamp                                                                leave
//   DaemonSet                             404, deletionTimestamp                                                           leave
//   pod of no DaemonSet                   deletionTimestamp, 404: another one may run anywhere                             leave
//   all of them                           anything else, a cordoned node included                                          stay
//
// Where one of them can't be known and none says leave, nothing is known: leave. But the namespace may be kept from the pod (403).
//
// A kubelet that shuts down tells the API so while it ends its pods, and these have no deletionTimestamp; nor has a pod whose
// container alone is started again. So in such a pod the node is asked again, for `look_again`, before it is taken for the latter.
#pragma once

#include "base/json.hpp"

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lictor::kubernetes {

struct RemovalTaint {
  std::string_view key, whose;
};

// Taints of nodes that are about to go, and who puts them there. With the effect PreferNoSchedule none of them counts: that is a
// candidate. Left out are those that may come before a reboot, and those of mere advice.
inline constexpr std::array removal_taints = {
    RemovalTaint{"ToBeDeletedByClusterAutoscaler", "the cluster autoscaler"},
    RemovalTaint{"karpenter.sh/disrupted", "Karpenter"},
    RemovalTaint{"karpenter.sh/disruption", "Karpenter before 1.0"},
    RemovalTaint{"node.kubernetes.io/out-of-service", "an administrator"},
    RemovalTaint{"node.cloudprovider.kubernetes.io/shutdown", "the cloud provider"},
    RemovalTaint{"cloud.google.com/impending-node-termination", "Google's node termination handler"},
    RemovalTaint{"aws-node-termination-handler/spot-itn", "AWS's node termination handler"},
    RemovalTaint{"aws-node-termination-handler/asg-lifecycle-termination", "AWS's node termination handler"},
};

constexpr std::chrono::milliseconds look_again{250};

// Seconds that the platform gives where the API doesn't say: the kubelet's least grace, when node or pod are gone; at a graceful
// shutdown of the node, what it gives pods of high priority unless it is configured otherwise.
constexpr int least_grace = 2, shutdown_grace = 10;

enum class Kind { pod, node, daemonset, name_space };

const char* word_of(Kind kind);  // "pod", "node", "DaemonSet", "namespace"

struct Question {
  Kind kind;
  std::string name;

  bool operator==(const Question&) const = default;
  auto operator<=>(const Question&) const = default;
};

struct Answer {
  int status = 0;    // HTTP's; 0: there is no answer
  std::string text;  // the body; without an answer, why: "the API did not answer in time"
};

// The pod, by the downward API.
struct Pod {
  std::string name, name_space, node;  // node: may be empty, or not the node's name
};

struct Verdict {
  bool known = false, leave = true;
  std::string evidence;      // for people, one line
  std::optional<int> grace;  // seconds

  bool operator==(const Verdict&) const = default;
};

// One line of JSON without the line's end: {"evidence": …, "grace": …, "known": …, "leave": …}, without "grace" where that is unknown.
std::string verdict_line(const Verdict& verdict);
// A verdict without any evidence.
Verdict unknown(std::string why);

// The DaemonSet that names its pods like this; empty: none does. Pods of a ReplicaSet have such names, too.
std::string likely_daemonset(std::string_view pod);

// "/api/v1/nodes/NAME".
std::string path_of(const Question& question, const std::string& name_space);

class Inquiry {
 public:
  explicit Inquiry(Pod pod);

  // What is to be asked now; each is told of once.
  std::vector<Question> questions();

  // An answer, in any order. One to a question that has turned out to be wrong is dropped.
  void take(const Question& question, const Answer& answer);

  // As soon as no other answer could change it.
  std::optional<Verdict> verdict() const;

  // All have answered and speak for staying, but a node that shuts down may only be about to say so.
  bool may_be_shutting_down() const;
  void ask_node_again();

  // Time is over: with what has come.
  Verdict at_last() const;

 private:
  struct Look {
    bool answered = false;
    int status = 0;
    Json object;        // where the status is 200
    std::string fault;  // why the answer is of no use; empty: it is
  };
  const Look& look(Kind kind) const { return looks_.at(kind); }
  bool gone(Kind kind) const;
  bool deleted(Kind kind) const;
  bool of_no_daemonset() const;
  void correct_names();
  void ask(Kind kind, const std::string& name);
  std::optional<std::string> why_leave() const;
  std::optional<std::string> fault() const;
  std::string why_stay() const;
  std::optional<int> grace() const;

  Pod pod_;
  std::map<Kind, std::string> names_;  // whom each is asked about; none: not asked
  std::map<Kind, Look> looks_;
  std::vector<Question> open_;
  bool void_token_ = false;
};

}  // namespace lictor::kubernetes
