#include "vault/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace vedette::vault {

File::~File() {
  ::close(descriptor_);
}

Error file_error(int error_number, std::string code, std::string cause, const std::string& path) {
  std::string detail = path + ": " + std::strerror(error_number);
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG) {
    return Error{Fault::exhausted,
                 "vault.full",
                 "There is no room for more objects",
                 {},
                 "Free space in the data folder; the node goes on by itself.",
                 std::move(detail)};
  }
  return Error{Fault::unavailable,
               std::move(code),
               std::move(cause),
               path,
               "Check the disk of the data folder, then run 'vedette doctor --scrub'.",
               std::move(detail)};
}

Result<std::shared_ptr<File>> open_file(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (descriptor < 0) return file_error(errno, "vault.cannot_open", "A segment of the vault cannot be opened", path);
  return std::make_shared<File>(descriptor);
}

Result<void> write_at(const File& file, std::span<::iovec> parts, std::int64_t offset, const std::string& path) {
  while (true) {
    while (!parts.empty() && parts.front().iov_len == 0) parts = parts.subspan(1);
    if (parts.empty()) return {};
    const ::ssize_t count = ::pwritev(file.descriptor(), parts.data(), static_cast<int>(parts.size()), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return file_error(count == 0 ? ENOSPC : errno, "vault.write_failed", "Writing to the vault failed", path);
    }
    offset += count;
    auto left = static_cast<std::size_t>(count);
    for (::iovec& part : parts) {
      const std::size_t taken = std::min(left, part.iov_len);
      part.iov_base = static_cast<std::byte*>(part.iov_base) + taken;
      part.iov_len -= taken;
      left -= taken;
    }
  }
}

Result<std::string> read_at(const File& file, std::int64_t offset, std::int64_t count, const std::string& path) {
  std::string out(static_cast<std::size_t>(count), '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const ::ssize_t got =
        ::pread(file.descriptor(), out.data() + have, out.size() - have, offset + static_cast<std::int64_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(errno, "vault.read_failed", "Reading from the vault failed", path);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

Result<void> sync_data(const File& file, const std::string& path) {
  if (::fdatasync(file.descriptor()) == 0) return {};
  return file_error(errno, "vault.sync_failed", "Flushing the vault failed", path);
}

Result<void> sync_folder(const std::string& folder) {
  const auto opened = VEDETTE_TRY(open_file(folder, O_RDONLY | O_DIRECTORY));
  if (::fsync(opened->descriptor()) == 0) return {};
  return file_error(errno, "vault.sync_failed", "Flushing the vault failed", folder);
}

Result<std::int64_t> size_of(const File& file, const std::string& path) {
  struct ::stat status {};
  if (::fstat(file.descriptor(), &status) != 0) {
    return file_error(errno, "vault.read_failed", "Reading from the vault failed", path);
  }
  return static_cast<std::int64_t>(status.st_size);
}

}  // namespace vedette::vault
