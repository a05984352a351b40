// How the readers make a document. For lib/hcl alone.
#pragma once

#include "hcl/document.hpp"

#include <optional>
#include <unordered_set>

namespace lictor::hcl {

constexpr std::size_t nesting_limit = 128;
// What the numbers of a document hold, and more than any agent would load.
constexpr std::size_t size_limit = std::size_t{1} << 28U;

// Makes one document. Values are numbered: `root` is the first.
class Builder {
 public:
  using Index = std::uint32_t;
  static constexpr Index root = 0, none = Document::none;

  explicit Builder(std::size_t source_bytes);

  Document finish() { return std::move(document_); }

  // More than a source of this size may become.
  bool too_many() const { return document_.nodes_.size() > limit_; }

  Index add(Kind kind, Place place);
  void append(Index parent, Index child);
  Kind kind(Index value) const { return node(value).kind; }
  Place place(Index value) const { return node(value).place; }
  void set_place(Index value, Place place) { node(value).place = place; }
  void set_key(Index value, std::string_view key, Place place);
  std::string_view key(Index value) const { return document_.slice(node(value).key); }

  // These change the kind as well.
  void set_null(Index value) { node(value).kind = Kind::null; }
  void set_boolean(Index value, bool boolean);
  void set_integer(Index value, std::int64_t integer);
  void set_real(Index value, double real);
  void set_text(Index value, std::string_view text);
  void make_empty(Index value, Kind container);

  // The members of one object while it is made, by key: a look at each of a few, a table for many.
  class Members {
   public:
    Members(Builder& builder, Index object) : builder_(builder), object_(object) {}
    Index find(std::string_view key) const;
    void add(Index value);

   private:
    static constexpr std::size_t few = 16;
    struct Hash {
      using is_transparent = void;
      const Builder* builder;
      std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
      std::size_t operator()(Index value) const { return (*this)(builder->key(value)); }
    };
    struct Equal {
      using is_transparent = void;
      const Builder* builder;
      bool operator()(Index a, Index b) const { return builder->key(a) == builder->key(b); }
      bool operator()(std::string_view a, Index b) const { return a == builder->key(b); }
      bool operator()(Index a, std::string_view b) const { return builder->key(a) == b; }
    };
    using Table = std::unordered_set<Index, Hash, Equal>;

    Builder& builder_;
    Index object_;
    std::optional<Table> table_;
  };

 private:
  Document::Node& node(Index value) { return document_.nodes_[value]; }
  const Document::Node& node(Index value) const { return document_.nodes_[value]; }
  Document::Slice keep(std::string_view text);

  Document document_;
  std::size_t limit_;
};

}  // namespace lictor::hcl
