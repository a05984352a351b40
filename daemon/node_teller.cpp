#include "node_teller.hpp"

#include "agent_config/agent_version.hpp"
#include "clock.hpp"
#include "report/io/log.hpp"

#include <fmt/format.h>

#include <utility>

namespace lictor {
namespace {

// What others than the numbers tell is not known from everywhere: it would come and go.
std::string numbers_of(const std::optional<AgentVersion>& version) {
  return version ? fmt::format("{}.{}.{}", version->major, version->minor, version->patch) : "";
}

}  // namespace

NodeTeller::NodeTeller(boost::asio::any_io_executor executor, AgentApi& api, std::function<Standpoint()> standpoint)
    : api_(api), standpoint_(std::move(standpoint)), timer_(executor) {}

NodeFacts NodeTeller::facts(const Standpoint& now) {
  if (now.services != nullptr && looked_ != now.settled) {
    looked_ = now.settled;
    service_ = service_with_node_check(*now.services);
  }
  const std::string& told = api_.facts().version;
  return {.there = api_.has_node_check(service_),
          .begun = api_.node_checks_begun(),
          .lictor = LICTOR_VERSION,
          .consul = numbers_of(told.empty() ? now.agent_version : parse_agent_version(told)),
          .beside = now.beside,
          .wall = std::chrono::system_clock::now()};
}

void NodeTeller::follow(Time at) {
  const Standpoint now = standpoint_();
  const NodeFacts known = facts(now);
  telling_.observe(now.life, known, at);
  if (const auto word = telling_.due(now.life, known, at)) ask(*word, now.life.own());
  arm();
}

void NodeTeller::ask(const NodeWord& word, const NodeKey& own) {
  api_.tell_node_check(word.passing ? "passing" : "critical", word.output,
                       [this, own, write = word.write](const std::string& failure) {
                         if (!failure.empty() || !write) return take(failure, false);
                         api_.write_node_check(own, [this](bool written) { take("", written); });
                       });
}

void NodeTeller::take(const std::string& failure, bool written) {
  const Time at = steady_now();
  if (!failure.empty() && failure != failure_)
    log::warn("the agent does not take how the node is, and will hold it for critical", {{"reason", failure}});
  failure_ = failure;
  telling_.answered(failure.empty(), written, at);
  follow(at);
}

void NodeTeller::arm() {
  const auto wake = telling_.wake();
  if (std::exchange(armed_, wake) == wake) return;
  timer_.cancel();
  if (!wake) return;
  timer_.expires_at(*wake);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    armed_.reset();
    follow(steady_now());
  });
}

}  // namespace lictor
