// What the doctor compares: times that others print, the ports that are wanted and those that are taken.
#include "report/doctor.hpp"

#include <algorithm>
#include <tuple>

#include "network/ports.hpp"
#include "platform/stop_reason.hpp"
#include "test.hpp"

using namespace lictor;
using std::chrono::seconds;

TEST_CASE("what others print is read") {
  const auto grace = [](const char* text) { return parse_grace(text); };
  CHECK(grace("30").value() == seconds(30));
  CHECK(grace("1m30s").value() == seconds(90));
  for (const char* bad : {"", "soon", "-5", "5 s", "99999999999"}) CHECK_FALSE(grace(bad).has_value());

  const std::vector<std::pair<std::string, std::optional<Duration>>> times{{"1min 30s\n", seconds(90)},
                                                                           {"25s", seconds(25)},
                                                                           {"500ms", std::chrono::milliseconds(500)},
                                                                           {"1h 1min 1s", seconds(3661)},
                                                                           {"1d", std::chrono::hours(24)},
                                                                           {"1.5s", std::chrono::milliseconds(1500)},
                                                                           {"0", Duration{}},
                                                                           {"infinity", Duration::max()},
                                                                           {"", std::nullopt},
                                                                           {"soon", std::nullopt},
                                                                           {"5", std::nullopt},
                                                                           {"-5s", std::nullopt},
                                                                           {"5 s", std::nullopt}};
  for (const auto& [text, expected] : times) {
    CAPTURE(text);
    CHECK(parse_systemd_time(text) == expected);
  }

  const std::vector<std::pair<std::string, std::optional<std::int64_t>>> dates{
      {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
      {"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
      {"Thu, 29 Feb 2023 23:59:59 GMT", std::nullopt},
      {"Sun, 06 Foo 1994 08:49:37 GMT", std::nullopt},
      {"Sun, 06 Nov 1994 24:00:00 GMT", std::nullopt},
      {"Sun, 06 Nov 1994 08:49:37 CET", std::nullopt},
      {"", std::nullopt}};
  for (const auto& [text, expected] : dates) {
    CAPTURE(text);
    CHECK(parse_http_date(text) == expected);
  }
}

TEST_CASE("wanted_ports: what a client agent and lictor listen on") {
  using Wanted = std::vector<WantedPort>;
  const auto sorted = [](Wanted ports) {
    std::sort(ports.begin(), ports.end(), [](const WantedPort& a, const WantedPort& b) {
      return std::tie(a.setting, a.protocol, a.address) < std::tie(b.setting, b.protocol, b.address);
    });
    return ports;
  };
  CHECK(sorted(wanted_ports({{"bind_addr", "10.0.0.5"}}, "127.0.0.1:8555")) ==
        sorted({{"ports.http", Protocol::tcp, "127.0.0.1", 8500},
                {"ports.dns", Protocol::tcp, "127.0.0.1", 8600},
                {"ports.dns", Protocol::udp, "127.0.0.1", 8600},
                {"ports.serf_lan", Protocol::tcp, "10.0.0.5", 8301},
                {"ports.serf_lan", Protocol::udp, "10.0.0.5", 8301},
                {"control.http", Protocol::tcp, "127.0.0.1", 8555}}));
  const Json config = Json::parse(R"({"bind_addr": "fd00::5", "client_addr": "127.0.0.1 ::1",
      "addresses": {"http": "unix:///run/x.sock 10.0.0.5", "grpc": "{{ GetPrivateIP }}", "grpc_tls": "10.0.0.6"},
      "ports": {"http": 8080, "https": 8501, "grpc": 8502, "grpc_tls": 8503, "dns": -1, "serf_lan": 9301}})");
  CHECK(sorted(wanted_ports(config, "")) == sorted({{"ports.http", Protocol::tcp, "10.0.0.5", 8080},
                                                    {"ports.https", Protocol::tcp, "127.0.0.1", 8501},
                                                    {"ports.https", Protocol::tcp, "::1", 8501},
                                                    {"ports.grpc_tls", Protocol::tcp, "10.0.0.6", 8503},
                                                    {"ports.serf_lan", Protocol::tcp, "fd00::5", 9301},
                                                    {"ports.serf_lan", Protocol::udp, "fd00::5", 9301}}));
  CHECK(wanted_ports(config, "[::1]:8555").back() == WantedPort{"control.http", Protocol::tcp, "::1", 8555});
}

TEST_CASE("collide: one port, one protocol, and an address in common") {
  const WantedPort wanted{"ports.dns", Protocol::tcp, "127.0.0.1", 8600};
  CHECK(collide(wanted, {Protocol::tcp, "127.0.0.1", 8600, 1}));
  CHECK(collide(wanted, {Protocol::tcp, "0.0.0.0", 8600, 1}));
  CHECK(collide(wanted, {Protocol::tcp, "::", 8600, 1}));
  CHECK_FALSE(collide(wanted, {Protocol::tcp, "10.0.0.5", 8600, 1}));
  CHECK_FALSE(collide(wanted, {Protocol::udp, "127.0.0.1", 8600, 1}));
  CHECK_FALSE(collide(wanted, {Protocol::tcp, "127.0.0.1", 8601, 1}));
  CHECK(collide({"ports.http", Protocol::tcp, "0.0.0.0", 8500}, {Protocol::tcp, "10.0.0.5", 8500, 1}));
}
