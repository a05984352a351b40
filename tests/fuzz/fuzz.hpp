// What the fuzz targets share. Each target is one function over bytes that were never meant to be kind: libFuzzer calls it
// in `./dev fuzz`, where each is a program; replay.cpp in `./dev test`, where all are one. An exception that leaves it, a
// sanitizer's finding and a broken law all count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// FUZZ_TARGET(name) { ... return 0; }: a target over `data` and `size`, named as its file and its corpus are.
#ifdef LICTOR_FUZZ_SEARCH
#define FUZZ_TARGET(name) extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
#else
#define FUZZ_TARGET(name)                                                                               \
  static int fuzz_##name(const std::uint8_t* data, std::size_t size);                                   \
  [[maybe_unused]] static const bool known_##name = fuzz::targets().emplace(#name, fuzz_##name).second; \
  static int fuzz_##name(const std::uint8_t* data, std::size_t size)
#endif

namespace fuzz {

using Target = int (*)(const std::uint8_t* data, std::size_t size);

// All of this program, by name.
inline std::map<std::string, Target, std::less<>>& targets() {
  static std::map<std::string, Target, std::less<>> all;
  return all;
}

inline void expect(bool holds, const char* law) {
  if (holds) return;
  std::fprintf(stderr, "broken law: %s\n", law);
  std::abort();
}

inline std::string text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// An input that stands for several texts holds them one after the other, with lines of "---" between.
inline std::vector<std::string> parts(std::string_view input) {
  constexpr std::string_view divider = "\n---\n";
  std::vector<std::string> out;
  for (;;) {
    const auto at = input.find(divider);
    out.emplace_back(input.substr(0, at));
    if (at == std::string_view::npos) return out;
    input.remove_prefix(at + divider.size());
  }
}

// The part, or nothing where the input has too few.
inline std::optional<std::string> part(const std::vector<std::string>& all, std::size_t index) {
  return index < all.size() ? std::optional(all[index]) : std::nullopt;
}

}  // namespace fuzz
