// The host's addresses (life/address.hpp). Law: steady.
#include "walk.hpp"

namespace lictor::walk {

using std::chrono::seconds;

// It goes, it comes back, or another one would do, or another one still.
void Walk::host_changes() {
  static const char* const others[] = {"10.0.0.7", "10.0.0.8", ""};
  there_ = mostly(50);
  if (!there_ && seldom(60)) other_ = others[among(3)];
  tell(HostChanged{}, "host changed");
}

void Walk::respond(const ReadAddress&) {
  if (seldom(5)) {
    tell(AddressRead{AddressState::unknown, "no answer"}, "address not read");
    return hold(
        life_.address.read_at || life_.address.reading.running || stop_at_ || seen().stop() || seen().giving_up(),
        "awake", "nobody looks at the addresses again");
  }
  if (there_) read_there_ = now_;
  const AddressState state = there_ ? AddressState::same : other_.empty() ? AddressState::gone : AddressState::other;
  tell(AddressRead{state, other_}, "address read");
}

void Walk::take(const ReadAddress& e) { owe(e, seconds(1)); }

// The node is about to move, for no other reason than that.
void Walk::hold_steady() const {
  hold(now_ - read_there_ >= in_force_.rules.bind_settle, "steady", "the node moves before bind.settle is over");
}

}  // namespace lictor::walk
