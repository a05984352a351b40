// What the agent says of all its services or checks, parsed a slice at a time: of thousands it takes tens of milliseconds, and between
// two slices the loop does what else there is to be done.
#pragma once

#include "base/json.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string>

namespace lictor {

// Calls `done` with the object that `text` is, or with a discarded value where it is none; at once where it is short, else from
// the executor, and not at all when nobody holds what `as_long_as` points to any more.
void parse_sliced(const boost::asio::any_io_executor& executor, std::weak_ptr<const void> as_long_as, std::string text,
                  std::function<void(Json)> done);

}  // namespace lictor
