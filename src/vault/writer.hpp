#pragma once

#include <optional>
#include <string>

#include "vault/folder.hpp"

namespace vedette::vault {

/// A blob on its way into the segment that this writer has for itself.
class FolderWriter final : public Writer {
 public:
  FolderWriter(Folder& folder, Segment& segment, std::int64_t kept_free)
      : folder_(folder), segment_(&segment), kept_free_(kept_free) {}
  ~FolderWriter() override;

  Result<void> append(Bytes bytes) override;
  using Writer::keep;
  Result<Stored> keep(std::string_view label, InOrder in_order) override;

 private:
  Result<void> write_out(Bytes bytes);
  Result<void> write_record(const Head& head, std::string_view label, const Digest& digest);
  Result<void> flush_record(const Head& head, std::string_view label, const Digest& digest);
  Error broken(Error error);
  Result<void> make_room(std::int64_t offset);
  std::int64_t data_start() const { return segment_->end() + block; }

  Folder& folder_;
  Segment* segment_;        ///< nothing once the blob is kept or refused
  std::int64_t kept_free_;  ///< bytes of the disk that this blob must not touch
  Sha256 hash_;
  std::string gathered_;      ///< small pieces, until they are worth a write
  std::int64_t length_ = 0;   ///< of the data so far
  std::int64_t written_ = 0;  ///< of these, bytes in the file
  std::int64_t pushed_ = 0;   ///< of these, bytes that the disk was asked to begin with
  std::optional<Error> error_;
};

}  // namespace vedette::vault
