#include "agent_config/agent_view.hpp"

#include "agent_config/agent_keys.hpp"
#include "agent_config/kept_definitions.hpp"
#include "base/text.hpp"
#include "secrets/secrets.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

namespace lictor {

namespace {

using hcl::Kind;
using hcl::Value;

bool is(std::string_view type, char simple) { return type.size() == 1 && type[0] == simple; }

bool is_list(Value value) { return value.kind() == Kind::list || value.kind() == Kind::blocks; }

// The element of a list of one.
std::optional<Value> only_element(Value value) {
  if (!is_list(value) || value.size() != 1) return std::nullopt;
  return *value.begin();
}

// What holds anything: in objects each list of one is its element, as far as that is looked through.
Json loosened(Value value) {
  if (is_list(value)) {
    Json list = Json::array();
    for (const Value element : value) list.push_back(loosened(element));
    return list;
  }
  if (value.kind() != Kind::object) return value.json();
  Json object = Json::object();
  for (const Value member : value) object[std::string(member.key())] = loosened(only_element(member).value_or(member));
  return object;
}

Json anything(Value value) {
  const auto element = only_element(value);
  return element ? loosened(*element) : value.json();
}
void take_anything(Value value, Json& into) { into = anything(value); }
void take_anything(Value value, Digest& into) { into = digest_of(anything(value)); }

void put(Json& object, std::string_view key, Json member) { object[std::string(key)] = std::move(member); }
void put(Digest& object, std::string_view key, const Digest& member) { object.put(key, member); }

// What is known of one spelling of a key, in an object of the configuration or of free keys.
struct Spelling {
  std::optional<AgentKey> key;
  bool secret = false;
};

// A file has the same few keys over and over, and the table of them takes long to go through.
class Spellings {
 public:
  Spelling of(std::string_view row, std::string_view spelt) {
    Slot& slot = slots_[place_of(row, spelt)];
    if (slot.row != row.data() || slot.spelt != spelt)
      slot = {row.data(), spelt, {agent_key(row, spelt), tells_of_secrets(spelt)}};
    return slot.spelling;
  }

 private:
  struct Slot {
    const char* row = nullptr;  // of the table of keys, whose rows' names stand each in one place
    std::string_view spelt = {};
    Spelling spelling = {};
  };
  std::array<Slot, 128> slots_;  // each for the last one that fell there

  static std::size_t place_of(std::string_view row, std::string_view spelt) {
    if (spelt.empty()) return 0;
    const auto byte = [spelt](std::size_t at) { return static_cast<unsigned char>(spelt[at]); };
    return (row.size() * 7 + spelt.size() * 31 + byte(0) * 5U + byte(spelt.size() / 2) * 3U + byte(spelt.size() - 1)) %
           128;
  }
};

// Where the decoder is. Only the places that are kept, and the faults, need it as a text.
struct Path {
  const Path* in = nullptr;  // nothing: the file
  std::string_view name = {};
  std::size_t index = 0;
  enum { member, named, element } how = member;  // in.NAME, in[NAME], in[INDEX]

  bool in_list() const { return how == element || (in != nullptr && in->in_list()); }
  std::string text() const {
    if (in == nullptr) return "";
    std::string all = in->text();
    if (how == member) return all += (all.empty() ? "" : ".") + std::string(name);
    return all += "[" + (how == named ? std::string(name) : std::to_string(index)) + "]";
  }
  Json alone() const {
    Json value = true;
    for (const Path* at = this; at->in != nullptr; at = at->in) {
      Json around = at->how == element ? Json::array() : Json::object();
      at->how == element ? around.push_back(std::move(value)) : void(around[std::string(at->name)] = std::move(value));
      value = std::move(around);
    }
    return value;
  }
};

class AgentDecoder {
 public:
  AgentDecoder(Places places, Definitions definitions) : places_(places), definitions_(definitions) {}

  AgentView decode(const hcl::Document& document) {
    if (document.root().kind() == Kind::object) object(document.root(), "config", {}, view_.tree);
    add_single("check", "checks");
    add_single("service", "services");
    if (definitions_ == Definitions::digests) let_definitions_go(view_.tree);
    return std::move(view_);
  }

 private:
  void fault(Value value, const Path& path, std::string what) {
    view_.faults.push_back({value.place(), path.text(), std::move(what)});
  }

  // `Out`: Json, or Digest where nothing else is to be kept.
  template <class Out>
  void object(Value value, std::string_view row, const Path& path, Out& into) {
    const auto faults = view_.faults.size(), unknown_keys = view_.unknown.size();
    into = Out::object();
    for (const Value member : value) {
      const std::string_view spelt = member.key();
      const auto [key, secret] = spellings_.of(row, spelt);
      if constexpr (std::is_same_v<Out, Digest>) {
        if (key && key->name != spelt) {
          // Of two spellings of one key the later counts.
          view_.faults.resize(faults);
          view_.unknown.resize(unknown_keys);
          Json whole;
          object(value, row, path, whole);
          into = digest_of(whole);
          return;
        }
      }
      const Path at{&path, key ? key->name : spelt};
      const bool second = key && key->name != spelt && has(value, key->name);
      if (!key || (second && lower(spelt) == key->name)) {
        if (forgiven(at.text())) continue;
        AgentFault told{member.place(), at.text(), "no key of the agent's configuration"};
        if (key) {
          view_.faults.push_back(std::move(told));
          continue;
        }
        told.alone = at.alone();
        view_.unknown.push_back(std::move(told));
        Out unknown;
        take_anything(member, unknown);
        put(into, spelt, std::move(unknown));
      } else if (!second && member.kind() != Kind::null) {
        Out decoded;
        if (!member_of(path, member, *key, at, decoded)) continue;
        put(into, key->name, std::move(decoded));
      }
      if constexpr (std::is_same_v<Out, Digest>) {
        if (secret) into.note_secrets();
      }
    }
  }

  bool member_of(const Path& object, Value member, const AgentKey& key, const Path& path, Json& into) {
    const bool many = holds_definitions(key.name), one = key.name == "service" || key.name == "check";
    if (definitions_ == Definitions::whole || object.in != nullptr || !(many || one))
      return shaped(member, key, path, into);
    return many ? kept_list(member, key.of, path, into) : kept_one(member, key, path, into);
  }
  bool member_of(const Path&, Value member, const AgentKey& key, const Path& path, Digest& into) {
    return shaped(member, key, path, into);
  }

  bool kept_list(Value value, std::string_view of, const Path& path, Json& into) {
    if (!is_list(value)) return not_this(value, value, path, "a list");
    keep<Json>(path, value);
    KeptDefinitions kept;
    std::size_t good = 0;
    for (const Value element : value) {
      const Path at{&path, {}, good, Path::element};
      const auto decode = [&](auto& out) { return in_container(element, of, at, out); };
      good += kept_definition(decode, kept) ? 1 : 0;
    }
    into = kept.json();
    return true;
  }

  bool kept_one(Value value, const AgentKey& key, const Path& path, Json& into) {
    KeptDefinitions kept;
    const auto decode = [&](auto& out) { return shaped(value, key, path, out); };
    if (!kept_definition(decode, kept)) return false;
    keep<Json>(path, value);
    into = kept.json();
    return true;
  }

  // What may hold secrets is decoded once more, to see them.
  template <class Decode>
  bool kept_definition(const Decode& decode, KeptDefinitions& kept) {
    in_kept_ = true;
    Digest digest;
    const bool good = decode(digest);
    if (good) kept.add(digest, digest.may_hold_secrets() ? secrets_of(decode) : std::vector<std::string>());
    in_kept_ = false;
    return good;
  }

  template <class Decode>
  std::vector<std::string> secrets_of(const Decode& decode) {
    const auto faults = view_.faults.size(), unknown = view_.unknown.size();
    Json whole;
    decode(whole);
    view_.faults.resize(faults);
    view_.unknown.resize(unknown);
    return secrets_in(whole);
  }

  static bool has(Value object, std::string_view key) {
    for (const Value member : object) {
      if (member.key() == key) return true;
    }
    return false;
  }
  static bool forgiven(std::string_view path) {
    return path == "acl_enforce_version_8" || (path.starts_with("audit.sink[") && path.ends_with("].name"));
  }
  template <class Out>
  bool shaped(Value value, const AgentKey& key, const Path& path, Out& into) {
    switch (key.shape) {
      case AgentKey::Shape::list:
        return list(value, key.of, path, into);
      case AgentKey::Shape::map:
        return map(value, key.of, path, into);
      case AgentKey::Shape::one:
        // A pointer there, which is gone through like a list of one more.
        return single(only_element(value).value_or(value), value, key.of, path, into);
      default:
        return single(value, value, key.of, path, into);
    }
  }

  // A text, flag, number or object. `stands` has its place.
  template <class Out>
  bool single(Value value, Value stands, std::string_view type, const Path& path, Out& into) {
    if (is(type, 'T')) return list(value, "t", path, into);
    if (is(type, '*')) {
      take_anything(value, into);
      keep<Out>(path, stands);
      return true;
    }
    value = only_element(value).value_or(value);
    if (type.size() > 1) {
      if (value.kind() != Kind::object) return not_this(value, stands, path, "an object");
      keep<Out>(path, stands);
      object(value, type, path, into);
      return true;
    }
    if (!scalar(value, stands, type[0], path, into)) return false;
    keep<Out>(path, stands);
    return true;
  }

  bool not_this(Value value, Value stands, const Path& path, const char* wanted) {
    const bool twice = value.kind() == Kind::blocks && value.size() > 1;
    fault(stands, path, twice ? "a block that stands twice, where there can be one" : std::string("not ") + wanted);
    return false;
  }

  template <class Out>
  bool scalar(Value value, Value stands, char type, const Path& path, Out& into) {
    const bool number = value.kind() == Kind::integer || value.kind() == Kind::real;
    if (type == 't') {
      if (value.kind() != Kind::text) return not_this(value, stands, path, "a text");
      into = Out(value.text());
    } else if (type == 'f') {
      if (value.kind() != Kind::boolean) return not_this(value, stands, path, "true or false");
      into = Out(value.boolean());
    } else if (!number) {
      return not_this(value, stands, path, "a number");
    } else if (type == 'r') {
      into = Out(value.kind() == Kind::integer ? static_cast<double>(value.integer()) : value.real());
    } else {
      const std::int64_t whole = value.kind() == Kind::integer ? value.integer() : whole_part(value.real());
      const bool negative = value.kind() == Kind::integer ? whole < 0 : value.real() < 0;
      if (type == 'u' && negative) return not_this(value, stands, path, "a number from 0");
      into = Out(whole);
    }
    return true;
  }

  static std::int64_t whole_part(double real) {
    constexpr double limit = 9223372036854775808.0;
    if (real >= limit || real < -limit) return std::numeric_limits<std::int64_t>::min();
    return static_cast<std::int64_t>(std::trunc(real));
  }

  template <class Out>
  bool list(Value value, std::string_view of, const Path& path, Out& into) {
    if (!is_list(value)) return not_this(value, value, path, "a list");
    into = Out::array();
    keep<Out>(path, value);
    for (const Value element : value) {
      Out decoded;
      const Path at{&path, {}, into.size(), Path::element};
      const bool good = is(of, '*') ? map(element, of, at, decoded) : in_container(element, of, at, decoded);
      if (good) into.push_back(std::move(decoded));
    }
    return true;
  }

  template <class Out>
  bool in_container(Value value, std::string_view of, const Path& path, Out& into) {
    if (value.kind() != Kind::null) return single(value, value, of, path, into);
    // As Go begins one.
    if (!is(of, '*')) into = is(of, 't') ? Out(std::string_view()) : is(of, 'T') ? Out::array() : Out::object();
    return true;
  }

  template <class Out>
  bool map(Value value, std::string_view of, const Path& path, Out& into) {
    const Value whole = only_element(value).value_or(value);
    if (whole.kind() != Kind::object) return not_this(whole, value, path, "an object");
    into = Out::object();
    keep<Out>(path, value);
    for (const Value member : whole) {
      // Of audit.sink, as the agent writes it, or of node_meta, as people do.
      const Path at{&path, member.key(), 0, of.size() > 1 ? Path::named : Path::member};
      Out decoded;
      if (!in_container(member, of, at, decoded)) continue;
      put(into, member.key(), std::move(decoded));
      if constexpr (std::is_same_v<Out, Digest>) {
        if (spellings_.of("", member.key()).secret) into.note_secrets();
      }
    }
    return true;
  }

  template <class Out>
  void keep(const Path& path, Value value) {
    if constexpr (std::is_same_v<Out, Json>) {
      if (!in_kept_ && (places_ == Places::all || !path.in_list())) view_.places[path.text()] = value.place();
    }
  }

  // What stands alone goes to the end of its list.
  void add_single(const std::string& alone, const std::string& list) {
    const auto single = view_.tree.find(alone);
    if (single == view_.tree.end()) return;
    Json& all = view_.tree[list];
    if (!all.is_array()) {
      all = Json::array();
      view_.places[list] = view_.places[alone];
    }
    const std::string to = list + "[" + std::to_string(all.size()) + "]";
    for (auto at = view_.places.lower_bound(alone); at != view_.places.end() && at->first.starts_with(alone);) {
      const std::string rest = at->first.substr(alone.size());
      if (!rest.empty() && rest[0] != '.') {
        ++at;
        continue;
      }
      view_.places[to + rest] = at->second;
      at = view_.places.erase(at);
    }
    if (definitions_ == Definitions::whole) {
      all.push_back(std::move(view_.tree[alone]));
    } else {
      for (Json& kept : view_.tree[alone]) all.push_back(std::move(kept));
    }
    view_.tree.erase(alone);
  }

  Places places_;
  Definitions definitions_;
  AgentView view_;
  Spellings spellings_;
  bool in_kept_ = false;  // in a definition of which nothing is kept
};

}  // namespace

AgentView agent_view(const hcl::Document& document, Places places, Definitions definitions) {
  return AgentDecoder(places, definitions).decode(document);
}

}  // namespace lictor
