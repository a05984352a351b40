// Why nothing could be known: for a verdict's evidence.
#pragma once

#include <boost/system/result.hpp>

#include <string>

namespace lictor::kubernetes {

struct Fault {
  std::string why;
};

template <class T>
using OrFault = boost::system::result<T, Fault>;

}  // namespace lictor::kubernetes
