// The encryption of gossip: network/io/gossip_cipher.hpp.
#include "network/io/gossip_cipher.hpp"

#include "test.hpp"

using namespace lictor;

namespace {

// Made with Go's crypto/cipher, as memberlist does: {1}, nonce "twelve bytes", GCM's Seal of "a message".
const std::string datagram(
    "\x01twelve bytes"
    "\x58\x44\xe5\x0a\x39\xe0\xf9\xf0\xca\x26\x14\x6c\x0c\x5d\x7b\x6a\x64\xe6\x4b\xf3\x76\x00\x72\x8c\x11",
    1 + 12 + 9 + 16);

}  // namespace

TEST_CASE("a gossip key is 16, 24 or 32 bytes in base64") {
  const auto key = gossip_key_bytes("bGljdG9yJ3MgdGVzdCBrZXksIDMyIGJ5dGVzIGxvbmc=");
  REQUIRE(key);
  CHECK(*key == "lictor's test key, 32 bytes long");
  CHECK(gossip_key_bytes("AAAAAAAAAAAAAAAAAAAAAA==")->size() == 16);
  CHECK(gossip_key_bytes("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")->size() == 24);
  for (const char* none :
       {"", "AAAA", "no key", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    CAPTURE(none);
    CHECK_FALSE(gossip_key_bytes(none));
  }
}

TEST_CASE("what memberlist has encrypted is opened with its key alone, and as it was") {
  const std::string key = "lictor's test key, 32 bytes long";
  CHECK(opened(datagram, key) == "a message");
  CHECK_FALSE(opened(datagram, "another test key, 32 bytes long."));
  for (std::size_t i = 0; i < datagram.size(); ++i) {
    CAPTURE(i);
    std::string changed = datagram;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(opened(changed, key));
    CHECK_FALSE(opened(datagram.substr(0, i), key));
  }
}

TEST_CASE("what is encrypted has a nonce of its own, and the size that memberlist expects") {
  const std::string key(16, 'k'), one = sealed("text", key), other = sealed("text", key);
  CHECK(one.size() == 4 + 29);
  CHECK(one != other);
  CHECK(opened(one, key) == "text");
  CHECK(opened(sealed("", key), key) == "");
}
