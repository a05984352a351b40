// What a text says before the keys of an object are brought together. For lib/hcl alone.
#pragma once

#include "hcl/hcl.hpp"
#include "hcl/token.hpp"

#include <vector>

namespace lictor::hcl {

struct Syntax {
  static constexpr std::uint32_t none = 0xffffffff;
  enum class Shape : std::uint8_t { literal, list, object };

  // A key or label.
  struct Key {
    std::string_view text;  // as it stands in the source
    Place place;
    bool quoted;
  };
  // A value. Those of a list are chained by `next`.
  struct Node {
    Shape shape;
    Token token;                 // of a literal; elsewhere the opening bracket
    std::uint32_t first = none;  // value of a list, item of an object
    std::uint32_t last = none, next = none;
  };
  // A key, its labels, and its value. Those of an object are chained.
  struct Item {
    std::uint32_t first_key, key_count;  // in `keys`
    std::uint32_t value;                 // in `nodes`
    std::uint32_t next = none;
  };

  Escapes escapes = Escapes::hcl;
  std::vector<Key> keys;
  std::vector<Node> nodes;
  std::vector<Item> items;
  std::uint32_t root = none;  // an object

  // Made in their places: a copy of what was only just written in parts makes the processor wait.
  std::uint32_t add_node(Shape shape, const Token& token) {
    Node& made = nodes.emplace_back();
    made.shape = shape;
    made.token = {token.kind, token.place, token.text, token.plain};  // not the whole, which would wait for its parts
    return static_cast<std::uint32_t>(nodes.size() - 1);
  }
  std::uint32_t add_item(std::uint32_t first_key, std::uint32_t key_count, std::uint32_t value) {
    Item& made = items.emplace_back();
    made.first_key = first_key;
    made.key_count = key_count;
    made.value = value;
    return static_cast<std::uint32_t>(items.size() - 1);
  }
  void append_value(std::uint32_t list, std::uint32_t value) { chain(nodes, nodes[list], value); }
  void append_item(std::uint32_t object, std::uint32_t item) { chain(items, nodes[object], item); }

 private:
  template <class Chained>
  static void chain(std::vector<Chained>& all, Node& parent, std::uint32_t added) {
    if (parent.first == none) {
      parent.first = added;
    } else {
      all[parent.last].next = added;
    }
    parent.last = added;
    all[added].next = none;
  }
};

using SyntaxOrError = std::variant<Syntax, SyntaxError>;

SyntaxOrError parse_hcl_syntax(std::string_view text, Library library);
// As HCL's library does, whose text begins with a brace.
SyntaxOrError parse_json_syntax(std::string_view text);

// The tree: the keys of each object brought together. `bytes`: of the text.
Parsed decode(const Syntax& syntax, std::size_t bytes);

}  // namespace lictor::hcl
