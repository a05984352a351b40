#include "base/text.hpp"

#include "test.hpp"

#include <map>

using namespace lictor;
using Words = std::vector<std::string>;

TEST_CASE("a glob matches whole names") {
  struct Row {
    const char* pattern;
    const char* name;
    bool matches;
  };
  const Row rows[] = {
      {"eth*", "eth0", true},      {"eth*", "eth", true},      {"eth*", "veth0", false},   {"eth0", "eth0", true},
      {"eth0", "eth01", false},    {"eth?", "eth1", true},     {"eth?", "eth10", false},   {"eth?", "eth", false},
      {"en[po]*", "enp3s0", true}, {"en[po]*", "ens3", false}, {"eth[0-3]", "eth2", true}, {"eth[0-3]", "eth7", false},
      {"eth[!0]", "eth1", true},   {"eth[!0]", "eth0", false}, {"*", "anything", true},    {"", "eth0", false},
      {"*.100", "eth0.100", true}, {"e*h*0", "eth10", true},   {"ETH0", "eth0", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern, row.name);
    CHECK(glob_match(row.pattern, row.name) == row.matches);
  }
}

TEST_CASE("lists are split, trimmed and joined") {
  CHECK(split_list("a, b,,c") == Words{"a", "b", "c"});
  CHECK(split_list("a") == Words{"a"});
  CHECK(split_list("a b ,") == Words{"a b"});
  CHECK(split_list("").empty());
  CHECK(split_list(" , ,").empty());
  CHECK(split_list("a,b:c", ':') == Words{"a,b", "c"});
  CHECK(trim(" \t a b\r\n") == "a b");
  CHECK(trim(" \n").empty());
  CHECK(join({"a", "b", "c"}, ", ") == "a, b, c");
  CHECK(join({"a"}, ", ") == "a");
  CHECK(join({"", ""}, "-") == "-");
  CHECK(join({}, ", ").empty());
}

TEST_CASE("text is wrapped at blanks, and loses nothing but those") {
  using Rows = std::vector<std::string>;
  CHECK(wrap("", 10) == Rows{""});
  CHECK(wrap("a b c", 0) == Rows{"a b c"});
  CHECK(wrap("one two", 7) == Rows{"one two"});
  CHECK(wrap("one two", 6) == Rows{"one", "two"});
  CHECK(wrap("/a/path/of/its/own and more", 8) == Rows{"/a/path/of/its/own", "and more"});
  CHECK(wrap("so /a/path/of/its/own", 8) == Rows{"so", "/a/path/of/its/own"});
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t width = 1; width < 50; ++width) {
    const Rows rows = wrap(text, width);
    CHECK(join(rows, " ") == text);
    for (const std::string& row : rows) CHECK((row.size() <= width || !contains(row, " ")));
  }
}

TEST_CASE("the nearest candidate is a slip of the fingers away, or there is none") {
  const Words keys{"bind.interface", "bind.family", "log.level", "run_dir"};
  struct Row {
    const char* word;
    const char* expected;
  };
  const Row rows[] = {
      {"bind.interfce", "bind.interface"},
      {"bnid.interface", "bind.interface"},
      {"bind.familly", "bind.family"},
      {"log.lvl", "log.level"},
      {"rundir", "run_dir"},
      {"run_dir", "run_dir"},
      {"run_xyz", nullptr},
      {"bind.intxxxxace", "bind.interface"},
      {"xxxxxxnterface", nullptr},
      {"bnd.intrfc", nullptr},
      {"stop.timeout", nullptr},
      {"", nullptr},
  };
  for (const Row& row : rows) {
    CAPTURE(row.word);
    CHECK(nearest(row.word, keys) == (row.expected ? std::optional<std::string>(row.expected) : std::nullopt));
  }
  CHECK(nearest("ab", {"cd"}) == std::nullopt);  // nothing of the word is left
  CHECK(nearest("ax", {"az", "ay"}) == "az");    // the first of equals
  CHECK(nearest("axe", {"axle", "axe"}) == "axe");
}

TEST_CASE("${NAME} is replaced, and what is unknown stays") {
  const std::map<std::string, std::string> known{{"A", "1"}, {"LONG", "${A}"}, {"EMPTY", ""}};
  const auto lookup = [&](const std::string& name) -> std::optional<std::string> {
    const auto at = known.find(name);
    return at == known.end() ? std::nullopt : std::optional(at->second);
  };
  struct Row {
    const char* text;
    const char* expected;
    Words unknown;
  };
  const Row rows[] = {
      {"plain", "plain", {}},
      {"x${A}y${A}", "x1y1", {}},
      {"${LONG}", "${A}", {}},  // values are not expanded again
      {"[${EMPTY}]", "[]", {}},
      {"$${A}", "${A}", {}},
      {"$$$${A}", "$$${A}", {}},
      {"$$${A}", "$${A}", {}},
      {"$A", "$A", {}},
      {"$$", "$$", {}},
      {"$1 $(x) $$", "$1 $(x) $$", {}},
      {"${B} ${A} ${}", "${B} 1 ${}", {"B", ""}},
      {"${A", "${A", {}},
      {"100$", "100$", {}},
      {"", "", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    Words unknown;
    CHECK(expand(row.text, lookup, &unknown) == row.expected);
    CHECK(unknown == row.unknown);
    CHECK(expand(row.text, lookup) == row.expected);
  }
}

TEST_CASE("in a shell's text $$ is the shell's own") {
  const auto lookup = [](const std::string& name) {
    return name == "A" ? std::optional<std::string>("1") : std::nullopt;
  };
  const std::pair<const char*, const char*> rows[] = {
      {"echo $$ ${A} $1 $(x) ${B:-2} \"$$\"", "echo $$ 1 $1 $(x) ${B:-2} \"$$\""},
      {"$${A}", "$1"},
      {"$$$${A}", "$$$1"}};
  for (const auto& [text, expected] : rows) {
    CAPTURE(text);
    CHECK(expand(text, lookup, nullptr, true) == expected);
  }
}

TEST_CASE("a text is cut between letters") {
  CHECK(cut("abc", 3) == "abc");
  CHECK(cut("abcd", 3) == "abc");
  CHECK(cut("a\u20ac\u20ac", 4) == "a\u20ac");
  CHECK(cut("a\u20ac\u20ac", 5) == "a\u20ac");
  CHECK(cut("a\u20ac\u20ac", 6) == "a\u20ac");
  CHECK(cut("a\u20ac\u20ac", 7) == "a\u20ac\u20ac");
  CHECK(cut("\x80\x80\x80", 2) == "");
}

TEST_CASE("what is no UTF-8 is replaced, byte by byte") {
  CHECK(utf8("a\u00e9\u20ac\U0001F600\n") == "a\u00e9\u20ac\U0001F600\n");
  CHECK(utf8("\xff\xc0\x80") == "\uFFFD\uFFFD\uFFFD");
  CHECK(utf8("x\xe2\x82") == "x\uFFFD\uFFFD");
  CHECK(utf8("\xe0\x80\x80|\xed\xa0\x80|\xf4\x90\x80\x80") ==
        "\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("what others wrote becomes one line that does nothing") {
  CHECK(harmless("plain \u00e9 \u05d0 \u20ac") == "plain \u00e9 \u05d0 \u20ac");
  CHECK(harmless("a\nb\r\nc\td\u0085e\u2028f\u2029g\vh\fi") == "a b  c d e f g h i");
  CHECK(harmless(std::string("\0\x1b[2J\a\x7f", 7)) == "\uFFFD\uFFFD[2J\uFFFD\uFFFD");
  CHECK(harmless("\u009b31m\u0080") == "\uFFFD31m\uFFFD");
  CHECK(harmless("\u202e\u2066\u200f\u061c") == "\uFFFD\uFFFD\uFFFD\uFFFD");
  CHECK(harmless("\x9b\xff") == "\uFFFD\uFFFD");
}
