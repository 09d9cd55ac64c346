// A request costs two hand-overs between threads where network threads read and write and workers answer: more than
// the answer itself where it is a frame by sendfile. So a worker sends what it answered, and looks for a moment whether
// its client, who has got everything, asks again. Whoever is slow, or asks for more than that, goes back to the
// network threads, and so does everybody when others wait for a worker.
#include "wire/http_at_once.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/log.hpp"
#include "wire/http_connection.hpp"

namespace vedette::wire {
namespace {

constexpr std::size_t joined_text = 65536;      ///< head and text go out as one up to this
constexpr std::int64_t file_at_once = 4 << 20;  ///< one call of sendfile
constexpr milliseconds slow_peer{10};           ///< a peer that takes nothing for this long is not waited for here
constexpr int next_request_ms = 2;              ///< how long a worker looks for the client's next request
constexpr std::size_t head_at_once = 16384;     ///< longer heads are read elsewhere

class NoBody final : public Body {
 public:
  Result<std::size_t> read(std::span<std::byte>) override { return std::size_t{0}; }
};

bool blocked() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

/// sendfile has no MSG_NOSIGNAL: a peer that goes away must not end the program.
void without_broken_pipe() {
  thread_local const bool done = [] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0;
  }();
  static_cast<void>(done);
}

bool writable(int socket, milliseconds patience) {
  pollfd ready{socket, POLLOUT, 0};
  return ::poll(&ready, 1, static_cast<int>(patience.count())) > 0;
}

}  // namespace

Outgoing::Outgoing(std::string head, std::string text) {
  if (text.size() < joined_text) {
    files_.after = std::move(head) + text;
    return;
  }
  files_.pieces.emplace_back().before = std::move(head);
  files_.after = std::move(text);
}

Outgoing::Outgoing(std::string head, Files files) : files_(std::move(files)) {
  std::string& first = files_.pieces.empty() ? files_.after : files_.pieces.front().before;
  first.insert(0, head);
}

Outgoing::Sent Outgoing::send_text(int socket, const std::string& text, bool more, milliseconds patience) {
  while (text_at_ < text.size()) {
    const ssize_t sent = ::send(socket, text.data() + text_at_, text.size() - text_at_,
                                MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
    if (sent >= 0) {
      text_at_ += static_cast<std::size_t>(sent);
    } else if (blocked()) {
      if (!writable(socket, patience)) return Sent::blocked;
    } else if (errno != EINTR) {
      return Sent::broken;
    }
  }
  return Sent::all;
}

Outgoing::Sent Outgoing::send_file(int socket, FilePiece& piece, milliseconds patience) {
  while (piece.length > 0) {
    off_t offset = piece.offset;
    const ssize_t sent =
        ::sendfile(socket, piece.descriptor, &offset, static_cast<std::size_t>(std::min(piece.length, file_at_once)));
    if (sent > 0) {
      piece.offset += sent;
      piece.length -= sent;
    } else if (sent < 0 && blocked()) {
      if (!writable(socket, patience)) return Sent::blocked;
    } else if (sent == 0 || errno != EINTR) {
      if (sent == 0 || (errno != EPIPE && errno != ECONNRESET)) {
        log::warning("http.file_short",
                     {{"missing", piece.length}, {"fault", sent == 0 ? "the file ends early" : std::strerror(errno)}});
      }
      return Sent::broken;
    }
  }
  return Sent::all;
}

Outgoing::Sent Outgoing::send(int socket, milliseconds patience) {
  for (; piece_ < files_.pieces.size(); ++piece_) {
    FilePiece& piece = files_.pieces[piece_];
    if (const Sent text = send_text(socket, piece.before, true, patience); text != Sent::all) return text;
    if (const Sent file = send_file(socket, piece, patience); file != Sent::all) return file;
    piece.owner.reset();  // segments may be let go as soon as they are sent
    text_at_ = 0;
  }
  if (!files_.after.empty()) return send_text(socket, files_.after, false, patience);
  // With nothing behind it, MSG_MORE of the last text would hold bytes back: TCP_NODELAY set again lets them go.
  const int on = 1;
  return ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 ? Sent::all : Sent::broken;
}

Files Outgoing::rest() && {
  auto& pieces = files_.pieces;
  pieces.erase(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(piece_));
  std::string& text = pieces.empty() ? files_.after : pieces.front().before;
  text.erase(0, text_at_);
  return std::move(files_);
}

bool Connection::is_quick(const Parser& parser, const Request& request) const {
  return request.method == "GET" && parser.get().version() >= 11 && !parser.chunked() &&
         parser.content_length().value_or(0) == 0 && !request.headers.has("Expect") && !request.headers.has("Upgrade");
}

/// The head of the client's next request, if it comes at once and is of the quick kind. Otherwise nothing was taken
/// from the buffer: whoever goes on finds it there.
bool Connection::next_at_once(Quick& quick) {
  constexpr std::string_view head_end = "\r\n\r\n";
  const auto have = [&] {
    return std::string_view(static_cast<const char*>(buffer_.data().data()), buffer_.data().size());
  };
  while (have().find(head_end) == std::string_view::npos) {
    if (server_->waiting > 0 || server_->draining || have().size() >= head_at_once) return false;
    pollfd ready{socket_.native_handle(), POLLIN, 0};
    if (::poll(&ready, 1, next_request_ms) <= 0) return false;
    const auto room = buffer_.prepare(std::min<std::size_t>(head_at_once, buffer_.max_size() - buffer_.size()));
    const ssize_t got = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
    if (got <= 0) return false;
    buffer_.commit(static_cast<std::size_t>(got));
  }
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(server_->options.header_bytes));
  boost::system::error_code ec;
  const std::size_t used = parser.put(buffer_.data(), ec);
  if (ec || !parser.is_header_done()) return false;
  Request request;
  Error why;
  if (!fill(request, parser, why) || !is_quick(parser, request)) return false;
  buffer_.consume(used);
  quick.request = std::move(request);
  quick.keep_alive = parser.keep_alive();
  ends_ = SystemClock().steady() + server_->options.total;
  return true;
}

void Connection::work_at_once(Quick& quick) {
  NoBody body;
  for (;;) {
    quick.request.body = &body;
    quick.response = guarded(server_->handler, quick.request);
    Response& response = quick.response;
    auto* text = std::get_if<std::string>(&response.body);
    auto* files = std::get_if<Files>(&response.body);
    if ((text == nullptr && files == nullptr) || response.status < 200 || response.status == 204 ||
        response.status == 304) {
      quick.left = Quick::Left::answer;
      return;
    }
    set_security_headers(response);
    quick.keep_alive = quick.keep_alive && !server_->draining;
    std::string head = head_of(response);
    if (!quick.keep_alive) head += "Connection: close\r\n";
    head += "Content-Length: " + std::to_string(text != nullptr ? text->size() : length_of(*files)) + "\r\n\r\n";
    Outgoing out =
        text != nullptr ? Outgoing(std::move(head), std::move(*text)) : Outgoing(std::move(head), std::move(*files));
    const Outgoing::Sent sent = out.send(socket_.native_handle(), slow_peer);
    if (sent == Outgoing::Sent::blocked) quick.rest = std::move(out).rest();
    quick.left = sent == Outgoing::Sent::all       ? Quick::Left::next
                 : sent == Outgoing::Sent::blocked ? Quick::Left::rest
                                                   : Quick::Left::broken;
    if (sent != Outgoing::Sent::all || !quick.keep_alive || server_->waiting > 0 || !next_at_once(quick)) return;
  }
}

asio::awaitable<Connection::Next> Connection::answer_at_once(Request request, bool keep_alive) {
  Quick quick;
  quick.request = std::move(request);
  quick.keep_alive = keep_alive;
  ++server_->waiting;
  co_await run_on(server_->workers, [&] {
    --server_->waiting;
    without_broken_pipe();
    try {
      work_at_once(quick);
    } catch (const std::exception& fault) {
      log::error("http.connection", {{"fault", fault.what()}});
      quick.left = Quick::Left::broken;
    }
  });
  bool sent = quick.left == Quick::Left::next;
  if (quick.left == Quick::Left::rest) sent = co_await answer_files(quick.rest, "");
  if (quick.left == Quick::Left::answer) {
    quick.keep_alive = quick.keep_alive && !server_->draining;
    sent = co_await answer(quick.response, false, quick.keep_alive, true);
  }
  if (!sent) co_return Next::close;
  co_return quick.keep_alive ? Next::request : Next::linger;
}

}  // namespace vedette::wire
