// AgentApi's part that has the servers tell of this node: questions that they hold until something has changed.
#include "agent_api/io/agent_api.hpp"
#include "agent_api/node_part.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <utility>

namespace lictor {
namespace {

// Of a question that is held, to be answered by servers that have many to answer at once.
constexpr Duration answered_within = std::chrono::seconds(10);
// A connection that is ended without an answer after so long was ended for its idleness.
constexpr Duration idle_at_least = std::chrono::seconds(5);

Duration passed_since(std::chrono::steady_clock::time_point then) {
  return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - then);
}

}  // namespace

void AgentApi::Heard::forget() {
  index = 0;
  shown.reset();
  differs = false;
  texts.clear();
  standing = StandingAnswer::untold;
}

void AgentApi::await_news(const NodeKey& own, NodePart part, bool whole, Duration limit,
                          std::function<void(News)> done) {
  Heard& heard = heard_of(part);
  if (std::exchange(heard.whole, whole) != whole) heard.forget();
  const std::uint64_t index = std::exchange(heard.index, 0);
  limit = std::min(limit, longest_wait_);
  HttpRequest get = request("GET", node_part_target(own.name, part) + "?stale", Key::registration);
  if (!whole) get.target += "&filter=" + percent_encode(R"(CheckID == "serfHealth")");
  get.deadline = catalog_deadline;
  if (index > 0) {
    get.deadline = answered_within;
    hold_until_newer(get, index, limit);
  }
  const auto reader = std::make_shared<NodePartReader>(part, std::exchange(heard.texts, {}));
  get.take = [reader](std::string_view piece) { reader->feed(piece); };
  const auto asked = std::chrono::steady_clock::now();
  heard.client.ask(std::move(get), [=, this, &heard, done = std::move(done)](const HttpResult& answer) mutable {
    const Duration waited = passed_since(asked);
    if (answer && answer->status == 403) return done({NewsAnswer::forbidden});
    if (!answer && answer.error().failure == HttpFailure::closed && index > 0 && waited >= idle_at_least) {
      longest_wait_ = std::max(waited * 3 / 4, idle_at_least);
      return done({NewsAnswer::same, heard.standing});
    }
    if (!answer || answer->status != 200 || !reader->whole())
      return done({NewsAnswer::unanswered, StandingAnswer::untold, answer && answer->leaderless});
    // One that has not moved before its time is that of a state which is no more, as where a snapshot has been restored.
    if (index == 0 || answer->index > index || (answer->index == index && waited >= limit))
      heard.index = std::max<std::uint64_t>(answer->index, 1);
    heard.standing = reader->standing();
    weigh_news(own, part, *reader, {NewsAnswer::same, heard.standing, answer->leaderless}, std::move(done));
  });
}

// An answer that is weighed against the one before and what the agent has.
struct AgentApi::Weighing {
  Heard& heard;
  News news;
  std::function<void(News)> done;
  PartDigests now;
  int dropped;
  bool leftovers;
  PartDigests changed{}, has{};

  // What is to be mended is compared with what was there before until it is there again.
  void conclude(bool differs) {
    if (heard.dropped != dropped) return;
    if (!differs) heard.shown = std::move(now);
    heard.differs = differs;
    news.answer = differs ? NewsAnswer::differs : NewsAnswer::changed;
    done(news);
  }

  // `told`: what the agent has.
  void compare(bool told) {
    if (heard.dropped != dropped) return;
    if (told) {
      std::sort(has.begin(), has.end());
      return conclude(leftovers || agent_differs(changed, now, has));
    }
    heard.index = 0;
    news.answer = NewsAnswer::unanswered;
    done(news);
  }
};

void AgentApi::weigh_news(const NodeKey& own, NodePart part, NodePartReader& reader, News news,
                          std::function<void(News)> done) {
  Heard& heard = heard_of(part);
  if (!heard.whole) return done(news);
  const auto weighing = std::make_shared<Weighing>(
      Weighing{heard, news, std::move(done), reader.digests(), heard.dropped, shows_leftovers(reader)});
  heard.texts = std::move(reader).texts();
  const PartDigests& now = weighing->now;
  // Of a first answer: what looks at the catalog have shown is there. An agent that was stuck with its servers may have told them,
  // last of all, what a check was before, and takes that for the word of now.
  const bool first = !heard.shown;
  if (first && (now.empty() || part == NodePart::services)) return weighing->conclude(now.empty() || lacks_shown(now));
  if (!first && *heard.shown == now) {
    if (std::exchange(heard.differs, false)) weighing->news.answer = NewsAnswer::changed;
    return weighing->done(weighing->news);
  }
  if (!first && part == NodePart::checks) look_at_maintenance([](const Result<void>&) {});
  weighing->changed = first ? now : lost_or_changed(*heard.shown, now);
  if (weighing->changed.empty() || now.empty())
    return weighing->conclude(weighing->leftovers || !weighing->changed.empty());
  const auto take = [weighing, part](std::string_view id, const Json& value) {
    add_agent_part(part, id, value, weighing->has);
  };
  const auto wanted = [weighing](std::string_view id) { return find_part(weighing->changed, which_part(id)); };
  const char* const list = part == NodePart::checks ? "/v1/agent/checks" : "/v1/agent/services";
  const auto compare = [this, own, weighing](const HttpResult& answer, bool whole) {
    // What may not be read the token has not registered.
    const bool told = whole || (answer && answer->status == 403);
    if (!told || !find_part(weighing->changed, entry_part)) return weighing->compare(told);
    ask_own_entry(own, [weighing](const Json& node) {
      if (node.is_object()) weighing->has.push_back({entry_part, digest_of_entry(node)});
      weighing->compare(true);
    });
  };
  ask_each(list, take, compare, wanted);
}

// What the agent was not sent, and the servers show as ours.
bool AgentApi::shows_leftovers(const NodePartReader& reader) const {
  std::set<std::uint64_t> sent;
  for (const auto& [id, service] : sent_) sent.insert(which_part(id));
  const std::vector<std::uint64_t> managed = reader.managed();
  return std::any_of(managed.begin(), managed.end(), [&sent](std::uint64_t which) { return !sent.contains(which); });
}

bool AgentApi::lacks_shown(const PartDigests& now) const {
  return std::any_of(shown_services_.begin(), shown_services_.end(),
                     [&now](const std::string& id) { return !find_part(now, which_part(id)); });
}

std::string AgentApi::node_part_target(const std::string& node, NodePart part) {
  return (part == NodePart::checks ? "/v1/health/node/" : "/v1/catalog/node/") + percent_encode(node);
}

// As the agent has it: a registration's fields; null where it does not tell.
void AgentApi::ask_own_entry(const NodeKey& own, std::function<void(const Json& node)> done) {
  work_.ask(request("GET", "/v1/agent/self", Key::recovery), [own, done = std::move(done)](const HttpResult& answer) {
    const Json self = answer && answer->status == 200 ? foreign_json(answer->body) : Json();
    done(self.is_object() ? node_fields(own.name, own.id, own.address, self) : Json());
  });
}

void AgentApi::drop_news() {
  for (Heard& heard : heard_) {
    heard.client.reset();
    heard.index = 0;  // that of a question that was dropped is not known to be told
    ++heard.dropped;
  }
}

}  // namespace lictor
