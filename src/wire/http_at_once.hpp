#pragma once

// Inside wire only: what a worker does for a connection by itself, as long as its client is quick.

#include <string>

#include "base/clock.hpp"
#include "wire/http.hpp"

namespace vedette::wire {

/// An answer on its way: text and file ranges in their order, sent as far as the peer takes them.
class Outgoing {
 public:
  Outgoing(std::string head, std::string text);
  Outgoing(std::string head, Files files);

  enum class Sent { all, blocked, broken };
  /// Sends until all is gone, the peer takes nothing for `patience`, or the connection is lost.
  Sent send(int socket, milliseconds patience);
  /// What is left after `blocked`.
  Files rest() &&;

 private:
  Sent send_text(int socket, const std::string& text, bool more, milliseconds patience);
  Sent send_file(int socket, FilePiece& piece, milliseconds patience);

  Files files_;
  std::size_t piece_ = 0;    ///< of files_, the one being sent
  std::size_t text_at_ = 0;  ///< of its text (or of the text after all), what was sent
};

/// A request without a body that one worker takes from its handler to its last byte, and those that follow it at once.
struct Quick {
  Request request;
  bool keep_alive = false;
  /// How the worker left it: the next request is awaited; `response` or `rest` is still to be sent; the connection is
  /// lost.
  enum class Left { next, answer, rest, broken } left = Left::broken;
  Response response;
  Files rest;
};

}  // namespace vedette::wire
