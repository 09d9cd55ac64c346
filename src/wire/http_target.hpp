#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace vedette::wire {

/// A request target (RFC 9112 section 3.2, origin or absolute form), decoded.
struct Target {
  std::string path;  ///< starts with '/', UTF-8, without control characters, backslashes and "." or ".." segments
  std::vector<std::pair<std::string, std::string>> query;
};

/// Fails malformed; the target itself is not repeated in the error.
Result<Target> parse_target(std::string_view text);

/// Percent-decoding (RFC 3986 section 2.1); `plus` makes '+' a space. Fails malformed.
Result<std::string> percent_decoded(std::string_view text, bool plus);

}  // namespace vedette::wire
