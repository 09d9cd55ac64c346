#include "guard/pseudonym.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/digest.hpp"

namespace vedette::guard {
namespace {

/// The first 130 bits in lower-case base32 (RFC 4648 alphabet).
std::string base32(Bytes bytes) {
  constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out;
  unsigned held = 0;
  unsigned bits = 0;
  for (const std::byte one : bytes) {
    held = (held << 8U | std::to_integer<unsigned>(one)) & 0xFFFFU;
    bits += 8;
    while (bits >= 5 && out.size() < 26) {
      bits -= 5;
      out += alphabet[(held >> bits) & 31U];
    }
    if (out.size() == 26) break;
  }
  return out;
}

Result<void> make_key(const std::string& file) {
  const int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0) {
    if (errno == EEXIST) return {};
    return Error{Fault::unavailable,
                 "key.make",
                 "The key of pseudonyms cannot be made",
                 file,
                 "Check that the data folder exists and can be written.",
                 std::strerror(errno)};
  }
  const std::string text = to_hex(as_bytes(random_bytes(32))) + "\n";
  const bool written =
      ::write(made, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(made) == 0;
  ::close(made);
  if (!written) {
    ::unlink(file.c_str());
    return Error{Fault::exhausted, "key.make", "The key of pseudonyms cannot be written", file,
                 "Free space on that disk."};
  }
  return {};
}

}  // namespace

Result<Pseudonyms> Pseudonyms::open(const std::string& file) {
  if (::access(file.c_str(), F_OK) != 0) VEDETTE_TRY(make_key(file));
  // Another process may be making it in this moment: it is complete as soon as it has its 64 digits.
  for (int attempt = 0;; ++attempt) {
    auto text = secret_from_file(file, true);
    if (!text && (text.error().fault != Fault::malformed || attempt >= 20)) return std::move(text).error();
    if (text) {
      auto digest = Digest::from_hex(text->reveal());
      if (digest) return Pseudonyms(Secret(std::string(as_text(digest->bytes))));
      if (attempt >= 20) {
        return Error{Fault::malformed, "key.malformed", "The key of pseudonyms is not 64 hexadecimal digits", file,
                     "Bring back the right file from a backup; with another key the ledger's names no longer match."};
      }
    }
    ::usleep(10'000);
  }
}

std::string Pseudonyms::pseudonym(std::string_view kind, std::string_view text) const {
  std::string message(kind);
  message += '\0';
  message += text;
  const Digest digest = hmac_sha256(as_bytes(key_.reveal()), as_bytes(message));
  return std::string(kind) + "-" + base32(digest.bytes);
}

Secret Pseudonyms::derived(std::string_view purpose) const {
  std::string message = "purpose";
  message += '\0';
  message += purpose;
  const Digest digest = hmac_sha256(as_bytes(key_.reveal()), as_bytes(message));
  return Secret(std::string(as_text(digest.bytes)));
}

}  // namespace vedette::guard
