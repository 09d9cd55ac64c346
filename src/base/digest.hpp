#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace vedette {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The name of a blob: SHA-256 (FIPS 180-4), 32 bytes.
struct Digest {
  std::array<std::byte, 32> bytes{};
  auto operator<=>(const Digest&) const = default;
  /// 64 lower-case hexadecimal digits.
  std::string hex() const;
  static Result<Digest> from_hex(std::string_view text);
};

/// SHA-256 in one pass over bytes as they arrive.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(Bytes bytes);
  /// The digest of all bytes so far; the object then starts anew.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(Bytes bytes);
/// HMAC-SHA-256 (RFC 2104), for pseudonyms.
Digest hmac_sha256(Bytes key, Bytes message);

std::string to_hex(Bytes bytes);
std::string to_base64(Bytes bytes);
/// Base64 (RFC 4648 section 4) without line breaks; fails malformed.
Result<std::string> from_base64(std::string_view text);
/// RFC 4648 section 5, without padding: for tokens.
std::string to_base64url(Bytes bytes);

/// From the operating system's generator.
std::string random_bytes(std::size_t count);
/// 26 characters of lower-case base32, sorted by time: identifiers of rows that people may see (no patient data
/// inside).
std::string sortable_id(std::int64_t milliseconds_since_1970);
/// Same length and content, in time independent of where they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace vedette
