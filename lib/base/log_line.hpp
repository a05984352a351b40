// A line of the log as a value, how it is written, and when it is worth writing again.
//
//   text   2026-11-24T05:24:18.123Z info  agent started launch=1 pid=4711
//   json   {"time":"2026-11-24T05:24:18.123Z","level":"info","message":"agent started","launch":1,"pid":4711}
//
// The message is constant, so that lines can be counted by it; what differs from one time to the next is in the fields. A
// message ends without a mark, and before the first field.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lictor {

// error: somebody has to act. warn: lictor works around something that is not as it should be, or bears with it. info: a
// decision, one line each. debug: the rest. trace is the agent's alone.
enum class Level { trace, debug, info, warn, error };
const char* to_string(Level level);  // the enumerator's name
std::optional<Level> parse_level(std::string_view name);

// `key`: a word of a-z and _, none of time, level, message, source, repeated. A number stays one in json.
struct Field {
  std::string key;
  std::variant<std::string, std::int64_t, double> value;
  bool operator==(const Field&) const = default;
};
using Fields = std::vector<Field>;

using WallTime = std::chrono::system_clock::time_point;

struct Line {
  WallTime at;
  Level level;
  std::string message;
  Fields fields;
  int times = 1;  // that it was said, of which `at` is the last
};
// Equal but for when and how often.
bool same_words(const Line& a, const Line& b);

// Without a line break at the end, and with none inside: text is harmless() (base/text.hpp). Values that hold more than plain
// characters, and empty ones, stand in quotes, escaped as in JSON. Times are UTC; bytes that are no UTF-8 become U+FFFD. `times` above one is told by a last field, repeated.
std::string text_line(const Line& line);
std::string json_line(const Line& line);
// Of text_line what comes behind the level: message and fields.
std::string words(const Line& line);

// Holds back what says nothing new: a line that has the same words as the one written last, until a minute after that was
// written. What was held back is written before the next other line, as one line that says how often.
//
// Only the last line counts, so that a line which follows another one is always written: in "lost, found, lost, found" each
// tells of a change, although all have been said before. What could flood a log, one thing that fails again and again, stays
// one line a minute.
template <class L>
class RepeatsOf {
 public:
  // What is to be written now that `line` is said, in this order; nothing where it is held back. A clock that was put back
  // ends the minute.
  std::vector<L> take(L line) {
    const bool same = last_ && same_words(*last_, line);
    if (same) {
      line.times = last_->times + 1;
      const bool early = line.at >= written_ && line.at - written_ < std::chrono::minutes(1);
      if (early) {
        last_ = std::move(line);
        return {};
      }
    }
    std::vector<L> all;
    if (auto held = rest(); held && !same) all.push_back(std::move(*held));
    all.push_back(line);
    written_ = line.at;
    last_ = std::move(line);
    last_->times = 0;
    return all;
  }

  // What is still held back, at the end.
  std::optional<L> rest() {
    if (!last_ || last_->times == 0) return std::nullopt;
    L held = *last_;
    last_->times = 0;
    return held;
  }

 private:
  std::optional<L> last_;  // the one written last; its times are those since then
  WallTime written_;
};
using Repeats = RepeatsOf<Line>;

// ------------------------------------------------------------------------------------ the agent's lines

// The level that a line of Consul's log names; info where it names none.
Level agent_level(std::string_view line);

// A line of the output of the agent, or of another `source`.
struct ForeignLine {
  WallTime at;  // when it came
  std::string text;
  std::string source = "agent";
  int times = 1;
};
// Equal but for when and how often: both of one log that tells the time in each line, at its begin or as "@timestamp". A line
// without a time is a piece of something longer, such as a stack trace, and is never the same as another one.
bool same_words(const ForeignLine& a, const ForeignLine& b);

// As it is, but harmless(); `times` above one is told as in text_line.
std::string text_line(const ForeignLine& line);
// In json, with its level and "source". Of one that is JSON itself (the agent's
// log_json) the message is the message, and the fields are members beside it; one with the name of a member of lictor's gets
// "@" before it, as the agent's own time and module have. Any other line is the message, whole.
std::string json_line(const ForeignLine& line);

// ---------------------------------------------------------------------------------------- the journal

// Whether the file `device`:`inode` is the one that JOURNAL_STREAM names: the journal, if it is standard error. The variable
// alone says nothing: it is handed down to programs whose standard error is another one (systemd.exec(5)).
bool is_journal(std::string_view journal_stream, std::uint64_t device, std::uint64_t inode);

// The prefix by which journald knows a line's priority (sd-daemon(3)).
const char* journal_prefix(Level level);

}  // namespace lictor
