#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace vedette::vault {

/// Where a blob lies: segment number, offset of its bytes in the segment file, length. Stored in the index; stable for
/// ever.
struct Place {
  std::int64_t segment = 0;
  std::int64_t offset = 0;
  std::int64_t length = 0;
};

/// A stored blob with the label that was written beside it (what the index needs to know about it; opaque here).
struct Stored {
  Digest digest;
  Place place;
  std::string label;
  std::int64_t position = 0;  ///< grows with every record over all segments: how far an index has come
};

/// A blob being written. Bytes go to the segment while they arrive; nothing is visible before keep().
/// Destroyed without keep(): the space is marked dead and start-up skips it.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual Result<void> append(Bytes bytes) = 0;
  /// Ends the blob with its label and returns when both are on stable storage (one flush).
  Result<Stored> keep(std::string_view label) { return keep(label, {}); }
  /// The same. `in_order` is called once for every kept blob, strictly by position over all writers: when it was called
  /// for position p, every smaller position was told before or will never be there. So an index that takes its rows in
  /// this order and remembers the last one misses nothing at replay(). Called at the end of keep(), here or in another
  /// writer's thread; it must be short and must not call the vault.
  using InOrder = std::function<void(const Stored&)>;
  virtual Result<Stored> keep(std::string_view label, InOrder in_order) = 0;
};

/// An open range of a blob, for sendfile or reading.
struct FileRange {
  int descriptor = -1;  ///< stays open while `owner` lives
  std::int64_t offset = 0;
  std::int64_t length = 0;
  std::shared_ptr<void> owner;
};

/// Immutable blobs named by their SHA-256 in append-only segments. Two real implementations: folder, S3.
/// Thread-safe. Refuses ("vault.full", exhausted) before the reserve is touched; a failed write or sync makes the
/// segment read-only and the blob refused.
class Blobs {
 public:
  virtual ~Blobs() = default;
  /// `expected` bytes, 0 when unknown: room is reserved before the first byte is taken.
  virtual Result<std::unique_ptr<Writer>> begin(std::uint64_t expected) = 0;
  /// The same for the few small blobs that the node itself makes (results of a signature, masks): they may take half of
  /// the reserve, so that a person can go on reading and signing while new objects are refused.
  virtual Result<std::unique_ptr<Writer>> begin_own(std::uint64_t expected) { return begin(expected); }
  virtual Result<std::string> read(const Place& place) const = 0;
  virtual Result<std::string> read(const Place& place, std::int64_t from, std::int64_t count) const = 0;
  virtual Result<FileRange> range(const Place& place) const = 0;
  /// Calls `visit` for every durable record after `position` (0: all), in the order of positions. Used at start, before
  /// any door opens.
  virtual Result<void> replay(std::int64_t position, const std::function<Result<void>(const Stored&)>& visit) const = 0;
  /// Re-hashes the blob; fails with "vault.damaged".
  virtual Result<void> verify(const Place& place, const Digest& digest) const = 0;
  /// Forgets a blob for ever: label and bytes are written over and flushed, then the room is given back. What was
  /// erased is not replayed. Erasing again does no harm, so that what a crash interrupted can simply be repeated.
  virtual Result<void> erase(const Place& place) = 0;

  struct Space {
    std::int64_t total = 0, free = 0, used = 0, reserve = 0;
    bool accepting = true;
    std::int64_t refused_segments = 0;  ///< closed for writing in this run, because a write or flush of theirs failed
  };
  virtual Space space() const = 0;

  /// Convenience for small blobs.
  Result<Stored> put(Bytes bytes, std::string_view label);
  Result<Stored> put_own(Bytes bytes, std::string_view label);
};

struct FolderOptions {
  std::string folder;
  std::int64_t segment_bytes = 1LL << 30;
  std::int64_t reserve_bytes = 512LL << 20;
  /// In quiet moments this many bytes are written ahead of the next blobs: a flush into them costs the disk no new
  /// bookkeeping. 0: never.
  std::int64_t ahead_bytes = 128LL << 20;
};
/// Opens or creates the segments under `folder`; a torn tail is cut off at the last whole record.
Result<std::unique_ptr<Blobs>> open_folder(const FolderOptions& options);

}  // namespace vedette::vault
