#include "network/io/gossip_cipher.hpp"

#include <mbedtls/base64.h>
#include <mbedtls/gcm.h>
#include <sys/random.h>

#include <array>
#include <utility>

namespace lictor {
namespace {

constexpr char version = 1;
constexpr std::size_t nonce_size = 12, tag_size = 16, head_size = 1 + nonce_size;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

class Gcm {
 public:
  explicit Gcm(std::string_view key) {
    mbedtls_gcm_init(&context_);
    ready_ =
        mbedtls_gcm_setkey(&context_, MBEDTLS_CIPHER_ID_AES, bytes(key), static_cast<unsigned>(key.size() * 8)) == 0;
  }
  ~Gcm() { mbedtls_gcm_free(&context_); }
  Gcm(const Gcm&) = delete;
  Gcm& operator=(const Gcm&) = delete;

  bool encrypt(std::string_view nonce, std::string_view in, std::string& out, std::string& tag) {
    return ready_ && mbedtls_gcm_crypt_and_tag(&context_, MBEDTLS_GCM_ENCRYPT, in.size(), bytes(nonce), nonce.size(),
                                               nullptr, 0, bytes(in), bytes(out), tag.size(), bytes(tag)) == 0;
  }
  bool decrypt(std::string_view nonce, std::string_view in, std::string_view tag, std::string& out) {
    return ready_ && mbedtls_gcm_auth_decrypt(&context_, in.size(), bytes(nonce), nonce.size(), nullptr, 0, bytes(tag),
                                              tag.size(), bytes(in), bytes(out)) == 0;
  }

 private:
  mbedtls_gcm_context context_{};
  bool ready_ = false;
};

}  // namespace

std::optional<std::string> gossip_key_bytes(std::string_view text) {
  std::array<unsigned char, 33> key{};
  std::size_t size = 0;
  if (mbedtls_base64_decode(key.data(), key.size(), &size, bytes(text), text.size()) != 0) return std::nullopt;
  if (size != 16 && size != 24 && size != 32) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(key.data()), size);
}

std::string sealed(std::string_view message, std::string_view key) {
  std::string nonce(nonce_size, '\0'), tag(tag_size, '\0'), secret(message.size(), '\0');
  if (::getrandom(nonce.data(), nonce.size(), GRND_NONBLOCK) != static_cast<ssize_t>(nonce.size())) return "";
  if (!Gcm(key).encrypt(nonce, message, secret, tag)) return "";
  return version + nonce + secret + tag;
}

std::optional<std::string> opened(std::string_view datagram, std::string_view key) {
  if (datagram.size() < head_size + tag_size || datagram[0] != version) return std::nullopt;
  const std::string_view nonce = datagram.substr(1, nonce_size), tag = datagram.substr(datagram.size() - tag_size),
                         secret = datagram.substr(head_size, datagram.size() - head_size - tag_size);
  std::string message(secret.size(), '\0');
  if (!Gcm(key).decrypt(nonce, secret, tag, message)) return std::nullopt;
  return std::optional<std::string>(std::in_place, std::move(message));
}

}  // namespace lictor
