// Certificates and keys made of bare structure: nothing here is signed, and nothing has to be.
#include "secrets/key_pair.hpp"

#include "test.hpp"

#include <string>

using namespace lictor;

namespace {

std::string der(int tag, const std::string& content) {
  std::string out(1, static_cast<char>(tag));
  if (content.size() < 0x80) return out + static_cast<char>(content.size()) + content;
  return out + '\x82' + static_cast<char>(content.size() >> 8) + static_cast<char>(content.size() & 0xff) + content;
}

std::string base64(const std::string& bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (int shift = 18; shift >= 0; shift -= 6) out += digits[group >> shift & 63];
  }
  const auto missing = (3 - bytes.size() % 3) % 3;
  return out.substr(0, out.size() - missing) + std::string(missing, '=');
}

std::string pem(const std::string& type, const std::string& bytes) {
  std::string lines = base64(bytes);
  for (std::size_t at = 64; at < lines.size(); at += 65) lines.insert(at, "\n");
  return "-----BEGIN " + type + "-----\n" + lines + "\n-----END " + type + "-----\n";
}

const std::string rsa = der(6, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), curve = der(6, "\x2a\x86\x48\xce\x3d\x02\x01"),
                  ed25519 = der(6, "\x2b\x65\x70"), number = der(2, "\x01"), any = der(0x30, "");

std::string certificate(const std::string& algorithm, const std::string& public_half) {
  const std::string info = der(0x30, der(0x30, algorithm) + der(3, std::string(1, '\0') + public_half));
  return pem("CERTIFICATE", der(0x30, der(0x30, der(0xa0, number) + number + any + any + any + any + info)));
}

std::string modulus(char fill) { return der(2, std::string(257, fill)); }
std::string rsa_certificate(char fill) { return certificate(rsa, der(0x30, modulus(fill) + number)); }
std::string rsa_key(char fill) { return der(0x30, number + modulus(fill) + number); }
std::string curve_certificate(char fill) { return certificate(curve, std::string(65, fill)); }
std::string curve_key(char fill) {
  return der(0x30, number + der(4, "secret") + der(0xa0, curve) +
                       der(0xa1, der(3, std::string(1, '\0') + std::string(65, fill))));
}
std::string pkcs8(const std::string& algorithm, const std::string& key) {
  return pem("PRIVATE KEY", der(0x30, number + der(0x30, algorithm) + der(4, key)));
}

}  // namespace

TEST_CASE("key pairs: a key belongs to the certificate with its public half") {
  const std::string other = "the key is not that of the certificate";
  CHECK(key_pair_trouble(rsa_certificate('a'), pem("RSA PRIVATE KEY", rsa_key('a'))).empty());
  CHECK(key_pair_trouble(rsa_certificate('a'), pkcs8(rsa, rsa_key('a'))).empty());
  CHECK(key_pair_trouble(rsa_certificate('a'), pem("RSA PRIVATE KEY", rsa_key('b'))) == other);
  CHECK(key_pair_trouble(rsa_certificate('a'), pkcs8(rsa, rsa_key('b'))) == other);
  CHECK(key_pair_trouble(curve_certificate('a'), pem("EC PRIVATE KEY", curve_key('a'))).empty());
  CHECK(key_pair_trouble(curve_certificate('a'), pkcs8(curve, curve_key('b'))) == other);
  CHECK(key_pair_trouble(rsa_certificate('a'), pkcs8(curve, curve_key('a'))) == other);
  // Of another algorithm, whatever else is not told.
  CHECK(key_pair_trouble(rsa_certificate('a'), pkcs8(curve, der(0x30, number + der(4, "secret")))) == other);
  // The first of each file counts, whatever else is there.
  CHECK(key_pair_trouble("a comment\n" + curve_certificate('a') + rsa_certificate('b'),
                         pem("EC PARAMETERS", curve) + pem("EC PRIVATE KEY", curve_key('a')))
            .empty());
}

TEST_CASE("key pairs: what can't be told is no trouble") {
  // A key that keeps its public half to itself, and an algorithm of which nothing is known here.
  CHECK(key_pair_trouble(curve_certificate('a'), pkcs8(curve, der(0x30, number + der(4, "secret")))).empty());
  CHECK(key_pair_trouble(certificate(ed25519, std::string(32, 'a')), pkcs8(ed25519, der(4, std::string(32, 'b'))))
            .empty());
  // No DER, or one that is cut.
  CHECK(key_pair_trouble(pem("CERTIFICATE", "xyz"), pkcs8(rsa, rsa_key('a'))).empty());
  const std::string whole = rsa_key('a');
  for (std::size_t size = 0; size < whole.size(); size += 7)
    CHECK(key_pair_trouble(curve_certificate('a'), pem("EC PRIVATE KEY", whole.substr(0, size))).empty());
}

TEST_CASE("key pairs: a file without a certificate or key is told of") {
  CHECK(key_pair_trouble("x", pkcs8(rsa, rsa_key('a'))) == "there is no certificate in the first");
  CHECK(key_pair_trouble(pkcs8(rsa, rsa_key('a')), pkcs8(rsa, rsa_key('a'))) == "there is no certificate in the first");
  CHECK(key_pair_trouble(rsa_certificate('a'), rsa_certificate('a')) == "there is no private key in the second");
  CHECK(holds_certificate("text before\n" + rsa_certificate('a')));
  CHECK(holds_certificate("-----BEGIN CERTIFICATE-----\nName: x\n\nMAA=\n-----END CERTIFICATE-----\n"));
  CHECK_FALSE(holds_certificate("-----BEGIN CERTIFICATE-----\nMA==MAAA\n-----END CERTIFICATE-----\n"));
  CHECK_FALSE(holds_certificate(""));
  CHECK_FALSE(holds_certificate("-----BEGIN CERTIFICATE-----\nMAA="));
  CHECK_FALSE(holds_certificate("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"));
  CHECK_FALSE(holds_certificate(pkcs8(rsa, rsa_key('a'))));
}
