// sort, and what a place in the order is asked of.
//
// Go's sort keeps no order among equals. Up to 12 elements it inserts one after another, and before Go 1.19 it looked once at
// pairs six apart first; beyond that, only an order without equals is the same for every Go.
#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "sockaddr/address_list.hpp"

namespace lictor::sockaddr_parts {
namespace {

enum class By { address, routed, name, port, privately, size, type };

struct Key {
  By by;
  bool descending = false;
};

Evaluated<std::vector<Key>> parse_keys(const std::string& clauses) {
  constexpr std::pair<const char*, By> names[] = {
      {"address", By::address},   {"default", By::routed}, {"name", By::name}, {"port", By::port},
      {"private", By::privately}, {"size", By::size},      {"type", By::type}};
  std::vector<Key> keys;
  std::string_view rest = clauses;
  for (;;) {
    const auto comma = rest.find(',');
    const std::string clause = lower(trim(rest.substr(0, comma)));
    const bool sign = !clause.empty() && (clause[0] == '+' || clause[0] == '-');
    const auto* const found = std::find_if(std::begin(names), std::end(names),
                                           [&](const auto& each) { return clause.substr(sign ? 1 : 0) == each.first; });
    if (found == std::end(names)) return refused("\"" + clause + "\" sorts nothing");
    keys.push_back({found->second, clause[0] == '-'});
    if (comma == std::string_view::npos) return keys;
    rest.remove_prefix(comma + 1);
  }
}

template <class T>
int compare(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

class Order {
 public:
  Order(std::vector<Key> keys, const Interface* routed) : keys_(std::move(keys)), routed_(routed) {
    if (const auto networks = networks_of_rfc(6890)) private_ = *networks;
  }

  bool less(const InterfaceIp& a, const InterfaceIp& b) const {
    for (const Key& key : keys_) {
      const int c = by(key.by, a, b);
      if (c != 0) return key.descending ? c > 0 : c < 0;
    }
    return false;
  }

  bool equal(const InterfaceIp& a, const InterfaceIp& b) const { return !less(a, b) && !less(b, a); }

  // Two families can't be compared by these, which makes an order only where the families are told apart before.
  bool total(const List& list) const {
    const auto other = [&](const InterfaceIp& each) { return each.ip.ipv6 != list.front().ip.ipv6; };
    if (std::none_of(list.begin(), list.end(), other)) return true;
    for (const Key& key : keys_) {
      if (key.by == By::type) return true;
      if (key.by == By::address || key.by == By::size || key.by == By::privately) return false;
    }
    return true;
  }

 private:
  bool is_private(const Ip& ip) const {
    return std::any_of(private_.begin(), private_.end(), [&](const Ip& network) { return contains(network, ip); });
  }

  int by(By what, const InterfaceIp& a, const InterfaceIp& b) const {
    const bool families = a.ip.ipv6 != b.ip.ipv6;
    switch (what) {
      case By::address:
        return families ? 0 : compare(a.ip.value, b.ip.value);
      case By::routed:
        return routed_ == nullptr ? 0 : compare(b.interface == routed_, a.interface == routed_);
      case By::name:
        return compare(a.interface->name, b.interface->name);
      case By::port:
        return 0;
      case By::privately:
        if (families) return is_private(a.ip) ? -1 : 0;
        return compare(is_private(b.ip), is_private(a.ip));
      case By::size:
        return families ? 0 : compare(a.ip.prefix, b.ip.prefix);
      case By::type:
        return compare(a.ip.ipv6, b.ip.ipv6);
    }
    return 0;
  }

  std::vector<Key> keys_;
  const Interface* routed_;
  std::vector<Ip> private_;
};

constexpr std::size_t few = 12;
constexpr std::size_t apart = 6;

void insert_in_turn(List& list, const Order& order) {
  for (std::size_t i = 1; i < list.size(); ++i) {
    for (std::size_t j = i; j > 0 && order.less(list[j], list[j - 1]); --j) std::swap(list[j], list[j - 1]);
  }
}

// What every Go makes of a short list, if they agree.
std::optional<List> short_sort(const List& list, const Order& order) {
  List now = list;
  insert_in_turn(now, order);
  List before = list;
  for (std::size_t i = apart; i < before.size(); ++i) {
    if (order.less(before[i], before[i - apart])) std::swap(before[i], before[i - apart]);
  }
  insert_in_turn(before, order);
  const auto same = [](const InterfaceIp& a, const InterfaceIp& b) { return a.same(b); };
  if (!std::equal(now.begin(), now.end(), before.begin(), same)) return std::nullopt;
  return now;
}

// Numbers the neighbours whose order is open: all equals, or of those only what was open before.
void number_equals(List& list, const Order& order, bool all) {
  int last = 0;
  int before = 0;  // what the one before was numbered when it came in
  for (std::size_t i = 0; i < list.size(); ++i) {
    const int mine = list[i].equals;
    list[i].equals = 0;
    const bool open = i > 0 && (all || (mine != 0 && mine == before)) && order.equal(list[i - 1], list[i]);
    before = mine;
    if (!open) continue;
    if (list[i - 1].equals == 0) list[i - 1].equals = ++last;
    list[i].equals = list[i - 1].equals;
  }
}

// Whether the order of the two neighbours is open, and can be seen.
bool open_between(const List& list, std::size_t second) {
  const InterfaceIp& a = list[second - 1];
  const InterfaceIp& b = list[second];
  return a.equals != 0 && a.equals == b.equals && !a.same(b);
}

Failure depends() { return not_evaluated("an order among equals that depends on how the agent was built"); }

}  // namespace

Evaluated<List> sort_by(const std::string& clauses, List list, const Interface* routed) {
  auto keys = parse_keys(clauses);
  if (!keys) return keys.error();
  const Order order(std::move(*keys), routed);
  const bool total = list.empty() || order.total(list);
  if (list.size() <= few && (total || settled(list))) {
    if (auto sorted = short_sort(list, order)) {
      number_equals(*sorted, order, false);
      return std::move(*sorted);
    }
  }
  if (!total) return depends();
  std::stable_sort(list.begin(), list.end(), [&](const auto& a, const auto& b) { return order.less(a, b); });
  number_equals(list, order, true);
  return list;
}

Evaluated<List> unique_by(const std::string& selector, const List& list) {
  const std::string by = lower(selector);
  List out;
  std::string last;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (by != "address" && by != "name") return refused("\"" + selector + "\" makes nothing unique");
    const std::string mine = by == "name" ? list[i].interface->name : whole_text(list[i].ip);
    if (i > 0 && open_between(list, i)) return depends();
    if (mine != last) out.push_back(list[i]);
    last = mine;
  }
  return out;
}

Evaluated<List> part(const List& list, std::size_t first, std::size_t count) {
  const std::size_t end = first + count;
  const bool cut = (first > 0 && first < list.size() && open_between(list, first)) ||
                   (end > 0 && end < list.size() && open_between(list, end));
  if (cut && count > 0) return depends();
  const auto from = list.begin() + static_cast<std::ptrdiff_t>(first);
  return List(from, from + static_cast<std::ptrdiff_t>(count));
}

Evaluated<InterfaceIp> element(const List& list, std::size_t index) {
  const auto one = part(list, index, 1);
  if (!one) return one.error();
  return one->front();
}

bool settled(const List& list) {
  for (std::size_t i = 1; i < list.size(); ++i) {
    if (open_between(list, i)) return false;
  }
  return true;
}

Evaluated<std::string> first_attribute(const std::string& name, const List& list) {
  if (list.empty()) return std::string();
  const auto first = attribute(name, list.front());
  for (std::size_t i = 1; first && i < list.size() && list[i].equals != 0 && list[i].equals == list[0].equals; ++i) {
    const auto other = attribute(name, list[i]);
    if (!other || *other != *first) return depends();
  }
  return first;
}

Evaluated<std::string> join_attributes(const std::string& name, const std::string& separator, const List& list) {
  std::string out;
  std::string last;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto mine = attribute(name, list[i]);
    if (!mine) return mine.error();
    if (i > 0 && *mine != last && open_between(list, i)) return depends();
    out += (i > 0 ? separator : "") + *mine;
    last = *mine;
  }
  return out;
}

}  // namespace lictor::sockaddr_parts
