// Questions over a connection of their own, without blocking: all are sent at once, and answered in their order.
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
#include <utility>
#include <vector>

namespace lictor::kubernetes {

class Exchange {
 public:
  using Answered = std::vector<std::pair<Question, Answer>>;

  // REQUIRES: tls outlives it, and there is a question. `requests`: of all of them, as they go out.
  Exchange(Tls& tls, const Endpoint& to, std::vector<Question> questions, std::string requests);

  int descriptor() const { return socket_.get(); }
  short events() const { return events_; }  // poll(2)'s, that it waits for

  // Goes on as far as it gets; what has been answered by that. A connection that fails answers all that is left.
  Answered advance();
  bool over() const { return over_; }
  // Of one that is over: what its server did not want to answer over the same connection.
  const std::vector<Question>& left() const { return questions_; }

 private:
  enum class Stage { connecting, hands, writing, reading };
  void go_on(Answered& answered);
  bool parse(Answered& answered);
  void wait_or_fail(TlsStream::Step step, Answered& answered);
  void fail(const std::string& why, Answered& answered);

  std::vector<Question> questions_;
  std::string requests_;
  Descriptor socket_;
  TlsStream stream_;
  std::string_view unsent_ = requests_;
  std::string received_;
  std::optional<boost::beast::http::response_parser<boost::beast::http::string_body>> parser_;
  Stage stage_ = Stage::connecting;
  short events_;
  int error_ = 0;  // of the socket that could not be made or connected
  bool over_ = false;
};

}  // namespace lictor::kubernetes
