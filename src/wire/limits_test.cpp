// Every limit of this module bites where it is set, says so in the protocol's own words, and lets pass what is just
// below it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/dimse_testing.hpp"
#include "wire/http.hpp"

namespace vedette::wire {
namespace {

using namespace testing_;
using ::testing::HasSubstr;

class DimseLimits : public ::testing::Test {
 protected:
  void start(const DimseOptions& options) {
    auto made = DimseServer::start(options, service);
    ASSERT_TRUE(made) << made.error().text();
    server = std::move(made).value();
  }
  std::string ask(RawPeer& peer, std::size_t contexts = 1) const {
    peer.say(RawPeer::associate("VEDETTE", std::string(ct_class), std::string(explicit_little), contexts));
    return peer.hear();
  }
  /// The status of one C-STORE; -1 when the association ended instead.
  static int store(RawPeer& peer, const std::string& data, std::size_t piece = 4000) {
    const std::string instance = "1.2.3.1";
    peer.say(RawPeer::data(RawPeer::store_request(std::string(ct_class), instance).encoded(), true, true));
    for (std::size_t at = 0; at < data.size(); at += piece)
      peer.say(RawPeer::data(data.substr(at, piece), false, at + piece >= data.size()));
    return status(peer.hear());
  }
  static int status(const std::string& answer) {
    if (answer.size() < 12 || answer[0] != 4) return -1;
    const auto response = Command::parse(as_bytes(std::string_view(answer).substr(12)));
    return response ? response->number(Command::status) : -1;
  }
  static std::string echo() {
    Command request;
    request.set_uid(Command::affected_class, "1.2.840.10008.1.1");
    request.set_number(Command::field, Command::c_echo_rq);
    request.set_number(Command::message_id, 1);
    request.set_number(Command::data_set_type, Command::no_data_set);
    return RawPeer::data(request.encoded(), true, true);
  }

  const std::string accepted = "\2", local_limit = std::string("\3\0\0\0\0\4\0\2\3\2", 10), aborted = "\7";
  KeepingService service;
  std::unique_ptr<DimseServer> server;
};

TEST_F(DimseLimits, AssociationsInTotal) {
  DimseOptions options;
  options.associations = 2;
  start(options);
  RawPeer one(server->port()), two(server->port(), 2), three(server->port(), 3);
  EXPECT_EQ(ask(one).substr(0, 1), accepted);
  EXPECT_EQ(ask(two).substr(0, 1), accepted);
  EXPECT_EQ(ask(three), local_limit);
}

TEST_F(DimseLimits, AssociationsOfOneAddress) {
  DimseOptions options;
  options.associations_per_peer = 1;
  start(options);
  RawPeer one(server->port()), again(server->port()), other(server->port(), 2);
  EXPECT_EQ(ask(one).substr(0, 1), accepted);
  EXPECT_EQ(ask(again), local_limit);
  EXPECT_EQ(ask(other).substr(0, 1), accepted);
}

TEST_F(DimseLimits, PresentationContexts) {
  DimseOptions options;
  options.contexts = 3;
  start(options);
  RawPeer fits(server->port()), more(server->port());
  EXPECT_EQ(ask(fits, 3).substr(0, 1), accepted);
  EXPECT_EQ(ask(more, 4), local_limit);
}

TEST_F(DimseLimits, LengthOfAPdu) {
  DimseOptions options;
  options.pdu_bytes = 4096;
  start(options);
  const std::string data = data_set(ct_class, "1.2.3.1", 64, 1);
  RawPeer fits(server->port()), larger(server->port());
  ASSERT_EQ(ask(fits).substr(0, 1), accepted);
  EXPECT_EQ(store(fits, data, 4096 - 6), 0);
  ASSERT_EQ(ask(larger).substr(0, 1), accepted);
  EXPECT_EQ(store(larger, data, 4097), -1);
  EXPECT_EQ(service.count, 1);
}

TEST_F(DimseLimits, BytesOfADataSet) {
  DimseOptions options;
  const std::string data = data_set(ct_class, "1.2.3.1", 64, 1);
  options.object_bytes = data.size();
  start(options);
  RawPeer peer(server->port());
  ASSERT_EQ(ask(peer).substr(0, 1), accepted);
  EXPECT_EQ(store(peer, data + "x"), 0xA700);
  EXPECT_EQ(store(peer, data), 0) << "the association goes on, and what is just below passes";
}

TEST_F(DimseLimits, IdleTime) {
  DimseOptions options;
  options.idle = seconds(1);
  start(options);
  RawPeer busy(server->port()), silent(server->port());
  ASSERT_EQ(ask(busy).substr(0, 1), accepted);
  ASSERT_EQ(ask(silent).substr(0, 1), accepted);
  for (int i = 0; i < 6; ++i) {
    std::this_thread::sleep_for(milliseconds(300));
    busy.say(echo());
    EXPECT_EQ(status(busy.hear()), 0);
  }
  EXPECT_EQ(silent.hear().substr(0, 1), aborted);
}

TEST_F(DimseLimits, TotalTimeEndsEvenABusyAssociation) {
  DimseOptions options;
  options.total = seconds(2);
  start(options);
  RawPeer peer(server->port());
  ASSERT_EQ(ask(peer).substr(0, 1), accepted);
  const SystemClock clock;
  const microseconds begun = clock.steady();
  std::string heard;
  int echoes = 0;
  while (clock.steady() - begun < seconds(10)) {
    peer.say(echo());
    heard = peer.hear();
    if (status(heard) != 0) break;
    ++echoes;
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_EQ(heard.substr(0, 1), aborted);
  EXPECT_GE(clock.steady() - begun, milliseconds(1500)) << "before its time it is not touched";
  EXPECT_LT(clock.steady() - begun, seconds(8));
  EXPECT_GT(echoes, 2);
}

TEST_F(DimseLimits, LeastRateOfADataSet) {
  DimseOptions options;
  options.least_rate = 1000;
  options.slow_after = seconds(1);
  start(options);
  const std::string data = data_set(ct_class, "1.2.3.1", 64, 1);
  RawPeer slow(server->port()), quick(server->port());
  ASSERT_EQ(ask(slow).substr(0, 1), accepted);
  ASSERT_EQ(ask(quick).substr(0, 1), accepted);
  std::jthread dripping([&](const std::stop_token& stop) {
    slow.say(RawPeer::data(RawPeer::store_request(std::string(ct_class), "1.2.3.2").encoded(), true, true));
    for (int i = 0; i < 100 && !stop.stop_requested(); ++i) {
      slow.say(RawPeer::data("ab", false, false));
      std::this_thread::sleep_for(milliseconds(100));
    }
  });
  quick.say(RawPeer::data(RawPeer::store_request(std::string(ct_class), "1.2.3.1").encoded(), true, true));
  for (std::size_t at = 0; at < data.size(); at += 1000) {  // 3000 bytes a second for 3 s
    quick.say(RawPeer::data(data.substr(at, 1000), false, at + 1000 >= data.size()));
    std::this_thread::sleep_for(milliseconds(300));
  }
  EXPECT_EQ(status(quick.hear()), 0);
  EXPECT_EQ(slow.hear(8000).substr(0, 1), aborted);
}

TEST_F(DimseLimits, ACommandThatDripsIsCutOffAfterTheIdleTime) {
  DimseOptions options;
  options.idle = seconds(1);
  start(options);
  RawPeer peer(server->port());
  ASSERT_EQ(ask(peer).substr(0, 1), accepted);
  const std::string request = RawPeer::store_request(std::string(ct_class), "1.2.3.2").encoded();
  std::jthread dripping([&](const std::stop_token& stop) {
    for (std::size_t i = 0; i + 1 < request.size() && !stop.stop_requested(); ++i) {
      peer.say(RawPeer::data(request.substr(i, 1), true, false));
      std::this_thread::sleep_for(milliseconds(200));
    }
  });
  EXPECT_EQ(peer.hear(6000).substr(0, 1), aborted);
}

TEST_F(DimseLimits, ARequestThatDripsEndsWithItsGreeting) {
  start({});
  RawPeer peer(server->port());
  const std::string request = RawPeer::associate("VEDETTE", std::string(ct_class), std::string(explicit_little));
  const SystemClock clock;
  const microseconds begun = clock.steady();
  std::jthread dripping([&](const std::stop_token& stop) {
    for (std::size_t i = 0; i + 1 < request.size() && !stop.stop_requested(); ++i) {
      peer.say(request.substr(i, 1));
      std::this_thread::sleep_for(milliseconds(500));
    }
  });
  EXPECT_TRUE(peer.closed_by_peer(20'000));
  EXPECT_LT(clock.steady() - begun, seconds(15)) << "the ARTIM timer is 10 s";
  EXPECT_EQ(service.opens, 0);
}

TEST_F(DimseLimits, ATitleWithAZeroByteInsideIsNoCaller) {
  start({});
  for (const std::size_t at : {10U, 26U}) {
    RawPeer peer(server->port());
    std::string request = RawPeer::associate("VEDETTE", std::string(ct_class), std::string(explicit_little));
    request.replace(at, 16, std::string(at == 10 ? "VEDETTE\0EVIL" : "CT12345\0EVIL", 12) + "    ");
    peer.say(request);
    EXPECT_EQ(peer.hear().substr(0, 1), "\3");
  }
  EXPECT_EQ(service.opens, 0);
}

TEST_F(DimseLimits, AMalformedRequestIsAbortedAsInvalid) {
  start({});
  RawPeer peer(server->port());
  std::string request = RawPeer::associate("VEDETTE", std::string(ct_class), std::string(explicit_little));
  request[77] = '\x7F';  // length of the application context
  peer.say(request);
  EXPECT_EQ(peer.hear(), std::string("\7\0\0\0\0\4\0\0\2\6", 10));
}

class HttpLimits : public ::testing::Test {
 protected:
  void start(const ServerOptions& options) {
    auto made = Server::start(options, [](Request& request) {
      auto body = request.body->all(1 << 20);
      return body ? Response::json(std::to_string(body->size())) : Response::problem(body.error());
    });
    ASSERT_TRUE(made) << made.error().text();
    server = std::move(made).value();
  }
  static std::string hear(RawPeer& peer, std::string_view until, int wait_ms = 5000) {
    return peer.hear_text(until, wait_ms);
  }
  static std::string get() { return "GET / HTTP/1.1\r\nHost: a\r\n\r\n"; }
  std::unique_ptr<Server> server;
};

TEST_F(HttpLimits, ConnectionsOfOneAddress) {
  ServerOptions options;
  options.connections_per_address = 2;
  start(options);
  RawPeer one(server->port()), two(server->port()), three(server->port()), other(server->port(), 2);
  one.say(get());
  EXPECT_THAT(hear(one, "\r\n\r\n"), HasSubstr("200 OK"));
  two.say(get());
  EXPECT_THAT(hear(two, "\r\n\r\n"), HasSubstr("200 OK"));
  three.say(get());
  EXPECT_THAT(hear(three, "remedy"), ::testing::AllOf(HasSubstr(" 429 "), HasSubstr("http.connections_per_address")));
  other.say(get());
  EXPECT_THAT(hear(other, "\r\n\r\n"), HasSubstr("200 OK"));
  one.close();
  for (int i = 0; i < 200 && server->open_connections() > 2; ++i) std::this_thread::sleep_for(milliseconds(50));
  RawPeer four(server->port());
  four.say(get());
  EXPECT_THAT(hear(four, "\r\n\r\n"), HasSubstr("200 OK")) << "a place that was given back is free";
}

TEST_F(HttpLimits, ManyConnectionsBeyondTheLimitAreClosedUntold) {
  ServerOptions options;
  options.connections = 8;
  start(options);
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int i = 0; i < 300; ++i) peers.push_back(std::make_unique<RawPeer>(server->port()));
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_LE(server->open_connections(), 8U + 65U);
  peers.clear();
  for (int i = 0; i < 200 && server->open_connections() > 0; ++i) std::this_thread::sleep_for(milliseconds(50));
  RawPeer after(server->port());
  after.say(get());
  EXPECT_THAT(hear(after, "\r\n\r\n"), HasSubstr("200 OK"));
}

TEST_F(HttpLimits, BytesOfTheHead) {
  ServerOptions options;
  options.header_bytes = 2048;
  start(options);
  RawPeer fits(server->port()), larger(server->port());
  fits.say("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1900, 'x') + "\r\n\r\n");
  EXPECT_THAT(hear(fits, "\r\n\r\n"), HasSubstr("200 OK"));
  larger.say("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2048, 'x') + "\r\n\r\n");
  EXPECT_THAT(hear(larger, "remedy"), ::testing::AllOf(HasSubstr(" 431 "), HasSubstr("http.header_too_large")));
}

TEST_F(HttpLimits, TotalTimeOfARequest) {
  ServerOptions options;
  options.total = seconds(2);
  start(options);
  RawPeer slow(server->port()), quick(server->port());
  quick.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  slow.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    slow.say("1000\r\n" + std::string(4096, 'x') + "\r\n");
    quick.say("1000\r\n" + std::string(4096, 'x') + "\r\n");
    std::this_thread::sleep_for(milliseconds(100));
  }
  quick.say("0\r\n\r\n");
  EXPECT_THAT(hear(quick, "40960"), HasSubstr("200 OK"));
  EXPECT_THAT(hear(slow, "remedy"), ::testing::AllOf(HasSubstr(" 504 "), HasSubstr("http.total_seconds")));
}

TEST_F(HttpLimits, LeastRateOfABody) {
  ServerOptions options;
  options.least_rate = 1000;
  options.slow_after = seconds(1);
  start(options);
  RawPeer slow(server->port()), quick(server->port());
  quick.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  slow.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) {
    quick.say("190\r\n" + std::string(400, 'x') + "\r\n");
    slow.say("1\r\nx\r\n");
    std::this_thread::sleep_for(milliseconds(100));
  }
  quick.say("0\r\n\r\n");
  EXPECT_THAT(hear(quick, "8000"), HasSubstr("200 OK"));
  EXPECT_THAT(hear(slow, "remedy"), ::testing::AllOf(HasSubstr(" 504 "), HasSubstr("http.body_slow")));
}

}  // namespace
}  // namespace vedette::wire
