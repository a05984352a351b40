#include "decide/secrets.hpp"

#include "decide/json_text.hpp"
#include "decide/text.hpp"

#include <algorithm>
#include <array>

namespace lictor {

Result<std::string> parse_secret(const std::string& setting, const std::string& path, std::string_view text) {
  std::string secret(trim(text));
  if (secret.empty()) {
    return Problem{setting, path + " is empty", "write the secret into it, or take the setting out"};
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

bool names_a_secret(std::string_view name) {
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

}  // namespace lictor
