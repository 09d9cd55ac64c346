#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/beast/core/buffer_traits.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <cerrno>
#include <cstring>

#include "wire/http_connection.hpp"

namespace vedette::wire {
namespace {

constexpr int poll_slice_ms = 200;

}  // namespace

/// What Beast's parser reads from: the socket, by the body's deadlines.
struct BlockingStream {
  SocketBody& body;

  template <typename Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& ec) {
    for (auto it = asio::buffer_sequence_begin(buffers); it != asio::buffer_sequence_end(buffers); ++it) {
      const asio::mutable_buffer one = *it;
      if (one.size() == 0) continue;
      auto got = body.receive(one.data(), one.size());
      if (!got) {
        body.failed_ = std::move(got).error();
        ec = asio::error::operation_aborted;
        return 0;
      }
      ec = *got == 0 ? boost::system::error_code(asio::error::eof) : boost::system::error_code();
      return *got;
    }
    ec = {};
    return 0;
  }
  template <typename Buffers>
  std::size_t read_some(const Buffers& buffers) {
    boost::system::error_code ec;
    return read_some(buffers, ec);
  }
};

SocketBody::SocketBody(int socket, boost::beast::flat_buffer& buffer, Parser& parser, const ServerOptions& options,
                       microseconds ends, std::stop_token stop, bool expects)
    : socket_(socket),
      buffer_(buffer),
      parser_(parser),
      options_(options),
      ends_(ends),
      stop_(std::move(stop)),
      expects_(expects) {}

Result<std::size_t> SocketBody::receive(void* to, std::size_t room) {
  const SystemClock clock;
  const microseconds start = clock.steady();
  for (;;) {
    if (clock.steady() >= ends_) {
      return Error{Fault::timed_out, "http.request_time", "The request takes longer than http.total_seconds",
                   std::to_string(options_.total.count()) + " s", "Send less in one request."};
    }
    const ssize_t got = ::recv(socket_, to, room, MSG_DONTWAIT);
    const microseconds waited = clock.steady() - start;
    if (got >= 0) {
      received_ += static_cast<std::uint64_t>(got);
      waited_ += waited;
      // Counted over the time we wait for it: a slow sender would hold a worker for days.
      if (waited_ > options_.slow_after &&
          static_cast<double>(received_) <
              static_cast<double>(options_.least_rate) * std::chrono::duration<double>(waited_).count()) {
        return Error{Fault::timed_out, "http.body_slow", "The body arrives too slowly", "",
                     "Send it over a faster line."};
      }
      return static_cast<std::size_t>(got);
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      return Error{Fault::unavailable,        "http.body_lost",    "The connection was lost while the body arrived", "",
                   "Send the request again.", std::strerror(errno)};
    }
    if (stop_.stop_requested()) {
      return Error{Fault::cancelled, "http.stopping", "The node is stopping", "",
                   "Send the request again in a minute."};
    }
    if (waited > options_.idle) {
      return Error{Fault::timed_out, "http.body_idle", "No more of the body arrived in time",
                   std::to_string(options_.idle.count()) + " s", "Send the request again."};
    }
    pollfd waiting{socket_, POLLIN, 0};
    ::poll(&waiting, 1, poll_slice_ms);
  }
}

Result<void> SocketBody::say_continue() {
  expects_ = false;
  constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
  if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) != static_cast<ssize_t>(text.size())) {
    return Error{Fault::unavailable, "http.body_lost", "The connection was lost while the body arrived"};
  }
  return {};
}

Result<std::size_t> SocketBody::read(std::span<std::byte> buffer) {
  namespace http = boost::beast::http;
  if (failed_) return *failed_;
  if (parser_.is_done() || buffer.empty()) return std::size_t{0};
  if (expects_ && buffer_.size() == 0) {
    if (auto said = say_continue(); !said) return std::move(said).error();
  }
  auto& body = parser_.get().body();
  body.data = buffer.data();
  body.size = buffer.size();
  BlockingStream stream{*this};
  while (body.size == buffer.size() && !parser_.is_done()) {
    boost::system::error_code ec;
    http::read_some(stream, buffer_, parser_, ec);
    if (!ec || ec == http::error::need_buffer) continue;
    if (!failed_) {
      if (ec == http::error::body_limit) {
        failed_ = Error{Fault::too_large, "http.body_too_large", "The body is larger than any request may have", "",
                        "Send less at once."};
      } else {
        failed_ = Error{Fault::malformed,          "http.body", "The body breaks off or is not well-formed", "",
                        "Send the request again.", ec.message()};
      }
    }
    return *failed_;
  }
  return buffer.size() - body.size;
}

}  // namespace vedette::wire
