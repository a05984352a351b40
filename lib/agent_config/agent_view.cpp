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

class AgentDecoder {
 public:
  explicit AgentDecoder(Definitions definitions) : definitions_(definitions) {}

  AgentView decode(const hcl::Document& document) {
    if (document.root().kind() == Kind::object) object(document.root(), "config", "", view_.tree);
    add_single("check", "checks");
    add_single("service", "services");
    return std::move(view_);
  }

 private:
  void fault(Value value, const std::string& path, std::string what) {
    view_.faults.push_back({value.place(), path, std::move(what)});
  }

  void object(Value value, std::string_view row, const std::string& path, Json& into) {
    into = Json::object();
    for (const Value member : value) {
      const std::string spelt(member.key());
      const auto key = agent_key(row, spelt);
      const std::string at = path + (path.empty() ? "" : ".") + (key ? std::string(key->name) : spelt);
      const bool second = key && key->name != spelt && has(value, key->name);
      if (!key || (second && lower(spelt) == key->name)) {
        if (!forgiven(at)) fault(member, at, "no key of the agent's configuration");
        continue;
      }
      if (second || member.kind() == Kind::null) continue;
      Json decoded;
      if (keyed(member, *key, at, decoded)) into[std::string(key->name)] = std::move(decoded);
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
  bool left_out(std::string_view path) const {
    return definitions_ == Definitions::left_out &&
           (path == "service" || path == "services" || path == "check" || path == "checks" || path == "watches" ||
            path == "config_entries.bootstrap");
  }

  // False: there is nothing to be kept.
  bool keyed(Value value, const AgentKey& key, const std::string& path, Json& into) {
    const bool left = left_out(path);
    const bool kept = silent_ || left;
    const bool was = std::exchange(silent_, kept);
    const bool good = shaped(value, key, path, into);
    silent_ = was;
    return good && !left;
  }

  bool shaped(Value value, const AgentKey& key, const std::string& path, Json& into) {
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
  bool single(Value value, Value stands, std::string_view type, const std::string& path, Json& into) {
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

  bool not_this(Value value, Value stands, const std::string& path, const char* wanted) {
    const bool twice = value.kind() == Kind::blocks && value.size() > 1;
    fault(stands, path, twice ? "a block that stands twice, where there can be one" : std::string("not ") + wanted);
    return false;
  }

  bool scalar(Value value, Value stands, char type, const std::string& path, Json& into) {
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

  bool list(Value value, std::string_view of, const std::string& path, Json& into) {
    if (!is_list(value)) return not_this(value, value, path, "a list");
    into = Json::array();
    keep(path, value);
    for (const Value element : value) {
      Json decoded;
      const std::string at = path + "[" + std::to_string(into.size()) + "]";
      const bool good = of == "*" ? map(element, of, at, decoded) : in_container(element, of, at, decoded);
      if (good) into.push_back(std::move(decoded));
    }
    return true;
  }

  bool in_container(Value value, std::string_view of, const std::string& path, Json& into) {
    if (value.kind() != Kind::null) return single(value, value, of, path, into);
    // As Go begins one.
    if (of != "*") into = of == "t" ? Json("") : of == "T" ? Json::array() : Json::object();
    return true;
  }

  bool map(Value value, std::string_view of, const std::string& path, Json& into) {
    const Value whole = only_element(value).value_or(value);
    if (whole.kind() != Kind::object) return not_this(whole, value, path, "an object");
    into = Json::object();
    keep(path, value);
    for (const Value member : whole) {
      // Of audit.sink, as the agent writes it, or of node_meta, as people do.
      const std::string at =
          of.size() > 1 ? path + "[" + std::string(member.key()) + "]" : path + "." + std::string(member.key());
      Json decoded;
      if (in_container(member, of, at, decoded)) into[std::string(member.key())] = std::move(decoded);
    }
    return true;
  }

  void keep(const std::string& path, Value value) {
    if (!silent_) view_.places[path] = value.place();
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

  Definitions definitions_;
  AgentView view_;
  bool silent_ = false;  // within what is left out
};

}  // namespace

AgentView agent_view(const hcl::Document& document, Definitions definitions) {
  return AgentDecoder(definitions).decode(document);
}

namespace {

class Merger {
 public:
  Merger(MergedConfig& into, const AgentView& from, const std::string& source)
      : into_(into), from_(from), source_(source) {}

  void object(Json& into, Json& from, std::string_view row, const std::string& path) {
    if (!into.is_object()) into = Json::object();
    for (auto& [name, value] : from.items()) {
      const auto key = agent_key(row, name);
      const std::string at = path + (path.empty() ? "" : ".") + name;
      if (!key) continue;
      switch (key->shape) {
        case AgentKey::Shape::object:
          origin(at, at);
          object(into[name], value, key->of, at);
          break;
        case AgentKey::Shape::list:
          list(into[name], value, at);
          break;
        case AgentKey::Shape::map:
          map(into[name], value, at, key->of.size() > 1);
          break;
        default:
          forget(at);
          move_all(at, at);
          into[name] = std::move(value);
      }
    }
  }

 private:
  void list(Json& into, Json& from, const std::string& path) {
    if (!into.is_array()) into = Json::array();
    if (into.empty()) origin(path, path);
    for (std::size_t i = 0; i < from.size(); ++i) {
      move_all(path + "[" + std::to_string(i) + "]", path + "[" + std::to_string(into.size()) + "]");
      into.push_back(std::move(from[i]));
    }
  }

  void map(Json& into, Json& from, const std::string& path, bool of_objects) {
    if (!into.is_object()) into = Json::object();
    origin(path, path);
    for (auto& [name, value] : from.items()) {
      const std::string at = of_objects ? path + "[" + name + "]" : path + "." + name;
      forget(at);
      move_all(at, at);
      into[name] = std::move(value);
    }
  }

  void origin(const std::string& from, const std::string& to) {
    const auto at = from_.places.find(from);
    if (at != from_.places.end()) into_.origins[to] = {source_, at->second};
  }

  // Whether `path` is that value or lies in it.
  static bool within(std::string_view path, std::string_view value) {
    return path.starts_with(value) &&
           (path.size() == value.size() || path[value.size()] == '.' || path[value.size()] == '[');
  }
  void move_all(const std::string& from, const std::string& to) {
    for (auto at = from_.places.lower_bound(from); at != from_.places.end() && at->first.starts_with(from); ++at) {
      if (within(at->first, from)) into_.origins[to + at->first.substr(from.size())] = {source_, at->second};
    }
  }
  void forget(const std::string& value) {
    for (auto at = into_.origins.lower_bound(value); at != into_.origins.end() && at->first.starts_with(value);)
      at = within(at->first, value) ? into_.origins.erase(at) : std::next(at);
  }

  MergedConfig& into_;
  const AgentView& from_;
  const std::string& source_;
};

}  // namespace

void MergedConfig::add(AgentView view, const std::string& source) {
  Merger(*this, view, source).object(tree, view.tree, "config", "");
}

}  // namespace lictor
