// A JSON value that changes no more, shared by all who hold it and kept as text: of thousands of definitions a tenth of what their
// trees would take, and two that are the same one are equal at a glance.
#pragma once

#include "base/json.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lictor {

class SharedJson {
 public:
  // What is no UTF-8 in it becomes U+FFFD.
  explicit SharedJson(const Json& value) : value_(std::make_shared<const Value>(value)) {}

  // Parsed anew each time: whoever wants to know several things of it holds the result.
  Json operator*() const;
  // NOLINTNEXTLINE(google-explicit-constructor): `for (const Json& service : services)`
  operator Json() const { return **this; }
  // REQUIRES: nothing that refers to a part of it outlives the expression.
  class Held {
   public:
    explicit Held(Json value) : value_(std::move(value)) {}
    const Json* operator->() const { return &value_; }

   private:
    Json value_;
  };
  Held operator->() const { return Held(**this); }

  const std::string& text() const { return value_->text; }  // as json_text() has it
  const std::string& id() const { return value_->id; }      // its member "ID"; empty where that is no text
  // Whether a key of that name may be anywhere in it. False: there is none.
  bool mentions(std::string_view key) const { return text().find(key) != std::string::npos; }

  bool is(const SharedJson& other) const { return value_ == other.value_; }  // the very one
  friend bool operator==(const SharedJson& a, const SharedJson& b) { return a.is(b) || a.text() == b.text(); }

 private:
  struct Value {
    explicit Value(const Json& value);
    std::string text, id;
  };
  std::shared_ptr<const Value> value_;
};

}  // namespace lictor
