#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"

namespace vedette::wire {

/// Header fields in order; names compare without case.
class Headers {
 public:
  void set(std::string name, std::string value);
  void add(std::string name, std::string value);
  std::string_view get(std::string_view name) const;  ///< "" when absent
  bool has(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// The body of a request as it arrives (Content-Length or chunked), in constant memory. Blocking, with the server's
/// idle deadline.
class Body {
 public:
  virtual ~Body() = default;
  /// Up to buffer.size() bytes; 0 at the end. Fails timed_out, too_large, malformed.
  virtual Result<std::size_t> read(std::span<std::byte> buffer) = 0;
  /// All of it, at most `limit` bytes.
  Result<std::string> all(std::size_t limit);
};

struct Request {
  std::string method;  ///< upper case
  std::string path;    ///< percent-decoded, starts with '/', no ".." segments (refused before)
  std::vector<std::pair<std::string, std::string>> query;  ///< percent-decoded
  Headers headers;
  std::string peer;                                         ///< address without port
  Body* body = nullptr;                                     ///< valid during the call
  std::map<std::string, std::string> params;                ///< of the route
  std::string_view parameter(std::string_view name) const;  ///< first query value, "" when absent
  std::vector<std::string> parameters(std::string_view name) const;
  std::string cookie(std::string_view name) const;
};

/// Ranges of open files, sent by sendfile one after the other, with text before and after each (multipart).
struct FilePiece {
  std::string before;
  int descriptor = -1;
  std::int64_t offset = 0;
  std::int64_t length = 0;
  std::shared_ptr<void> owner;
};
struct Files {
  std::vector<FilePiece> pieces;
  std::string after;
};
/// Called until it answers an empty text; sent chunked.
using Producer = std::function<Result<std::string>()>;
/// Server-sent events: asked for the next bytes about every `wait`; "" means nothing yet (a heartbeat comment is sent
/// each 15 s); nullopt ends. Called on a worker, never on the network threads, so it may wait up to a second.
struct EventStream {
  std::function<std::optional<std::string>(std::stop_token)> next;
};

struct Response {
  int status = 200;
  Headers headers;
  std::variant<std::string, Files, Producer, EventStream> body = std::string();

  static Response json(std::string text, int status = 200);
  static Response empty(int status = 204);
  /// RFC 9457 problem of an Error; `detail` of the error is logged with a reference, not sent.
  static Response problem(const Error& error);
};

/// Whether Accept-Encoding (RFC 9110 section 12.5.3) takes gzip.
bool takes_gzip(const Request& request);

using Handler = std::function<Response(Request&)>;

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;    ///< 0: any free one
  std::size_t threads = 16;  ///< requests worked on at the same time
  std::size_t connections = 512;
  std::size_t connections_per_address = 256;
  std::size_t header_bytes = 32768;
  std::uint64_t body_bytes = 64ULL << 30;  ///< absolute bound; routes have their own
  seconds idle{60};
  seconds total{86400};            ///< of one request with its answer; event streams are free of it
  std::uint64_t least_rate = 512;  ///< bytes of a body per second of waiting, below which it is refused …
  seconds slow_after{30};          ///< … once it has been waited for so long
};

/// HTTP/1.1 on Boost.Beast: keep-alive, chunked both ways, HEAD, Expect: 100-continue, sendfile, bounded everything.
/// Handlers run on a pool of workers and may block; connections do not hold a thread while they are idle, event streams
/// hold none at all.
class Server {
 public:
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler);
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  virtual std::size_t open_connections() const = 0;
  /// Stops accepting, ends event streams, lets running requests finish until the deadline.
  virtual void drain(microseconds deadline) = 0;
};

/// Security headers that every answer carries (CSP, nosniff, frame-ancestors, referrer-policy, cache-control for data).
void set_security_headers(Response& response);

// ---- client (libcurl) ----

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  /// Body as pieces: text and file ranges; streamed.
  std::vector<std::variant<std::string, FilePiece>> body;
  seconds connect_timeout{10};
  seconds total_timeout{600};
  std::size_t answer_bytes = 16 << 20;
};
struct ClientAnswer {
  int status = 0;
  Headers headers;
  std::string body;
};
/// No redirects are followed; http and https only; certificates are verified.
Result<ClientAnswer> send(const ClientRequest& request);

}  // namespace vedette::wire
