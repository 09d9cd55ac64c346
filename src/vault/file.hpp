#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace vedette::vault {

/// An open file, closed with its last user.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// What the operating system said about `path`. No room (disk, quota, file size limit) is "vault.full", exhausted;
/// anything else is `code`, unavailable.
Error file_error(int error_number, std::string code, std::string cause, const std::string& path);

// shared: a range handed out for sendfile outlives the cache of open files.
Result<std::shared_ptr<File>> open_file(const std::string& path, int flags);
/// Writes everything at `offset`, however often the system stops half-way.
Result<void> write_at(const File& file, std::span<::iovec> parts, std::int64_t offset, const std::string& path);
/// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
Result<std::string> read_at(const File& file, std::int64_t offset, std::int64_t count, const std::string& path);
/// On stable storage when it answers. Never tried again after a failure: the kernel forgets what it could not write.
Result<void> sync_data(const File& file, const std::string& path);
Result<void> sync_folder(const std::string& folder);
Result<std::int64_t> size_of(const File& file, const std::string& path);

inline ::iovec part_of(Bytes bytes) {
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace vedette::vault
