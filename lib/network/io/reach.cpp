#include "network/io/reach.hpp"

#include "network/io/endpoint.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <list>
#include <utility>

namespace lictor {

using boost::asio::ip::tcp;

struct Reach::State {
  State(const boost::asio::any_io_executor& executor, std::function<void(std::optional<std::string>)> d)
      : timer(executor), done(std::move(d)) {}

  void finish(std::optional<std::string> peer) {
    const auto call = std::exchange(done, nullptr);
    stop();
    if (call) call(std::move(peer));
  }

  void stop() {
    done = nullptr;
    timer.cancel();
    for (tcp::socket& socket : sockets) {
      boost::system::error_code ignored;
      socket.close(ignored);
    }
  }

  boost::asio::steady_timer timer;
  std::list<tcp::socket> sockets;
  std::size_t open = 0;
  std::function<void(std::optional<std::string>)> done;
};

Reach::Reach(const boost::asio::any_io_executor& executor, const std::vector<std::string>& peers, Duration within,
             std::function<void(std::optional<std::string>)> done)
    : state_(std::make_shared<State>(executor, std::move(done))) {
  for (const std::string& peer : peers) {
    const auto endpoint = parse_endpoint(peer);
    if (!endpoint) continue;
    ++state_->open;
    tcp::socket& socket = state_->sockets.emplace_back(executor);
    socket.async_connect(*endpoint, [state = state_, peer](boost::system::error_code error) {
      if (!state->done) return;
      if (!error) return state->finish(peer);
      if (--state->open == 0) state->finish(std::nullopt);
    });
  }
  if (state_->open == 0) {
    boost::asio::post(executor, [state = state_] { state->finish(std::nullopt); });
    return;
  }
  state_->timer.expires_after(within);
  state_->timer.async_wait([state = state_](boost::system::error_code error) {
    if (!error) state->finish(std::nullopt);
  });
}

Reach::~Reach() { state_->stop(); }

}  // namespace lictor
