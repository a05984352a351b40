// Answers of a Kubernetes API, one after the other: of each the first letter tells what it is about, the next three its status,
// the rest is its body. Questions that come of an answer are answered by what is left.
#include "kubernetes/inquiry.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "fuzz.hpp"

using namespace lictor;

FUZZ_TARGET(kubernetes_answers) {
  // Fuzz targets are compiled together, and others have a Kind of their own.
  using kubernetes::Inquiry, kubernetes::Kind, kubernetes::Question, kubernetes::Verdict;
  const std::map<char, Kind> kinds = {
      {'p', Kind::pod}, {'n', Kind::node}, {'d', Kind::daemonset}, {'s', Kind::name_space}};
  Inquiry inquiry({"lictor-x7k2p", "consul", "node-1"});
  std::map<Kind, std::string> names;
  const auto hear = [&] {
    for (const Question& question : inquiry.questions()) names[question.kind] = question.name;
  };
  hear();
  bool is_void = false;
  for (const std::string& part : fuzz::parts(fuzz::text(data, size))) {
    if (part.size() < 4) continue;
    const auto kind = kinds.find(part[0]);
    const auto status = whole_number<int>(part.substr(1, 3));
    if (kind == kinds.end() || !status || *status < 0) continue;
    is_void = is_void || *status == 401;
    inquiry.take({kind->second, names[kind->second]}, {*status, part.substr(4)});
    hear();
  }
  const Verdict last = inquiry.at_last();
  fuzz::expect(!last.evidence.empty(), "a verdict has its evidence");
  fuzz::expect(last.known || last.leave, "what is not known is a leave");
  fuzz::expect(!is_void || (last.known && last.leave), "a void token is a leave");
  fuzz::expect(!last.grace || *last.grace >= kubernetes::least_grace, "a grace is the kubelet's least at least");
  const auto early = inquiry.verdict();
  fuzz::expect(!early || *early == last, "no other answer changes an early verdict");
  const std::string line = kubernetes::verdict_line(last);
  fuzz::expect(line.find('\n') == std::string::npos && parse_json("line", line).has_value(), "one line of JSON");
  return 0;
}
