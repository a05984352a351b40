// JSON as HCL's library reads it, with all that it overlooks.
#include "hcl/builder.hpp"
#include "hcl/syntax.hpp"

namespace lictor::hcl {

namespace {

class LooseJsonParser {
 public:
  explicit LooseJsonParser(std::string_view text) : at_(text, Cursor::Nul::ends) { syntax_.escapes = Escapes::json; }

  SyntaxOrError parse() {
    scan();
    const State state = braces(syntax_.root);
    if (at_.refused()) return SyntaxError{at_.refusal()->place, std::string(at_.refusal()->what)};
    if (state == State::failed) return SyntaxError{place_, std::string(why_)};
    limit_ = 2 * at_.text().size() + 65536;
    if (!flatten(syntax_.root)) return SyntaxError{{1, 1}, "objects in objects, which make too many labels"};
    return std::move(syntax_);
  }

 private:
  enum class State : std::uint8_t { done, end, failed };

  TokenKind scan() {
    read_json_token(at_, token_);
    return token_.kind;
  }

  State fail(std::string_view what) {
    place_ = token_.place;
    why_ = what;
    return State::failed;
  }

  State items(std::uint32_t object) {
    do {
      const State state = item(object);
      if (state == State::end) return State::done;
      if (state == State::failed) return state;
    } while (scan() == TokenKind::comma);
    return State::done;
  }

  State item(std::uint32_t object) {
    Syntax::Item item{static_cast<std::uint32_t>(syntax_.keys.size()), 0, Syntax::none};
    while (scan() == TokenKind::quoted) {
      syntax_.keys.push_back({token_.text, token_.place, true});
      ++item.key_count;
    }
    if (token_.kind == TokenKind::end) return State::end;
    if (token_.kind != TokenKind::colon) return fail("a key in \" is expected here, and : behind it");
    if (item.key_count == 0) return fail("no key before :");
    if (const State state = value(item.value); state != State::done) return state;
    syntax_.append_item(object, syntax_.add_item(item.first_key, item.key_count, item.value));
    return State::done;
  }

  State value(std::uint32_t& made) {
    switch (scan()) {
      case TokenKind::number:
      case TokenKind::real:
      case TokenKind::boolean:
      case TokenKind::null:
      case TokenKind::quoted:
        made = syntax_.add_node(Syntax::Shape::literal, token_);
        return State::done;
      case TokenKind::open_object:
        return braces(made);
      case TokenKind::open_list:
        return list(made);
      case TokenKind::end:
        return State::end;
      default:
        return fail("a value is expected behind :");
    }
  }

  State braces(std::uint32_t& made) {
    made = syntax_.add_node(Syntax::Shape::object, token_);
    if (++depth_ > nesting_limit) return fail("more than 128 levels");
    const State state = items(made);
    --depth_;
    // Whatever went wrong at a closing brace is overlooked: it is how a comma before that is allowed.
    return state == State::failed && token_.kind != TokenKind::close_object ? state : State::done;
  }

  // Brackets in it are overlooked, so that the first closing one ends it, as are true and false.
  State list(std::uint32_t& made) {
    made = syntax_.add_node(Syntax::Shape::list, token_);
    for (;;) {
      std::uint32_t element = Syntax::none;
      switch (scan()) {
        case TokenKind::comma:
        case TokenKind::boolean:
        case TokenKind::open_list:
          continue;
        case TokenKind::close_list:
          return State::done;
        case TokenKind::number:
        case TokenKind::real:
        case TokenKind::quoted:
          element = syntax_.add_node(Syntax::Shape::literal, token_);
          break;
        case TokenKind::open_object:
          if (const State state = braces(element); state != State::done) return state;
          break;
        default:
          return fail("a value or ] is expected in a list");
      }
      syntax_.append_value(made, element);
    }
  }

  // ---- objects of nothing but objects become labels ----------------------------------------------------------------

  bool all_objects(const Syntax::Node& list) const {
    for (std::uint32_t i = list.first; i != Syntax::none; i = syntax_.nodes[i].next) {
      if (syntax_.nodes[i].shape != Syntax::Shape::object) return false;
    }
    return list.first != Syntax::none;
  }
  bool holds_only_objects(const Syntax::Node& object) const {
    for (std::uint32_t i = object.first; i != Syntax::none; i = syntax_.items[i].next) {
      if (syntax_.nodes[syntax_.items[i].value].shape != Syntax::Shape::object) return false;
    }
    return object.first != Syntax::none;
  }

  bool flatten(std::uint32_t object) {
    std::uint32_t at = syntax_.nodes[object].first;
    syntax_.nodes[object].first = syntax_.nodes[object].last = Syntax::none;
    for (std::uint32_t next = 0; at != Syntax::none; at = next) {
      next = syntax_.items[at].next;
      if (!spread(object, syntax_.items[at])) return false;
    }
    for (at = syntax_.nodes[object].first; at != Syntax::none; at = syntax_.items[at].next) {
      if (!flatten_below(syntax_.items[at].value)) return false;
    }
    return true;
  }

  bool flatten_below(std::uint32_t value) {
    if (syntax_.nodes[value].shape == Syntax::Shape::object) return flatten(value);
    if (syntax_.nodes[value].shape == Syntax::Shape::literal) return true;
    for (std::uint32_t i = syntax_.nodes[value].first; i != Syntax::none; i = syntax_.nodes[i].next) {
      if (!flatten_below(i)) return false;
    }
    return true;
  }

  // Appends to the object what becomes of the item.
  bool spread(std::uint32_t object, Syntax::Item item) {
    if (syntax_.keys.size() > limit_ || syntax_.items.size() > limit_) return false;
    const Syntax::Node node = syntax_.nodes[item.value];
    if (node.shape == Syntax::Shape::list && all_objects(node)) {
      for (std::uint32_t i = node.first; i != Syntax::none; i = syntax_.nodes[i].next) {
        if (!spread(object, {item.first_key, item.key_count, i})) return false;
      }
      return true;
    }
    if (node.shape == Syntax::Shape::object && holds_only_objects(node)) {
      for (std::uint32_t i = node.first; i != Syntax::none; i = syntax_.items[i].next) {
        const Syntax::Item below = syntax_.items[i];
        if (!spread(object, {join_keys(item, below), item.key_count + below.key_count, below.value})) return false;
      }
      return true;
    }
    syntax_.append_item(object, syntax_.add_item(item.first_key, item.key_count, item.value));
    return true;
  }

  std::uint32_t join_keys(const Syntax::Item& before, const Syntax::Item& behind) {
    const auto begin = static_cast<std::uint32_t>(syntax_.keys.size());
    for (const Syntax::Item& part : {before, behind}) {
      for (std::uint32_t i = 0; i < part.key_count; ++i) syntax_.keys.push_back(syntax_.keys[part.first_key + i]);
    }
    return begin;
  }

  Cursor at_;
  Syntax syntax_;
  Token token_;
  std::size_t depth_ = 0, limit_ = 0;
  Place place_;
  std::string_view why_;
};

}  // namespace

SyntaxOrError parse_json_syntax(std::string_view text) { return LooseJsonParser(text).parse(); }

}  // namespace lictor::hcl
