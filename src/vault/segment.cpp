#include "vault/segment.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "vault/scan.hpp"

namespace vedette::vault {

namespace {

constexpr std::int64_t growth = 16 << 20;      // room is taken from the disk in steps of this
constexpr std::int64_t note_every = 64 << 20;  // bytes between two notes of the state
constexpr std::int64_t hashed_at_once = 1 << 20;
constexpr std::int64_t page = 4096;

Result<void> write_block(const File& file, const BlockBytes& bytes, std::int64_t offset, const std::string& path) {
  ::iovec part = part_of(bytes);
  return write_at(file, std::span(&part, 1), offset, path);
}

}  // namespace

std::string Segment::path_of(const std::string& folder, std::int64_t number) {
  return fmt::format("{}/{:08}.seg", folder, number);
}

Result<std::unique_ptr<Segment>> Segment::create(const std::string& folder, std::int64_t number) {
  const std::string path = path_of(folder, number);
  auto file = VEDETTE_TRY(open_file(path, O_RDWR | O_CREAT | O_EXCL));
  Identity identity;
  identity.number = number;
  const std::string salt = random_bytes(identity.salt.size());
  std::memcpy(identity.salt.data(), salt.data(), salt.size());
  auto segment = std::unique_ptr<Segment>(new Segment(path, std::move(file), identity));
  const auto prepare = [&]() -> Result<void> {
    std::string start(static_cast<std::size_t>(first_record), '\0');
    const BlockBytes bytes = encode(identity);
    std::memcpy(start.data(), bytes.data(), bytes.size());
    std::memcpy(start.data() + identity_copy, bytes.data(), bytes.size());
    ::iovec part = part_of(as_bytes(start));
    VEDETTE_TRY(segment->write(std::span(&part, 1), 0));
    VEDETTE_TRY(segment->write_state());
    VEDETTE_TRY(segment->sync());
    crash_point("vault.segment_made");
    return sync_folder(folder);
  };
  if (auto done = prepare(); !done) {
    ::unlink(path.c_str());
    return std::move(done).error();
  }
  segment->allocated_ = first_record;
  return segment;
}

Result<Identity> Segment::identity_of(const File& file, const std::string& path) {
  for (const std::int64_t place : {std::int64_t{0}, identity_copy}) {
    const auto identity = identity_from(VEDETTE_TRY(read_at(file, place, block, path)));
    if (!identity) continue;
    if (identity->version > layout_version) {
      return Error{Fault::refused, "vault.newer",
                   "A segment of the vault was written by a newer version of the program", path,
                   "Start that version, or restore a backup from before the update."};
    }
    return *identity;
  }
  return Error{Fault::internal, "vault.damaged", "The first bytes of a segment of the vault are damaged", path,
               "Run 'vedette doctor --scrub'; objects that the index knows can still be read."};
}

Result<std::unique_ptr<Segment>> Segment::recover(const std::string& folder, std::int64_t number) {
  const std::string path = path_of(folder, number);
  auto file = VEDETTE_TRY(open_file(path, O_RDWR));
  const Identity identity = VEDETTE_TRY(identity_of(*file, path));
  auto segment = std::unique_ptr<Segment>(new Segment(path, std::move(file), identity));
  const std::string bytes = VEDETTE_TRY(read_at(*segment->file_, checkpoint_place, block, path));
  if (const auto noted = checkpoint_from(identity, bytes)) segment->state_ = segment->written_ = *noted;
  if (!segment->state_.sealed) VEDETTE_TRY(segment->find_end());
  return segment;
}

Result<void> Segment::find_end() {
  const std::int64_t size = VEDETTE_TRY(size_of(*file_, path_));
  Scan scan(file_, path_, identity_, state_.end, size);
  std::optional<Record> last;
  while (auto record = VEDETTE_TRY(scan.next())) {
    advance(record->head);
    last = std::move(record);
  }
  damaged_ = scan.damaged();
  // Every earlier record was flushed before the next one was begun; of the last one the flush may have been under way.
  if (last && !last->head.dead) VEDETTE_TRY(keep_aside_if_torn(last->head, last->digest));
  if (size > state_.end && ::ftruncate(file_->descriptor(), state_.end) != 0) {
    return file_error(errno, "vault.write_failed", "A torn tail of the vault cannot be cut off", path_);
  }
  // The process may have ended between writing and flushing, with the bytes in the system's memory only: what an index
  // is going to be told of has to be on the disk first.
  if (last) VEDETTE_TRY(sync());
  allocated_ = state_.end;
  if (damaged_ > 0) {
    log::error("vault.damaged", {{"segment", identity_.number}, {"places", damaged_}});
  }
  return {};
}

// Its bytes stay where they are (a disk that rots looks the same as a torn write), but nobody is told of the record.
Result<void> Segment::keep_aside_if_torn(const Head& head, const Digest& digest) {
  if (VEDETTE_TRY(digest_of(*file_, head.data(), head.data_length, path_)) == digest) return {};
  log::warning("vault.torn", {{"segment", identity_.number}, {"offset", head.start}});
  Head dead = head;
  dead.dead = true;
  VEDETTE_TRY(write_block(*file_, encode(identity_, dead), head.start, path_));
  return sync();
}

Result<void> Segment::make_room(std::int64_t offset, const MayGrow& may_grow) {
  if (offset <= allocated_) return {};
  const std::int64_t needed = offset - allocated_;
  std::int64_t taken = std::max(needed, growth);
  if (auto plenty = may_grow(taken); !plenty) {
    taken = needed;
    VEDETTE_TRY(may_grow(taken));
  }
  if (::fallocate(file_->descriptor(), 0, allocated_, taken) != 0 && errno != EOPNOTSUPP && errno != EINTR) {
    return file_error(errno, "vault.write_failed", "Writing to the vault failed", path_);
  }
  allocated_ += taken;
  return {};
}

Result<bool> Segment::prepare(std::int64_t ahead, std::int64_t step, const MayGrow& may_grow) {
  static const std::string zeros(std::size_t{1} << 20, '\0');
  const std::int64_t target = state_.end + ahead;
  std::int64_t at = std::max(prepared_, state_.end);
  const std::int64_t to = std::min(target, at + step);
  VEDETTE_TRY(make_room(to, may_grow));
  while (at < to) {
    const auto count = std::min(to - at, static_cast<std::int64_t>(zeros.size()));
    ::iovec part = part_of(as_bytes(zeros).first(static_cast<std::size_t>(count)));
    VEDETTE_TRY(write(std::span(&part, 1), at));
    at += count;
  }
  crash_point("vault.preparing");
  VEDETTE_TRY(sync());
  prepared_ = std::max(prepared_, to);
  return prepared_ < target;
}

Result<void> Segment::write(std::span<::iovec> parts, std::int64_t offset) {
  return write_at(*file_, parts, offset, path_);
}

void Segment::push_out(std::int64_t from, std::int64_t to) {
  // Whole pages only: the one that is still being filled would be written twice.
  from -= from % page;
  to -= to % page;
  if (to > from) ::sync_file_range(file_->descriptor(), from, to - from, SYNC_FILE_RANGE_WRITE);
}

void Segment::advance(const Head& head) {
  state_.end = head.next();
  ++state_.records;
  if (state_.first_position == 0) state_.first_position = head.position;
  state_.last_position = std::max(state_.last_position, head.position);
}

void Segment::trim() {
  const std::int64_t wanted = std::max(prepared_, state_.end);
  if (allocated_ - wanted <= 4 * growth) return;
  if (::ftruncate(file_->descriptor(), wanted) == 0) allocated_ = wanted;
}

Result<void> Segment::write_state() {
  VEDETTE_TRY(write_block(*file_, encode(identity_, state_), checkpoint_place, path_));
  written_ = state_;
  return {};
}

Result<void> Segment::seal() {
  state_.sealed = true;
  if (::ftruncate(file_->descriptor(), state_.end) != 0) {
    return file_error(errno, "vault.write_failed", "Closing a segment of the vault failed", path_);
  }
  crash_point("vault.sealing");
  VEDETTE_TRY(write_state());
  return sync();
}

void Segment::rest() {
  if (::ftruncate(file_->descriptor(), state_.end) != 0) return;
  if (const auto done = write_state(); !done) log::failure("vault.note", done.error());
}

void Segment::note() {
  if (state_.end - written_.end < note_every) return;
  if (const auto done = write_state(); !done) log::failure("vault.note", done.error());
}

Result<Digest> digest_of(const File& file, std::int64_t offset, std::int64_t count, const std::string& path) {
  Sha256 hash;
  while (count > 0) {
    const std::string bytes = VEDETTE_TRY(read_at(file, offset, std::min(count, hashed_at_once), path));
    if (bytes.empty()) {
      return Error{Fault::internal, "vault.damaged", "A segment of the vault ends inside an object", path,
                   "Run 'vedette doctor --scrub'; restore the object from its source or a backup."};
    }
    hash.update(as_bytes(bytes));
    offset += static_cast<std::int64_t>(bytes.size());
    count -= static_cast<std::int64_t>(bytes.size());
  }
  return hash.finish();
}

}  // namespace vedette::vault
