#include "base/json_parts.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"

namespace lictor {
namespace {

bool is_json_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

void JsonParts::feed(std::string_view piece) {
  piece_ = piece;
  from_ = 0;
  const char* const begin = piece.data();
  const char* const end = begin + piece.size();
  for (const char* at = begin; at != end && !bad_; ++at) {
    if (in_text_) {
      if (escaped_) {
        escaped_ = false;
        continue;
      }
      while (at != end && *at != '"' && *at != '\\') ++at;
      if (at == end) break;
      if (*at == '\\') {
        escaped_ = true;
        continue;
      }
      in_text_ = false;
      if (reads_ == Reads::key) end_key(static_cast<std::size_t>(at - begin));
    } else if (comment_ != Comment::none || *at == '/') {
      comment(*at);
    } else if (depth_ > level_) {
      within_part(*at);
    } else if (!is_json_blank(*at)) {
      sign(*at, static_cast<std::size_t>(at - begin));
    }
  }
  const bool open = reads_ == Reads::part || (reads_ == Reads::key && in_text_);
  if (open && !bad_) held_.append(piece.substr(from_));
  bad_ |= held_.size() > longest_;
  if (bad_) held_ = {};
}

// Most of a text stands here.
void JsonParts::within_part(char c) {
  if (c == '"') {
    in_text_ = true;
  } else if (c == '{' || c == '[') {
    bad_ |= ++depth_ > json_depth;
  } else if (c == '}' || c == ']') {
    --depth_;
  }
}

void JsonParts::comment(char c) {
  switch (comment_) {
    case Comment::none:
      comment_ = Comment::begins;
      break;
    case Comment::begins:
      bad_ |= c != '/' && c != '*';
      comment_ = c == '/' ? Comment::line : Comment::block;
      break;
    case Comment::line:
      if (c == '\n') comment_ = Comment::none;
      break;
    case Comment::block:
      if (c == '*') comment_ = Comment::block_ends;
      break;
    case Comment::block_ends:
      comment_ = c == '/' ? Comment::none : c == '*' ? Comment::block_ends : Comment::block;
      break;
  }
}

// What is no blank, and in no string and no comment.
void JsonParts::sign(char c, std::size_t at) {
  bad_ |= over_;
  const bool here = depth_ == level_;
  if (c == '"') {
    in_text_ = true;
    if (here && reads_ == Reads::key) return begin(Reads::key, at + 1);
  } else if (c == '{' || c == '[') {
    return open(c, at);
  } else if (c == '}' || c == ']') {
    return close(at);
  } else if (here && c == ',') {
    if (reads_ == Reads::part) end_part(at);
    bad_ |= reads_ != Reads::comma;
    return next();
  } else if (here && c == ':' && reads_ == Reads::colon) {
    reads_ = Reads::value;
    return;
  }
  if (reads_ == Reads::value) return begin(Reads::part, at);
  bad_ |= here && reads_ != Reads::part;
}

void JsonParts::open(char c, std::size_t at) {
  const bool here = depth_ == level_;
  bad_ |= ++depth_ > json_depth;
  if (level_ == 0 ||
      (here && level_ == 1 && reads_ == Reads::value && object_[1] && key_ == inner_ && !inner_.empty())) {
    bad_ |= level_ == 1 && std::exchange(inner_seen_, true);
    object_[++level_] = c == '{';
    return next();
  }
  if (!here) return;
  if (reads_ == Reads::value) return begin(Reads::part, at);
  bad_ = true;
}

void JsonParts::close(std::size_t at) {
  bad_ |= depth_ == 0;
  if (bad_) return;
  if (depth_-- != level_) return;
  if (reads_ == Reads::part) end_part(at);
  // A key without its value.
  bad_ |= reads_ == Reads::colon || (reads_ == Reads::value && object_[level_]);
  --level_;
  over_ = level_ == 0;
  reads_ = Reads::comma;
}

void JsonParts::begin(Reads what, std::size_t at) {
  reads_ = what;
  from_ = at;
  held_.clear();
}

std::string_view JsonParts::so_far(std::size_t at) {
  const std::string_view last = piece_.substr(from_, at - from_);
  if (held_.empty()) return last;
  return held_.append(last);
}

void JsonParts::end_key(std::size_t at) {
  const std::string_view text = so_far(at);
  key_ = text;
  if (text.find('\\') != text.npos) {
    const auto meant = nlohmann::json::parse("\"" + key_ + "\"", nullptr, false);
    bad_ |= !meant.is_string();
    if (!bad_) key_ = meant.get<std::string>();
  }
  reads_ = Reads::colon;
}

void JsonParts::end_part(std::size_t at) {
  if (held_.size() + at - from_ > longest_) return void(bad_ = true);
  take_({level_ == 2, object_[level_] ? std::string_view(key_) : std::string_view(), trim(so_far(at))});
  reads_ = Reads::comma;
}

JsonValues::JsonValues(Take take, std::size_t longest, Wanted wanted)
    : parts_(
          "",
          [this, take = std::move(take), wanted = std::move(wanted)](const JsonParts::Part& part) {
            if (wanted && !wanted(part.key)) return;
            const nlohmann::json value = foreign_json(part.text);
            good_ &= !value.is_discarded();
            if (good_) take(part.key, value);
          },
          longest) {}

}  // namespace lictor
