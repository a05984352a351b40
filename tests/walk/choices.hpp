// Where a walk's turns come from.
#pragma once

#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <vector>

namespace lictor::walk {

class Choices {
 public:
  virtual ~Choices() = default;
  virtual std::size_t among(std::span<const int> weights) = 0;  // an index; no weight is 0
  virtual std::int64_t upto(std::int64_t most) = 0;             // 0 <= it <= most
};

class Dice final : public Choices {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  std::size_t among(std::span<const int> weights) override {
    std::int64_t left = upto(std::accumulate(weights.begin(), weights.end(), 0) - 1);
    std::size_t at = 0;
    while ((left -= weights[at]) >= 0) ++at;
    return at;
  }
  std::int64_t upto(std::int64_t most) override {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most + 1));
  }

 private:
  std::mt19937_64 random_;
};

// All sequences of turns, another one after each next().
class Odometer final : public Choices {
 public:
  std::size_t among(std::span<const int> weights) override {
    if (at_ == wheels_.size()) wheels_.push_back({0, weights.size()});
    return wheels_[at_++].shown;
  }
  // When something happens matters only by what else happens before: those are turns of their own.
  std::int64_t upto(std::int64_t most) override { return most; }

  bool next() {
    at_ = 0;
    while (!wheels_.empty() && wheels_.back().shown + 1 == wheels_.back().size) wheels_.pop_back();
    if (wheels_.empty()) return false;
    ++wheels_.back().shown;
    return true;
  }

 private:
  struct Wheel {
    std::size_t shown, size;
  };
  std::vector<Wheel> wheels_;
  std::size_t at_ = 0;
};

// Always the first, which is what happens where all is well.
class StraightOn final : public Choices {
 public:
  std::size_t among(std::span<const int>) override { return 0; }
  std::int64_t upto(std::int64_t most) override { return most; }
};

}  // namespace lictor::walk
