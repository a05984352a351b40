// The parts of a large JSON text, comments among it or not, without a tree of the whole: a text of megabytes is skimmed, and who is handed a part parses it
// where there is something in it to be known.
#pragma once

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace lictor {

class JsonParts {
 public:
  struct Part {
    bool inner;            // of the object or list at `inner`, else of the outermost one
    std::string_view key;  // empty in a list
    std::string_view text;
  };
  // REQUIRES: it keeps nothing of a part, whose text is gone when it returns.
  using Take = std::function<void(const Part&)>;

  // `inner`: where the text is an object, the key of the one value that is not handed out whole, but in its own parts; empty: none.
  // `longest`: bytes of a part, of which no more are ever kept.
  JsonParts(std::string inner, Take take, std::size_t longest = 4 << 20)
      : inner_(std::move(inner)), take_(std::move(take)), longest_(longest) {}

  // The next piece of the text, wherever it was cut. A part is handed out as soon as its end is seen.
  void feed(std::string_view piece);

  // All that was fed is one object or list, from the first brace to the last, as far as one can tell without a look into the parts:
  // these may be no JSON yet. False, too, for what is nested deeper than json_depth, has a part that is too long, or the inner
  // value twice.
  bool whole() const { return over_ && !bad_; }
  // Whatever is still to come, it will not be whole.
  bool broken() const { return bad_; }
  // It is a list, if it is whole.
  bool list() const { return !object_[1]; }

 private:
  enum class Reads { nothing, key, colon, value, part, comma };
  enum class Comment { none, begins, line, block, block_ends };
  void comment(char c);
  void within_part(char c);
  void sign(char c, std::size_t at);
  void open(char c, std::size_t at);
  void close(std::size_t at);
  void begin(Reads what, std::size_t at);
  void end_key(std::size_t at);
  void end_part(std::size_t at);
  void next() { reads_ = object_[level_] ? Reads::key : Reads::value; }
  std::string_view so_far(std::size_t at);

  std::string inner_;
  Take take_;
  std::size_t longest_;
  std::string_view piece_;
  std::string held_, key_;  // what of a key or a part was in pieces before; the last key
  std::size_t from_ = 0;    // in the piece, of what is being read
  std::size_t depth_ = 0, level_ = 0;
  std::array<bool, 3> object_{};  // of the levels whose parts are handed out: 1, and 2 where that is the inner value
  Reads reads_ = Reads::nothing;
  Comment comment_ = Comment::none;
  bool in_text_ = false, escaped_ = false, over_ = false, bad_ = false, inner_seen_ = false;
};

// The values of a list or an object that comes in pieces, such as of a large cluster: each is handed out as soon as it is there, and
// kept by nobody else.
class JsonValues {
 public:
  // REQUIRES: it keeps neither. The key is empty in a list.
  using Take = std::function<void(std::string_view key, const nlohmann::json& value)>;
  using Wanted = std::function<bool(std::string_view key)>;

  // `longest`: bytes of one value. `wanted`: which of them are handed out, and parsed; none: all.
  JsonValues(Take take, std::size_t longest, Wanted wanted = {});
  JsonValues(const JsonValues&) = delete;
  JsonValues& operator=(const JsonValues&) = delete;
  void feed(std::string_view piece) { parts_.feed(piece); }
  // What was fed is a list, or an object, of JSON values, each that was wanted within the limits of foreign_json(). Values of what
  // is not may have been handed out all the same.
  bool list() const { return good_ && parts_.whole() && parts_.list(); }
  bool object() const { return good_ && parts_.whole() && !parts_.list(); }

 private:
  bool good_ = true;
  JsonParts parts_;
};

}  // namespace lictor
