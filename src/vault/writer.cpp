#include "vault/writer.hpp"

#include "base/crash_point.hpp"

namespace vedette::vault {

namespace {

constexpr std::size_t gather_up_to = 64 << 10;
constexpr std::int64_t push_every = 256 << 10;
constexpr std::size_t longest_label = 64 << 20;

}  // namespace

FolderWriter::~FolderWriter() {
  // What was written of it lies behind the end of the segment: the next record goes over it.
  if (segment_ != nullptr) folder_.give_back(*segment_, false);
}

// After this the writer answers the same error to everything. Only what the disk itself did costs the segment.
Error FolderWriter::broken(Error error) {
  if (segment_ != nullptr) folder_.give_back(*segment_, error.fault != Fault::exhausted);
  segment_ = nullptr;
  error_ = error;
  return error;
}

Result<void> FolderWriter::append(Bytes bytes) {
  if (error_) return *error_;
  if (segment_ == nullptr) return Error{Fault::internal, "vault.ended", "The blob is already kept"};
  length_ += static_cast<std::int64_t>(bytes.size());
  if (bytes.size() >= gather_up_to) return write_out(bytes);
  gathered_.append(as_text(bytes));
  return gathered_.size() < gather_up_to ? Result<void>() : write_out({});
}

Result<void> FolderWriter::make_room(std::int64_t offset) {
  return segment_->make_room(offset, [&](std::int64_t more) { return folder_.may_grow(more, kept_free_); });
}

/// Writes what was gathered and `bytes` behind it. The disk begins before the bytes are hashed: both have work then.
Result<void> FolderWriter::write_out(Bytes bytes) {
  const std::int64_t at = data_start() + written_;
  const auto size = static_cast<std::int64_t>(gathered_.size() + bytes.size());
  // What ends the record is reserved with it: a blob whose bytes are all there is not refused for its last line.
  constexpr std::int64_t ending = 64 << 10;
  if (auto room = make_room(at + size + ending); !room) return broken(std::move(room).error());
  ::iovec pieces[] = {part_of(as_bytes(gathered_)), part_of(bytes)};
  if (auto done = segment_->write(pieces, at); !done) return broken(std::move(done).error());
  written_ += size;
  if (written_ - pushed_ >= push_every) {
    segment_->push_out(data_start() + pushed_, data_start() + written_);
    pushed_ = written_;
  }
  hash_.update(as_bytes(gathered_));
  hash_.update(bytes);
  gathered_.clear();
  return {};
}

// Head, last bytes, label and trailer. Between the trailer and the next record stand zeros, so that a scan ends here.
Result<void> FolderWriter::write_record(const Head& head, std::string_view label, const Digest& digest) {
  const BlockBytes head_bytes = encode(segment_->identity(), head);
  const BlockBytes trailer = encode_trailer(segment_->identity(), head, label, digest);
  static constexpr std::array<std::byte, 2 * block> zeros{};
  const Bytes gap = Bytes(zeros).first(static_cast<std::size_t>(head.next() - head.trailer()));
  VEDETTE_TRY(make_room(head.next() + block));
  ::iovec parts[] = {part_of(head_bytes), part_of(as_bytes(gathered_)), part_of(as_bytes(label)), part_of(trailer),
                     part_of(gap)};
  if (written_ == 0) return segment_->write(parts, head.start);
  VEDETTE_TRY(segment_->write(std::span(parts).subspan(1), head.data() + written_));
  crash_point("vault.after_data");
  return segment_->write(std::span(parts).first(1), head.start);
}

Result<void> FolderWriter::flush_record(const Head& head, std::string_view label, const Digest& digest) {
  VEDETTE_TRY(write_record(head, label, digest));
  crash_point("vault.before_flush");
  VEDETTE_TRY(segment_->sync());
  crash_point("vault.after_flush");
  return {};
}

Result<Stored> FolderWriter::keep(std::string_view label, InOrder in_order) {
  if (error_) return *error_;
  if (segment_ == nullptr) return Error{Fault::internal, "vault.ended", "The blob is already kept"};
  if (label.size() > longest_label) {
    return broken(Error{Fault::exhausted, "vault.label", "The label of a blob is too long"});
  }
  hash_.update(as_bytes(gathered_));
  const Digest digest = hash_.finish();
  const Head head{false, segment_->end(), folder_.order_.take(), length_, static_cast<std::int64_t>(label.size())};
  if (auto done = flush_record(head, label, digest); !done) {
    // Best effort: a refused record should not come back at the next start.
    const BlockBytes nothing{};
    ::iovec part = part_of(nothing);
    (void)segment_->write(std::span(&part, 1), head.start);
    folder_.order_.dropped(head.position);
    return broken(std::move(done).error());
  }
  Stored stored{digest, Place{segment_->number(), head.data(), head.data_length}, std::string(label), head.position};
  segment_->advance(head);
  segment_->note();
  folder_.give_back(*segment_, false);
  segment_ = nullptr;
  folder_.order_.kept(stored, std::move(in_order));
  crash_point("vault.after_keep");
  return stored;
}

}  // namespace vedette::vault
