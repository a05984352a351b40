// Problems are collected, so that all are told at once.
#pragma once

#include "base/problem.hpp"

namespace lictor {

// Whether there is a result; else its problems are added to `problems`.
template <class T>
bool got(const Result<T>& result, Problems& problems) {
  if (!result) problems.push_back(result.error());
  return result.has_value();
}
template <class T>
bool got(const ResultAll<T>& result, Problems& problems) {
  if (!result) {
    const Problems found = result.error();
    problems.insert(problems.end(), found.begin(), found.end());
  }
  return result.has_value();
}

}  // namespace lictor
