// Runs a fuzz target over its corpus where there is no libFuzzer: every file, every beginning of it, and it with bytes
// changed, the same ones each time.
//
// fuzz_replay DIRECTORY: the target is the one of the directory's name. The first input that fails is left in the working
// directory as crash-NAME.
#include "fuzz.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

// Not there without a sanitizer.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

using std::chrono::steady_clock;

constexpr auto mutations_time = std::chrono::milliseconds(700);  // of all files together
constexpr std::size_t flips = 256;                               // of each file

std::string name, current;
fuzz::Target target = nullptr;

void keep_current() {
  const std::string path = "crash-" + name;
  std::ofstream(path, std::ios::binary) << current;
  std::fprintf(stderr, "the input is in %s\n", std::filesystem::absolute(path).c_str());
}

void run(std::string input) {
  current = std::move(input);
  // On the heap and of this size exactly, so that a byte read behind it is noticed.
  const std::vector<std::uint8_t> bytes(current.begin(), current.end());
  target(bytes.data(), bytes.size());
}

void mutate(const std::string& whole, steady_clock::time_point until) {
  const std::size_t stride = 1 + whole.size() / 512;
  for (std::size_t size = 0; size < whole.size() && steady_clock::now() < until; size += stride) {
    run(whole.substr(0, size));
  }
  std::minstd_rand random(1);
  for (std::size_t i = 0; !whole.empty() && i < flips && steady_clock::now() < until; ++i) {
    std::string changed = whole;
    changed[random() % changed.size()] = static_cast<char>(random());
    run(std::move(changed));
  }
}

}  // namespace

int main(int, char** argv) {
  const std::filesystem::path folder = argv[1];
  name = folder.filename();
  target = fuzz::targets().at(name);
  std::signal(SIGABRT, [](int) { keep_current(); });
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(keep_current);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  fuzz::expect(!files.empty(), "the corpus is not empty");

  std::vector<std::string> contents;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    contents.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    run(contents.back());
  }
  // Its equal share for each, so that none goes without.
  const auto share = mutations_time / contents.size();
  for (const std::string& content : contents) mutate(content, steady_clock::now() + share);
}
