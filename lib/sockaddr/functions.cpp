#include "sockaddr/functions.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace lictor::sockaddr_parts {
namespace {

using Arguments = std::vector<Argument>;
using Text = const std::string&;

Text text(const Argument& a) { return std::get<std::string>(a.value); }
const List& list(const Argument& a) { return *std::get<SharedList>(a.value); }
long number(const Argument& a) { return std::get<long>(a.value); }

template <class T>
Evaluated<Value> value_of(Evaluated<T> result) {
  if (!result) return result.error();
  if constexpr (std::is_same_v<T, List>) {
    return Value(std::make_shared<const List>(std::move(*result)));
  } else {
    return Value(std::move(*result));
  }
}

// ---- where addresses come from -------------------------------------------------------------------------------------------

// A step of a chain of them; the first that fails ends it.
template <class Next>
Evaluated<List> then(const Evaluated<List>& before, const Next& next) {
  return before ? next(*before) : before;
}

auto chosen(const char* selector, std::string parameter, bool include) {
  return [=](const List& in) { return select(selector, parameter, in, include); };
}

auto sorted(const char* clauses, const TemplateHost& host) {
  return [=, &host](const List& in) { return sort_by(clauses, in, default_interface(host)); };
}

Evaluated<List> default_interfaces(const TemplateHost& host) {
  const Interface* const routed = default_interface(host);
  if (routed == nullptr) return refused("no default route");
  return then(all_addresses(host), [&](const List& in) -> Evaluated<List> {
    List out;
    std::copy_if(in.begin(), in.end(), std::back_inserter(out),
                 [&](const auto& each) { return each.interface == routed; });
    return out;
  });
}

// Forwardable, on an interface that is up, and private or not; those of the default route's interface first.
Evaluated<List> routed_interfaces(const TemplateHost& host, bool privately) {
  const auto forwardable = then(all_addresses(host), chosen("flags", "forwardable", true));
  const auto up = then(forwardable, chosen("flags", "up", true));
  return then(then(up, sorted("default,type,size", host)), chosen("rfc", "6890", privately));
}

Evaluated<std::string> first_address(const Evaluated<List>& of) {
  if (!of) return of.error();
  return first_attribute("address", *of);
}

Evaluated<std::string> addresses(const Evaluated<List>& of) {
  if (!of) return of.error();
  return join_attributes("address", " ", *of);
}

// On any interface, whatever its state.
Evaluated<List> anywhere(const TemplateHost& host, bool privately) {
  const auto found = then(then(all_addresses(host), sorted("type,size", host)), chosen("rfc", "6890", privately));
  return privately ? then(found, chosen("rfc", std::to_string(forwarding_blacklist), false)) : found;
}

Evaluated<List> named(const TemplateHost& host, Text pattern, bool forwardable) {
  auto found = then(all_addresses(host), chosen("name", pattern, true));
  if (forwardable) found = then(found, chosen("flag", "forwardable", true));
  return then(found, sorted("type,size", host));
}

// ---- text/template's own -------------------------------------------------------------------------------------------------

Evaluated<bool> equal(const Value& a, const Value& b) {
  if (a.index() > 2 || b.index() > 2) return not_evaluated("a comparison of lists or interfaces");
  if (a.index() != b.index()) return refused("a comparison of two kinds of values");
  if (const auto* const flag = std::get_if<bool>(&a)) return *flag == std::get<bool>(b);
  if (const auto* const whole = std::get_if<long>(&a)) return *whole == std::get<long>(b);
  return std::get<std::string>(a) == std::get<std::string>(b);
}

Evaluated<bool> less(const Value& a, const Value& b) {
  if (a.index() > 2 || b.index() > 2) return not_evaluated("a comparison of lists or interfaces");
  if (a.index() != b.index() || a.index() == 0) return refused("a comparison of what has no order");
  if (const auto* const whole = std::get_if<long>(&a)) return *whole < std::get<long>(b);
  return std::get<std::string>(a) < std::get<std::string>(b);
}

Evaluated<bool> equal_to_any(const Arguments& a) {
  for (std::size_t i = 1; i < a.size(); ++i) {
    const auto same = equal(a[0].value, a[i].value);
    if (!same || *same) return same;
  }
  return false;
}

Evaluated<bool> inverted(Evaluated<bool> result) {
  if (result) *result = !*result;
  return result;
}

Evaluated<long> length(const Value& value) {
  if (const auto* const string = std::get_if<std::string>(&value)) return static_cast<long>(string->size());
  if (const auto* const all = std::get_if<SharedList>(&value)) return static_cast<long>((*all)->size());
  return refused("the length of what has none");
}

Evaluated<InterfaceIp> indexed(const List& all, long index) {
  if (index < 0 || static_cast<std::size_t>(index) >= all.size()) return refused("an index outside of the list");
  return element(all, static_cast<std::size_t>(index));
}

Evaluated<List> limited(const List& all, long count) {
  return part(all, 0, std::min(static_cast<std::size_t>(count), all.size()));
}

// From the end where it is negative.
Evaluated<List> offset(const List& all, long by) {
  const auto distance = static_cast<std::size_t>(by < 0 ? -by : by);
  if (distance > all.size()) return refused("an offset beyond the end of the list");
  const std::size_t first = by < 0 ? all.size() - distance : distance;
  return part(all, first, all.size() - first);
}

// Go puts a blank between two that are no texts; println puts one everywhere.
Evaluated<std::string> printed(const Arguments& a, bool line) {
  std::string out;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto each = written(a[i].value);
    if (!each) return each;
    const auto is_text = [&](std::size_t at) { return std::holds_alternative<std::string>(a[at].value); };
    if (i > 0 && (line || (!is_text(i) && !is_text(i - 1)))) out += ' ';
    out += *each;
  }
  return line ? out + '\n' : out;
}

// %s of texts, %d of numbers, %v of either, without any modifiers.
Evaluated<std::string> formatted(const Arguments& a) {
  const std::string& format = text(a[0]);
  std::string out;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    const char verb = ++i < format.size() ? format[i] : '\0';
    if (verb == '%') {
      out += '%';
      continue;
    }
    const Value* const value = next < a.size() ? &a[next].value : nullptr;
    ++next;
    const bool fits = value != nullptr &&
                      ((verb == 's' && value->index() == 2) || (verb == 'd' && value->index() == 1) || verb == 'v');
    if (!fits) return not_evaluated(std::string("%") + verb + " in printf");
    const auto each = written(*value);
    if (!each) return each;
    out += *each;
  }
  if (next != a.size()) return not_evaluated("printf with more values than places");
  return out;
}

// ---- the table -----------------------------------------------------------------------------------------------------------

using Call = Evaluated<Value> (*)(const Arguments&, const TemplateHost&);

struct Function {
  const char* name;
  const char*
      takes;  // s: text, u and i: number, L: list, a: anything; a last + repeats the one before, any number of times
  Call call;
};

constexpr Function functions[] = {
    {"GetAllInterfaces", "", [](const Arguments&, const TemplateHost& h) { return value_of(all_addresses(h)); }},
    {"GetDefaultInterfaces", "",
     [](const Arguments&, const TemplateHost& h) { return value_of(default_interfaces(h)); }},
    {"GetPrivateInterfaces", "",
     [](const Arguments&, const TemplateHost& h) { return value_of(routed_interfaces(h, true)); }},
    {"GetPublicInterfaces", "",
     [](const Arguments&, const TemplateHost& h) { return value_of(routed_interfaces(h, false)); }},
    {"GetPrivateIP", "",
     [](const Arguments&, const TemplateHost& h) { return value_of(first_address(routed_interfaces(h, true))); }},
    {"GetPublicIP", "",
     [](const Arguments&, const TemplateHost& h) { return value_of(first_address(routed_interfaces(h, false))); }},
    {"GetPrivateIPs", "",
     [](const Arguments&, const TemplateHost& h) { return value_of(addresses(anywhere(h, true))); }},
    {"GetPublicIPs", "",
     [](const Arguments&, const TemplateHost& h) { return value_of(addresses(anywhere(h, false))); }},
    {"GetInterfaceIP", "s",
     [](const Arguments& a, const TemplateHost& h) { return value_of(first_address(named(h, text(a[0]), true))); }},
    {"GetInterfaceIPs", "s",
     [](const Arguments& a, const TemplateHost& h) { return value_of(addresses(named(h, text(a[0]), false))); }},
    {"include", "ssL",
     [](const Arguments& a, const TemplateHost&) {
       return value_of(select(text(a[0]), text(a[1]), list(a[2]), true));
     }},
    {"exclude", "ssL",
     [](const Arguments& a, const TemplateHost&) {
       return value_of(select(text(a[0]), text(a[1]), list(a[2]), false));
     }},
    {"sort", "sL",
     [](const Arguments& a, const TemplateHost& h) {
       return value_of(sort_by(text(a[0]), list(a[1]), default_interface(h)));
     }},
    {"unique", "sL",
     [](const Arguments& a, const TemplateHost&) { return value_of(unique_by(text(a[0]), list(a[1]))); }},
    {"limit", "uL",
     [](const Arguments& a, const TemplateHost&) { return value_of(limited(list(a[1]), number(a[0]))); }},
    {"offset", "iL",
     [](const Arguments& a, const TemplateHost&) { return value_of(offset(list(a[1]), number(a[0]))); }},
    {"math", "ssL",
     [](const Arguments& a, const TemplateHost&) { return value_of(math(text(a[0]), text(a[1]), list(a[2]))); }},
    {"join", "ssL",
     [](const Arguments& a, const TemplateHost&) {
       return value_of(join_attributes(lower(text(a[0])), text(a[1]), list(a[2])));
     }},
    {"attr", "sa",
     [](const Arguments& a, const TemplateHost&) -> Evaluated<Value> {
       const std::string name = lower(text(a[0]));
       if (const auto* const one = std::get_if<InterfaceIp>(&a[1].value)) return value_of(attribute(name, *one));
       if (std::holds_alternative<SharedList>(a[1].value)) return value_of(first_attribute(name, list(a[1])));
       return refused("attr of what is no address");
     }},
    {"and", "aa+", nullptr},
    {"or", "aa+", nullptr},
    {"not", "a", [](const Arguments& a, const TemplateHost&) -> Evaluated<Value> { return Value(!truth(a[0].value)); }},
    {"len", "a", [](const Arguments& a, const TemplateHost&) { return value_of(length(a[0].value)); }},
    {"index", "Li",
     [](const Arguments& a, const TemplateHost&) { return value_of(indexed(list(a[0]), number(a[1]))); }},
    {"eq", "aaa+", [](const Arguments& a, const TemplateHost&) { return value_of(equal_to_any(a)); }},
    {"ne", "aa", [](const Arguments& a, const TemplateHost&) { return value_of(inverted(equal_to_any(a))); }},
    {"lt", "aa", [](const Arguments& a, const TemplateHost&) { return value_of(less(a[0].value, a[1].value)); }},
    {"ge", "aa",
     [](const Arguments& a, const TemplateHost&) { return value_of(inverted(less(a[0].value, a[1].value))); }},
    {"gt", "aa", [](const Arguments& a, const TemplateHost&) { return value_of(less(a[1].value, a[0].value)); }},
    {"le", "aa",
     [](const Arguments& a, const TemplateHost&) { return value_of(inverted(less(a[1].value, a[0].value))); }},
    {"print", "a+", [](const Arguments& a, const TemplateHost&) { return value_of(printed(a, false)); }},
    {"println", "a+", [](const Arguments& a, const TemplateHost&) { return value_of(printed(a, true)); }},
    {"printf", "sa+", [](const Arguments& a, const TemplateHost&) { return value_of(formatted(a)); }},
};

const Function* find(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(functions), std::end(functions), [&](const Function& f) { return name == f.name; });
  return found == std::end(functions) ? nullptr : found;
}

bool fits(char wanted, const Argument& a) {
  switch (wanted) {
    case 's':
      return std::holds_alternative<std::string>(a.value);
    case 'L':
      return std::holds_alternative<SharedList>(a.value);
    case 'i':
      return std::holds_alternative<long>(a.value);
    case 'u': {
      const auto* const number = std::get_if<long>(&a.value);
      return number != nullptr && a.literal && (*number == 0 || (*number > 0 && !a.plus));
    }
    default:
      return true;
  }
}

}  // namespace

bool known_function(std::string_view name) { return find(name) != nullptr; }

bool decides_early(std::string_view name) { return name == "and" || name == "or"; }

Evaluated<Value> call_function(const std::string& name, const Arguments& arguments, const TemplateHost& host) {
  const Function* const function = find(name);
  if (function == nullptr || function->call == nullptr) return not_evaluated("the function " + name);
  std::string_view takes = function->takes;
  const bool any_more = !takes.empty() && takes.back() == '+';
  if (any_more) takes.remove_suffix(2);
  if (arguments.size() < takes.size() || (!any_more && arguments.size() > takes.size())) {
    // The index of a text, or an index of nothing.
    if (name == "index") return not_evaluated("index with other than two values");
    return refused(name + " takes another number of values");
  }
  for (std::size_t i = 0; i < takes.size(); ++i) {
    if (fits(takes[i], arguments[i])) continue;
    if (name == "index") return not_evaluated("index of other than a list");
    return refused(name + " takes another kind of value");
  }
  return function->call(arguments, host);
}

bool truth(const Value& value) {
  if (const auto* const flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* const whole = std::get_if<long>(&value)) return *whole != 0;
  return std::holds_alternative<InterfaceIp>(value) || weight(value) > 0;
}

Evaluated<std::string> written(const Value& value) {
  if (const auto* const string = std::get_if<std::string>(&value)) return *string;
  if (const auto* const whole = std::get_if<long>(&value)) return std::to_string(*whole);
  if (const auto* const flag = std::get_if<bool>(&value)) return std::string(*flag ? "true" : "false");
  return not_evaluated("a list or an interface written as a whole");
}

std::size_t weight(const Value& value) {
  if (const auto* const string = std::get_if<std::string>(&value)) return string->size();
  if (const auto* const all = std::get_if<SharedList>(&value)) return (*all)->size();
  return 1;
}

}  // namespace lictor::sockaddr_parts
