// A file of settings as Consul's agent has it in hand once it is read, before it looks at what the keys mean.
#pragma once

#include "base/json.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lictor::hcl {

// Where something stands in a file, both from 1; a column counts letters, not bytes.
struct Place {
  std::uint32_t line = 0, column = 0;

  bool operator==(const Place&) const = default;
};

// The types that the agent decodes into, in Go's words: map[string]interface{} is an object, []interface{} a list, and
// []map[string]interface{} are blocks. In HCL each object that is a value of a key becomes blocks, for the same key may
// stand there again; one in a list stays an object. A whole number of HCL is an int64; those of JSON are all float64.
enum class Kind : std::uint8_t { null, boolean, integer, real, text, list, blocks, object };

class Document;

// A value of a document, which has to outlive it. Cheap to copy.
class Value {
 public:
  Kind kind() const;
  // In an object: the key, and where it stands. In a list: nothing, and where the value stands.
  std::string_view key() const;
  Place place() const;

  bool boolean() const;           // of a boolean
  std::int64_t integer() const;   // of an integer
  double real() const;            // of a real
  std::string_view text() const;  // of a text: bytes, which escapes can make that are no UTF-8

  // Of an object, a list or blocks; others have no elements.
  std::size_t size() const;
  class Iterator;
  Iterator begin() const;
  Iterator end() const;

  // The tree below it. Floats stay floats, and bytes that are no UTF-8 stay what they are: dump() it with care.
  Json json() const;

 private:
  friend class Document;
  Value(const Document* document, std::uint32_t index) : document_(document), index_(index) {}

  const Document* document_;
  std::uint32_t index_;
};

class Document {
 public:
  // An object; null only for a .json file that is the word null, which the agent takes as if it were empty.
  Value root() const { return {this, 0}; }

  // The value at a path of keys, each of which is looked up exactly as it is written; blocks and lists on the way are gone
  // through from their last element, which is the one that counts where a key stands twice. Null pointer's worth: an empty
  // place, where there is none.
  Place place_of(const std::vector<std::string_view>& path) const;

 private:
  friend class Value;
  friend class Builder;
  static constexpr std::uint32_t none = 0xffffffff;
  struct Slice {
    std::uint32_t begin, size;
  };
  struct Children {
    std::uint32_t first, last, count;
  };
  struct Node {
    Kind kind = Kind::null;
    Place place;
    Slice key{0, 0};
    std::uint32_t next = none;
    union {
      bool boolean;
      std::int64_t integer = 0;
      double real;
      Slice text;
      Children children;
    };
  };

  std::string_view slice(Slice s) const { return std::string_view(texts_).substr(s.begin, s.size); }

  std::vector<Node> nodes_;
  std::string texts_;
};

class Value::Iterator {
 public:
  Value operator*() const { return value_; }
  Iterator& operator++();
  bool operator==(const Iterator& other) const { return value_.index_ == other.value_.index_; }

 private:
  friend class Value;
  explicit Iterator(Value value) : value_(value) {}
  Value value_;
};

// Here, as a whole configuration is gone through by them.
inline Kind Value::kind() const { return document_->nodes_[index_].kind; }
inline std::string_view Value::key() const { return document_->slice(document_->nodes_[index_].key); }
inline Place Value::place() const { return document_->nodes_[index_].place; }
inline bool Value::boolean() const { return document_->nodes_[index_].boolean; }
inline std::int64_t Value::integer() const { return document_->nodes_[index_].integer; }
inline double Value::real() const { return document_->nodes_[index_].real; }
inline std::string_view Value::text() const { return document_->slice(document_->nodes_[index_].text); }
inline std::size_t Value::size() const { return kind() < Kind::list ? 0 : document_->nodes_[index_].children.count; }
inline Value::Iterator Value::begin() const {
  return Iterator({document_, size() == 0 ? Document::none : document_->nodes_[index_].children.first});
}
inline Value::Iterator Value::end() const { return Iterator({document_, Document::none}); }
inline Value::Iterator& Value::Iterator::operator++() {
  value_.index_ = value_.document_->nodes_[value_.index_].next;
  return *this;
}

}  // namespace lictor::hcl
