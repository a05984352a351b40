#include "hcl/builder.hpp"
#include "hcl/syntax.hpp"

namespace lictor::hcl {

namespace {

enum class Step : std::uint8_t { done, end, failed };

class HclParser {
 public:
  HclParser(std::string_view text, Library library) : at_(text, Cursor::Nul::refused), library_(library) {}

  SyntaxOrError parse() {
    syntax_.keys.reserve(at_.text().size() / 32);
    syntax_.nodes.reserve(at_.text().size() / 32);
    syntax_.items.reserve(at_.text().size() / 32);
    syntax_.root = syntax_.add_node(Syntax::Shape::object, {});
    const Step step = items(syntax_.root, false);
    if (at_.refused()) return SyntaxError{at_.refusal()->place, std::string(at_.refusal()->what)};
    if (step == Step::failed) return SyntaxError{error_.place, std::string(error_.what)};
    return std::move(syntax_);
  }

 private:
  TokenKind scan() {
    if (!kept_) {
      do {
        read_hcl_token(at_, token_);
      } while (token_.kind == TokenKind::comment);
    }
    kept_ = false;
    return token_.kind;
  }
  TokenKind look_ahead() {
    scan();
    kept_ = true;
    return token_.kind;
  }

  Step fail(std::string_view what) { return fail(token_.place, what); }
  Step fail(Place place, std::string_view what) {
    error_ = {place, what};
    return Step::failed;
  }

  Step items(std::uint32_t object, bool in_braces) {
    for (;;) {
      if (in_braces && look_ahead() == TokenKind::close_object) return Step::done;
      const Step step = item(object);
      if (step == Step::end) return Step::done;
      if (step == Step::failed) return step;
      if (look_ahead() == TokenKind::comma) scan();
    }
  }

  // Up to the equals sign or opening brace.
  Step keys(std::uint32_t& count) {
    for (count = 0;;) {
      switch (scan()) {
        case TokenKind::end:
          return count > 0 ? Step::done : Step::end;
        case TokenKind::equals:
          if (count == 0) return fail("no key before =");
          return count > 1 ? fail("= behind a label; a block with labels has no =") : Step::done;
        case TokenKind::open_object:
          return count > 0 ? Step::done : fail("no key before {");
        case TokenKind::name:
        case TokenKind::quoted:
          syntax_.keys.push_back({token_.text, token_.place, token_.kind == TokenKind::quoted});
          ++count;
          break;
        case TokenKind::close_object:
          if (count == 0) return fail("a } that nothing opened");
          // Not to be taken for the end of the object around it.
          token_.kind = TokenKind::refused;
          return fail("= or { is missing behind a key");
        default:
          return fail("a key is expected here, or = or { behind it");
      }
    }
  }

  Step item(std::uint32_t object) {
    const auto first_key = static_cast<std::uint32_t>(syntax_.keys.size());
    std::uint32_t key_count = 0, of_item = Syntax::none;
    Step step = keys(key_count);
    if (step != Step::done) return step;
    switch (token_.kind) {
      case TokenKind::equals:
        step = value(of_item);
        break;
      case TokenKind::open_object:
        step = braces(of_item);
        break;
      default:
        return fail("= or { is missing behind a key");
    }
    if (step != Step::done) return step;
    syntax_.append_item(object, syntax_.add_item(first_key, key_count, of_item));
    look_ahead();
    return Step::done;
  }

  Step value(std::uint32_t& made) {
    switch (scan()) {
      case TokenKind::number:
      case TokenKind::real:
      case TokenKind::boolean:
      case TokenKind::quoted:
      case TokenKind::heredoc:
        made = syntax_.add_node(Syntax::Shape::literal, token_);
        return Step::done;
      case TokenKind::open_object:
        return braces(made);
      case TokenKind::open_list:
        return list(made);
      case TokenKind::end:
        return Step::end;
      default:
        return fail("a value is expected behind =: a text in \", a number, true, false, [ or {");
    }
  }

  Step braces(std::uint32_t& made) {
    made = syntax_.add_node(Syntax::Shape::object, token_);
    if (++depth_ > nesting_limit) return fail("more than 128 levels");
    const Step step = items(made, true);
    // The older library overlooks what went wrong if it was at a closing brace.
    const bool forgiven = library_ == Library::v1_0_0 && token_.kind == TokenKind::close_object;
    if (step == Step::failed && !forgiven) return step;
    --depth_;
    const Place opened = syntax_.nodes[made].token.place;
    return scan() == TokenKind::close_object ? Step::done : fail(opened, "a { that nothing closes");
  }

  Step list(std::uint32_t& made) {
    made = syntax_.add_node(Syntax::Shape::list, token_);
    const std::size_t depth = depth_;
    if (++depth_ > nesting_limit) return fail("more than 128 levels");
    const Step step = elements(made);
    depth_ = depth;
    return step;
  }

  Step elements(std::uint32_t list_node) {
    for (bool comma_due = false;;) {
      const TokenKind kind = scan();
      if (comma_due && kind != TokenKind::comma && kind != TokenKind::close_list)
        return fail("a comma or ] is expected behind a value in a list");
      std::uint32_t element = Syntax::none;
      switch (kind) {
        case TokenKind::comma:
          look_ahead();
          comma_due = false;
          continue;
        case TokenKind::close_list:
          return Step::done;
        case TokenKind::open_list:
          if (const Step step = list(element); step != Step::done) return step;
          // None is needed behind a list.
          break;
        case TokenKind::number:
        case TokenKind::real:
        case TokenKind::boolean:
        case TokenKind::quoted:
        case TokenKind::heredoc:
          element = syntax_.add_node(Syntax::Shape::literal, token_);
          comma_due = true;
          break;
        case TokenKind::open_object:
          if (const Step step = braces(element); step != Step::done) return step;
          comma_due = true;
          break;
        default:
          return fail("a value or ] is expected in a list");
      }
      syntax_.append_value(list_node, element);
    }
  }

  struct Error {
    Place place;
    std::string_view what;
  };

  Cursor at_;
  Library library_;
  Syntax syntax_;
  Token token_;
  bool kept_ = false;
  std::size_t depth_ = 0;
  Error error_;
};

}  // namespace

SyntaxOrError parse_hcl_syntax(std::string_view text, Library library) { return HclParser(text, library).parse(); }

}  // namespace lictor::hcl
