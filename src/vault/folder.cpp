#include "vault/folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "vault/scan.hpp"
#include "vault/writer.hpp"

namespace vedette::vault {

namespace {

constexpr std::int64_t room_of_unknown = 1 << 20;
constexpr std::int64_t overhead = 64 << 10;  // head, label, trailer
constexpr std::size_t open_files = 64;
constexpr std::int64_t least_accepting = 1 << 20;

Error missing(const std::string& path) {
  return Error{Fault::internal, "vault.missing", "A segment of the vault is missing", path,
               "Restore it from a backup, or run 'vedette doctor --rebuild-index'."};
}

Error damaged(const std::string& path, std::int64_t offset) {
  return Error{Fault::internal, "vault.damaged", "A stored object is damaged", path + " at " + std::to_string(offset),
               "Run 'vedette doctor --scrub'; restore the object from its source or a backup."};
}

Result<void> write_zeros(const File& file, std::int64_t from, std::int64_t to, const std::string& path) {
  const std::string zeros(1 << 20, '\0');
  while (from < to) {
    const std::int64_t count = std::min<std::int64_t>(to - from, 1 << 20);
    ::iovec zero = part_of(as_bytes(zeros).first(static_cast<std::size_t>(count)));
    VEDETTE_TRY(write_at(file, std::span(&zero, 1), from, path));
    from += count;
  }
  return {};
}

std::optional<std::int64_t> number_of(const std::filesystem::path& path) {
  const std::string name = path.stem().string();
  if (path.extension() != ".seg" || name.size() < 8) return std::nullopt;
  const auto number = to_integer(name);
  if (!number || *number < 1) return std::nullopt;
  return *number;
}

}  // namespace

Result<std::unique_ptr<Blobs>> Folder::open(const FolderOptions& options) {
  auto folder = std::unique_ptr<Folder>(new Folder(options));
  VEDETTE_TRY(folder->start());
  if (options.ahead_bytes > 0) {
    folder->preparer_ = std::jthread([&folder = *folder](std::stop_token stop) { folder.prepare(stop); });
  }
  return std::unique_ptr<Blobs>(std::move(folder));
}

Result<void> Folder::start() {
  std::error_code code;
  std::filesystem::create_directories(folder_, code);
  if (code) return file_error(code.value(), "vault.cannot_open", "The folder of the vault cannot be made", folder_);
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, code);
  const std::string above = std::filesystem::absolute(options_.folder).parent_path().string();
  for (const std::string& made : {folder_, options_.folder, above}) VEDETTE_TRY(sync_folder(made));

  const std::string lock_path = options_.folder + "/lock";
  const int descriptor = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return file_error(errno, "vault.cannot_open", "The vault cannot be locked", lock_path);
  lock_ = std::make_unique<File>(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    return Error{Fault::conflict, "vault.in_use", "Another process has this vault open", options_.folder,
                 "Stop the node that runs on this data folder first."};
  }

  std::vector<std::int64_t> numbers;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, code)) {
    if (const auto number = number_of(entry.path())) numbers.push_back(*number);
  }
  if (code) return file_error(code.value(), "vault.cannot_open", "The folder of the vault cannot be read", folder_);
  std::sort(numbers.begin(), numbers.end());
  std::int64_t last = 0;
  for (const std::int64_t number : numbers) {
    VEDETTE_TRY(take_in(number));
    next_number_ = number + 1;
    const auto slot = slots_.find(number);
    if (slot != slots_.end()) last = std::max(last, slot->second.state.last_position);
  }
  order_.start_after(last);
  return {};
}

Result<void> Folder::take_in(std::int64_t number) {
  auto segment = Segment::recover(folder_, number);
  if (!segment) {
    if (segment.error().code != "vault.damaged") return std::move(segment).error();
    std::error_code code;
    if (std::filesystem::file_size(path_of(number), code) <= static_cast<std::uintmax_t>(first_record) && !code) {
      // The process ended while the file was made: nothing can have been kept in it.
      std::filesystem::remove(path_of(number), code);
      return {};
    }
    log::failure("vault.segment", segment.error(), {{"segment", number}});
    slots_[number].use = Use::foreign;
    return {};
  }
  Slot& slot = slots_[number];
  slot.identity = (*segment)->identity();
  slot.state = (*segment)->state();
  slot.noted = (*segment)->written_state();
  if (!slot.state.sealed) {
    slot.use = Use::free;
    slot.segment = *std::move(segment);
    open_.insert(number);
  }
  return {};
}

Folder::~Folder() {
  preparer_ = {};  // stopped and joined
  for (const std::int64_t number : open_) {
    const Slot& slot = slots_.at(number);
    if (slot.use == Use::free) slot.segment->rest();
  }
}

Blobs::Space Folder::space() const {
  Space out;
  out.reserve = options_.reserve_bytes;
  struct ::statvfs status {};
  if (::statvfs(folder_.c_str(), &status) == 0) {
    const auto unit = static_cast<std::int64_t>(status.f_frsize);
    out.total = static_cast<std::int64_t>(status.f_blocks) * unit;
    out.free = static_cast<std::int64_t>(status.f_bavail) * unit;
  }
  out.accepting = out.free - out.reserve >= least_accepting;
  const std::scoped_lock lock(mutex_);
  for (const auto& [number, slot] : slots_) {
    out.used += slot.state.end;
    if (slot.use == Use::refused) ++out.refused_segments;
  }
  return out;
}

Result<void> Folder::may_grow(std::int64_t bytes, std::int64_t kept_free) const {
  struct ::statvfs status {};
  if (::statvfs(folder_.c_str(), &status) != 0) {
    return file_error(errno, "vault.cannot_open", "The folder of the vault cannot be read", folder_);
  }
  const auto free = static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
  if (free - bytes >= kept_free) return {};
  return Error{Fault::exhausted,
               "vault.full",
               "There is no room for more objects",
               {},
               "Free space in the data folder, or lower data.reserve_bytes; the node goes on by itself."};
}

bool Folder::any(Use use) const {
  return std::any_of(open_.begin(), open_.end(), [&](std::int64_t number) { return slots_.at(number).use == use; });
}

Segment* Folder::free_segment(std::int64_t room) {
  for (auto at = open_.begin(); at != open_.end();) {
    Slot& slot = slots_.at(*at);
    if (slot.use != Use::free) {  // whoever has it moves its end
      ++at;
      continue;
    }
    const std::int64_t end = slot.segment->end();
    if (end == first_record || end + room <= options_.segment_bytes) return slot.segment.get();
    if (end <= options_.segment_bytes - options_.segment_bytes / 16) {
      ++at;
      continue;
    }
    // Nearly full: no more looking here for each small object. Readers open the file for themselves.
    if (const auto sealed = slot.segment->seal(); !sealed) log::failure("vault.seal", sealed.error());
    slot.state = slot.noted = slot.segment->state();
    slot.use = Use::closed;
    slot.segment.reset();
    at = open_.erase(at);
  }
  return nullptr;
}

Result<Folder::Slot*> Folder::add_segment() {
  auto segment = VEDETTE_TRY(Segment::create(folder_, next_number_));
  open_.insert(next_number_);
  Slot& slot = slots_[next_number_++];
  slot.identity = segment->identity();
  slot.segment = std::move(segment);
  slot.use = Use::free;
  return &slot;
}

Result<Segment*> Folder::borrow(std::int64_t room, std::int64_t kept_free) {
  constexpr milliseconds longest_step{1000};
  std::unique_lock lock(mutex_);
  ++begun_;
  if (any(Use::preparing)) {
    changed_.notify_all();
    changed_.wait_for(lock, longest_step, [&] { return !any(Use::preparing); });
  }
  Segment* segment = free_segment(room);
  if (segment == nullptr) {
    VEDETTE_TRY(may_grow(room, kept_free));
    segment = VEDETTE_TRY(add_segment())->segment.get();
  }
  slots_.at(segment->number()).use = Use::busy;
  return segment;
}

void Folder::give_back(Segment& segment, bool failed) {
  segment.trim();
  const std::scoped_lock lock(mutex_);
  Slot& slot = slots_.at(segment.number());
  slot.state = segment.state();
  slot.noted = segment.written_state();
  slot.use = failed ? Use::refused : Use::free;
  // Under steady load the preparer is not woken for each blob: it looks by itself after a quiet time.
  if (!std::exchange(may_prepare_, true)) changed_.notify_all();
  if (failed) log::error("vault.segment_refused", {{"segment", segment.number()}});
}

Result<std::unique_ptr<Writer>> Folder::begin(std::uint64_t expected) {
  return begin(expected, options_.reserve_bytes);
}

Result<std::unique_ptr<Writer>> Folder::begin_own(std::uint64_t expected) {
  return begin(expected, options_.reserve_bytes / 2);
}

Result<std::unique_ptr<Writer>> Folder::begin(std::uint64_t expected, std::int64_t kept_free) {
  if (expected > (1ULL << 60U)) return Error{Fault::too_large, "vault.too_large", "No object can be that large"};
  const std::int64_t room = (expected == 0 ? room_of_unknown : static_cast<std::int64_t>(expected)) + overhead;
  Segment* segment = VEDETTE_TRY(borrow(room, kept_free));
  auto writer = std::make_unique<FolderWriter>(*this, *segment, kept_free);
  VEDETTE_TRY(segment->make_room(segment->end() + room, [&](std::int64_t more) { return may_grow(more, kept_free); }));
  return std::unique_ptr<Writer>(std::move(writer));
}

Result<std::shared_ptr<File>> Folder::file_of(std::int64_t number) const {
  {
    const std::scoped_lock lock(mutex_);
    const auto slot = slots_.find(number);
    if (slot == slots_.end()) return missing(path_of(number));
    if (slot->second.segment) return slot->second.segment->file();
  }
  const std::scoped_lock lock(files_mutex_);
  const auto found = std::find_if(files_.begin(), files_.end(), [&](const Cached& c) { return c.number == number; });
  if (found != files_.end()) {
    files_.splice(files_.begin(), files_, found);
    return found->file;
  }
  files_.push_front({number, VEDETTE_TRY(open_file(path_of(number), O_RDONLY))});
  if (files_.size() > open_files) files_.pop_back();
  return files_.front().file;
}

Result<std::string> Folder::read(const Place& place) const {
  return read(place, 0, place.length);
}

Result<std::string> Folder::read(const Place& place, std::int64_t from, std::int64_t count) const {
  if (from < 0 || count < 0 || from > place.length || count > place.length - from || place.offset < first_record) {
    return Error{Fault::internal, "vault.range", "More was asked for than the object holds"};
  }
  const auto file = VEDETTE_TRY(file_of(place.segment));
  std::string bytes = VEDETTE_TRY(read_at(*file, place.offset + from, count, path_of(place.segment)));
  if (static_cast<std::int64_t>(bytes.size()) != count) return damaged(path_of(place.segment), place.offset);
  return bytes;
}

Result<FileRange> Folder::range(const Place& place) const {
  auto file = VEDETTE_TRY(file_of(place.segment));
  const std::int64_t size = VEDETTE_TRY(size_of(*file, path_of(place.segment)));
  if (place.offset < first_record || place.length < 0 || place.offset + place.length > size) {
    return damaged(path_of(place.segment), place.offset);
  }
  const int descriptor = file->descriptor();
  return FileRange{descriptor, place.offset, place.length, std::move(file)};
}

Result<void> Folder::verify(const Place& place, const Digest& digest) const {
  const auto file = VEDETTE_TRY(file_of(place.segment));
  const Digest found = VEDETTE_TRY(digest_of(*file, place.offset, place.length, path_of(place.segment)));
  if (found != digest) return damaged(path_of(place.segment), place.offset);
  return {};
}

Result<void> Folder::erase(const Place& place) {
  const std::string path = path_of(place.segment);
  Identity identity;
  {
    const std::scoped_lock lock(mutex_);
    const auto slot = slots_.find(place.segment);
    if (slot == slots_.end() || slot->second.use == Use::foreign) return missing(path);
    identity = slot->second.identity;
  }
  const auto file = VEDETTE_TRY(open_file(path, O_RDWR));
  const std::int64_t start = place.offset - block;
  auto head = head_from(identity, start, VEDETTE_TRY(read_at(*file, start, block, path)));
  if (!head || head->data_length != place.length) return damaged(path, place.offset);
  // First the head, flushed: a start in between must not take the record for a damaged one.
  head->dead = true;
  const BlockBytes dead = encode(identity, *head);
  ::iovec part = part_of(dead);
  VEDETTE_TRY(write_at(*file, std::span(&part, 1), start, path));
  VEDETTE_TRY(sync_data(*file, path));
  // Written over before the room is given back: a hole alone leaves the bytes in the blocks that it frees.
  VEDETTE_TRY(write_zeros(*file, head->data(), head->next(), path));
  VEDETTE_TRY(sync_data(*file, path));
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (::fallocate(file->descriptor(), mode, head->data(), head->next() - head->data()) != 0) return {};
  return sync_data(*file, path);
}

Result<std::unique_ptr<Blobs>> open_folder(const FolderOptions& options) {
  return Folder::open(options);
}

}  // namespace vedette::vault
