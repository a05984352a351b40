#include "secrets/secrets.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace lictor {
namespace {

constexpr const char* hidden = "***";
// A word shorter than this is in many texts by chance.
constexpr std::size_t shortest_secret = 8;

// Replaces secrets in a JSON value by ***, and keeps what they were.
class Hiding {
 public:
  std::vector<std::string> found;

  void hide_secrets(Json& value, bool join = false) {
    if (value.is_object()) {
      for (auto& [key, member] : value.items()) {
        if (names_a_secret(key)) {
          hide(member);
        } else if (lower(key) == "header" && member.is_object()) {
          hide_headers(member);
        } else {
          hide_secrets(member, key.find("join") != std::string::npos);
        }
      }
    } else if (value.is_array()) {
      for (auto& element : value) hide_secrets(element, join);
    } else if (value.is_string()) {
      const std::string text = value.get<std::string>();
      value = join ? without_join_secrets(text) : without_url_secrets(text);
    }
  }

  // https://user:PASSWORD@host/path?token=TOKEN
  std::string without_url_secrets(const std::string& text) {
    std::string out = text;
    const auto host = out.find("://");
    if (host == out.npos) return out;
    const auto end = std::min(out.find_first_of("/?# ", host + 3), out.size());
    const auto at = out.rfind('@', end), colon = out.find(':', host + 3);
    if (at != out.npos && at > host && colon < at) replace(out, colon + 1, at);
    for (auto name = out.find_first_of("?&", host); name != out.npos; name = out.find('&', name + 1)) {
      const auto next = std::min(out.find('&', name + 1), out.size()), equals = out.find('=', name);
      if (equals < next && names_a_secret(std::string_view(out).substr(name + 1, equals - name - 1)))
        replace(out, equals + 1, next);
    }
    return out;
  }

 private:
  void replace(std::string& text, std::size_t from, std::size_t to) {
    found.push_back(text.substr(from, to - from));
    text.replace(from, to - from, hidden);
  }

  // go-discover's form, which retry_join takes for clouds: provider=aws secret_access_key=... "quoted values may hold
  // blanks".
  std::string without_join_secrets(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      const auto equals = text.find('=');
      if (equals == std::string_view::npos) break;
      const auto word = text.substr(0, equals).find_last_of(" \t\n") + 1;
      const std::string_view key = text.substr(word, equals - word);
      std::string_view rest = text.substr(equals + 1);
      const bool quoted = rest.substr(0, 1) == "\"";
      const auto end = quoted ? rest.find('"', 1) : rest.find_first_of(" \t\n");
      const auto length = std::min(end, rest.size()) + (quoted && end != rest.npos ? 1 : 0);
      out += text.substr(0, equals + 1);
      if (names_a_secret(key)) {
        found.emplace_back(quoted ? rest.substr(1, std::max<std::size_t>(length, 2) - 2) : rest.substr(0, length));
        out += hidden;
      } else {
        out += rest.substr(0, length);
      }
      text = rest.substr(length);
    }
    return out.append(text);
  }

  // Headers authenticate in many words: only these are known to say nothing.
  void hide_headers(Json& headers) {
    constexpr std::array harmless{"accept", "accept-encoding", "content-type", "host", "user-agent"};
    for (auto& [name, value] : headers.items()) {
      if (std::find(harmless.begin(), harmless.end(), lower(name)) == harmless.end()) hide(value);
    }
  }

  void hide(Json& value) {
    if (value.is_object() && !value.empty()) {
      for (auto& member : value) hide(member);
    } else if (!value.empty() && !value.is_boolean() && value != "") {
      for (const Json& text : value.is_array() ? value : Json::array({value})) {
        if (text.is_string()) found.push_back(text.get<std::string>());
      }
      value = hidden;
    }
  }
};

}  // namespace

Result<std::string> parse_secret(const std::string& setting, const std::string& path, std::string_view text) {
  std::string secret(trim(text));
  if (secret.empty()) {
    return Problem{setting, path + " is empty", "write the secret into it, or take the setting out", Exit::retry};
  }
  // A line break in a token would end the header that carries it.
  const auto plain = [](char c) { return c > ' ' && c < '\x7f'; };
  if (!std::all_of(secret.begin(), secret.end(), plain)) {
    return Problem{setting, path + " holds more than one word of plain characters",
                   "write nothing but the secret into it"};
  }
  if (setting == "agent.encrypt_file" && !valid_gossip_key(secret)) {
    return Problem{setting, path + " holds no gossip key", "write what `consul keygen` prints into it"};
  }
  return Result<std::string>(boost::system::in_place_value, std::move(secret));
}

bool valid_gossip_key(std::string_view text) {
  const auto padding = text.size() - std::min(text.find('='), text.size());
  const std::string_view digits = text.substr(0, text.size() - padding);
  const bool good = std::all_of(digits.begin(), digits.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
  if (!good || text.size() % 4 != 0 || padding > 2 || text.substr(digits.size()) != std::string(padding, '='))
    return false;
  const auto bytes = text.size() / 4 * 3 - padding;
  return bytes == 16 || bytes == 24 || bytes == 32;
}

Result<std::vector<std::string>> parse_keyring(const std::string& path, const std::string& text) {
  const auto refused = [&path](const char* why) {
    return Problem{path, std::string(why) + ", and the agent does not start with it",
                   "remove the file: the agent makes it anew from the configured key"};
  };
  const auto json = parse_json(path, text);
  if (!json || !json->is_array()) return refused("is no JSON list of gossip keys");
  if (json->empty()) return refused("holds no gossip key");
  std::vector<std::string> keys;
  for (const auto& key : *json) {
    if (!key.is_string() || !valid_gossip_key(key.get_ref<const std::string&>())) {
      return refused("holds something that is no gossip key");
    }
    keys.push_back(key.get<std::string>());
  }
  return keys;
}

std::optional<Problem> keyring_disagreement(const std::string& path, const std::vector<std::string>& keys,
                                            const std::string& key) {
  const auto found = std::find(keys.begin(), keys.end(), key);
  if (found == keys.begin() && found != keys.end()) return std::nullopt;
  if (found != keys.end()) {
    return Problem{path,
                   "the configured gossip key is not the first of this keyring, and the agent encrypts with the first",
                   "configure the key that `consul keyring -list-primary` names, or make the configured one primary "
                   "with `consul keyring -use`"};
  }
  return Problem{
      path,
      "the configured gossip key is not in this keyring, and the agent reads the keyring and not the "
      "configured key",
      "if the cluster uses the configured key, stop the agent and remove the file; if it uses the keyring's, "
      "configure that one; to change the cluster's key use `consul keyring`"};
}

namespace {

constexpr std::uint32_t letters_of(std::string_view word) {
  std::uint32_t letters = 0;
  for (const char c : word) {
    const char small = static_cast<char>(c | 0x20);
    if (small >= 'a' && small <= 'z') letters |= 1U << (small - 'a');
  }
  return letters;
}

// Thousands of definitions have the same few harmless keys: the letters of a name mostly tell that no such word is in it.
bool may_name_a_secret(std::string_view name) {
  constexpr std::array needed{letters_of("secret"),        letters_of("passwd"),    letters_of("passphrase"),
                              letters_of("password"),      letters_of("private"),   letters_of("key"),
                              letters_of("credentials"),   letters_of("http_auth"), letters_of("cookie"),
                              letters_of("authorization"), letters_of("token"),     letters_of("encrypt")};
  const std::uint32_t letters = letters_of(name);
  return std::any_of(needed.begin(), needed.end(), [letters](std::uint32_t word) { return (letters & word) == word; });
}

}  // namespace

bool names_a_secret(std::string_view name) {
  if (!may_name_a_secret(name)) return false;
  std::string word = lower(name);
  std::replace(word.begin(), word.end(), '-', '_');
  constexpr std::array parts{"secret",  "password",    "passwd",        "passphrase", "private_key", "privatekey",
                             "key_pem", "credentials", "authorization", "http_auth",  "cookie"};
  constexpr std::array<std::string_view, 7> ends{"token",      "tokens",  "encrypt_key", "access_key",
                                                 "gossip_key", "api_key", "apikey"};
  if (word.ends_with("_file") || word.ends_with("_path")) return false;
  return word == "encrypt" || word == "consul_encrypt" ||
         std::any_of(parts.begin(), parts.end(), [&](const char* part) { return word.find(part) != word.npos; }) ||
         std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return word.ends_with(end); });
}

Json without_secrets(const Json& consul_json) {
  Json shown = consul_json;
  Hiding().hide_secrets(shown);
  return shown;
}

namespace {

// Of the text that json_text() makes of it.
std::uint64_t digest_of_text(const std::string& text, std::uint64_t digest) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; });
  return plain ? fnv1a("\"", fnv1a(text, fnv1a("\"", digest))) : fnv1a(json_text(text), digest);
}

std::uint64_t digest_of_shown(const Json& value, std::uint64_t digest) {
  return fnv1a(json_text(without_secrets(value)), digest);
}

}  // namespace

std::uint64_t digest_without_secrets(const Json& value, std::uint64_t digest) {
  if (value.is_object()) {
    const char* before = "{";
    for (auto at = value.begin(); at != value.end(); ++at) {
      const std::string& key = at.key();
      digest = digest_of_text(key, fnv1a(std::exchange(before, ","), digest));
      digest = fnv1a(":", digest);
      const bool hides = names_a_secret(key) || lower(key) == "header" || key.find("join") != key.npos;
      digest = hides ? fnv1a(json_text(without_secrets(Json{{key, *at}})[key]), digest)
                     : digest_without_secrets(*at, digest);
    }
    return fnv1a(value.empty() ? "{}" : "}", digest);
  }
  if (value.is_array()) {
    const char* before = "[";
    for (const Json& element : value)
      digest = digest_without_secrets(element, fnv1a(std::exchange(before, ","), digest));
    return fnv1a(value.empty() ? "[]" : "]", digest);
  }
  if (!value.is_string()) return fnv1a(json_text(value), digest);
  const auto& text = value.get_ref<const std::string&>();
  return text.find("://") == text.npos ? digest_of_text(text, digest) : digest_of_shown(value, digest);
}

std::vector<std::string> secrets_in(const Json& value) {
  Json shown = value;
  Hiding hiding;
  hiding.hide_secrets(shown);
  std::erase_if(hiding.found, [](const std::string& secret) { return secret.size() < shortest_secret; });
  return std::move(hiding.found);
}

std::vector<std::string> as_said_in_json(std::vector<std::string> secrets) {
  for (std::size_t i = 0, plain = secrets.size(); i < plain; ++i) {
    const std::string quoted = Json(secrets[i]).dump(-1, ' ', false, Json::error_handler_t::replace);
    std::string said;
    for (const char c : quoted.substr(1, quoted.size() - 2))
      said += c == '&' ? "\\u0026" : c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : std::string(1, c);
    if (said != secrets[i]) secrets.push_back(std::move(said));
  }
  return secrets;
}

bool holds_url_secret(const std::string& text) { return Hiding().without_url_secrets(text) != text; }

std::string without_secrets(std::string line, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    for (auto at = line.find(secret); at != line.npos; at = line.find(secret, at))
      line.replace(at, secret.size(), hidden);
  }
  return line;
}

}  // namespace lictor
