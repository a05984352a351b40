// Secrets: what a file with a token or the gossip key must hold, what the keyring on disk says to it, what is a secret
// elsewhere, and how text is shown without any.
#pragma once

#include "base/json.hpp"
#include "base/problem.hpp"
#include "base/text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lictor {

// Contents of agent.tokens.*_file and agent.encrypt_file; empty where the setting is. Never shown anywhere.
struct Secrets {
  std::string agent, fallback, registration, encrypt;  // fallback: acl.tokens.default

  bool operator==(const Secrets&) const = default;
};

// What a file for `setting` holds, blanks around it cut off. A problem for a file that holds nothing (Exit::retry), or more than one
// word; for agent.encrypt_file also for what is no gossip key. It names setting and path, never content.
Result<std::string> parse_secret(const std::string& setting, const std::string& path, std::string_view text);

// 16, 24 or 32 bytes in base64, as Consul takes them for `encrypt`.
bool valid_gossip_key(std::string_view text);

// data_dir/serf/local.keyring, a JSON list of gossip keys, the first of which encrypts. Once it is there Consul reads it
// and no longer `encrypt`. A problem where Consul would not start with it (no list, empty, no keys).
Result<std::vector<std::string>> parse_keyring(const std::string& path, const std::string& text);

// Nothing where `key`, the configured one, is the first of `keys`. Never shows a key.
std::optional<Problem> keyring_disagreement(const std::string& path, const std::vector<std::string>& keys,
                                            const std::string& key);

// A key of consul.json, a header of a check or a variable of the environment whose value is not for everybody's eyes, by
// its name: tokens, secrets, passwords, private keys. Whatever its case, "-" as good as "_".
bool names_a_secret(std::string_view name);

// consul.json for people: every secret that is set is shown as "***": encrypt, each member of acl.tokens, every key
// that is named like a token, secret, password or private key (services' tokens included), headers of checks but for a few
// harmless ones, such words inside the cloud join strings of retry_join, passwords and tokens inside URLs.
Json without_secrets(const Json& consul_json);
// fnv1a(json_text(without_secrets(value)), digest), without a copy: of thousands of definitions.
std::uint64_t digest_without_secrets(const Json& value, std::uint64_t digest = fnv1a(""));

// What without_secrets() hides in consul.json, or in a part of it: texts of 8 bytes and more, as shorter ones are in many
// lines by chance. And a line of text without them.
std::vector<std::string> secrets_in(const Json& value);
std::string without_secrets(std::string line, const std::vector<std::string>& secrets);

// Them, and beside each what Go makes of it in JSON, where that is another text: quotes, and the characters of HTML.
std::vector<std::string> as_said_in_json(std::vector<std::string> secrets);

// Whether there is a password or a token in a URL that `text` is or ends with.
bool holds_url_secret(const std::string& text);

}  // namespace lictor
