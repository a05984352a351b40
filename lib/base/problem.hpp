// What went wrong, as a value.
//
// Every library function that can fail returns Result<T>: a T, or one Problem that is ready to be shown.
// No library function exits, logs and goes on, or throws for anything but a programmer's error.
//
// A Problem is shown to users in one form only:  lictor: what: why; what to do
#pragma once

#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace lictor {

// Exit codes of the program; the table in docs/architecture.md says what each promises.
enum class Exit : int {
  ok = 0,          // stopped as asked
  incomplete = 1,  // stopped, but the leave was not completed or no server saw it
  usage = 64,      // wrong command line
  internal = 70,   // lictor's own failure
  retry = 75,      // could not get going; a later try may succeed
  config = 78,     // settings or host can't work; no retry will mend it
  cannot_execute = 126,
  not_found = 127,
};

struct Problem {
  std::string what;  // stage and subject: "bind.family", "/consul/config/consul.json"
  std::string why;   // what was seen: "\"ipv5\" is neither \"ipv4\" nor \"ipv6\"", "open: permission denied"
  std::string hint;  // what to do about it; may be empty only where nothing can be done
  Exit exit = Exit::config;

  Problem() = default;
  // Explicit, so that each stands in the sources as Problem{...}: docs/errors.md is made from those (tests/e2e/errors.py).
  // What is literal in the arguments is what the page shows.
  explicit Problem(std::string subject, std::string seen, std::string to_do, Exit code = Exit::config)
      : what(std::move(subject)), why(std::move(seen)), hint(std::move(to_do)), exit(code) {}

  bool operator==(const Problem&) const = default;
};

// "what: why; what to do", without the program's name before it.
inline std::string to_string(const Problem& p) { return p.what + ": " + p.why + (p.hint.empty() ? "" : "; " + p.hint); }

// What a command that orders something ends with and says.
struct Outcome {
  Exit exit;
  std::string text;
};

template <class T>
using Result = boost::system::result<T, Problem>;

// For work that reports everything it finds wrong at once. Never empty in a failed result.
using Problems = std::vector<Problem>;
template <class T>
using ResultAll = boost::system::result<T, Problems>;

// boost::system::result calls these when .value() is asked of a failed result: a programmer's error.
[[noreturn]] inline void throw_exception_from_error(const Problem& p, const boost::source_location&) {
  throw std::logic_error("unchecked: " + to_string(p));
}
[[noreturn]] inline void throw_exception_from_error(const Problems&, const boost::source_location&) {
  throw std::logic_error("unchecked: list of problems");
}

}  // namespace lictor
