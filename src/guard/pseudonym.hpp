#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "guard/secret.hpp"

namespace vedette::guard {

/// Names for the ledger, metrics and the network: HMAC-SHA-256 (RFC 2104) under the node's own key, so that nobody
/// without the key can try identifiers. The same text gives the same pseudonym on this node for ever. Thread-safe.
class Pseudonyms {
 public:
  /// Reads the key (32 bytes as 64 hexadecimal digits) of `file`, or makes it with mode 0600 when the file is absent.
  /// Fails malformed, or refused where others may read the file.
  static Result<Pseudonyms> open(const std::string& file);

  /// "<kind>-" and 26 characters of lower-case base32 (130 bits). `kind` is "study", "series", "instance", "patient",
  /// "person", "peer", … and separates the spaces: the same text under two kinds gives unrelated names.
  std::string pseudonym(std::string_view kind, std::string_view text) const;

  /// 32 bytes for another purpose of this node, derived from the key (HMAC with the purpose as message).
  Secret derived(std::string_view purpose) const;

 private:
  explicit Pseudonyms(Secret key) : key_(std::move(key)) {}
  Secret key_;
};

}  // namespace vedette::guard
