#include "kubernetes/io/tls.hpp"

#include <arpa/inet.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/version.h>
#include <sys/socket.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace lictor::kubernetes {

namespace {

// What mbed TLS hands over of a certificate's names: the kind, and for an address its bytes (RFC 5280, 4.2.1.6).
constexpr int address_name = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7;

std::string words_of(int error) {
  std::array<char, 128> text{};
  mbedtls_strerror(error, text.data(), text.size());
  return text.data();
}

std::string address_bytes(const std::string& server) {
  std::array<char, sizeof(in6_addr)> bytes{};
  if (inet_pton(AF_INET, server.c_str(), bytes.data()) == 1) return {bytes.data(), sizeof(in_addr)};
  if (inet_pton(AF_INET6, server.c_str(), bytes.data()) == 1) return {bytes.data(), sizeof(in6_addr)};
  return "";
}

// mbed TLS 2.28 compares a certificate with names alone, and an address is no name to be sent in the handshake.
int verify_address(void* wanted, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) {
  const auto& address = *static_cast<const std::string*>(wanted);
  if (depth != 0 || address.empty()) return 0;
  for (const mbedtls_x509_sequence* name = &certificate->subject_alt_names; name; name = name->next) {
    if (name->buf.tag == address_name && name->buf.len == address.size() &&
        std::memcmp(name->buf.p, address.data(), address.size()) == 0)
      return 0;
  }
  *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  return 0;
}

int send_some(void* socket, const unsigned char* bytes, std::size_t size) {
  const auto sent = ::send(*static_cast<int*>(socket), bytes, size, MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<int>(sent);
  if (errno == EAGAIN || errno == EINTR) return MBEDTLS_ERR_SSL_WANT_WRITE;
  return errno == EPIPE || errno == ECONNRESET ? MBEDTLS_ERR_NET_CONN_RESET : MBEDTLS_ERR_NET_SEND_FAILED;
}

int receive_some(void* socket, unsigned char* bytes, std::size_t size) {
  const auto received = ::recv(*static_cast<int*>(socket), bytes, size, 0);
  if (received >= 0) return static_cast<int>(received);
  if (errno == EAGAIN || errno == EINTR) return MBEDTLS_ERR_SSL_WANT_READ;
  return errno == EPIPE || errno == ECONNRESET ? MBEDTLS_ERR_NET_CONN_RESET : MBEDTLS_ERR_NET_RECV_FAILED;
}

}  // namespace

Tls::Tls(std::string server) : server_(std::move(server)), address_(address_bytes(server_)) {
  mbedtls_entropy_init(&entropy_);
  mbedtls_ctr_drbg_init(&random_);
  mbedtls_x509_crt_init(&authorities_);
  mbedtls_ssl_config_init(&config_);
}

Tls::~Tls() {
  mbedtls_ssl_config_free(&config_);
  mbedtls_x509_crt_free(&authorities_);
  mbedtls_ctr_drbg_free(&random_);
  mbedtls_entropy_free(&entropy_);
}

OrFault<std::unique_ptr<Tls>> Tls::make(const std::string& authorities, std::string server) {
  std::unique_ptr<Tls> tls(new Tls(std::move(server)));
#if MBEDTLS_VERSION_MAJOR >= 3
  if (psa_crypto_init() != PSA_SUCCESS) return Fault{"the TLS library does not start"};
#endif
  if (const int error = mbedtls_ctr_drbg_seed(&tls->random_, mbedtls_entropy_func, &tls->entropy_, nullptr, 0))
    return Fault{"no random numbers: " + words_of(error)};
  // PEM counts its end; more than zero are those that it could not read, beside others that it could.
  const auto* bytes = reinterpret_cast<const unsigned char*>(authorities.c_str());
  if (const int error = mbedtls_x509_crt_parse(&tls->authorities_, bytes, authorities.size() + 1); error < 0)
    return Fault{"holds no certificate: " + words_of(error)};
  if (const int error = mbedtls_ssl_config_defaults(&tls->config_, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                                    MBEDTLS_SSL_PRESET_DEFAULT))
    return Fault{words_of(error)};
  mbedtls_ssl_conf_authmode(&tls->config_, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(&tls->config_, &tls->authorities_, nullptr);
  mbedtls_ssl_conf_rng(&tls->config_, mbedtls_ctr_drbg_random, &tls->random_);
  mbedtls_ssl_conf_verify(&tls->config_, verify_address, &tls->address_);
  return tls;
}

TlsStream::TlsStream(Tls& tls, int socket) : tls_(tls), socket_(socket) {
  mbedtls_ssl_init(&context_);
  int error = mbedtls_ssl_setup(&context_, &tls_.config_);
  // Of an address verify_address() alone decides.
  if (error == 0) error = mbedtls_ssl_set_hostname(&context_, tls_.address_.empty() ? tls_.server_.c_str() : nullptr);
  if (error != 0) fault_ = words_of(error);
  mbedtls_ssl_set_bio(&context_, &socket_, send_some, receive_some, nullptr);
}

TlsStream::~TlsStream() { mbedtls_ssl_free(&context_); }

TlsStream::Step TlsStream::step_of(int result, const char* doing) {
  if (result == MBEDTLS_ERR_SSL_WANT_READ) return Step::wants_read;
  if (result == MBEDTLS_ERR_SSL_WANT_WRITE) return Step::wants_write;
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
  if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) return Step::wants_read;
#endif
  if (result >= 0) return Step::done;
  const std::uint32_t flags = mbedtls_ssl_get_verify_result(&context_);
  if (result != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
    fault_ = result == MBEDTLS_ERR_NET_CONN_RESET ? std::string("the API resets the connection")
             : result == MBEDTLS_ERR_SSL_CONN_EOF ? std::string("the API closes the connection")
                                                  : std::string(doing) + " the API: " + words_of(result);
  } else if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) {
    fault_ = "the API's certificate is by an authority that ca.crt does not have";
  } else if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) {
    fault_ = "the API's certificate is not for " + tls_.server_;
  } else if (flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) {
    fault_ = "the API's certificate is not valid at this host's time";
  } else {
    fault_ = "the API's certificate is refused: " + words_of(result);
  }
  return Step::failed;
}

TlsStream::Step TlsStream::shake_hands() {
  if (!fault_.empty()) return Step::failed;
  return step_of(mbedtls_ssl_handshake(&context_), "TLS with");
}

TlsStream::Step TlsStream::write(std::string_view& rest) {
  while (!rest.empty()) {
    const int sent = mbedtls_ssl_write(&context_, reinterpret_cast<const unsigned char*>(rest.data()), rest.size());
    if (sent <= 0) return step_of(sent, "writing to");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return Step::done;
}

TlsStream::Step TlsStream::read(std::string& into) {
  std::array<unsigned char, 16384> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  const int received = mbedtls_ssl_read(&context_, bytes.data(), bytes.size());
  at_end_ = received == 0 || received == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
  if (at_end_) return Step::done;
  if (received > 0) into.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(received));
  return step_of(received, "reading from");
}

}  // namespace lictor::kubernetes
