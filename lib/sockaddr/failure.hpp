// How evaluation ends early, between the parts of this subject.
#pragma once

#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace lictor::sockaddr_parts {

struct Failure {
  // No aggregate: a result would take a text or a truth value for one.
  Failure() = default;
  Failure(bool by_the_library, std::string reason) : refused(by_the_library), why(std::move(reason)) {}
  bool refused = false;  // by the library itself; else it is only this evaluation that can't tell
  std::string why;
};

inline Failure refused(std::string why) { return {true, std::move(why)}; }
inline Failure not_evaluated(std::string why) { return {false, std::move(why)}; }

template <class T>
using Evaluated = boost::system::result<T, Failure>;

// boost::system::result calls this when .value() is asked of a failed result: a programmer's error.
[[noreturn]] inline void throw_exception_from_error(const Failure& failure, const boost::source_location&) {
  throw std::logic_error("unchecked: " + failure.why);
}

}  // namespace lictor::sockaddr_parts
