// One request over a connection of its own, without blocking.
#pragma once

#include "files/io/descriptor.hpp"
#include "kubernetes/inquiry.hpp"
#include "kubernetes/io/resolve.hpp"
#include "kubernetes/io/tls.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lictor::kubernetes {

class Exchange {
 public:
  // REQUIRES: tls outlives it. `request`: as it goes out.
  Exchange(Tls& tls, const Endpoint& to, Question question, std::string request);

  const Question& question() const { return question_; }
  int descriptor() const { return socket_.get(); }
  short events() const { return events_; }  // poll(2)'s, that it waits for

  // Goes on as far as it gets; the answer when it is over.
  std::optional<Answer> advance();

 private:
  enum class Stage { connecting, hands, writing, reading };
  std::optional<Answer> wait_or_fail(TlsStream::Step step);
  std::optional<Answer> parse();
  static Answer no_answer(std::string why) { return {.status = 0, .text = std::move(why)}; }

  Question question_;
  std::string request_;
  Descriptor socket_;
  TlsStream stream_;
  std::string_view unsent_ = request_;
  std::string received_;
  boost::beast::http::response_parser<boost::beast::http::string_body> parser_;
  Stage stage_ = Stage::connecting;
  short events_;
  int error_ = 0;  // of the socket that could not be made or connected
};

}  // namespace lictor::kubernetes
