#include "agent_config/agent_view.hpp"

#include "agent_config/agent_keys.hpp"
#include "base/text.hpp"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace lictor {

namespace {

using hcl::Kind;
using hcl::Value;

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
};

class AgentDecoder {
 public:
  explicit AgentDecoder(Places places) : places_(places) {}

  AgentView decode(const hcl::Document& document) {
    if (document.root().kind() == Kind::object) object(document.root(), "config", {}, view_.tree);
    add_single("check", "checks");
    add_single("service", "services");
    return std::move(view_);
  }

 private:
  void fault(Value value, const Path& path, std::string what) {
    view_.faults.push_back({value.place(), path.text(), std::move(what)});
  }

  // agent_key, which goes through its table: a file has the same few keys over and over.
  const std::optional<AgentKey>& key_of(std::string_view row, std::string_view spelt) {
    const std::pair key(row.data(), spelt);
    const auto known = keys_.find(key);
    return known != keys_.end() ? known->second : keys_.emplace(key, agent_key(row, spelt)).first->second;
  }

  void object(Value value, std::string_view row, const Path& path, Json& into) {
    into = Json::object();
    for (const Value member : value) {
      const std::string_view spelt = member.key();
      const auto& key = key_of(row, spelt);
      const Path at{&path, key ? key->name : spelt};
      const bool second = key && key->name != spelt && has(value, key->name);
      if (!key || (second && lower(spelt) == key->name)) {
        if (forgiven(at.text())) continue;
        auto& told = key ? view_.faults : view_.unknown;
        told.push_back({member.place(), at.text(), "no key of the agent's configuration"});
        if (!key) into[std::string(spelt)] = anything(member);
        continue;
      }
      if (second || member.kind() == Kind::null) continue;
      Json decoded;
      if (shaped(member, *key, at, decoded)) into[std::string(key->name)] = std::move(decoded);
    }
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
  bool shaped(Value value, const AgentKey& key, const Path& path, Json& into) {
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
  bool single(Value value, Value stands, std::string_view type, const Path& path, Json& into) {
    if (type == "T") return list(value, "t", path, into);
    if (type == "*") {
      into = anything(value);
      keep(path, stands);
      return true;
    }
    value = only_element(value).value_or(value);
    if (type.size() > 1) {
      if (value.kind() != Kind::object) return not_this(value, stands, path, "an object");
      keep(path, stands);
      object(value, type, path, into);
      return true;
    }
    if (!scalar(value, stands, type[0], path, into)) return false;
    keep(path, stands);
    return true;
  }

  bool not_this(Value value, Value stands, const Path& path, const char* wanted) {
    const bool twice = value.kind() == Kind::blocks && value.size() > 1;
    fault(stands, path, twice ? "a block that stands twice, where there can be one" : std::string("not ") + wanted);
    return false;
  }

  bool scalar(Value value, Value stands, char type, const Path& path, Json& into) {
    const bool number = value.kind() == Kind::integer || value.kind() == Kind::real;
    if (type == 't') {
      if (value.kind() != Kind::text) return not_this(value, stands, path, "a text");
      into = std::string(value.text());
    } else if (type == 'f') {
      if (value.kind() != Kind::boolean) return not_this(value, stands, path, "true or false");
      into = value.boolean();
    } else if (!number) {
      return not_this(value, stands, path, "a number");
    } else if (type == 'r') {
      into = value.kind() == Kind::integer ? static_cast<double>(value.integer()) : value.real();
    } else {
      const std::int64_t whole = value.kind() == Kind::integer ? value.integer() : whole_part(value.real());
      const bool negative = value.kind() == Kind::integer ? whole < 0 : value.real() < 0;
      if (type == 'u' && negative) return not_this(value, stands, path, "a number from 0");
      into = whole;
    }
    return true;
  }

  static std::int64_t whole_part(double real) {
    constexpr double limit = 9223372036854775808.0;
    if (real >= limit || real < -limit) return std::numeric_limits<std::int64_t>::min();
    return static_cast<std::int64_t>(std::trunc(real));
  }

  bool list(Value value, std::string_view of, const Path& path, Json& into) {
    if (!is_list(value)) return not_this(value, value, path, "a list");
    into = Json::array();
    keep(path, value);
    for (const Value element : value) {
      Json decoded;
      const Path at{&path, {}, into.size(), Path::element};
      const bool good = of == "*" ? map(element, of, at, decoded) : in_container(element, of, at, decoded);
      if (good) into.push_back(std::move(decoded));
    }
    return true;
  }

  bool in_container(Value value, std::string_view of, const Path& path, Json& into) {
    if (value.kind() != Kind::null) return single(value, value, of, path, into);
    // As Go begins one.
    if (of != "*") into = of == "t" ? Json("") : of == "T" ? Json::array() : Json::object();
    return true;
  }

  bool map(Value value, std::string_view of, const Path& path, Json& into) {
    const Value whole = only_element(value).value_or(value);
    if (whole.kind() != Kind::object) return not_this(whole, value, path, "an object");
    into = Json::object();
    keep(path, value);
    for (const Value member : whole) {
      // Of audit.sink, as the agent writes it, or of node_meta, as people do.
      const Path at{&path, member.key(), 0, of.size() > 1 ? Path::named : Path::member};
      Json decoded;
      if (in_container(member, of, at, decoded)) into[std::string(member.key())] = std::move(decoded);
    }
    return true;
  }

  void keep(const Path& path, Value value) {
    if (places_ == Places::all || !path.in_list()) view_.places[path.text()] = value.place();
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
    all.push_back(*view_.tree.find(alone));
    view_.tree.erase(alone);
  }

  Places places_;
  AgentView view_;
  std::map<std::pair<const char*, std::string_view>, std::optional<AgentKey>>
      keys_;  // by the row of the table, and the key
};

}  // namespace

AgentView agent_view(const hcl::Document& document, Places places) { return AgentDecoder(places).decode(document); }

}  // namespace lictor
