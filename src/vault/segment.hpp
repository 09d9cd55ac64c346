#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "vault/file.hpp"
#include "vault/layout.hpp"

namespace vedette::vault {

/// How much more the file may grow without touching the reserve: fails "vault.full".
using MayGrow = std::function<Result<void>(std::int64_t bytes)>;

/// One segment file that may still be appended to. One writer at a time; the caller sees to that.
class Segment {
 public:
  /// Makes the file with its identity, on stable storage together with its entry in the folder.
  static Result<std::unique_ptr<Segment>> create(const std::string& folder, std::int64_t number);
  /// Opens what an earlier run left and finds the end of its last whole record. A torn tail is cut off.
  static Result<std::unique_ptr<Segment>> recover(const std::string& folder, std::int64_t number);

  static std::string path_of(const std::string& folder, std::int64_t number);
  /// The identity that stands in a segment file; fails "vault.damaged" or "vault.newer".
  static Result<Identity> identity_of(const File& file, const std::string& path);

  std::int64_t number() const { return identity_.number; }
  const std::string& path() const { return path_; }
  const std::shared_ptr<File>& file() const { return file_; }
  const Identity& identity() const { return identity_; }
  /// End of the last whole record: where the next one begins.
  std::int64_t end() const { return state_.end; }
  const Checkpoint& state() const { return state_; }
  /// The last state that was written to the file; scanning may begin there.
  const Checkpoint& written_state() const { return written_; }
  std::int64_t damaged() const { return damaged_; }

  /// Room up to `offset`, taken from the disk in larger steps where there is plenty.
  Result<void> make_room(std::int64_t offset, const MayGrow& may_grow);
  /// Writes and flushes up to `step` zeros ahead of the next records, as long as fewer than `ahead` are there. Answers
  /// whether there is more to do. Nobody else may use the segment meanwhile.
  Result<bool> prepare(std::int64_t ahead, std::int64_t step, const MayGrow& may_grow);
  bool prepared(std::int64_t ahead) const { return prepared_ >= state_.end + ahead; }
  Result<void> write(std::span<::iovec> parts, std::int64_t offset);
  /// Lets the disk begin with what was written, without waiting for it.
  void push_out(std::int64_t from, std::int64_t to);
  Result<void> sync() { return sync_data(*file_, path_); }
  /// The record is on stable storage: the next one begins behind it.
  void advance(const Head& head);
  /// Gives back what was taken for a record that did not come.
  void trim();
  /// No more records: says so in the file and gives unused room back.
  Result<void> seal();
  /// A clean end of the run: gives unused room back and notes the state.
  void rest();
  /// Notes how far the segment is, for a quick start. Not flushed: a start without it only takes longer.
  void note();

 private:
  Segment(std::string path, std::shared_ptr<File> file, Identity identity)
      : path_(std::move(path)), file_(std::move(file)), identity_(identity) {}
  Result<void> find_end();
  Result<void> keep_aside_if_torn(const Head& head, const Digest& digest);
  Result<void> write_state();

  std::string path_;
  std::shared_ptr<File> file_;  // shared: ranges handed out for sendfile hold it
  Identity identity_;
  Checkpoint state_, written_;
  std::int64_t allocated_ = 0;
  std::int64_t prepared_ = 0;  ///< up to here bytes were written and flushed once, if only zeros
  std::int64_t damaged_ = 0;
};

/// SHA-256 of `count` bytes at `offset`.
Result<Digest> digest_of(const File& file, std::int64_t offset, std::int64_t count, const std::string& path);

}  // namespace vedette::vault
