// Certificates and private keys as files hold them (PEM): as much of them as tells whether an agent could start with them.
// Nothing is verified: no signature, no time, no name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lictor {

// Whether `text` holds a certificate, as Consul looks for one in ca_file: a CERTIFICATE block that is base64 of DER.
bool holds_certificate(std::string_view text);

// Why Go's crypto/tls (X509KeyPair) refuses the first certificate of one file with the first private key of the other; empty:
// it takes them, or that can't be told here (a key that does not say its public half, an algorithm not known here). The text
// names neither and shows nothing of the key.
std::string key_pair_trouble(std::string_view certificate, std::string_view key);

}  // namespace lictor
