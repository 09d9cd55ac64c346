#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "wire/http.hpp"

namespace vedette::wire {

struct MultipartLimits {
  std::size_t header_bytes = 16384;  ///< of one part
  std::size_t header_lines = 16384;  ///< of one part
  std::size_t parts = 1'000'000;
  std::uint64_t part_bytes = 64ULL << 30;
  std::uint64_t preamble_bytes = 65536;  ///< before the first part; PS3.18 has none, RFC 2046 allows it
  // How far it goes along with senders that write otherwise than RFC 2046 says:
  bool lone_boundaries = false;   ///< a line that goes on behind the boundary is refused; else it is content
  bool bare_line_feeds = false;   ///< a line of a header may end with LF alone; else LF is a part of it
  bool odd_header_lines = false;  ///< a line that is no header is passed over; else it is refused
};

/// Reads multipart/related (RFC 2387) and multipart/form-data (RFC 7578) part by part in constant memory. As a Body it
/// is the content of the part that next() found: read() gives 0 at its end, all() takes it whole.
///
///   auto parts = VEDETTE_TRY(MultipartReader::open(body, request.headers.get("Content-Type")));
///   while (auto head = VEDETTE_TRY(parts.next())) { … parts.read(buffer) … }
class MultipartReader final : public Body {
 public:
  /// Fails unsupported when the type is no multipart, malformed when it has no usable boundary. `body` must outlive the
  /// reader.
  static Result<MultipartReader> open(Body& body, std::string_view content_type, const MultipartLimits& limits = {});

  /// For a caller that read the boundary itself, whatever characters it has. Fails malformed when it is empty or holds
  /// a line end.
  static Result<MultipartReader> with_boundary(Body& body, std::string_view boundary,
                                               const MultipartLimits& limits = {});

  /// Header of the next part, skipping what is left of this one; nothing behind the last. Fails malformed (breaks off,
  /// bad header), too_large, and as the body fails. Where it breaks off within a part, what was read of that part is
  /// not whole.
  Result<std::optional<Headers>> next();
  Result<std::size_t> read(std::span<std::byte> buffer) override;
  /// Number of the part, from 1; 0 before the first.
  std::size_t number() const { return number_; }

 private:
  MultipartReader(Body& body, std::string delimiter, const MultipartLimits& limits);
  enum class Tail { part, end, none };

  Result<bool> fill();
  Result<Tail> tail();
  Result<Headers> headers();
  Result<std::string_view> header_line();
  std::string_view window() const { return std::string_view(buffer_).substr(at_, end_ - at_); }
  Error broken(std::string cause) const;

  Body* body_;
  std::string delimiter_;  ///< CR LF "--" boundary
  MultipartLimits limits_;
  std::string buffer_;  ///< its size is what is held at once; bytes from at_ to end_ are valid
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::size_t clear_ = 0;  ///< up to here in buffer_ no delimiter begins
  bool ended_ = false;     ///< the body has no more bytes
  bool in_part_ = true;    ///< what precedes the first delimiter counts as part 0
  bool closed_ = false;
  std::size_t line_end_ = 2;  ///< bytes of the line end that header_line() took last
  std::size_t number_ = 0;
  std::uint64_t part_bytes_ = 0;
};

/// Of multipart/form-data (RFC 7578 section 4.2), or of a body that is one file (RFC 6266).
struct Disposition {
  std::string name;
  std::string file_name;  ///< without folders and control characters
};
/// filename* (RFC 5987) goes before filename. Empty where there is nothing that can be read.
Disposition disposition_of(const Headers& part);

/// A boundary for an answer that cannot be in its content by accident (144 random bits).
std::string make_boundary();

}  // namespace vedette::wire
