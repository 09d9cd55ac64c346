#pragma once

// Inside wire only: what a connection of the HTTP server is made of.

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "wire/http.hpp"
#include "wire/http_at_once.hpp"

namespace vedette::wire {

namespace asio = boost::asio;
using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

class Connection;

/// What all connections of one server share.
struct ServerState {
  ServerState(const ServerOptions& o, Handler h);

  ServerOptions options;
  Handler handler;
  asio::thread_pool workers;  ///< requests whose body is here
  asio::thread_pool uploads;  ///< requests whose body still arrives: slow senders block only each other
  asio::thread_pool streams;  ///< polling of event streams
  std::atomic<bool> draining{false};
  std::stop_source stop;
  std::atomic<std::size_t> event_streams{0};
  std::atomic<std::size_t> waiting{0};  ///< requests that no worker has taken yet

  std::mutex mutex;  ///< guards connections
  std::unordered_set<Connection*> connections;
  std::unordered_map<std::string, std::size_t> by_address;
  std::size_t open();
  std::size_t open_from(const std::string& address);
};

/// The rest of a body that a worker reads itself, blocking, while the connection's coroutine waits for the answer.
class SocketBody final : public Body {
 public:
  /// Nothing is read after `ends`, a steady time.
  SocketBody(int socket, boost::beast::flat_buffer& buffer, Parser& parser, const ServerOptions& options,
             microseconds ends, std::stop_token stop, bool expects);
  Result<std::size_t> read(std::span<std::byte> buffer) override;
  bool done() const { return parser_.is_done(); }

 private:
  friend struct BlockingStream;
  /// Waits for bytes and receives them; fails timed_out, cancelled, unavailable.
  Result<std::size_t> receive(void* to, std::size_t room);
  Result<void> say_continue();

  int socket_;
  boost::beast::flat_buffer& buffer_;
  Parser& parser_;
  const ServerOptions& options_;
  microseconds ends_;
  std::stop_token stop_;
  bool expects_;  ///< the peer waits for 100 Continue
  std::uint64_t received_ = 0;
  microseconds waited_{0};
  std::optional<Error> failed_;
};

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::ip::tcp::socket socket, std::shared_ptr<ServerState> server);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs the connection to its end.
  asio::awaitable<void> serve();
  /// Answers that there are too many connections, in all or from this address, and ends.
  asio::awaitable<void> refuse(bool of_address);
  const std::string& peer() const { return peer_; }
  auto executor() { return socket_.get_executor(); }
  /// Called from any thread: ends the connection at once, or only when no request is in work.
  void end(bool only_idle);

 private:
  enum class Next { request, close, linger };

  asio::awaitable<Next> one_request();
  asio::awaitable<bool> wait_for_bytes();
  asio::awaitable<bool> read_small_body(Parser& parser, std::string& body);
  asio::awaitable<Response> handle(Request& request, Parser& parser, bool streamed, bool& body_read);
  asio::awaitable<Next> refuse_head(boost::system::error_code why);
  asio::awaitable<bool> answer(Response& response, bool head_only, bool keep_alive, bool chunks);
  asio::awaitable<bool> answer_files(Files& files, std::string head);
  asio::awaitable<bool> answer_produced(Producer& producer, bool chunks);
  asio::awaitable<bool> answer_events(EventStream& events, bool chunks);
  asio::awaitable<bool> send_text(std::string_view text, bool more);
  asio::awaitable<bool> send_chunk(std::string_view text, bool chunks);
  asio::awaitable<bool> send_file(const FilePiece& piece);
  asio::awaitable<bool> writable();
  asio::awaitable<void> linger();

  /// Of http_at_once.cpp: handler, answer and the requests that follow at once, by one worker.
  asio::awaitable<Next> answer_at_once(Request request, bool keep_alive);
  bool is_quick(const Parser& parser, const Request& request) const;
  bool next_at_once(Quick& quick);
  void work_at_once(Quick& quick);

  bool fill(Request& request, const Parser& parser, Error& why) const;
  bool peer_gone();
  void arm(microseconds after);
  void disarm();

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  std::shared_ptr<ServerState> server_;  // shared: a connection may outlive the server's stop by a moment
  boost::beast::flat_buffer buffer_;
  std::string peer_;
  std::uint64_t armed_ = 0;
  microseconds ends_{0};  ///< steady time at which the request in work is cut off
  std::atomic<bool> idle_{true};
};

/// Runs `work` on `pool` while the coroutine waits; goes on where the coroutine lives.
asio::awaitable<void> run_on(asio::thread_pool& pool, std::function<void()> work);

/// The handler's answer; what it throws becomes a problem.
Response guarded(const Handler& handler, Request& request);

std::uint64_t length_of(const Files& files);

/// Head of an answer without its closing empty line, header values freed of line ends.
std::string head_of(const Response& response);

}  // namespace vedette::wire
