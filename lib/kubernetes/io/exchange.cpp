#include "kubernetes/io/exchange.hpp"

#include "kubernetes/io/api.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace lictor::kubernetes {

namespace http = boost::beast::http;

Exchange::Exchange(Tls& tls, const Endpoint& to, std::vector<Question> questions, std::string requests)
    : questions_(std::move(questions)),
      requests_(std::move(requests)),
      socket_(::socket(to.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      stream_(tls, socket_.get()),
      events_(POLLOUT) {
  if (socket_.get() < 0 ||
      (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to.address), to.size) != 0 && errno != EINPROGRESS))
    error_ = errno;
}

void Exchange::fail(const std::string& why, Answered& answered) {
  for (Question& question : questions_) answered.emplace_back(std::move(question), Answer{.status = 0, .text = why});
  questions_.clear();
  over_ = true;
}

void Exchange::wait_or_fail(TlsStream::Step step, Answered& answered) {
  if (step == TlsStream::Step::failed) return fail(stream_.fault(), answered);
  events_ = step == TlsStream::Step::wants_write ? POLLOUT : POLLIN;
}

Exchange::Answered Exchange::advance() {
  Answered answered;
  if (!over_) go_on(answered);
  return answered;
}

void Exchange::go_on(Answered& answered) {
  if (stage_ == Stage::connecting) {
    socklen_t size = sizeof error_;
    if (error_ == 0) ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error_, &size);
    if (error_ != 0) return fail(std::string("no connection to the API: ") + std::strerror(error_), answered);
    stage_ = Stage::hands;
  }
  if (stage_ == Stage::hands) {
    if (const auto step = stream_.shake_hands(); step != TlsStream::Step::done) return wait_or_fail(step, answered);
    stage_ = Stage::writing;
  }
  if (stage_ == Stage::writing) {
    if (const auto step = stream_.write(unsent_); step != TlsStream::Step::done) return wait_or_fail(step, answered);
    stage_ = Stage::reading;
  }
  do {
    if (const auto step = stream_.read(received_); step != TlsStream::Step::done) return wait_or_fail(step, answered);
  } while (parse(answered));
}

// What was received. False: it is over.
bool Exchange::parse(Answered& answered) {
  while (!over_) {
    if (!parser_) {
      parser_.emplace();
      parser_->body_limit(answer_limit);
      parser_->eager(true);
    }
    boost::system::error_code error;
    while (!received_.empty() && !parser_->is_done() && !error) {
      const std::size_t taken = parser_->put(boost::asio::buffer(received_), error);
      received_.erase(0, taken);
      if (taken == 0) break;
    }
    if (error == http::error::need_more) error = {};
    const std::string about = std::string(" about the ") + word_of(questions_.front().kind);
    if (!error && !parser_->is_done() && stream_.at_end()) {
      if (!parser_->got_some()) {
        fail("the API closes the connection", answered);
        break;
      }
      parser_->put_eof(error);
    }
    if (error == http::error::body_limit || received_.size() > answer_limit) {
      fail("an answer of more than 1 MiB" + about, answered);
    } else if (error == http::error::partial_message) {
      fail("the answer is cut off" + about, answered);
    } else if (error) {
      fail("an answer that is no HTTP" + about, answered);
    } else if (!parser_->is_done()) {
      return true;
    } else {
      const bool goes_on = parser_->keep_alive();
      auto answer = parser_->release();
      answered.emplace_back(std::move(questions_.front()),
                            Answer{.status = static_cast<int>(answer.result_int()), .text = std::move(answer.body())});
      questions_.erase(questions_.begin());
      parser_.reset();
      over_ = questions_.empty() || !goes_on;
    }
  }
  return false;
}

}  // namespace lictor::kubernetes
