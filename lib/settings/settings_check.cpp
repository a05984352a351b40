#include "settings/settings_check.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "network/address.hpp"
#include "process/rights.hpp"

#include <fmt/format.h>

#include <limits>

namespace lictor {
namespace {

// sockaddr_un holds 108 bytes, the last of which is the NUL.
constexpr std::size_t longest_socket_path = 107;
constexpr std::string_view agent_socket_below_run_dir = "/agent/http.sock";

struct Form {
  const char* name;
  const char* example;
};

Form form_of(SettingType type) {
  switch (type) {
    case SettingType::string:
      return {"a string", R"("text")"};
    case SettingType::boolean:
      return {"a boolean", "true"};
    case SettingType::integer:
      return {"an integer", "5"};
    case SettingType::duration:
      return {"a duration", R"("1m30s")"};
    case SettingType::string_list:
      return {"a list of strings", R"(["one", "two"])"};
    case SettingType::string_map:
      return {"an object of strings", R"({"NAME": "value"})"};
    case SettingType::object:
      return {"an object", R"({"key": "value"})"};
    case SettingType::object_list:
      return {"a list of objects", R"([{"key": "value"}])"};
    case SettingType::hook_list:
      return {"a list of hooks", R"([{"command": ["/bin/true"], "timeout": "30s", "on_failure": "retry"}])"};
  }
  return {};
}

std::string with_article(const Json& value) {
  const std::string_view name = value.is_number_float() ? "fraction" : value.type_name();
  if (value.is_null()) return "null";
  return fmt::format("{} {}", name == "array" || name == "object" ? "an" : "a", name);
}

class Checker {
 public:
  Checker(const std::string& source, Problems& problems) : source_(source), problems_(problems) {}

  void check(const SettingKey& key, const Json& value) {
    const std::string path = key.path;
    if (value.is_null() && std::string_view(key.fallback) == "null") return;
    switch (key.type) {
      case SettingType::string:
        if (is(path, value, value.is_string(), key.type)) check_string(key, value.get_ref<const std::string&>());
        break;
      case SettingType::boolean:
        is(path, value, value.is_boolean(), key.type);
        break;
      case SettingType::integer:
        if (is(path, value, value.is_number_integer(), key.type)) check_count(path, value);
        break;
      case SettingType::duration:
        check_duration(path, value, key.may_be_zero);
        break;
      case SettingType::string_list:
        check_list(path, value);
        break;
      case SettingType::string_map:
        if (is(path, value, value.is_object(), key.type)) check_map(path, value);
        break;
      case SettingType::object:
        is(path, value, value.is_object(), key.type);
        break;
      case SettingType::object_list:
        if (is(path, value, value.is_array(), key.type)) {
          each(path, value,
               [&](const std::string& at, const Json& item) { is(at, item, item.is_object(), SettingType::object); });
        }
        break;
      case SettingType::hook_list:
        if (is(path, value, value.is_array(), key.type)) {
          each(path, value, [&](const std::string& at, const Json& item) { check_hook(at, item); });
        }
        break;
    }
  }

 private:
  void report(const std::string& path, std::string why, std::string hint) {
    problems_.push_back(Problem{setting_subject(path, source_), std::move(why), std::move(hint)});
  }

  // Only where a string can't be a secret is it worth quoting.
  bool is(const std::string& path, const Json& value, bool good, SettingType wanted) {
    if (good) return true;
    const Form form = form_of(wanted);
    const bool quote = value.is_string() && (wanted == SettingType::boolean || wanted == SettingType::integer);
    report(path,
           fmt::format("{} instead of {}",
                       quote ? fmt::format("\"{}\"", value.get_ref<const std::string&>()) : with_article(value),
                       form.name),
           fmt::format("write it like {}", form.example));
    return false;
  }

  template <class Visit>
  void each(const std::string& path, const Json& list, const Visit& visit) {
    for (std::size_t i = 0; i < list.size(); ++i) visit(fmt::format("{}[{}]", path, i), list[i]);
  }

  void check_count(const std::string& path, const Json& value) {
    constexpr auto most = std::numeric_limits<int>::max();
    const bool fits =
        value.is_number_unsigned() ? value.get<std::uint64_t>() <= most : value.get<std::int64_t>() <= most;
    if (!fits || value.get<std::int64_t>() < 1) {
      report(path, fmt::format("{} is not between 1 and {}", json_text(value), most), "give a number in that range");
    }
  }

  void check_duration(const std::string& path, const Json& value, bool may_be_zero) {
    if (!is(path, value, value.is_string(), SettingType::duration)) return;
    const auto parsed = parse_duration(value.get_ref<const std::string&>());
    if (!parsed) {
      report(path, parsed.error().why, parsed.error().hint);
    } else if (*parsed == Duration{} && !may_be_zero) {
      report(path, "must be more than zero", R"(write a duration such as "250ms" or "30s")");
    }
  }

  void check_string(const SettingKey& key, const std::string& text) {
    const std::string path = key.path;
    if (!key.values.empty()) {
      one_of(path, text, key.values);
    } else if (path == "control.http") {
      check_listen_address(path, text);
    } else if (secret_file(path)) {
      check_secret_file(path, text);
    } else if (text.empty()) {
      report(path, "is empty", "give a value, or leave the key out for its default");
    } else if (path == "run_dir" || path == "control.socket") {
      check_path(path, text, path == "run_dir" ? agent_socket_below_run_dir : "");
    }
  }

  static bool secret_file(std::string_view path) {
    return path == "agent.encrypt_file" || (path.starts_with("agent.tokens.") && path.ends_with("_file"));
  }

  // Whoever puts the secret itself there must not find it quoted in the log.
  void check_secret_file(const std::string& path, const std::string& text) {
    if (!text.empty() && text.front() != '/')
      report(path, "is not an absolute path", "name the file that holds the secret, not the secret itself");
  }

  void one_of(const std::string& path, const std::string& text, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      if (value == text) return;
    }
    const std::string quoted = "\"" + join(values, "\", \"") + "\"";
    const auto close = nearest(text, values);
    report(path, fmt::format("\"{}\" is none of {}", text, quoted),
           close ? fmt::format("did you mean \"{}\"?", *close) : "take one of these");
  }

  void check_listen_address(const std::string& path, const std::string& text) {
    if (text.empty()) return;
    const auto colon = text.rfind(':');
    bool good = false;
    if (colon != std::string::npos) {
      std::string address = text.substr(0, colon);
      const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
      if (bracketed) address = address.substr(1, address.size() - 2);
      const bool ipv6 = address.find(':') != std::string::npos;
      const unsigned port = whole_number<unsigned>(std::string_view(text).substr(colon + 1)).value_or(0);
      good = bracketed == ipv6 && literal_address(address) && port >= 1 && port <= 65535;
    }
    if (!good) {
      report(path, fmt::format("\"{}\" is not ADDRESS:PORT in numbers", text),
             R"(write it like "127.0.0.1:8555", "0.0.0.0:8555" or "[::1]:8555", or "" to turn it off)");
    }
  }

  void check_path(const std::string& path, const std::string& text, std::string_view socket_below) {
    if (text.front() != '/') {
      report(path, fmt::format("\"{}\" is not an absolute path", text), "begin it with /");
    } else if (text.size() + socket_below.size() > longest_socket_path) {
      report(path,
             fmt::format("makes a socket path of {} bytes, and the system allows {}", text.size() + socket_below.size(),
                         longest_socket_path),
             "choose a shorter path");
    }
  }

  void check_list(const std::string& path, const Json& value) {
    if (!is(path, value, value.is_array(), SettingType::string_list)) return;
    if (path == "bind.interface" && value.empty()) {
      report(path, "names no interface", R"(give at least one name or glob, such as "eth*")");
    }
    each(path, value, [&](const std::string& at, const Json& item) {
      if (!is(at, item, item.is_string(), SettingType::string)) return;
      const auto& text = item.get_ref<const std::string&>();
      if (text.empty() && path != "agent.args") {
        report(at, "is empty", "give a value, or take it out of the list");
      } else if (path == "agent.capabilities" && !capability_number(text)) {
        const auto close = nearest(text, capability_names());
        report(at, fmt::format("\"{}\" is no capability", text),
               close ? fmt::format("did you mean \"{}\"?", *close) : "take one of capabilities(7)");
      } else if (path == "bind.cidr" && !valid_network(text)) {
        report(at, fmt::format("\"{}\" is not a network", text), R"(write it like "10.0.0.0/8" or "fd00::/8")");
      } else if (path == "wait.mounts" && text.front() != '/') {
        report(at, fmt::format("\"{}\" is not an absolute path", text), "write the whole path of the mount point");
      }
    });
  }

  void check_map(const std::string& path, const Json& value) {
    for (const auto& [name, item] : value.items()) {
      const std::string at = path + "." + name;
      is(at, item, item.is_string(), SettingType::string);
      if (path == "agent.env" && (name.empty() || name.find('=') != std::string::npos)) {
        report(at, "is no name of an environment variable", "give a name without \"=\"");
      }
    }
  }

  void check_hook(const std::string& path, const Json& hook) {
    if (!hook.is_object()) {
      report(path, fmt::format("{} instead of a hook", with_article(hook)),
             R"(write it like {"command": ["/bin/true"], "timeout": "30s", "on_failure": "retry"})");
      return;
    }
    const std::vector<std::string> known{"command", "timeout", "on_failure", "environment"};
    for (const auto& [name, value] : hook.items()) {
      const std::string at = path + "." + name;
      if (name == "command") {
        check_command(at, value);
      } else if (name == "timeout") {
        check_duration(at, value, false);
      } else if (name == "on_failure") {
        if (is(at, value, value.is_string(), SettingType::string)) {
          one_of(at, value.get_ref<const std::string&>(), {"retry", "ignore", "fail"});
        }
      } else if (name == "environment") {
        if (is(at, value, value.is_array(), SettingType::string_list)) {
          each(at, value, [&](const std::string& each_at, const Json& item) {
            is(each_at, item, item.is_string(), SettingType::string);
          });
        }
      } else {
        const auto close = nearest(name, known);
        report(at, "unknown key",
               close ? fmt::format("did you mean \"{}\"?", *close) : "a hook has " + join(known, ", "));
      }
    }
    if (!hook.contains("command")) report(path, "has no command", R"(add "command": ["PROGRAM", "ARGUMENT"])");
  }

  void check_command(const std::string& path, const Json& value) {
    if (!is(path, value, value.is_array(), SettingType::string_list)) return;
    each(path, value,
         [&](const std::string& at, const Json& item) { is(at, item, item.is_string(), SettingType::string); });
    if (value.empty() || value[0] == "") {
      report(path, "names no program", R"(write it like ["PROGRAM", "ARGUMENT"])");
    }
  }

  const std::string& source_;
  Problems& problems_;
};

}  // namespace

std::string setting_subject(const std::string& path, const std::string& source) {
  return fmt::format("{} ({})", path, source);
}

void check_setting(const SettingKey& key, const Json& value, const std::string& source, Problems& problems) {
  Checker(source, problems).check(key, value);
}

}  // namespace lictor
