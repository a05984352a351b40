#include "sockaddr/pattern.hpp"

#include "test.hpp"

using lictor::sockaddr_parts::Pattern;

TEST_CASE("a pattern matches anywhere, as RE2's do") {
  struct Row {
    const char* pattern;
    const char* text;
    bool found;
  };
  const Row rows[] = {
      {"eth0", "eth0", true},
      {"eth0", "veth01", true},
      {"^eth0", "veth0", false},
      {"eth0$", "eth01", false},
      {"", "x", true},
      {"e.h", "eth", true},
      {".", "\n", false},
      {"a|b|", "x", true},
      {"^(en|eth)[0-9]+$", "en7", true},
      {"^(en|eth)[0-9]+$", "en", false},
      {"[^0-9]$", "eth0", false},
      {"[]x]", "]", true},
      {"[a-]", "-", true},
      {"^a{2,3}$", "aa", true},
      {"^a{2,3}$", "aaaa", false},
      {"^a{2}$", "aa", true},
      {"^a{2,}$", "aaaaa", true},
      {"^a{2,}$", "a", false},
      {"^(ab)*?c$", "ababc", true},
      {"a{", "a{", true},
      {R"(\d)", "eth0", true},
      {R"(\D$)", "eth0", false},
      {R"(^\w+$)", "a_1", true},
      {R"(\bth)", "eth", false},
      {R"(\Bth)", "eth", true},
      {R"(^\Aa\z$)", "a", true},
      {R"(p\.1)", "px1", false},
      {R"([\d.]+$)", "eth0.100", true},
      {R"([^\d])", "123", false},
      {"^(|a)*b$", "aab", true},
      {"(a|b)+?$", "xab", true},
      {"^^*a", "a", true},
      {"ETH", "eth", false},
      {"x{0}y", "y", true},
      {"^(a?){3}$", "aa", true},
      {"$^", "", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern, row.text);
    const auto pattern = Pattern::compile(row.pattern);
    REQUIRE(pattern.has_value());
    CHECK(pattern->found_in(row.text) == row.found);
  }
}

TEST_CASE("a pattern that RE2 refuses is refused, one that is not built in is not") {
  for (const char* const bad :
       {"(", ")", "[", "[b-a]", "*", "|*", "(+)", "a**", "a{2}{3}", "a{3,2}", "a{1001}", "\\"}) {
    CAPTURE(bad);
    const auto pattern = Pattern::compile(bad);
    REQUIRE_FALSE(pattern.has_value());
    CHECK(pattern.error().refused);
  }
  for (const char* const other :
       {"(?i)a", "(?P<x>a)", R"(\pL)", R"(\Qa\E)", "[[:alpha:]]", "\xc3\xa4", R"(\1)", "(a{40}){40}"}) {
    CAPTURE(other);
    const auto pattern = Pattern::compile(other);
    REQUIRE_FALSE(pattern.has_value());
    CHECK_FALSE(pattern.error().refused);
  }
}
