// Catch2, whichever of the two versions the distribution has.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
// It was renamed.
inline auto Contains(const std::string& part) { return Catch::Matchers::ContainsSubstring(part); }
#else
#include <catch2/catch.hpp>
using Catch::Matchers::Contains;
#endif

#include <string>

// For what Contains() can't say: in conditions, and in the negative.
inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
