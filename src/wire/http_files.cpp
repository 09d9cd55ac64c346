#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"
#include "wire/http_connection.hpp"

namespace vedette::wire {
namespace {

/// One call of sendfile at most: other connections of the same thread wait no longer than this takes.
constexpr std::int64_t most_at_once = 1 << 20;

}  // namespace

asio::awaitable<bool> Connection::send_file(const FilePiece& piece) {
  off_t offset = piece.offset;
  std::int64_t left = piece.length;
  while (left > 0) {
    const ssize_t sent = ::sendfile(socket_.native_handle(), piece.descriptor, &offset,
                                    static_cast<std::size_t>(std::min(left, most_at_once)));
    if (sent > 0) {
      left -= sent;
    } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (!co_await writable()) co_return false;
    } else if (sent == 0 || errno != EINTR) {
      if (sent == 0 || (errno != EPIPE && errno != ECONNRESET)) {
        log::warning("http.file_short",
                     {{"missing", left}, {"fault", sent == 0 ? "the file ends early" : std::strerror(errno)}});
      }
      co_return false;
    }
  }
  co_return true;
}

asio::awaitable<bool> Connection::answer_files(Files& files, std::string head) {
  for (std::size_t i = 0; i < files.pieces.size(); ++i) {
    const FilePiece& piece = files.pieces[i];
    head += piece.before;
    if (!co_await send_text(head, true)) co_return false;
    head.clear();
    if (!co_await send_file(piece)) co_return false;
    files.pieces[i].owner.reset();  // segments may be let go as soon as they are sent
  }
  head += files.after;
  // With nothing behind it, MSG_MORE of the last text would hold bytes back: an empty cork is let go by TCP_NODELAY set
  // again.
  if (!head.empty()) co_return co_await send_text(head, false);
  boost::system::error_code ec;
  socket_.set_option(asio::ip::tcp::no_delay(true), ec);
  co_return !ec;
}

}  // namespace vedette::wire
