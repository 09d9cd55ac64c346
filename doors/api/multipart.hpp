#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "wire/http.hpp"

namespace vedette::api {

/// Parts of a multipart body (RFC 2046 section 5.1) as they arrive, in constant memory: next() steps to a part, read()
/// gives its bytes.
class Multipart {
 public:
  /// `boundary` without the leading hyphens.
  Multipart(wire::Body& body, std::string_view boundary);

  /// Skips the rest of the part before. False after the last one. Fails malformed where the body breaks the format.
  Result<bool> next();
  /// Up to buffer.size() bytes of this part; 0 at its end.
  Result<std::size_t> read(std::span<std::byte> buffer);
  /// filename of Content-Disposition, without folders of the sender's disk; "" when there is none.
  const std::string& file_name() const { return file_name_; }

 private:
  Result<bool> fill(std::size_t wanted);
  Result<std::string> line();

  wire::Body& body_;
  std::string mark_;  ///< CR LF, two hyphens, boundary
  std::string held_;  ///< read, not yet given out; starts as CR LF so that the first mark is like the others
  bool ended_ = false;
  bool in_part_ = false;
  bool part_ended_ = false;
  std::string file_name_;
};

/// boundary of a Content-Type of multipart/…; "" when there is none.
std::string boundary_of(std::string_view content_type);
/// filename or filename* (RFC 6266, RFC 5987) of a Content-Disposition; last path component.
std::string file_name_of(std::string_view content_disposition);

}  // namespace vedette::api
