// AgentApi's part that tells the agent how the node is.
#include "agent_api/io/agent_answer.hpp"
#include "agent_api/io/agent_api.hpp"
#include "agent_api/node_check.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <utility>

namespace lictor {

// An agent on a data directory where an earlier one was sent the check has it from its start on.
bool AgentApi::has_node_check(const std::string& service) const {
  if (service.empty()) return false;
  if (sent_.contains(service)) return true;
  const auto kept = record_.find(service);
  if (kept == record_.end()) return false;
  const auto& checks = kept->second.checks;
  return std::find(checks.begin(), checks.end(), node_check_id) != checks.end();
}

void AgentApi::tell_node_check(const char* status, const std::string& output,
                               std::function<void(std::string failure)> done) {
  HttpRequest put = request("PUT", "/v1/agent/check/update/" + std::string(node_check_id), Key::registration);
  put.body = json_text({{"Status", status}, {"Output", output}});
  check_.ask(std::move(put), [done = std::move(done)](const HttpResult& answer) {
    const auto taken = success_of(answer, "check of the node");
    done(taken ? "" : to_string(taken.error()));
  });
}

void AgentApi::write_node_check(const NodeKey& own, std::function<void(bool)> done) {
  const std::string filter = std::string("CheckID == \"") + node_check_id + '"';
  check_.ask(request("GET", "/v1/agent/checks?filter=" + percent_encode(filter), Key::registration),
             [this, own, done = std::move(done)](const HttpResult& answer) mutable {
               const Json checks = answer && answer->status == 200 ? foreign_json(answer->body) : Json();
               const auto body = node_check_registration(own.name, own.id, own.address, checks);
               if (!body) return done(false);
               HttpRequest put = request("PUT", "/v1/catalog/register", Key::registration);
               put.body = json_text(*body);
               put.deadline = catalog_deadline;
               check_.ask(std::move(put), [done = std::move(done)](const HttpResult& written) {
                 done(written && (written->status == 200 || written->status == 403));
               });
             });
}

}  // namespace lictor
