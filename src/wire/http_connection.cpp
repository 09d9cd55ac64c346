#include "wire/http_connection.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <charconv>
#include <ctime>

#include "base/log.hpp"
#include "base/text.hpp"
#include "wire/http_target.hpp"

namespace vedette::wire {
namespace http = boost::beast::http;
namespace {

constexpr auto awaited = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t small_body = 256 * 1024;
constexpr seconds head_patience{20};
constexpr seconds linger_patience{5};
constexpr std::size_t linger_bytes = 64U << 20U;

/// A body that is already here.
class TextBody final : public Body {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), text_.size() - at_);
    std::copy_n(text_.data() + at_, count, reinterpret_cast<char*>(buffer.data()));
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

/// RFC 9110 section 6.4.1: no content, whatever the handler says.
bool never_has_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

std::string_view reason_of(int status) {
  const auto text = http::obsolete_reason(static_cast<http::status>(status));
  return status == 507 ? std::string_view("Insufficient Storage") : std::string_view(text.data(), text.size());
}

/// IMF-fixdate (RFC 9110 section 5.6.7), whatever the locale.
std::string date_now() {
  constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                     months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                     utc.tm_sec);
}

std::string without_line_ends(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F)) out += c;
  }
  return out;
}

bool has_framing(std::string_view name) {
  const std::string lower = lower_case(name);
  return lower == "content-length" || lower == "transfer-encoding" || lower == "connection" || lower == "keep-alive" ||
         lower == "upgrade";
}

}  // namespace

Response guarded(const Handler& handler, Request& request) {
  try {
    return handler(request);
  } catch (const std::exception& fault) {
    return Response::problem(Error{Fault::internal, "http.handler", "The request could not be worked on", "",
                                   "Try again; if it stays so, give the reference to those who run the node.",
                                   fault.what()});
  }
}

std::uint64_t length_of(const Files& files) {
  std::uint64_t out = files.after.size();
  for (const FilePiece& piece : files.pieces)
    out += piece.before.size() + static_cast<std::uint64_t>(std::max<std::int64_t>(piece.length, 0));
  return out;
}

ServerState::ServerState(const ServerOptions& o, Handler h)
    : options(o),
      handler(std::move(h)),
      workers(std::max<std::size_t>(o.threads, 1)),
      uploads(std::max<std::size_t>(o.threads, 2)),
      streams(4) {}

std::size_t ServerState::open() {
  const std::scoped_lock lock(mutex);
  return connections.size();
}

std::size_t ServerState::open_from(const std::string& address) {
  const std::scoped_lock lock(mutex);
  const auto found = by_address.find(address);
  return found == by_address.end() ? 0 : found->second;
}

asio::awaitable<void> run_on(asio::thread_pool& pool, std::function<void()> work) {
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      [&pool](auto done, std::function<void()> job) {
        asio::post(pool, [job = std::move(job), done = std::move(done)]() mutable {
          job();
          auto home = asio::get_associated_executor(done);
          asio::post(home, std::move(done));
        });
      },
      asio::use_awaitable, std::move(work));
}

std::string head_of(const Response& response) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += reason_of(response.status);
  out += "\r\n";
  out += "Date: " + date_now() + "\r\n";
  for (const auto& [name, value] : response.headers.all()) {
    if (has_framing(name)) continue;
    out += without_line_ends(name) + ": " + without_line_ends(value) + "\r\n";
  }
  return out;
}

Connection::Connection(asio::ip::tcp::socket socket, std::shared_ptr<ServerState> server)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      server_(std::move(server)),
      buffer_(server_->options.header_bytes + 65536) {
  boost::system::error_code ec;
  socket_.set_option(asio::ip::tcp::no_delay(true), ec);
  const auto end = socket_.remote_endpoint(ec);
  if (!ec) peer_ = end.address().to_string();
  const std::scoped_lock lock(server_->mutex);
  server_->connections.insert(this);
  ++server_->by_address[peer_];
}

Connection::~Connection() {
  const std::scoped_lock lock(server_->mutex);
  server_->connections.erase(this);
  if (--server_->by_address[peer_] == 0) server_->by_address.erase(peer_);
}

void Connection::end(bool only_idle) {
  if (only_idle && !idle_) return;
  // The descriptor stays ours until the coroutine ends, so this is safe from any thread.
  ::shutdown(socket_.native_handle(), SHUT_RDWR);
}

void Connection::arm(microseconds after) {
  const std::uint64_t armed = ++armed_;
  timer_.expires_after(after);
  timer_.async_wait([self = shared_from_this(), armed](const boost::system::error_code& ec) {
    if (ec || armed != self->armed_) return;
    boost::system::error_code ignored;
    self->socket_.cancel(ignored);
  });
}

void Connection::disarm() {
  ++armed_;
  timer_.cancel();
}

asio::awaitable<bool> Connection::wait_for_bytes() {
  if (buffer_.size() > 0) co_return true;
  idle_ = true;
  bool ready = false;
  if (!server_->draining) {
    arm(server_->options.idle);
    const auto [ec] = co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, awaited);
    disarm();
    ready = !ec;
  }
  idle_ = false;
  co_return ready;
}

asio::awaitable<void> Connection::serve() {
  Next next = Next::request;
  while (next == Next::request) {
    if (!co_await wait_for_bytes()) break;
    next = co_await one_request();
  }
  if (next == Next::linger) co_await linger();
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  // The descriptor goes with the object: end() of another thread must never meet a closed one.
}

asio::awaitable<void> Connection::refuse(bool of_address) {
  ends_ = SystemClock().steady() + server_->options.idle;
  Response response =
      of_address
          ? Response::problem(Error{Fault::throttled, "http.connections_per_address",
                                    "This address has too many connections open",
                                    "setting http.connections_per_address", "Close some of them first."})
          : Response::problem(Error{Fault::unavailable, "http.connections", "All connections of this node are in use",
                                    "setting http.connections", "Try again in a moment."});
  co_await answer(response, false, false, false);
  co_await linger();
}

/// Lets the peer read the answer before the connection goes: closing with unread bytes would reset it.
asio::awaitable<void> Connection::linger() {
  boost::system::error_code ec;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ec);
  std::array<char, 65536> waste;
  std::size_t total = 0;
  arm(linger_patience);
  while (total < linger_bytes && !server_->draining) {
    const auto [failed, got] = co_await socket_.async_read_some(asio::buffer(waste), awaited);
    if (failed || got == 0) break;
    total += got;
  }
  disarm();
}

bool Connection::fill(Request& request, const Parser& parser, Error& why) const {
  const auto& message = parser.get();
  request.method = std::string(message.method_string());
  request.peer = peer_;
  if (request.method == "TRACE" || request.method == "CONNECT" || request.method.size() > 16) {
    why = Error{Fault::refused, "http.method", "This method is not offered here"};
    return false;
  }
  std::size_t hosts = 0;
  for (const auto& field : message) {
    if (field.name() == http::field::host) ++hosts;
    request.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  if (hosts > 1 || (hosts == 0 && message.version() == 11)) {
    why = Error{Fault::malformed, "http.host", "The request must have one Host field", "header Host",
                "Send it once (RFC 9112 section 3.2)."};
    return false;
  }
  auto target = parse_target(std::string_view(message.target().data(), message.target().size()));
  if (!target) {
    why = std::move(target).error();
    return false;
  }
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  return true;
}

asio::awaitable<Connection::Next> Connection::refuse_head(boost::system::error_code why) {
  if (why == http::error::end_of_stream ||
      why.category() != http::make_error_code(http::error::end_of_stream).category()) {
    co_return Next::close;  // gone, or too slow: nothing to answer to
  }
  Response response;
  if (why == http::error::header_limit || why == http::error::buffer_overflow) {
    response = Response::problem(
        Error{Fault::too_large, "http.header_too_large", "The head of the request is too large",
              std::to_string(server_->options.header_bytes) + " bytes", "Send fewer or shorter fields."});
    response.status = 431;
  } else if (why == http::error::body_limit) {
    response =
        Response::problem(Error{Fault::too_large, "http.body_too_large", "The body is larger than any request may have",
                                std::to_string(server_->options.body_bytes) + " bytes", "Send less at once."});
  } else {
    response = Response::problem(Error{Fault::malformed, "http.malformed", "This is no well-formed HTTP/1.1 request",
                                       "request head: " + why.message(), "Send it as RFC 9112 says."});
  }
  co_await answer(response, false, false, false);
  co_return Next::linger;
}

asio::awaitable<bool> Connection::read_small_body(Parser& parser, std::string& body) {
  body.resize(static_cast<std::size_t>(parser.content_length().value_or(0)));
  parser.get().body().data = body.data();
  parser.get().body().size = body.size();
  while (!parser.is_done()) {
    const auto [ec, got] = co_await http::async_read_some(socket_, buffer_, parser, awaited);
    if (ec && ec != http::error::need_buffer) co_return false;
  }
  co_return true;
}

asio::awaitable<Response> Connection::handle(Request& request, Parser& parser, bool streamed, bool& body_read) {
  Response response;
  if (!streamed) {
    std::string text;
    arm(server_->options.idle);
    const bool whole = co_await read_small_body(parser, text);
    disarm();
    if (!whole) {
      body_read = false;
      co_return Response::problem(
          Error{Fault::malformed, "http.body", "The body breaks off", "", "Send the request again."});
    }
    TextBody body(std::move(text));
    request.body = &body;
    ++server_->waiting;
    co_await run_on(server_->workers, [&] {
      --server_->waiting;
      response = guarded(server_->handler, request);
    });
    request.body = nullptr;
    co_return response;
  }
  const bool expects = lower_case(request.headers.get("Expect")) == "100-continue";
  SocketBody body(socket_.native_handle(), buffer_, parser, server_->options, ends_, server_->stop.get_token(),
                  expects);
  request.body = &body;
  co_await run_on(server_->uploads, [&] { response = guarded(server_->handler, request); });
  request.body = nullptr;
  body_read = body.done();
  co_return response;
}

asio::awaitable<Connection::Next> Connection::one_request() {
  ends_ = SystemClock().steady() + server_->options.total;
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(server_->options.header_bytes));
  parser.body_limit(server_->options.body_bytes);
  arm(std::min<microseconds>(server_->options.idle, head_patience));
  const auto [ec, got] = co_await http::async_read_header(socket_, buffer_, parser, awaited);
  disarm();
  if (ec) co_return co_await refuse_head(ec);

  Request request;
  Error why;
  const unsigned version = parser.get().version();
  if (!fill(request, parser, why)) {
    Response response = Response::problem(why);
    if (why.code == "http.method") response.status = 501;
    co_await answer(response, request.method == "HEAD", false, false);
    co_return Next::linger;
  }
  if (is_quick(parser, request)) {
    const bool keep = parser.keep_alive();
    co_return co_await answer_at_once(std::move(request), keep);
  }
  const std::string_view expect = request.headers.get("Expect");
  const bool streamed = parser.chunked() || !expect.empty() || parser.content_length().value_or(0) > small_body;
  bool body_read = true;
  bool keep_alive = parser.keep_alive();
  Response response;
  if (!expect.empty() && lower_case(expect) != "100-continue") {
    response = Response::problem(
        Error{Fault::refused, "http.expect", "This expectation is not met here", "header Expect", "Leave it out."});
    response.status = 417;
    body_read = parser.is_done();
  } else {
    response = co_await handle(request, parser, streamed, body_read);
  }
  keep_alive = keep_alive && body_read && !server_->draining;
  const bool sent = co_await answer(response, request.method == "HEAD", keep_alive, version >= 11);
  if (!sent) co_return Next::close;
  if (keep_alive) co_return Next::request;
  co_return Next::linger;
}

asio::awaitable<bool> Connection::writable() {
  const microseconds left = ends_ - SystemClock().steady();
  if (left <= microseconds{0}) co_return false;
  arm(std::min<microseconds>(server_->options.idle, left));
  const auto [ec] = co_await socket_.async_wait(asio::ip::tcp::socket::wait_write, awaited);
  disarm();
  co_return !ec;
}

asio::awaitable<bool> Connection::send_text(std::string_view text, bool more) {
  while (!text.empty()) {
    const ssize_t sent =
        ::send(socket_.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!co_await writable()) co_return false;
    } else if (errno != EINTR) {
      co_return false;
    }
  }
  co_return true;
}

asio::awaitable<bool> Connection::answer(Response& response, bool head_only, bool keep_alive, bool chunks) {
  set_security_headers(response);
  std::string head = head_of(response);
  const bool has_length =
      std::holds_alternative<std::string>(response.body) || std::holds_alternative<Files>(response.body);
  keep_alive = keep_alive && (chunks || has_length);  // else the end of the connection is the end of the body
  if (!keep_alive) {
    head += "Connection: close\r\n";
  } else if (!chunks) {
    head += "Connection: keep-alive\r\n";  // HTTP/1.0 needs to be told
  }
  if (never_has_body(response.status)) {
    head += "\r\n";
    co_return co_await send_text(head, false);
  }
  if (auto* text = std::get_if<std::string>(&response.body)) {
    head += "Content-Length: " + std::to_string(text->size()) + "\r\n\r\n";
    if (head_only) co_return co_await send_text(head, false);
    if (text->size() < 65536) {
      head += *text;
      co_return co_await send_text(head, false);
    }
    if (!co_await send_text(head, true)) co_return false;
    co_return co_await send_text(*text, false);
  }
  if (auto* files = std::get_if<Files>(&response.body)) {
    head += "Content-Length: " + std::to_string(length_of(*files)) + "\r\n\r\n";
    if (head_only) co_return co_await send_text(head, false);
    co_return co_await answer_files(*files, std::move(head));
  }
  auto* events = std::get_if<EventStream>(&response.body);
  if (events != nullptr && !head_only &&
      server_->event_streams.fetch_add(1) >= std::max<std::size_t>(server_->options.connections / 2, 1)) {
    --server_->event_streams;
    Response full = Response::problem(Error{Fault::unavailable, "http.event_streams", "Too many event streams are open",
                                            "setting http.connections", "Try again in a minute."});
    co_return co_await answer(full, false, keep_alive, chunks);
  }
  if (chunks) head += "Transfer-Encoding: chunked\r\n";
  if (events != nullptr) head += "X-Accel-Buffering: no\r\n";
  head += "\r\n";
  bool sent = co_await send_text(head, false);
  if (!head_only) {
    if (events != nullptr) {
      ends_ = microseconds::max();
      sent = sent && co_await answer_events(*events, chunks);
      --server_->event_streams;
    } else {
      sent = sent && co_await answer_produced(std::get<Producer>(response.body), chunks);
    }
  }
  co_return sent && (chunks || head_only);
}

asio::awaitable<bool> Connection::send_chunk(std::string_view text, bool chunks) {
  if (!chunks) co_return co_await send_text(text, false);
  std::array<char, 20> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), text.size(), 16).ptr;
  std::string head(size.data(), end);
  head += "\r\n";
  if (!co_await send_text(head, true)) co_return false;
  if (!co_await send_text(text, true)) co_return false;
  co_return co_await send_text("\r\n", false);
}

asio::awaitable<bool> Connection::answer_produced(Producer& producer, bool chunks) {
  for (;;) {
    std::optional<Result<std::string>> piece;
    co_await run_on(server_->workers, [&] {
      try {
        piece = producer();
      } catch (const std::exception& fault) {
        piece = Error{Fault::internal, "http.producer", "The answer broke off", "", "", fault.what()};
      }
    });
    if (!*piece) {
      log::failure("http.answer_broken", piece->error());
      co_return false;  // no last chunk: the peer sees that the answer is not whole
    }
    const std::string text = std::move(*piece).value();
    if (text.empty()) break;
    if (!co_await send_chunk(text, chunks)) co_return false;
  }
  if (!chunks) co_return true;
  co_return co_await send_text("0\r\n\r\n", false);
}

bool Connection::peer_gone() {
  char one = 0;
  const ssize_t got = ::recv(socket_.native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

asio::awaitable<bool> Connection::answer_events(EventStream& events, bool chunks) {
  constexpr milliseconds tick{200};
  constexpr seconds heartbeat{15};
  const SystemClock clock;
  microseconds last = clock.steady();
  asio::steady_timer pause(socket_.get_executor());
  const std::stop_token stop = server_->stop.get_token();
  while (!stop.stop_requested() && !peer_gone()) {
    std::optional<std::string> text;
    co_await run_on(server_->streams, [&] {
      try {
        text = events.next(stop);
      } catch (const std::exception& fault) {
        log::warning("http.event_stream", {{"fault", fault.what()}});
      }
    });
    if (!text) break;
    if (text->empty() && clock.steady() - last >= heartbeat) *text = ":\n\n";
    if (!text->empty()) {
      if (!co_await send_chunk(*text, chunks)) co_return false;
      last = clock.steady();
      continue;
    }
    pause.expires_after(tick);
    const auto [ec] = co_await pause.async_wait(awaited);
    if (ec) break;
  }
  if (!chunks) co_return true;
  co_return co_await send_text("0\r\n\r\n", false);
}

}  // namespace vedette::wire
