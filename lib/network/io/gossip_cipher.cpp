#include "network/io/gossip_cipher.hpp"

#include <nettle/base64.h>
#include <nettle/gcm.h>
#include <nettle/memops.h>
#include <sys/random.h>

#include <array>
#include <cstdint>
#include <utility>

namespace lictor {
namespace {

constexpr char version = 1;
constexpr std::size_t nonce_size = GCM_IV_SIZE, tag_size = GCM_DIGEST_SIZE, head_size = 1 + nonce_size;

const std::uint8_t* bytes(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }
std::uint8_t* bytes(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }

enum class Direction { encrypt, decrypt };

// AES-GCM with a key of Context's size: `in`, encrypted or decrypted, to `out`; the tag that goes with it.
template <class Context, auto SetKey, auto SetNonce, auto Encrypt, auto Decrypt, auto Digest>
std::string turned(std::string_view key, std::string_view nonce, Direction direction, std::string_view in,
                   std::string& out) {
  Context context;
  SetKey(&context, bytes(key));
  SetNonce(&context, nonce.size(), bytes(nonce));
  (direction == Direction::encrypt ? Encrypt : Decrypt)(&context, in.size(), bytes(out), bytes(in));
  std::string tag(tag_size, '\0');
  Digest(&context, tag.size(), bytes(tag));
  return tag;
}

std::optional<std::string> turned(std::string_view key, std::string_view nonce, Direction direction,
                                  std::string_view in, std::string& out) {
  switch (key.size()) {
    case AES128_KEY_SIZE:
      return turned<gcm_aes128_ctx, gcm_aes128_set_key, gcm_aes128_set_iv, gcm_aes128_encrypt, gcm_aes128_decrypt,
                    gcm_aes128_digest>(key, nonce, direction, in, out);
    case AES192_KEY_SIZE:
      return turned<gcm_aes192_ctx, gcm_aes192_set_key, gcm_aes192_set_iv, gcm_aes192_encrypt, gcm_aes192_decrypt,
                    gcm_aes192_digest>(key, nonce, direction, in, out);
    case AES256_KEY_SIZE:
      return turned<gcm_aes256_ctx, gcm_aes256_set_key, gcm_aes256_set_iv, gcm_aes256_encrypt, gcm_aes256_decrypt,
                    gcm_aes256_digest>(key, nonce, direction, in, out);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> gossip_key_bytes(std::string_view text) {
  if (BASE64_DECODE_LENGTH(text.size()) > 3 * AES256_KEY_SIZE) return std::nullopt;
  std::string key(BASE64_DECODE_LENGTH(text.size()), '\0');
  std::size_t size = key.size();
  base64_decode_ctx context;
  base64_decode_init(&context);
  if (base64_decode_update(&context, &size, bytes(key), text.size(), text.data()) == 0 ||
      base64_decode_final(&context) == 0)
    return std::nullopt;
  if (size != AES128_KEY_SIZE && size != AES192_KEY_SIZE && size != AES256_KEY_SIZE) return std::nullopt;
  key.resize(size);
  return key;
}

std::string sealed(std::string_view message, std::string_view key) {
  std::string nonce(nonce_size, '\0'), secret(message.size(), '\0');
  if (::getrandom(nonce.data(), nonce.size(), GRND_NONBLOCK) != static_cast<ssize_t>(nonce.size())) return "";
  const auto tag = turned(key, nonce, Direction::encrypt, message, secret);
  return tag ? version + nonce + secret + *tag : "";
}

std::optional<std::string> opened(std::string_view datagram, std::string_view key) {
  if (datagram.size() < head_size + tag_size || datagram[0] != version) return std::nullopt;
  const std::string_view nonce = datagram.substr(1, nonce_size), tag = datagram.substr(datagram.size() - tag_size),
                         secret = datagram.substr(head_size, datagram.size() - head_size - tag_size);
  std::string message(secret.size(), '\0');
  const auto right = turned(key, nonce, Direction::decrypt, secret, message);
  if (!right || memeql_sec(right->data(), tag.data(), tag.size()) == 0) return std::nullopt;
  return std::optional<std::string>(std::in_place, std::move(message));
}

}  // namespace lictor
