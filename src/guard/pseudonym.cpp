#include "guard/pseudonym.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/crash_point.hpp"
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

Error key_error(std::string_view cause, const std::string& file) {
  const int number = errno;
  const bool full = number == ENOSPC || number == EDQUOT;
  return Error{full ? Fault::exhausted : Fault::unavailable,
               "key.make",
               std::string(cause),
               file,
               "Check that the data folder exists and can be written, and that its disk has room.",
               std::strerror(number)};
}

/// Written aside and flushed, then given its name: there is never half a key, nor one that a power cut could take away
/// while the ledger already names people by it.
Result<void> make_key(const std::string& file) {
  const std::string aside = file + "." + to_hex(as_bytes(random_bytes(8)));
  const int made = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0) return key_error("The key of pseudonyms cannot be made", file);
  const std::string text = to_hex(as_bytes(random_bytes(32))) + "\n";
  const bool written =
      ::write(made, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(made) == 0;
  Result<void> done;
  if (!written) done = key_error("The key of pseudonyms cannot be written", file);
  ::close(made);
  crash_point("guard.key_written");
  // Another process may have been faster: then its key is the one.
  if (done && ::link(aside.c_str(), file.c_str()) != 0 && errno != EEXIST) {
    done = key_error("The key of pseudonyms cannot be named", file);
  }
  ::unlink(aside.c_str());
  if (!done) return done;
  crash_point("guard.key_made");
  const std::size_t slash = file.rfind('/');
  const int folder =
      ::open(slash == std::string::npos ? "." : file.substr(0, slash + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || ::fsync(folder) != 0) done = key_error("The folder of the key cannot be flushed", file);
  if (folder >= 0) ::close(folder);
  return done;
}

}  // namespace

Result<Pseudonyms> Pseudonyms::open(const std::string& file) {
  if (::access(file.c_str(), F_OK) != 0) VEDETTE_TRY(make_key(file));
  // A version before this one wrote it in place: another process may be at that in this moment.
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
