#include "process/io/line_pipe.hpp"

#include <boost/asio/io_context.hpp>

#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "test.hpp"

using namespace lictor;

namespace {

struct Scene {
  boost::asio::io_context io;
  std::vector<std::string> lines;
  LinePipe pipe;

  Descriptor open() {
    auto end = pipe.open(io.get_executor(), [this](std::string line) { lines.push_back(std::move(line)); });
    REQUIRE(end.has_value());
    return std::move(*end);
  }
};

void put(const Descriptor& end, const std::string& text) {
  REQUIRE(::write(end.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("what a child writes comes line by line, and what it wrote last when it is asked for") {
  Scene scene;
  const Descriptor end = scene.open();
  put(end, "one\ntwo\n\nhal");
  scene.pipe.read_rest();
  CHECK(scene.lines == Lines{"one", "two", ""});
  put(end, "f\nrest");
  scene.pipe.read_rest();
  CHECK(scene.lines.back() == "half");
  scene.pipe.read_rest();  // nothing to wait for
  CHECK(scene.lines.size() == 4);
}

TEST_CASE("who has the pipe is heard to his end, whatever pipe comes after it") {
  Scene scene;
  {
    const Descriptor old = scene.open();
    const Descriptor next = scene.open();
    put(old, "old\nlast");
    put(next, "next\n");
  }
  scene.io.run();  // which ends when nobody is left to be heard
  std::sort(scene.lines.begin(), scene.lines.end());
  CHECK(scene.lines == Lines{"last", "next", "old"});
}

TEST_CASE("a line without an end comes in pieces, none of which ends within a letter") {
  Scene scene;
  {
    const Descriptor end = scene.open();
    for (int i = 0; i < 30; ++i) {
      std::string letters;
      for (int n = 0; n < 1001; ++n) letters += "\u20ac";
      put(end, letters);
      scene.pipe.read_rest();
    }
  }
  scene.io.run();
  REQUIRE(scene.lines.size() == 2);
  CHECK(scene.lines[0].size() > 60'000);
  CHECK(scene.lines[0].size() % 3 == 0);
  CHECK(scene.lines[0].size() + scene.lines[1].size() == 3 * 30 * 1001);
}
