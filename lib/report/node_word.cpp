#include "report/node_word.hpp"

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

std::chrono::sys_seconds minute_of(const NodeFacts& facts, Time now, Time then) {
  return std::chrono::floor<std::chrono::minutes>(facts.wall - (now - then));
}

}  // namespace

void NodeTelling::observe(const LifeView& life, const NodeFacts& facts, Time at) {
  if (!started_) started_ = minute_of(facts, at, life.began());
  if (const auto& last = life.last_restart(); last && last->at != last_restart_) {
    last_restart_ = last->at;
    restarts_.push_back({minute_of(facts, at, last->at), to_string(last->reason)});
    if (restarts_.size() > node_restarts_told) restarts_.erase(restarts_.begin());
  }
  if (std::exchange(launches_, life.launches()) != life.launches()) {
    asked_.reset();
    told_.reset();
    written_.reset();
    failed_ = false;
    renewed_.reset();
    again_.reset();
    write_again_.reset();
    leader_ = false;
  }
  const bool found = !std::exchange(leader_, life.leader()) && life.leader();
  if (!life.ready()) {
    ready_.reset();
    if (!unready_ || (found && std::exchange(patient_, false))) unready_ = at;
    return;
  }
  if (!ready_) ready_ = at;
  unready_.reset();
  patient_ = true;
}

// A node that is given time is spoken of as it will be at its end.
NodeWord NodeTelling::word(const LifeView& life, const NodeFacts& facts, Time at) const {
  const bool passing = !unready_ || at - *unready_ < node_check_patience;
  const bool awaited = passing && !life.ready();
  NodeWords words{.ready = passing, .phase = to_string(awaited ? Phase::serve : life.phase())};
  for (const NodeProblem problem : problems_of(life, facts.beside, at)) {
    if (!awaited || (problem != NodeProblem::no_leader && problem != NodeProblem::registration_failed))
      words.problems.emplace_back(to_string(problem));
  }
  words.lictor = facts.lictor;
  words.consul = facts.consul;
  words.started = started_;
  words.restarts = restarts_;
  return {.passing = passing, .write = false, .output = node_check_output(words)};
}

// Whether it knows the agent's version by then: what is written is to stand for long.
bool NodeTelling::to_write(const NodeFacts& facts, Time at) const {
  if (!ready_ || written_ == facts.begun || (write_again_ && at < *write_again_)) return false;
  return !facts.consul.empty() || at - *ready_ >= node_check_pause;
}

std::optional<NodeWord> NodeTelling::due(const LifeView& life, const NodeFacts& facts, Time at) {
  if (asked_ || !facts.there || !life.answered() || life.stop() || life.giving_up()) return std::nullopt;
  const bool anew = !told_ || told_->begun != facts.begun;
  if (again_ && at < *again_ && (!told_ || !anew)) return std::nullopt;
  NodeWord now = word(life, facts, at);
  now.write = to_write(facts, at);
  const bool same = !anew && told_->word.passing == now.passing && told_->word.output == now.output;
  if (same && !now.write && at - *renewed_ < node_check_interval - node_check_early) return std::nullopt;
  asked_ = {now, facts.begun};
  return now;
}

void NodeTelling::answered(bool taken, bool written, Time at) {
  if (!asked_) return;
  again_.reset();
  write_again_.reset();
  if (taken) {
    renewed_ = at;
    if (written) written_ = asked_->begun;
    if (asked_->word.write && !written) write_again_ = at + node_check_pause;
    told_ = std::move(asked_);
  } else {
    again_ = at + (failed_ ? node_check_interval : node_check_pause);
  }
  failed_ = !taken;
  asked_.reset();
}

std::optional<Time> NodeTelling::wake() const {
  if (asked_) return std::nullopt;
  std::optional<Time> first;
  const auto consider = [&first](std::optional<Time> time) {
    if (time && (!first || *time < *first)) first = time;
  };
  consider(again_);
  if (again_ || !told_) return first;
  consider(*renewed_ + node_check_interval);
  if (told_->word.passing && unready_) consider(*unready_ + node_check_patience);
  if (ready_ && written_ != told_->begun) consider(write_again_ ? write_again_ : *ready_ + node_check_pause);
  return first;
}

}  // namespace lictor
