// TLS to the API server, by mbed TLS: certificate and name are verified before anything is sent.
#pragma once

#include "kubernetes/io/fault.hpp"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace lictor::kubernetes {

// Whom connections are to reach, and by which authorities' word.
class Tls {
 public:
  // `authorities`: certificates in PEM. `server`: a name, or an address, which has to be one of the certificate's then.
  // The error: why they are of no use.
  static OrFault<std::unique_ptr<Tls>> make(const std::string& authorities, std::string server);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

 private:
  friend class TlsStream;
  explicit Tls(std::string server);

  mbedtls_entropy_context entropy_;
  mbedtls_ctr_drbg_context random_;
  mbedtls_x509_crt authorities_;
  mbedtls_ssl_config config_;
  std::string server_;
  std::string address_;  // its 4 or 16 bytes, where the server is no name
};

// One connection, over a connected socket that does not block. It does not own the socket.
class TlsStream {
 public:
  enum class Step { done, wants_read, wants_write, failed };

  TlsStream(Tls& tls, int socket);  // REQUIRES: tls outlives it
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  Step shake_hands();
  Step write(std::string_view& rest);  // takes what is sent off its front; done: all is
  Step read(std::string& into);        // appends; done: something came, or the end did
  bool at_end() const { return at_end_; }

  const std::string& fault() const { return fault_; }  // of what failed

 private:
  Step step_of(int result, const char* doing);

  Tls& tls_;
  int socket_;
  mbedtls_ssl_context context_;
  std::string fault_;
  bool at_end_ = false;
};

}  // namespace lictor::kubernetes
