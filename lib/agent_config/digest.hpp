// A value of the agent's settings of which nothing is kept but what tells it from others: made piece by piece, as Json is.
#pragma once

#include "base/json.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lictor {

// Whether a member of this name may hold a secret, whatever it is: looked at more closely by secrets_in.
bool tells_of_secrets(std::string_view key);

// Equal for equal values, whatever the order of an object's members; no signature. Whole numbers and others are never equal.
class Digest {
 public:
  Digest() = default;  // of null
  explicit Digest(std::string_view text);
  explicit Digest(bool flag);
  explicit Digest(std::int64_t number);
  explicit Digest(double number);
  static Digest array();
  static Digest object();

  void push_back(const Digest& element);
  // REQUIRES: no member of that name is there yet.
  void put(std::string_view key, const Digest& member);

  std::size_t size() const { return size_; }  // elements or members
  std::uint64_t value() const;

  // Whether there may be a secret in it. Names of members are the caller's to look at (tells_of_secrets): they are few, and
  // stand over and over.
  bool may_hold_secrets() const { return secrets_; }
  void note_secrets() { secrets_ = true; }

 private:
  std::uint64_t so_far_ = 0;
  std::size_t size_ = 0;
  bool secrets_ = false;
};

// Of a value that is there whole, with the names of its members looked at.
Digest digest_of(const Json& value);

}  // namespace lictor
