#include "report/timeline.hpp"

#include "base/json.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

namespace lictor {
namespace {

std::size_t index_of(Step step) { return static_cast<std::size_t>(step); }

struct Range {
  Step first, last;
};

Range steps_of(CourseKind kind) {
  switch (kind) {
    case CourseKind::start:
      return {Step::settings, Step::catalog};
    case CourseKind::restart:
      return {Step::former, Step::catalog};
    case CourseKind::stop:
      break;
  }
  return {Step::decide, Step::sweep};
}

// What the life stands at while it is not at its goal.
Step step_of(const LifeView& life) {
  switch (life.phase()) {
    case Phase::prepare:
      switch (life.missing()) {
        case Missing::files:
          return Step::files;
        case Missing::address:
          return Step::address;
        default:
          return Step::prepare;  // locking the directories is part of it
      }
    case Phase::launch:
      return life.launching() ? Step::launch : Step::former;
    case Phase::restart:
      return Step::former;
    case Phase::join:
      return life.answered() ? Step::leader : Step::api;
    case Phase::registering:
    case Phase::serve:
      if (life.services_due()) return Step::services;
      return life.hooks_due() ? Step::hooks : Step::catalog;
    case Phase::deciding:
      return Step::decide;
    case Phase::settle:
      return Step::settle;
    case Phase::pre_stop:
      return Step::pre_stop;
    case Phase::leaving:
      return Step::leave;
    case Phase::linger:
      return Step::linger;
    case Phase::ending:
      return Step::ending;
    case Phase::sweep:
    case Phase::ended:
      break;
  }
  return Step::sweep;
}

CourseOutcome outcome_of_stop(const LifeView& life) {
  if (!life.stop()) return CourseOutcome::gave_up;
  if (!life.stop()->leave) return CourseOutcome::stayed;
  return life.stop()->confirmed ? CourseOutcome::confirmed : CourseOutcome::unconfirmed;
}

constexpr std::size_t longest_evidence = 300;  // bytes

double in_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

// ---- reading. Each of these throws what is wrong, in words.

struct Unreadable {
  std::string why;
};

const Json& required(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) throw Unreadable{fmt::format("\"{}\" is missing", key)};
  return *found;
}

Duration duration_at(const Json& object, const char* key) {
  constexpr double longest = 1e9;  // 30 years
  const Json& value = required(object, key);
  const double seconds = value.is_number() ? value.get<double>() : -1;
  if (!(seconds >= 0 && seconds <= longest)) throw Unreadable{fmt::format("\"{}\" is no number of seconds", key)};
  return Duration(std::llround(seconds * 1e6));
}

std::chrono::sys_seconds date_at(const Json& object, const char* key) {
  const auto date = parse_rfc3339(text_of(object, key));
  if (!date) throw Unreadable{fmt::format("\"{}\" is no date", key)};
  return *date;
}

template <class Words>
auto word_at(const Json& object, const char* key, const Words& words) {
  const std::string text = text_of(object, key);
  const auto found = std::find_if(words.begin(), words.end(), [&text](auto word) { return text == to_string(word); });
  if (found == words.end()) throw Unreadable{fmt::format("\"{}\" is no word that is known", key)};
  return *found;
}

void read_steps(const Json& object, Course& course) {
  const Json& steps = required(object, "steps");
  if (!steps.is_array()) throw Unreadable{"\"steps\" is no list"};
  const auto [first, last] = steps_of(course.kind);
  std::size_t next = index_of(first);
  for (const Json& step : steps) {
    const std::string name = text_of(step, "step");
    while (next <= index_of(last) && name != to_string(static_cast<Step>(next))) ++next;
    if (next > index_of(last)) throw Unreadable{"\"steps\" names a step that is unknown or out of order"};
    course.spent[next++] = duration_at(step, "seconds");
  }
}

Course read_course(CourseKind kind, const Json& object) {
  if (!object.is_object()) throw Unreadable{fmt::format("\"{}\" is no object", to_string(kind))};
  Course course;
  course.kind = kind;
  course.began = date_at(object, "began");
  course.outcome = word_at(object, "outcome", outcomes);
  if (object.contains("reason")) course.reason = word_at(object, "reason", restart_reasons);
  if (object.contains("waited")) course.waited = duration_at(object, "waited");
  if (object.contains("budget")) course.budget = duration_at(object, "budget");
  if (object.contains("given")) course.given = duration_at(object, "given");
  if (object.contains("evidence")) course.evidence = harmless(cut(text_of(object, "evidence"), longest_evidence));
  read_steps(object, course);
  return course;
}

}  // namespace

const char* to_string(Step step) {
  constexpr std::array<const char*, step_count> names{
      "settings", "prepare", "files",  "address", "former",   "launch", "api",    "leader", "services",
      "hooks",    "catalog", "decide", "settle",  "pre_stop", "leave",  "linger", "ending", "sweep"};
  return names[index_of(step)];
}

const char* to_string(CourseKind kind) {
  constexpr std::array<const char*, course_kinds.size()> names{"start", "restart", "stop"};
  return names[static_cast<std::size_t>(kind)];
}

const char* to_string(CourseOutcome outcome) {
  constexpr std::array<const char*, outcomes.size()> names{"under_way",   "ready",  "stopped", "confirmed",
                                                           "unconfirmed", "stayed", "gave_up"};
  return names[static_cast<std::size_t>(outcome)];
}

Duration Course::total() const { return std::accumulate(spent.begin(), spent.end(), Duration{}); }

// ---- the watch

Timeline::Timeline(Time executed) : start_{.course = {}, .began = executed, .seen = executed, .at = Step::settings} {}

Timeline::Track* Timeline::under_way() {
  const auto open = [](const Track& track) { return track.course.outcome == CourseOutcome::under_way; };
  if (stop_) return open(*stop_) ? &*stop_ : nullptr;
  if (restart_ && open(*restart_)) return &*restart_;
  return open(start_) ? &start_ : nullptr;
}

void Timeline::observe(const LifeView& life, Time now) {
  if (life.held()) held_since_ = life.held()->since;
  const bool another_agent = std::exchange(launches_, life.launches()) != life.launches();
  if (Track* track = under_way()) {
    track->course.spent[index_of(track->at)] += now - track->seen;
    track->seen = now;
  }
  if (life.phase() >= Phase::deciding) return observe_stop(life, now);

  const Step step = step_of(life);
  const bool anew = another_agent || step == Step::former;
  if (!under_way() && anew) {
    restart_ = Track{.course = {.kind = CourseKind::restart}, .began = now, .seen = now, .at = step};
    if (life.agent()) {
      restart_->course.reason = life.agent()->ending;
    } else if (life.last_restart()) {
      restart_->course.reason = life.last_restart()->reason;
    }
    if (held_since_ && restart_->course.reason == RestartReason::settings) restart_->course.waited = now - *held_since_;
  }
  if (!life.held() && !life.reloading()) held_since_.reset();
  Track* const track = under_way();
  if (!track) return;
  auto& spent = track->course.spent;
  if (life.ready()) {
    track->course.outcome = CourseOutcome::ready;
  } else if (anew) {
    for (std::size_t later = index_of(Step::former) + 1; later < spent.size(); ++later)
      spent[index_of(Step::former)] += std::exchange(spent[later], Duration{});
    track->at = step;
  } else {
    track->at = std::max(track->at, step);
  }
}

void Timeline::observe_stop(const LifeView& life, Time now) {
  if (!stop_) {
    if (Track* track = under_way()) track->course.outcome = CourseOutcome::stopped;
    stop_ = Track{.course = {.kind = CourseKind::stop}, .began = now, .seen = now};
  }
  if (life.stop()) {
    const Duration budget = budget_of(*life.stop(), life.rules());
    stop_->course.budget = life.rules().stop_timeout;
    stop_->course.given = budget < stop_->course.budget ? budget : Duration{};
    stop_->course.evidence = life.verdict() && life.verdict()->told ? life.verdict()->evidence : "";
  }
  stop_->at = step_of(life);
  if (life.phase() == Phase::ended) stop_->course.outcome = outcome_of_stop(life);
}

std::vector<Course> Timeline::courses(Time now, std::chrono::sys_time<Duration> wall) const {
  std::vector<Course> all;
  const auto add = [&](const Track& track) {
    Course& course = all.emplace_back(track.course);
    course.began = std::chrono::floor<std::chrono::seconds>(wall - (now - track.began));
    if (course.outcome == CourseOutcome::under_way) course.spent[index_of(track.at)] += now - track.seen;
  };
  add(start_);
  if (restart_) add(*restart_);
  if (stop_) add(*stop_);
  return all;
}

// ---- JSON

std::string timeline_json(const std::vector<Course>& courses) {
  Json all = Json::object();
  for (const Course& course : courses) {
    Json& one = all[to_string(course.kind)];
    one = {{"began", rfc3339(course.began)},
           {"outcome", to_string(course.outcome)},
           {"seconds", in_seconds(course.total())},
           {"steps", Json::array()}};
    if (course.reason) one["reason"] = to_string(*course.reason);
    if (course.waited > Duration{}) one["waited"] = in_seconds(course.waited);
    if (course.budget > Duration{}) one["budget"] = in_seconds(course.budget);
    if (course.given > Duration{}) one["given"] = in_seconds(course.given);
    if (!course.evidence.empty()) one["evidence"] = course.evidence;
    for (std::size_t i = 0; i < course.spent.size(); ++i) {
      if (course.spent[i] > Duration{})
        one["steps"].push_back({{"step", to_string(static_cast<Step>(i))}, {"seconds", in_seconds(course.spent[i])}});
    }
  }
  return json_text(all, 2) + "\n";
}

Result<std::vector<Course>> parse_timeline(const std::string& name, const std::string& text) {
  const auto broken = [&name](const std::string& why) {
    return Problem{name, "no timeline: " + why, "remove the file; the next stop writes it anew", Exit::incomplete};
  };
  const auto all = parse_json(name, text);
  if (!all) return broken(all.error().why);
  if (!all->is_object()) return broken("not a JSON object");
  std::vector<Course> courses;
  try {
    for (const CourseKind kind : course_kinds) {
      if (all->contains(to_string(kind))) courses.push_back(read_course(kind, (*all)[to_string(kind)]));
    }
  } catch (const Unreadable& unreadable) {
    return broken(unreadable.why);
  }
  return courses;
}

}  // namespace lictor
