#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "wire/http.hpp"

namespace vedette::dicomweb {

/// Reads multipart/related (RFC 2387, RFC 2046 section 5.1) from a body in constant memory: part after part, each as
/// its bytes arrive.
class MultipartReader {
 public:
  /// `boundary` without the leading "--".
  MultipartReader(wire::Body& body, const std::string& boundary) : body_(body), delimiter_("\r\n--" + boundary) {}

  /// Goes to the next part; false after the last. Fails malformed "multipart", and what the body fails with.
  Result<bool> next();
  const wire::Headers& headers() const { return headers_; }
  /// Hands out the bytes of this part up to its end. An error of `take` ends the handing out, not the reading: it is
  /// returned after the part.
  Result<void> each(const std::function<Result<void>(Bytes)>& take);

 private:
  Result<bool> fill();  ///< false at the end of the body
  Result<void> read_headers();
  Error broken(std::string cause) const;

  static constexpr std::size_t chunk = 256U << 10U;
  wire::Body& body_;
  std::string delimiter_;
  std::string buffer_;
  std::size_t at_ = 0;  ///< of the first byte in buffer_ that was not used
  bool started_ = false, ended_ = false, in_part_ = false;
  wire::Headers headers_;
};

/// A boundary that does not occur by chance: 24 random hexadecimal digits.
std::string make_boundary();

}  // namespace vedette::dicomweb
