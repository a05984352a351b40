#include "secrets/key_pair.hpp"

#include <algorithm>
#include <cstdint>

namespace lictor {
namespace {

// The bytes of base64 with white space in it; nothing where it is none.
std::optional<std::string> from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0, padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (digit < 0 || padding > 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((count += 6) < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  if (padding > 2) return std::nullopt;
  return out;
}

struct Block {
  std::string type, bytes;
};

// The first block whose type `wanted` takes.
template <class Wanted>
std::optional<Block> find_block(std::string_view text, const Wanted& wanted) {
  constexpr std::string_view begin = "-----BEGIN ", dashes = "-----";
  for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at + 1)) {
    const auto name = at + begin.size(), end_of_name = text.find(dashes, name);
    if (end_of_name == text.npos) return std::nullopt;
    std::string type(text.substr(name, end_of_name - name));
    const auto body = end_of_name + dashes.size(), end = text.find("-----END " + type + "-----", body);
    if (end == text.npos || !wanted(type)) continue;
    std::string_view inside = text.substr(body, end - body);
    // Headers, such as those of a key under a passphrase, end with an empty line.
    if (inside.find(':') != inside.npos) inside = inside.substr(std::min(inside.find("\n\n"), inside.size()));
    if (auto bytes = from_base64(inside)) return Block{std::move(type), std::move(*bytes)};
  }
  return std::nullopt;
}

std::optional<Block> certificate_in(std::string_view text) {
  return find_block(text, [](const std::string& type) { return type == "CERTIFICATE"; });
}

// DER, one element after the other (X.690). Whatever does not fit reads as the end.
class Der {
 public:
  enum Tag : unsigned char { integer = 2, bits = 3, octets = 4, oid = 6, sequence = 0x30, context0 = 0xa0, context1 };

  explicit Der(std::string_view in) : in_(in) {}

  bool next_is(unsigned char tag) const { return !in_.empty() && static_cast<unsigned char>(in_[0]) == tag; }

  // The content of the next element, which must be such a one.
  std::optional<std::string_view> take(unsigned char tag) {
    if (!next_is(tag) || in_.size() < 2) return stop();
    std::size_t length = static_cast<unsigned char>(in_[1]), header = 2;
    if (length >= 0x80) {
      const std::size_t bytes = length & 0x7f;
      if (bytes == 0 || bytes > 3 || in_.size() < 2 + bytes) return stop();
      length = 0;
      for (; header < 2 + bytes; ++header) length = length << 8 | static_cast<unsigned char>(in_[header]);
    }
    if (in_.size() - header < length) return stop();
    const std::string_view content = in_.substr(header, length);
    in_.remove_prefix(header + length);
    return content;
  }

 private:
  std::nullopt_t stop() {
    in_ = {};
    return std::nullopt;
  }
  std::string_view in_;
};

// What can be compared of a public or private key.
struct Key {
  std::string algorithm;  // the bytes of its object identifier
  std::string half;       // public: RSA's modulus, a curve's point; empty: not told
};

constexpr std::string_view rsa = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", elliptic = "\x2a\x86\x48\xce\x3d\x02\x01";

// From BIT STRINGs, of which the first byte says how many bits are unused.
std::string point(std::optional<std::string_view> bits) {
  return bits && !bits->empty() ? std::string(bits->substr(1)) : "";
}

std::string modulus(std::string_view rsa_key, bool is_private) {
  Der fields(Der(rsa_key).take(Der::sequence).value_or(std::string_view()));
  if (is_private) fields.take(Der::integer);  // version
  return std::string(fields.take(Der::integer).value_or(std::string_view()));
}

std::optional<Key> key_of_certificate(std::string_view der) {
  Der certificate(Der(der).take(Der::sequence).value_or(std::string_view()));
  Der fields(certificate.take(Der::sequence).value_or(std::string_view()));
  if (fields.next_is(Der::context0)) fields.take(Der::context0);          // version
  fields.take(Der::integer);                                              // serial number
  for (int passed = 0; passed < 4; ++passed) fields.take(Der::sequence);  // signature, issuer, validity, subject
  const auto info = fields.take(Der::sequence);
  if (!info) return std::nullopt;
  Der parts(*info);
  Key key;
  key.algorithm =
      Der(parts.take(Der::sequence).value_or(std::string_view())).take(Der::oid).value_or(std::string_view());
  key.half = point(parts.take(Der::bits));
  if (key.algorithm == rsa) key.half = modulus(key.half, false);
  return key;
}

// SEC 1: version, private key, curve, public key.
std::string point_of_ec_key(std::string_view der) {
  Der fields(Der(der).take(Der::sequence).value_or(std::string_view()));
  fields.take(Der::integer);
  fields.take(Der::octets);
  if (fields.next_is(Der::context0)) fields.take(Der::context0);
  return point(Der(fields.take(Der::context1).value_or(std::string_view())).take(Der::bits));
}

std::optional<Key> private_key(const Block& block) {
  if (block.type == "RSA PRIVATE KEY") return Key{std::string(rsa), modulus(block.bytes, true)};
  if (block.type == "EC PRIVATE KEY") return Key{std::string(elliptic), point_of_ec_key(block.bytes)};
  if (block.type != "PRIVATE KEY") return std::nullopt;
  // PKCS #8: version, algorithm, the key as one of the above.
  Der fields(Der(block.bytes).take(Der::sequence).value_or(std::string_view()));
  fields.take(Der::integer);
  Key key;
  key.algorithm =
      Der(fields.take(Der::sequence).value_or(std::string_view())).take(Der::oid).value_or(std::string_view());
  const std::string_view inner = fields.take(Der::octets).value_or(std::string_view());
  if (key.algorithm == rsa) key.half = modulus(inner, true);
  if (key.algorithm == elliptic) key.half = point_of_ec_key(inner);
  return key;
}

}  // namespace

bool holds_certificate(std::string_view text) { return certificate_in(text).has_value(); }

std::string key_pair_trouble(std::string_view certificate, std::string_view key) {
  const auto shown = certificate_in(certificate);
  if (!shown) return "there is no certificate in the first";
  const auto secret = find_block(key, [](const std::string& type) { return type.ends_with("PRIVATE KEY"); });
  if (!secret) return "there is no private key in the second";
  const auto its = key_of_certificate(shown->bytes), ours = private_key(*secret);
  if (!its || !ours || its->algorithm.empty() || ours->algorithm.empty()) return "";
  const bool differ =
      its->algorithm != ours->algorithm || (!its->half.empty() && !ours->half.empty() && its->half != ours->half);
  return differ ? "the key is not that of the certificate" : "";
}

}  // namespace lictor
