// Where the time of a start, of a restart of the agent and of a stop goes, step by step.
//
// Nobody reports a step: the life is watched from outside (Timeline::observe), and a step is what it stands at. So every
// moment of a course belongs to exactly one step, and the steps' times add up to the course's.
//
//   start     from lictor's own execution until the node is first ready
//   restart   the last one: from the end of an agent that had been ready, or the decision to end it, until the node is
//             ready again. Not part of the start, of which there is one in each life; it passes through the same steps
//             from `former` on, and is asked about as often ("why was the node away for 3 s?")
//   stop      from the signal, or from giving up, until all processes are gone
//
// A start or restart goes only forward through its steps, as far as it has ever got with the agent that runs: services that
// are sent again because the catalog does not show them are time spent on the catalog. With another agent it begins anew,
// and what the agents before took is `former`.
#pragma once

#include "life/view.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

enum class Step {
  settings,  // lictor's execution, settings read, log opened, privileges given up
  prepare,   // directories locked, address chosen, identity settled
  files,     // files that are named, or mounts, were not there yet
  address,   // there was no address to choose
  former,    // agents before the one that was got ready, and the pauses behind them; in a restart, ending the old one
  launch,    // consul.json written, agent executed
  api,       // until the agent's API answered
  leader,    // until the agent knew a leader
  services,  // until the agent had taken the services
  hooks,     // post_start
  catalog,   // until the catalog showed the services
  decide,    // whether to leave or to stay was found out
  settle,    // the full sync of an agent that had just met its servers was awaited
  pre_stop,  // hooks
  leave,     // from the request to leave until a server confirmed it, or hope was given up
  linger,    // stop.linger
  ending,    // the agent was ended
  sweep      // the other processes were ended
};
inline constexpr std::size_t step_count = 18;
const char* to_string(Step step);  // as programs see it: the enumerator's name

enum class CourseKind { start, restart, stop };
inline constexpr std::array course_kinds{CourseKind::start, CourseKind::restart, CourseKind::stop};
const char* to_string(CourseKind kind);

enum class CourseOutcome {
  under_way,
  ready,        // of a start or restart, like the next one
  stopped,      // a stop came before the node was ready
  confirmed,    // of a stop, like those that follow: a server confirmed the leave
  unconfirmed,  // none did, or there was nothing to leave
  stayed,       // the stop was to be without leaving
  gave_up       // lictor ended by itself
};
inline constexpr std::array outcomes{CourseOutcome::under_way, CourseOutcome::ready,       CourseOutcome::stopped,
                                     CourseOutcome::confirmed, CourseOutcome::unconfirmed, CourseOutcome::stayed,
                                     CourseOutcome::gave_up};
const char* to_string(CourseOutcome outcome);  // as programs see it: the enumerator's name

struct Course {
  CourseKind kind = CourseKind::start;
  CourseOutcome outcome = CourseOutcome::under_way;
  std::optional<RestartReason> reason{};  // of a restart
  Duration waited{};                      // of one for new settings: how long those had waited for it (restart.spread)
  Duration budget{};                      // of a stop: stop.timeout
  Duration given{};                       // what the platform gave it, where that was less
  std::string evidence{};                 // of a stop: by what it left or stayed, where somebody told
  std::chrono::sys_seconds began{};       // by the wall clock
  std::array<Duration, step_count> spent{};  // by Step; never negative; nothing in the steps of other kinds
  Duration total() const;
  bool operator==(const Course&) const = default;
};

class Timeline {
 public:
  // `executed`: when lictor's process began.
  explicit Timeline(Time executed);

  // To be called after each step of the life, with the time of its event.
  void observe(const LifeView& life, Time now);

  // The start, the last restart if there was one, and the stop once it has begun. What is under way counts until `now`, which
  // the wall clock calls `wall`.
  std::vector<Course> courses(Time now, std::chrono::sys_time<Duration> wall) const;

 private:
  struct Track {
    Course course;  // `began` left open
    Time began{}, seen{};
    Step at{};  // since `seen`
  };
  Track* under_way();
  void observe_stop(const LifeView& life, Time now);

  Track start_;
  std::optional<Track> restart_, stop_;
  std::optional<Time> held_since_;  // settings that wait for their turn, or are read for it
  int launches_ = 0;                // of the life, when it was last seen
};

// The body of GET /timeline, and the content of the file that a life leaves behind: an object with a member for each
// course, by its kind:
//   {"start": {"began": "2026-11-25T10:37:39Z", "outcome": "ready", "seconds": 0.9, "steps": [...]},
//    "restart": {..., "reason": "settings", "waited": 6.3},
//    "stop": {..., "budget": 25.0, "given": 1.8, "evidence": "the node is deleted"}}
// Each step is {"step": NAME, "seconds": SECONDS}, in order; those that took no time are left out. Of free text there is the evidence
// alone.
std::string timeline_json(const std::vector<Course>& courses);

// Reads that again, from a file that anybody may have written: what is not as timeline_json() writes it is a problem
// (Exit::incomplete, subject `name`), which quotes nothing of the text.
Result<std::vector<Course>> parse_timeline(const std::string& name, const std::string& text);

// For people, in at most 80 columns: each course with its total and a bar for each step, from where it began to where it
// ended. A step too short for a bar is a thin line.
std::string timeline_text(const std::vector<Course>& courses, bool colour);

// The same as a drawing (SVG 1.1, UTF-8) that is readable on light and on dark pages.
std::string timeline_svg(const std::vector<Course>& courses);

}  // namespace lictor
