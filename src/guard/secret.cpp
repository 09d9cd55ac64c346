#include "guard/secret.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/digest.hpp"
#include "base/text.hpp"

namespace vedette::guard {

void Secret::wipe() {
  if (!text_.empty()) OPENSSL_cleanse(text_.data(), text_.size());
  text_.clear();
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    text_ = std::move(other.text_);
    other.wipe();
  }
  return *this;
}

bool Secret::matches(std::string_view other) const {
  return equal_in_constant_time(text_, other);
}

Result<Secret> secret_from_file(const std::string& path, bool strict) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return Error{errno == ENOENT ? Fault::not_found : Fault::refused,
                 "secret.file",
                 "The secret file cannot be read",
                 path,
                 "Check that the file exists and belongs to the user of the node.",
                 std::strerror(errno)};
  }
  struct stat about {};
  std::string text;
  const bool told = ::fstat(file, &about) == 0;
  std::array<char, 4096> buffer{};
  ssize_t got = 0;
  while (told && text.size() < 65536 && (got = ::read(file, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(file);
  OPENSSL_cleanse(buffer.data(), buffer.size());
  if (strict && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error{Fault::refused, "secret.readable", "The secret file may be read by others than its owner", path,
                 "Take their rights away: chmod 600."};
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) {
    return Error{Fault::malformed, "secret.empty", "The secret file is empty", path,
                 "Write the secret into it as one line."};
  }
  return Secret(std::move(text));
}

}  // namespace vedette::guard
