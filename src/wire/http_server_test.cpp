#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "base/text.hpp"
#include "wire/http.hpp"
#include "wire/http_target.hpp"

namespace vedette::wire {
namespace {

/// A plain socket: says exactly what a test wants, right or wrong.
class Line {
 public:
  explicit Line(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  }
  ~Line() { ::close(socket_); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  bool connected() const { return connected_; }
  void say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// What comes until the text is there, the peer closes or the time is over.
  std::string hear(std::string_view until, int wait_ms = 5000) {
    while (heard_.find(until) == std::string::npos) {
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, wait_ms) <= 0) break;
      char buffer[65536];
      const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) {
        closed_ = true;
        break;
      }
      heard_.append(buffer, static_cast<std::size_t>(got));
    }
    return heard_;
  }
  std::string hear_all(int wait_ms = 5000) {
    while (!closed_) {
      const std::size_t before = heard_.size();
      hear("\x01never\x01", wait_ms);
      if (!closed_ && heard_.size() == before) break;
    }
    return heard_;
  }
  bool closed() const { return closed_; }
  void forget() { heard_.clear(); }

 private:
  int socket_;
  bool connected_ = false;
  bool closed_ = false;
  std::string heard_;
};

/// Echoes what it got; "/files", "/long", "/events" answer in the other forms.
class HttpServer : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    auto made = Server::start(options, [this](Request& request) { return work(request); });
    ASSERT_TRUE(made) << made.error().text() << made.error().detail;
    server = std::move(made).value();
  }
  Response work(Request& request) {
    if (request.path == "/throw") throw std::runtime_error("secret detail");
    if (request.path == "/slow") std::this_thread::sleep_for(milliseconds(400));
    if (request.path == "/ignore")
      return Response::problem(Error{Fault::unauthenticated, "auth.none", "Sign in first"});
    if (request.path == "/files") return files();
    if (request.path == "/long") {
      Response out;
      auto left = std::make_shared<int>(1000);  // shared: the producer is copied into a std::function
      out.body =
          Producer([left]() -> Result<std::string> { return (*left)-- > 0 ? std::string(1000, 'x') : std::string(); });
      return out;
    }
    if (request.path == "/broken") {
      Response out;
      auto calls = std::make_shared<int>(0);  // shared: as above
      out.body = Producer([calls]() -> Result<std::string> {
        if ((*calls)++ == 0) return std::string("begin");
        return Error{Fault::unavailable, "test.broken", "broken"};
      });
      return out;
    }
    if (request.path == "/events") {
      Response out;
      out.headers.set("Content-Type", "text/event-stream");
      out.body = EventStream{[this](std::stop_token) -> std::optional<std::string> {
        ++polls;
        return events.exchange(0) > 0 ? "data: one\n\n" : "";
      }};
      return out;
    }
    if (request.path == "/count") {
      std::uint64_t total = 0;
      std::uint64_t sum = 0;
      std::vector<std::byte> buffer(65536);
      for (;;) {
        auto got = request.body->read(buffer);
        if (!got) return Response::problem(got.error());
        if (*got == 0) break;
        total += *got;
        for (std::size_t i = 0; i < *got; ++i) sum += std::to_integer<unsigned>(buffer[i]);
      }
      return Response::json(std::to_string(total) + " " + std::to_string(sum));
    }
    auto body = request.body->all(1 << 20);
    if (!body) return Response::problem(body.error());
    return Response::json(request.method + " " + request.path + " [" + std::string(request.parameter("q")) + "] " +
                          *body);
  }
  Response files() {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    auto owner =
        std::shared_ptr<void>(nullptr, [file](void*) { ::close(file); });  // shared: both pieces use one descriptor
    Response out;
    out.headers.set("Content-Type", "multipart/related");
    out.body = Files{{{"<first>", file, 0, 10, owner}, {"<second>", file, 100, 2'000'000, owner}}, "<end>"};
    return out;
  }
  void SetUp() override {
    path = std::filesystem::temp_directory_path() / ("vedette-http-" + std::to_string(::getpid()));
    std::ofstream out(path, std::ios::binary);
    for (int i = 0; i < 300'000; ++i) out << "0123456789";
  }
  void TearDown() override {
    server.reset();
    std::filesystem::remove(path);
  }
  std::string url(const std::string& tail) const { return "http://127.0.0.1:" + std::to_string(server->port()) + tail; }
  ClientAnswer fetch(const std::string& tail, const std::string& method = "GET") const {
    ClientRequest request;
    request.method = method;
    request.url = url(tail);
    auto answer = send(request);
    EXPECT_TRUE(answer) << answer.error().text() << answer.error().detail;
    return answer ? *answer : ClientAnswer{};
  }
  std::string ask(std::string_view text) const {
    Line line(server->port());
    line.say(text);
    return line.hear_all(3000);
  }

  std::filesystem::path path;
  std::atomic<int> events{0};
  std::atomic<int> polls{0};
  std::unique_ptr<Server> server;
};

TEST_F(HttpServer, AnswersWithSecurityHeaders) {
  start();
  const ClientAnswer answer = fetch("/api/a%20b?q=c%2Bd+e");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "GET /api/a b [c+d e] ");
  EXPECT_NE(answer.headers.get("content-security-policy").find("default-src 'self'"), std::string_view::npos);
  EXPECT_EQ(answer.headers.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(answer.headers.get("Cache-Control"), "no-store");
}

TEST_F(HttpServer, SendsFilesBetweenTexts) {
  start();
  const ClientAnswer answer = fetch("/files");
  ASSERT_EQ(answer.body.size(), 7 + 10 + 8 + 2'000'000 + 5U);
  EXPECT_EQ(answer.body.substr(0, 25), "<first>0123456789<second>");
  EXPECT_TRUE(answer.body.ends_with("789<end>"));
  EXPECT_EQ(answer.headers.get("Content-Length"), std::to_string(answer.body.size()));
}

TEST_F(HttpServer, ReaderThatPausesGetsEveryByteInOrder) {
  start();
  Line line(server->port());
  // More than the buffers of both ends hold: the worker gives up waiting in the middle of a file and others go on.
  constexpr int asked = 8;
  for (int i = 0; i < asked; ++i) line.say("GET /files HTTP/1.1\r\nHost: a\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(300));
  line.say("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string heard = line.hear_all();
  std::string body;
  for (int i = 0; i < 200'000; ++i) body += "0123456789";
  const std::string whole = "\r\n\r\n<first>0123456789<second>" + body + "<end>";
  std::size_t at = 0;
  for (int i = 0; i < asked; ++i) {
    at = heard.find(whole, at);
    ASSERT_NE(at, std::string::npos) << "answer " << i;
    at += whole.size();
  }
  EXPECT_NE(heard.find("GET /last", at), std::string::npos);
}

TEST_F(HttpServer, HeadGivesLengthWithoutBody) {
  start();
  const ClientAnswer answer = fetch("/files", "HEAD");
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.headers.get("Content-Length"), std::to_string(7 + 10 + 8 + 2'000'000 + 5));
}

TEST_F(HttpServer, ProducesChunksOfUnknownLength) {
  start();
  EXPECT_EQ(fetch("/long").body.size(), 1'000'000U);
  Line old(server->port());
  old.say("GET /long HTTP/1.0\r\n\r\n");
  const std::string text = old.hear_all();
  EXPECT_TRUE(old.closed());
  EXPECT_EQ(text.find("chunked"), std::string::npos);
  EXPECT_GT(text.size(), 1'000'000U);
}

TEST_F(HttpServer, BrokenProducerNeverLooksWhole) {
  start();
  const std::string text = ask("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(text.find("begin"), std::string::npos);
  EXPECT_EQ(text.find("\r\n0\r\n"), std::string::npos);
}

TEST_F(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  start();
  const std::string text =
      ask("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
          "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n1\r\nz\r\n0\r\n\r\nGET /4 "
          "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto first = text.find("POST /1 [] abc");
  const auto second = text.find("GET /2");
  const auto third = text.find("POST /3 [] xyz");
  const auto fourth = text.find("GET /4");
  EXPECT_TRUE(first < second && second < third && third < fourth && fourth != std::string::npos) << text;
}

TEST_F(HttpServer, LargeBodiesStreamInBothFramings) {
  start();
  const std::string megabytes(5'000'000, '\x02');
  ClientRequest request;
  request.method = "POST";
  request.url = url("/count");
  request.body.emplace_back(megabytes);
  auto answer = send(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "5000000 10000000");
  request.headers.set("Transfer-Encoding", "chunked");
  request.headers.set("Expect", "100-continue");
  answer = send(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "5000000 10000000");
}

TEST_F(HttpServer, ClientSendsFileRanges) {
  start();
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ClientRequest request;
  request.method = "POST";
  request.url = url("/echo");
  request.body.emplace_back(std::string("a"));
  request.body.emplace_back(FilePiece{"b", file, 5, 7, nullptr});
  request.body.emplace_back(std::string("c"));
  const auto answer = send(request);
  ::close(file);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "POST /echo [] ab5678901c");
}

TEST_F(HttpServer, ContinueIsSaidOnlyWhenTheBodyIsWanted) {
  start();
  Line wanted(server->port());
  wanted.say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_NE(wanted.hear("100 Continue\r\n\r\n").find("HTTP/1.1 100 Continue"), std::string::npos);
  wanted.say("ok");
  EXPECT_NE(wanted.hear("] ok").find("] ok"), std::string::npos);
  Line unwanted(server->port());
  unwanted.say("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  const std::string text = unwanted.hear_all();
  EXPECT_EQ(text.find("100 Continue"), std::string::npos);
  EXPECT_NE(text.find("401"), std::string::npos);
}

TEST_F(HttpServer, EarlyAnswerReachesASenderThatStillSends) {
  start();
  Line line(server->port());
  line.say("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
  line.say(std::string(20'000'000, 'x'));
  EXPECT_NE(line.hear_all().find("401 Unauthorized"), std::string::npos);
}

TEST_F(HttpServer, MalformedRequestsAreRefusedAsProblems) {
  ServerOptions options;
  options.header_bytes = 4096;
  options.body_bytes = 1000;
  start(options);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"NOT HTTP\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /a%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET relative HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", "413"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(9000, 'x') + "\r\n\r\n", "431"},
      {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "501"},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\nx", "417"},
  };
  for (const auto& [request, status] : cases) {
    const std::string text = ask(request);
    EXPECT_TRUE(text.starts_with("HTTP/1.1 " + status)) << request.substr(0, 80) << "\n" << text.substr(0, 300);
    EXPECT_NE(text.find("application/problem+json"), std::string::npos) << request.substr(0, 80);
  }
  EXPECT_EQ(fetch("/alive").status, 200);
}

TEST_F(HttpServer, FaultOfAHandlerStaysInside) {
  start();
  const ClientAnswer answer = fetch("/throw");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body.find("secret detail"), std::string::npos);
  EXPECT_NE(answer.body.find("reference"), std::string::npos);
}

TEST_F(HttpServer, EventStreamsHoldNoWorkerAndEndWithTheNode) {
  ServerOptions options;
  options.threads = 1;
  start(options);
  std::vector<std::unique_ptr<Line>> lines;
  for (int i = 0; i < 20; ++i) {
    lines.push_back(std::make_unique<Line>(server->port()));
    lines.back()->say("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(lines.back()->hear("\r\n\r\n").find("200 OK"), std::string::npos);
  }
  EXPECT_EQ(fetch("/free").status, 200);
  events = 1;
  std::this_thread::sleep_for(milliseconds(600));
  std::size_t told = 0;
  for (auto& line : lines) told += line->hear("data: one", 50).find("data: one") != std::string::npos ? 1U : 0U;
  EXPECT_EQ(told, 1U);
  server->drain(seconds(5));
  for (auto& line : lines) EXPECT_TRUE(line->hear_all(2000).ends_with("0\r\n\r\n"));
}

TEST_F(HttpServer, ClosedEventStreamIsNoticed) {
  start();
  {
    Line line(server->port());
    line.say("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    line.hear("\r\n\r\n");
  }
  for (int i = 0; i < 100 && server->open_connections() > 0; ++i) std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(server->open_connections(), 0U);
}

TEST_F(HttpServer, SlowAndSilentSendersAreClosed) {
  ServerOptions options;
  options.idle = seconds(1);
  start(options);
  Line silent(server->port());
  Line half(server->port());
  half.say("GET / HTTP/1.1\r\nHo");
  Line body(server->port());
  body.say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  Line stream(server->port());
  stream.say("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  Line dripping(server->port());
  std::jthread drip([&](std::stop_token stop) {
    for (int i = 0; i < 100 && !stop.stop_requested(); ++i) {
      dripping.say("X");
      std::this_thread::sleep_for(milliseconds(100));
    }
  });
  for (Line* line : {&silent, &half, &body, &stream, &dripping}) {
    line->hear_all(4000);
    EXPECT_TRUE(line->closed());
  }
  EXPECT_NE(stream.hear_all().find("504"), std::string::npos);
}

TEST_F(HttpServer, ReadersThatDoNotReadAreLetGoAndHoldNobodyUp) {
  ServerOptions options;
  options.idle = seconds(1);
  options.threads = 2;
  start(options);
  std::vector<std::unique_ptr<Line>> lines;
  for (int i = 0; i < 20; ++i) {
    lines.push_back(std::make_unique<Line>(server->port()));
    for (int j = 0; j < 8; ++j) lines.back()->say("GET /files HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  EXPECT_EQ(fetch("/other").status, 200);
  for (int i = 0; i < 500 && server->open_connections() > 0; ++i) std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(server->open_connections(), 0U);
}

TEST_F(HttpServer, ManyShortConnectionsLeakNothing) {
  start();
  const auto files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  fetch("/first");
  const auto before = files();
  for (int i = 0; i < 1000; ++i) {
    Line line(server->port());
    if (i % 2 == 0) line.say("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    if (i % 4 == 0) line.hear("GET /x");
    if (i % 3 == 0) line.say("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  }
  for (int i = 0; i < 500 && server->open_connections() > 0; ++i) std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(server->open_connections(), 0U);
  EXPECT_LE(files(), before + 2);
}

TEST_F(HttpServer, OneConnectionTooManyIsToldSo) {
  ServerOptions options;
  options.connections = 2;
  start(options);
  Line one(server->port());
  Line two(server->port());
  one.say("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  two.say("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  one.hear("GET /1");
  two.hear("GET /2");
  EXPECT_NE(ask("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n").find("503"), std::string::npos);
}

TEST_F(HttpServer, DrainLetsRunningRequestsFinishAndRefusesNewOnes) {
  start();
  Line running(server->port());
  Line idle(server->port());
  running.say("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(100));
  const std::uint16_t port = server->port();
  server->drain(seconds(5));
  EXPECT_NE(running.hear("GET /slow").find("GET /slow"), std::string::npos);
  idle.hear_all(1000);
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(Line(port).connected());
}

TEST_F(HttpServer, TakenPortIsAClearError) {
  start();
  ServerOptions options;
  options.port = server->port();
  const auto second = Server::start(options, [](Request&) { return Response::empty(); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "http.listen");
}

TEST_F(HttpServer, ManyClientsAtOnceAreAllServed) {
  start();
  std::atomic<int> good{0};
  std::vector<std::jthread> clients;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 50; ++i) good += fetch("/files").body.size() == 2'000'030 ? 1 : 0;
    });
  }
  clients.clear();
  EXPECT_EQ(good, 400);
}

TEST(HttpClient, SaysWhatIsWrong) {
  ClientRequest request;
  request.url = "http://127.0.0.1:1/x";
  auto answer = send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::unavailable);
  request.url = "file:///etc/passwd";
  answer = send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::malformed);
  request.url = "http://127.0.0.1:1/";
  request.headers.set("X", "a\r\nInjected: b");
  answer = send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "http.header");
}

TEST_F(HttpServer, ClientKeepsToItsLimits) {
  start();
  ClientRequest request;
  request.url = url("/long");
  request.answer_bytes = 1000;
  auto answer = send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::too_large);
}

TEST(HttpTarget, AbsoluteFormIsReducedToItsPath) {
  auto target = parse_target("HTTP://host:1/a?x=1&x=2&y");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a");
  ASSERT_EQ(target->query.size(), 3U);
  EXPECT_EQ(target->query[2].first, "y");
}

}  // namespace
}  // namespace vedette::wire
