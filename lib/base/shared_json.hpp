// A JSON value that changes no more, shared by all who hold it: of thousands of definitions one copy, and two that are the same one
// are equal at a glance.
#pragma once

#include "base/json.hpp"

#include <memory>
#include <utility>

namespace lictor {

class SharedJson {
 public:
  explicit SharedJson(Json value) : value_(std::make_shared<const Json>(std::move(value))) {}

  const Json& operator*() const { return *value_; }
  const Json* operator->() const { return value_.get(); }
  // For who only reads: `for (const Json& service : services)`.
  operator const Json&() const { return *value_; }  // NOLINT(google-explicit-constructor)

  friend bool operator==(const SharedJson& a, const SharedJson& b) {
    return a.value_ == b.value_ || *a.value_ == *b.value_;
  }

 private:
  std::shared_ptr<const Json> value_;
};

}  // namespace lictor
