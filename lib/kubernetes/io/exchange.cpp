#include "kubernetes/io/exchange.hpp"

#include "kubernetes/io/api.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace lictor::kubernetes {

namespace http = boost::beast::http;

Exchange::Exchange(Tls& tls, const Endpoint& to, Question question, std::string request)
    : question_(std::move(question)),
      request_(std::move(request)),
      socket_(::socket(to.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      stream_(tls, socket_.get()),
      events_(POLLOUT) {
  parser_.body_limit(answer_limit);
  parser_.eager(true);
  if (socket_.get() < 0 ||
      (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to.address), to.size) != 0 && errno != EINPROGRESS))
    error_ = errno;
}

std::optional<Answer> Exchange::wait_or_fail(TlsStream::Step step) {
  if (step == TlsStream::Step::failed) return no_answer(stream_.fault());
  events_ = step == TlsStream::Step::wants_write ? POLLOUT : POLLIN;
  return std::nullopt;
}

std::optional<Answer> Exchange::advance() {
  if (stage_ == Stage::connecting) {
    socklen_t size = sizeof error_;
    if (error_ == 0) ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error_, &size);
    if (error_ != 0) return no_answer(std::string("no connection to the API: ") + std::strerror(error_));
    stage_ = Stage::hands;
  }
  if (stage_ == Stage::hands) {
    if (const auto step = stream_.shake_hands(); step != TlsStream::Step::done) return wait_or_fail(step);
    stage_ = Stage::writing;
  }
  if (stage_ == Stage::writing) {
    if (const auto step = stream_.write(unsent_); step != TlsStream::Step::done) return wait_or_fail(step);
    stage_ = Stage::reading;
  }
  while (true) {
    if (const auto step = stream_.read(received_); step != TlsStream::Step::done) return wait_or_fail(step);
    if (auto answer = parse()) return answer;
  }
}

std::optional<Answer> Exchange::parse() {
  boost::system::error_code error;
  while (!received_.empty() && !parser_.is_done() && !error) {
    const std::size_t taken = parser_.put(boost::asio::buffer(received_), error);
    received_.erase(0, taken);
    if (taken == 0) break;
  }
  if (error == http::error::need_more) error = {};
  if (!error && !parser_.is_done() && stream_.at_end()) {
    if (!parser_.got_some()) return no_answer("the API closes the connection");
    parser_.put_eof(error);
  }
  if (error == http::error::body_limit || received_.size() > answer_limit)
    return no_answer(std::string("an answer of more than 1 MiB about the ") + word_of(question_.kind));
  if (error == http::error::partial_message)
    return no_answer(std::string("the answer is cut off about the ") + word_of(question_.kind));
  if (error) return no_answer(std::string("an answer that is no HTTP about the ") + word_of(question_.kind));
  if (!parser_.is_done()) return std::nullopt;
  return Answer{.status = static_cast<int>(parser_.get().result_int()), .text = std::move(parser_.get().body())};
}

}  // namespace lictor::kubernetes
