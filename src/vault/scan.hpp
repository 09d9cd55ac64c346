#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "vault/file.hpp"
#include "vault/layout.hpp"

namespace vedette::vault {

/// A whole record as it lies in a segment; digest and label are empty where it is dead.
struct Record {
  Head head;
  std::string label;
  Digest digest;
};

/// Walks over the records of one segment in the order of their places. Steps over damage: what lies behind it is found
/// again, and counted.
class Scan {
 public:
  /// Records that begin at `from` or later and end at `limit` or earlier.
  Scan(std::shared_ptr<File> file, std::string path, Identity identity, std::int64_t from, std::int64_t limit);

  /// The next whole record; nothing when none follows.
  Result<std::optional<Record>> next();
  /// Where the next record would begin.
  std::int64_t at() const { return at_; }
  /// Places where something stood that was no record, with whole records behind it.
  std::int64_t damaged() const { return damaged_; }

 private:
  Result<std::string_view> bytes(std::int64_t offset, std::int64_t count, std::int64_t ahead);
  Result<std::optional<Record>> record_at(std::int64_t start);
  Result<std::optional<Record>> search(std::int64_t from);

  std::shared_ptr<File> file_;  // shared: the segment may be closed by the cache meanwhile
  std::string path_;
  Identity identity_;
  std::int64_t at_, limit_, damaged_ = 0;
  std::string window_;
  std::int64_t window_at_ = 0;
};

}  // namespace vedette::vault
