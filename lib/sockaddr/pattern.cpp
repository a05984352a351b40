#include "sockaddr/pattern.hpp"

#include <optional>
#include <string>

#include "base/text.hpp"

namespace lictor::sockaddr_parts {

namespace {

using Class = std::bitset<128>;

Class range(char first, char last) {
  Class out;
  for (auto c = static_cast<unsigned char>(first); c <= static_cast<unsigned char>(last); ++c) out.set(c);
  return out;
}

Class one(char c) { return range(c, c); }

Class word_class() { return range('0', '9') | range('A', 'Z') | range('a', 'z') | one('_'); }

bool word_at(std::string_view text, std::size_t at) {
  return at < text.size() && word_class()[static_cast<unsigned char>(text[at]) & 127U];
}

// \d, \w, \s and their opposites.
std::optional<Class> perl_class(char c) {
  Class out;
  switch (c | 0x20) {
    case 'd':
      out = range('0', '9');
      break;
    case 'w':
      out = word_class();
      break;
    case 's':
      out = range('\t', '\n') | range('\f', '\r') | one(' ');
      break;
    default:
      return std::nullopt;
  }
  return (c & 0x20) != 0 ? out : ~out;
}

// RE2 refuses counts within counts whose product is more than 1,000, which takes as many steps.
constexpr unsigned most_steps = 1000;
constexpr int most_repeats = 1000;  // RE2's own
constexpr int deepest_group = 40;

}  // namespace

// Compiles backwards: each part is told which step comes after it, so that nothing is patched but loops.
class PatternCompiler {
 public:
  explicit PatternCompiler(std::string_view pattern) : text_(pattern) {}

  Evaluated<Pattern> run() {
    for (const char c : text_) {
      if (static_cast<unsigned char>(c) >= 128) return not_evaluated("a pattern that is not ASCII");
    }
    const unsigned last = add({Pattern::Do::match});
    const auto parsed = alternatives(0);
    if (!failure_ && at_ < text_.size()) fail(refused("a ) without ( in a pattern"));
    if (!failure_) out_.start_ = emit(parsed, last);
    if (failure_) return *failure_;
    return std::move(out_);
  }

 private:
  using Do = Pattern::Do;
  // A node of the parsed pattern.
  struct Node {
    enum class Kind { empty, step, sequence, choice, repeat } kind = Kind::empty;
    Pattern::Step step{Do::match};
    int least = 0;
    int most = 0;  // -1: no end
    std::vector<Node> parts = {};
  };

  void fail(Failure failure) {
    if (!failure_) failure_ = std::move(failure);
  }

  unsigned add(Pattern::Step step) {
    out_.steps_.push_back(step);
    return static_cast<unsigned>(out_.steps_.size() - 1);
  }

  Node take(const Class& characters) {
    out_.classes_.push_back(characters);
    return {Node::Kind::step, {Do::take, 0, static_cast<unsigned>(out_.classes_.size() - 1)}};
  }

  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

  Node alternatives(int depth) {
    if (depth > deepest_group) fail(not_evaluated("a pattern that is nested too deeply"));
    if (failure_) return {};
    Node choice{Node::Kind::choice};
    choice.parts.push_back(sequence(depth));
    while (!failure_ && next_is('|')) {
      ++at_;
      choice.parts.push_back(sequence(depth));
    }
    return choice;
  }

  Node sequence(int depth) {
    Node out{Node::Kind::sequence};
    bool repeated = false;  // the last part, so that no second operator may follow
    while (!failure_ && at_ < text_.size() && text_[at_] != '|' && text_[at_] != ')') {
      if (auto count = repetition()) {
        if (out.parts.empty()) fail(refused("nothing to repeat in a pattern"));
        if (repeated) fail(refused("a pattern that repeats a repetition"));
        if (failure_) return {};
        count->parts.push_back(std::move(out.parts.back()));
        out.parts.back() = std::move(*count);
        repeated = true;
      } else if (!failure_) {
        out.parts.push_back(atom(depth));
        repeated = false;
      }
    }
    return out;
  }

  // The operator that stands here, a lazy one included: which of the ways is taken makes no difference to whether one exists.
  std::optional<Node> repetition() {
    Node out{Node::Kind::repeat};
    const char c = text_[at_];
    if (c == '*') {
      out.most = -1;
    } else if (c == '+') {
      out.least = 1;
      out.most = -1;
    } else if (c == '?') {
      out.most = 1;
    } else if (c != '{' || !counted(out)) {
      return std::nullopt;
    }
    if (c != '{') ++at_;
    if (next_is('?')) ++at_;
    return out;
  }

  // {2}, {2,} and {2,3}; anything else with a brace is text.
  bool counted(Node& out) {
    const auto close = text_.find('}', at_);
    if (close == std::string_view::npos) return false;
    const auto inside = text_.substr(at_ + 1, close - at_ - 1);
    const auto comma = inside.find(',');
    const auto first = inside.substr(0, comma);
    const auto second = comma == std::string_view::npos ? first : inside.substr(comma + 1);
    const auto digits = [](std::string_view text) {
      return text.find_first_not_of("0123456789") == std::string_view::npos;
    };
    if (first.empty() || !digits(first) || !digits(second)) return false;
    const auto least = whole_number<int>(first);
    const auto most = second.empty() ? std::optional(-1) : whole_number<int>(second);
    if (first.size() > 1 && first[0] == '0') fail(not_evaluated("a count with a leading zero in a pattern"));
    if (second.size() > 1 && second[0] == '0') fail(not_evaluated("a count with a leading zero in a pattern"));
    if (!least || !most || *least > most_repeats || *most > most_repeats || (*most >= 0 && *least > *most)) {
      fail(refused("a count out of range in a pattern"));
    }
    if (failure_) return false;
    out.least = *least;
    out.most = *most;
    at_ = close + 1;
    return true;
  }

  Node atom(int depth) {
    const char c = text_[at_++];
    switch (c) {
      case '.':
        return take(~one('\n'));
      case '^':
        return {Node::Kind::step, {Do::begin}};
      case '$':
        return {Node::Kind::step, {Do::end}};
      case '(':
        return group(depth);
      case '[':
        return character_class();
      case '\\':
        return escape();
      default:
        return take(one(c));
    }
  }

  Node group(int depth) {
    if (next_is('?')) {
      if (text_.substr(at_, 2) != "?:")
        fail(not_evaluated("flags or named groups in a pattern"));
      else
        at_ += 2;
    }
    Node inside = alternatives(depth + 1);
    if (!failure_ && !next_is(')')) fail(refused("a ( without ) in a pattern"));
    ++at_;
    return inside;
  }

  // The character that an escape stands for, the backslash taken already. Nothing: it is no single character.
  std::optional<char> escaped() {
    const char c = text_[at_];
    const auto plain = std::string_view("afnrtv").find(c);
    if (plain != std::string_view::npos) return "\a\f\n\r\t\v"[plain];
    const bool letter = word_class()[static_cast<std::size_t>(c)];
    if (c > ' ' && c < 127 && (!letter || c == '_')) return c == '_' ? std::nullopt : std::optional(c);
    return std::nullopt;
  }

  Node escape() {
    if (at_ == text_.size()) fail(refused("a pattern that ends in a backslash"));
    if (failure_) return {};
    if (const auto c = escaped()) {
      ++at_;
      return take(one(*c));
    }
    const char c = text_[at_++];
    if (const auto characters = perl_class(c)) return take(*characters);
    switch (c) {
      case 'A':
        return {Node::Kind::step, {Do::begin}};
      case 'z':
        return {Node::Kind::step, {Do::end}};
      case 'b':
        return {Node::Kind::step, {Do::boundary}};
      case 'B':
        return {Node::Kind::step, {Do::inside}};
      default:
        fail(not_evaluated(std::string("\\") + c + " in a pattern"));
        return {};
    }
  }

  Node character_class() {
    Class out;
    const bool inverted = next_is('^');
    if (inverted) ++at_;
    for (bool first = true; !failure_ && (first || !next_is(']')); first = false) {
      if (at_ >= text_.size())
        fail(refused("a [ without ] in a pattern"));
      else
        class_part(out, first);
    }
    ++at_;
    return take(inverted ? ~out : out);
  }

  void class_part(Class& out, bool first) {
    if (text_.substr(at_, 2) == "[:") return fail(not_evaluated("a POSIX class in a pattern"));
    // RE2 refuses a "-" that is neither first nor last; what follows a range may be one.
    if (text_[at_] == '-' && !first && text_.substr(at_ + 1, 1) != "]") {
      return fail(not_evaluated("a bare - in a class of a pattern"));
    }
    if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
      if (const auto characters = perl_class(text_[at_ + 1])) {
        at_ += 2;
        out |= *characters;
        return;
      }
    }
    const auto from = class_character();
    if (!from) return;
    if (!next_is('-') || at_ + 1 >= text_.size() || text_[at_ + 1] == ']') {
      out |= one(*from);
      return;
    }
    ++at_;
    const auto to = class_character();
    if (to && *to < *from) fail(refused("a range that runs backwards in a pattern"));
    if (to) out |= range(*from, *to);
  }

  std::optional<char> class_character() {
    if (text_[at_] != '\\') return text_[at_++];
    ++at_;
    const auto c = at_ < text_.size() ? escaped() : std::nullopt;
    if (!c) fail(not_evaluated("an escape in a class of a pattern"));
    ++at_;
    return c;
  }

  // The step that begins `node` where `next` comes after it.
  unsigned emit(const Node& node, unsigned next) {
    // Counted, since what takes no step may be repeated, too.
    if (++emitted_ > most_steps) fail(not_evaluated("a pattern that is too large"));
    if (failure_) return next;
    switch (node.kind) {
      case Node::Kind::empty:
        return next;
      case Node::Kind::step:
        return add({node.step.what, next, node.step.other});
      case Node::Kind::sequence:
        for (auto part = node.parts.rbegin(); part != node.parts.rend(); ++part) next = emit(*part, next);
        return next;
      case Node::Kind::choice:
        return emit_choice(node, next);
      case Node::Kind::repeat:
        return emit_repeat(node, next);
    }
    return next;
  }

  unsigned emit_choice(const Node& node, unsigned next) {
    unsigned start = emit(node.parts.back(), next);
    for (std::size_t i = node.parts.size() - 1; i-- > 0;) start = add({Do::split, emit(node.parts[i], next), start});
    return start;
  }

  unsigned emit_repeat(const Node& node, unsigned next) {
    const Node& body = node.parts.front();
    if (node.most < 0) {
      const unsigned loop = add({Do::split, next, next});
      const unsigned inside = emit(body, loop);
      if (failure_) return next;
      out_.steps_[loop].other = inside;
      next = loop;
    } else {
      const unsigned after = next;
      for (int i = node.least; i < node.most && !failure_; ++i) next = add({Do::split, after, emit(body, next)});
    }
    for (int i = 0; i < node.least && !failure_; ++i) next = emit(body, next);
    return next;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  unsigned emitted_ = 0;
  Pattern out_;
  std::optional<Failure> failure_;
};

Evaluated<Pattern> Pattern::compile(std::string_view pattern) { return PatternCompiler(pattern).run(); }

// Adds `step` and what is reached from it without taking a character.
void Pattern::follow(unsigned step, std::size_t at, std::string_view text, std::vector<unsigned>& live,
                     std::vector<char>& seen) const {
  std::vector<unsigned> open{step};
  while (!open.empty()) {
    const unsigned here = open.back();
    open.pop_back();
    if (seen[here]) continue;
    seen[here] = 1;
    const Step& s = steps_[here];
    const bool edge = (at > 0 && word_at(text, at - 1)) != word_at(text, at);
    switch (s.what) {
      case Do::take:
      case Do::match:
        live.push_back(here);
        break;
      case Do::split:
        open.insert(open.end(), {s.other, s.next});
        break;
      case Do::begin:
        if (at == 0) open.push_back(s.next);
        break;
      case Do::end:
        if (at == text.size()) open.push_back(s.next);
        break;
      case Do::boundary:
        if (edge) open.push_back(s.next);
        break;
      case Do::inside:
        if (!edge) open.push_back(s.next);
        break;
    }
  }
}

bool Pattern::found_in(std::string_view text) const {
  std::vector<unsigned> live;
  std::vector<char> seen(steps_.size());
  for (std::size_t at = 0;; ++at) {
    follow(start_, at, text, live, seen);
    std::vector<unsigned> after;
    std::vector<char> seen_after(steps_.size());
    for (const unsigned step : live) {
      if (steps_[step].what == Do::match) return true;
      const bool taken = at < text.size() && classes_[steps_[step].other][static_cast<unsigned char>(text[at]) & 127U];
      if (taken) follow(steps_[step].next, at + 1, text, after, seen_after);
    }
    if (at == text.size()) return false;
    live = std::move(after);
    seen = std::move(seen_after);
  }
}

}  // namespace lictor::sockaddr_parts
