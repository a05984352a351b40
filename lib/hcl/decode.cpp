// How the keys of an object are brought together. hcl.hpp has the rules.
#include "hcl/builder.hpp"
#include "hcl/syntax.hpp"

#include "base/text.hpp"

#include <unordered_map>

namespace lictor::hcl {

namespace {

using Index = Builder::Index;

constexpr std::size_t level_limit = 260;
constexpr std::string_view bad_text = "an escape that stands for no byte and no letter, or ${ without its }",
                           bad_number = "a number that does not fit into 64 bits, or has digits it can't have",
                           other_type = "a key that stands twice, with values of types that can't be joined";

class Decoder {
 public:
  Decoder(const Syntax& syntax, std::size_t bytes) : syntax_(syntax), builder_(bytes) {}

  Parsed decode() {
    builder_.add(Kind::object, {1, 1});
    if (!object_of(Builder::root, syntax_.nodes[syntax_.root]))
      return SyntaxError{error_.place, std::string(error_.what)};
    return builder_.finish();
  }

 private:
  using Node = Syntax::Node;

  // An item without its first `skip` keys.
  struct Ref {
    std::uint32_t item, skip;
  };
  // Some of refs_, which works as a stack.
  struct Range {
    std::size_t begin, end;
  };
  // The items of one object that have labels, by their first key in small letters, and which keys have been seen.
  struct Labels {
    std::unordered_map<std::string, std::vector<Ref>> items;
    std::unordered_map<std::string, bool> done;
  };

  bool fail(Place place, std::string_view what) {
    error_ = {place, what};
    return false;
  }

  Index add(Kind kind, Place place, Index parent) {
    const Index made = builder_.add(kind, place);
    builder_.append(parent, made);
    return made;
  }

  const Syntax::Key& key(Ref ref, std::uint32_t number = 0) const {
    return syntax_.keys[syntax_.items[ref.item].first_key + ref.skip + number];
  }
  std::size_t keys_left(Ref ref) const { return syntax_.items[ref.item].key_count - ref.skip; }
  std::optional<std::string_view> key_text(const Syntax::Key& key) {
    return key.quoted ? unquoted(key.text, syntax_.escapes, key_space_) : key.text;
  }

  // ---- objects -----------------------------------------------------------------------------------------------------

  bool object_of(Index object, const Node& node) {
    const std::size_t begin = refs_.size();
    for (std::uint32_t i = node.first; i != Syntax::none; i = syntax_.items[i].next) refs_.push_back({i, 0});
    const bool good = members(object, {begin, refs_.size()});
    refs_.resize(begin);
    return good;
  }

  bool members(Index object, Range range) {
    if (++depth_ > level_limit) return fail(builder_.place(object), "more than 260 levels");
    Builder::Members known(builder_, object);
    std::optional<Labels> labels;
    for (std::size_t i = range.begin; i < range.end; ++i) {
      if (!member(object, known, labels, range, refs_[i])) return false;
    }
    --depth_;
    return true;
  }

  bool member(Index object, Builder::Members& known, std::optional<Labels>& labels, Range range, Ref ref) {
    if (builder_.too_many()) return fail(builder_.place(object), "labels that stand for too many values");
    if (keys_left(ref) == 0) return fail(builder_.place(object), "blocks of one key with and without a label");
    const auto text = key_text(key(ref));
    if (!text) return fail(key(ref).place, bad_text);
    if (labels && labels->done.contains(std::string(*text))) return true;
    const bool labelled = keys_left(ref) > 1;
    const std::string name = labelled ? std::string(*text) : std::string();

    Index value = known.find(*text);
    const bool again = value != Builder::none;
    if (again) {
      builder_.set_place(value, key(ref).place);
    } else {
      value = builder_.add(Kind::null, {});
      builder_.set_key(value, *text, key(ref).place);
      known.add(value);
    }
    if (labelled) return labelled_blocks(value, again, labels, range, name);
    const Node& node = syntax_.nodes[syntax_.items[ref.item].value];
    return again ? set_again(value, node, key(ref).place) : set(value, node, key(ref).place);
  }

  bool labelled_blocks(Index value, bool again, std::optional<Labels>& labels, Range range, const std::string& name) {
    if (again && builder_.kind(value) != Kind::blocks) return fail(builder_.place(value), other_type);
    if (!again) builder_.make_empty(value, Kind::blocks);
    if (!labels && !collect(labels.emplace(), range)) return false;
    labels->done.emplace(name, true);
    for (const Ref ref : labels->items[lower(name)]) {
      const Index block = add(Kind::object, key(ref).place, value);
      refs_.push_back({ref.item, ref.skip + 1});
      const bool good = members(block, {refs_.size() - 1, refs_.size()});
      refs_.pop_back();
      if (!good) return false;
    }
    return true;
  }

  bool collect(Labels& labels, Range range) {
    for (std::size_t i = range.begin; i < range.end; ++i) {
      if (keys_left(refs_[i]) == 0) continue;
      const auto text = key_text(key(refs_[i]));
      if (!text) return fail(key(refs_[i]).place, bad_text);
      labels.items[lower(*text)].push_back(refs_[i]);
    }
    return true;
  }

  bool block(Index blocks, const Node& node, Place place) { return object_of(add(Kind::object, place, blocks), node); }

  // ---- values ------------------------------------------------------------------------------------------------------

  // Of a key that is new.
  bool set(Index value, const Node& node, Place place) {
    if (node.shape == Syntax::Shape::literal) return literal(value, node.token);
    const bool list = node.shape == Syntax::Shape::list;
    builder_.make_empty(value, list ? Kind::list : Kind::blocks);
    return list ? elements(value, node) : block(value, node, place);
  }

  // Of one that has a value, whose type decides.
  bool set_again(Index value, const Node& node, Place place) {
    if (node.shape == Syntax::Shape::literal) return literal_again(value, node.token);
    const Kind kind = builder_.kind(value);
    if (kind != Kind::list && kind != Kind::blocks) return fail(place, other_type);
    if (node.shape == Syntax::Shape::list) return kind == Kind::list ? elements(value, node) : blocks_of(value, node);
    return block(value, node, place);
  }

  bool elements(Index list, const Node& node) {
    if (++depth_ > level_limit) return fail(node.token.place, "more than 260 levels");
    for (std::uint32_t i = node.first; i != Syntax::none; i = syntax_.nodes[i].next) {
      const Node& element = syntax_.nodes[i];
      if (builder_.too_many()) return fail(element.token.place, "labels that stand for too many values");
      const Index made = add(kind_in_list(element), element.token.place, list);
      const bool good = element.shape == Syntax::Shape::literal  ? literal(made, element.token)
                        : element.shape == Syntax::Shape::object ? object_of(made, element)
                                                                 : elements(made, element);
      if (!good) return false;
    }
    --depth_;
    return true;
  }

  static Kind kind_in_list(const Node& node) {
    if (node.shape == Syntax::Shape::literal) return Kind::null;
    return node.shape == Syntax::Shape::object ? Kind::object : Kind::list;
  }

  // A list where there are blocks already.
  bool blocks_of(Index blocks, const Node& node) {
    for (std::uint32_t i = node.first; i != Syntax::none; i = syntax_.nodes[i].next) {
      const Node& element = syntax_.nodes[i];
      if (element.shape != Syntax::Shape::object) return fail(element.token.place, other_type);
      if (!block(blocks, element, element.token.place)) return false;
    }
    return true;
  }

  std::optional<std::string_view> text_of(const Token& token) {
    if (token.plain) return token.text.substr(1, token.text.size() - 2);
    if (token.kind == TokenKind::null) return "";
    if (token.kind == TokenKind::heredoc) return heredoc_text(token.text, text_space_);
    return unquoted(token.text, syntax_.escapes, text_space_);
  }
  static bool is_text(const Token& token) {
    return token.kind == TokenKind::quoted || token.kind == TokenKind::heredoc || token.kind == TokenKind::null;
  }

  bool literal(Index value, const Token& token) {
    switch (token.kind) {
      case TokenKind::boolean:
        builder_.set_boolean(value, token.text == "true");
        return true;
      case TokenKind::number:
        return integer(value, token.text, token.place);
      case TokenKind::real:
        return real(value, token);
      default:
        return text(value, token);
    }
  }

  bool literal_again(Index value, const Token& token) {
    switch (builder_.kind(value)) {
      case Kind::boolean:
        if (token.kind == TokenKind::boolean) return literal(value, token);
        break;
      case Kind::integer:
        if (token.kind == TokenKind::number) return integer(value, token.text, token.place);
        if (token.kind == TokenKind::quoted) {
          const auto digits = text_of(token);
          return digits ? integer(value, *digits, token.place) : fail(token.place, bad_text);
        }
        break;
      case Kind::real:
        if (token.kind == TokenKind::real || token.kind == TokenKind::number) return real(value, token);
        break;
      case Kind::text:
        if (token.kind == TokenKind::number) {
          builder_.set_text(value, token.text);
          return true;
        }
        if (is_text(token)) return text(value, token);
        break;
      default:
        break;
    }
    return fail(token.place, other_type);
  }

  bool text(Index value, const Token& token) {
    const auto content = text_of(token);
    if (!content) return fail(token.place, bad_text);
    builder_.set_text(value, *content);
    return true;
  }
  bool integer(Index value, std::string_view digits, Place place) {
    const auto number = whole_number_of(digits);
    if (!number) return fail(place, bad_number);
    builder_.set_integer(value, *number);
    return true;
  }
  bool real(Index value, const Token& token) {
    const auto number = real_of(token.text);
    if (!number) return fail(token.place, bad_number);
    builder_.set_real(value, *number);
    return true;
  }

  struct Error {
    Place place;
    std::string_view what;
  };

  const Syntax& syntax_;
  Builder builder_;
  std::vector<Ref> refs_;
  std::string key_space_, text_space_;
  std::size_t depth_ = 0;
  Error error_;
};

}  // namespace

Parsed decode(const Syntax& syntax, std::size_t bytes) { return Decoder(syntax, bytes).decode(); }

}  // namespace lictor::hcl
