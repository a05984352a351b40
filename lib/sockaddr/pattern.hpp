// Go's regular expressions (RE2), as far as names of interfaces need them.
#pragma once

#include "sockaddr/failure.hpp"

#include <bitset>
#include <string_view>
#include <vector>

namespace lictor::sockaddr_parts {

// Characters, `.`, classes (ranges, \d \w \s), groups, alternatives, repetition, anchors and word boundaries, over ASCII.
// Flags, named groups, \Q, Unicode and POSIX classes are not evaluated, nor is a pattern that grows beyond 1,000 steps.
class Pattern {
 public:
  static Evaluated<Pattern> compile(std::string_view pattern);

  // Anywhere in `text`, which is ASCII. Time: its length times the pattern's.
  bool found_in(std::string_view text) const;

 private:
  friend class PatternCompiler;
  enum class Do { take, split, begin, end, boundary, inside, match };
  struct Step {
    Do what;
    unsigned next = 0;
    unsigned other = 0;  // the second way of a split, the class of a take
  };
  void follow(unsigned step, std::size_t at, std::string_view text, std::vector<unsigned>& live,
              std::vector<char>& seen) const;
  std::vector<Step> steps_;
  std::vector<std::bitset<128>> classes_;
  unsigned start_ = 0;
};

}  // namespace lictor::sockaddr_parts
