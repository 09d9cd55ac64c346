#include "vault/inspect.hpp"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "vault/scan.hpp"
#include "vault/segment.hpp"

namespace vedette::vault {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t hashed_at_once = 1 << 20;
constexpr std::int64_t looked_at_for_leftover = 4096;
constexpr std::chrono::milliseconds until_written{300};  // a record that is being written is whole after this

Error damaged(const std::string& path, std::int64_t offset, std::string cause) {
  return Error{Fault::internal, "vault.damaged", std::move(cause), path + " at " + std::to_string(offset),
               "Send the object again from its source, or restore a backup."};
}

/// Holds reading back to so many bytes in a second.
class Pace {
 public:
  explicit Pace(std::int64_t bytes_per_second) : limit_(bytes_per_second), begun_(std::chrono::steady_clock::now()) {}
  void took(std::int64_t bytes) {
    if (limit_ <= 0) return;
    bytes_ += bytes;
    const std::chrono::duration<double> due(static_cast<double>(bytes_) / static_cast<double>(limit_));
    std::this_thread::sleep_until(begun_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(due));
  }

 private:
  std::int64_t limit_;
  std::int64_t bytes_ = 0;
  std::chrono::steady_clock::time_point begun_;
};

Result<Digest> hash_of(const File& file, std::int64_t from, std::int64_t count, const std::string& path, Pace& pace) {
  // What the system holds in memory says nothing about the disk.
  ::posix_fadvise(file.descriptor(), from, count, POSIX_FADV_DONTNEED);
  Sha256 hash;
  while (count > 0) {
    const std::string bytes = VEDETTE_TRY(read_at(file, from, std::min(count, hashed_at_once), path));
    if (bytes.empty()) return damaged(path, from, "A segment ends inside an object");
    hash.update(as_bytes(bytes));
    from += static_cast<std::int64_t>(bytes.size());
    count -= static_cast<std::int64_t>(bytes.size());
    pace.took(static_cast<std::int64_t>(bytes.size()));
  }
  return hash.finish();
}

struct SegmentFile {
  std::int64_t number = 0;
  std::string path;
};

Result<std::vector<SegmentFile>> segments_of(const std::string& folder) {
  std::vector<SegmentFile> out;
  std::error_code failed;
  const std::string segments = folder + "/segments";
  if (!fs::exists(segments, failed)) return out;
  for (const auto& entry : fs::directory_iterator(segments, failed)) {
    const auto number = to_integer(entry.path().stem().string());
    if (entry.path().extension() == ".seg" && number) out.push_back({*number, entry.path().string()});
  }
  if (failed) return file_error(failed.value(), "vault.cannot_open", "The folder of the vault cannot be read", folder);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  return out;
}

using Visit = std::function<Result<void>(const Inspected&)>;

/// One segment on its way past the eyes.
class Walk {
 public:
  Walk(const InspectOptions& options, const Visit& visit, InspectProgress& progress, Pace& pace)
      : options_(options), visit_(visit), progress_(progress), pace_(pace) {}

  Result<void> segment(const SegmentFile& segment) {
    path_ = segment.path;
    number_ = segment.number;
    auto opened = open_file(path_, O_RDONLY);
    if (!opened && !fs::exists(path_)) return {};  // made and taken back by a node meanwhile
    file_ = VEDETTE_TRY(std::move(opened));
    const std::int64_t size = VEDETTE_TRY(size_of(*file_, path_));
    const std::int64_t before = progress_.done;
    auto identity = Segment::identity_of(*file_, path_);
    if (!identity) {
      if (identity.error().code != "vault.damaged") return identity.error();
      if (size > first_record) VEDETTE_TRY(gap(first_record, size));
    } else {
      VEDETTE_TRY(records(*identity, size));
    }
    progress_.done = before + size;
    if (options_.progress) options_.progress(progress_);
    return {};
  }

 private:
  Result<void> gap(std::int64_t from, std::int64_t to) {
    Inspected out;
    out.state = Inspected::State::damaged;
    out.place = {number_, from, to - from};
    out.fault = damaged(path_, from, "There is no whole record where one has to be");
    return visit_(out);
  }

  Result<std::int64_t> noted_end(const Identity& identity) const {
    const auto noted = checkpoint_from(identity, VEDETTE_TRY(read_at(*file_, checkpoint_place, block, path_)));
    return noted ? noted->end : first_record;
  }

  Result<void> records(const Identity& identity, std::int64_t size) {
    std::int64_t at = first_record;
    while (true) {
      Scan scan(file_, path_, identity, at, size);
      auto record = VEDETTE_TRY(scan.next());
      if (options_.beside_a_node && scan.damaged() > 0) {
        // The node may just be writing there.
        std::this_thread::sleep_for(until_written);
        scan = Scan(file_, path_, identity, at, size);
        record = VEDETTE_TRY(scan.next());
      }
      if (scan.damaged() > 0) VEDETTE_TRY(gap(at, record->head.start));
      while (record) {
        VEDETTE_TRY(one(*record));
        at = scan.at();
        const std::int64_t damaged_before = scan.damaged();
        record = VEDETTE_TRY(scan.next());
        if (scan.damaged() != damaged_before) break;  // looked at again from its beginning
      }
      if (record) continue;
      // Behind the last record nothing may stand, up to what the segment itself says about its end.
      const std::int64_t end = VEDETTE_TRY(noted_end(identity));
      if (at < end && end <= size) return gap(at, end);
      return {};
    }
  }

  Result<void> one(const Record& record) {
    const Head& head = record.head;
    Inspected out;
    out.place = {number_, head.data(), head.data_length};
    out.position = head.position;
    ++progress_.records;
    if (head.dead) {
      out.state = Inspected::State::dead;
      const std::int64_t looked = std::min(looked_at_for_leftover, head.next() - head.data());
      const std::string bytes = VEDETTE_TRY(read_at(*file_, head.data(), looked, path_));
      out.leftover = bytes.find_first_not_of('\0') != std::string::npos;
      return visit_(out);
    }
    out.digest = record.digest;
    out.label = record.label;
    if (options_.hash) VEDETTE_TRY(check(out));
    progress_.done += head.next() - head.start;
    if (options_.progress) options_.progress(progress_);
    return visit_(out);
  }

  Result<void> check(Inspected& out) {
    auto found = hash_of(*file_, out.place.offset, out.place.length, path_, pace_);
    if (found && *found != out.digest && options_.beside_a_node) {
      std::this_thread::sleep_for(until_written);
      found = hash_of(*file_, out.place.offset, out.place.length, path_, pace_);
    }
    if (!found) {
      out.fault = found.error();
    } else if (*found != out.digest) {
      out.fault = damaged(path_, out.place.offset, "The bytes of a stored object have changed");
    }
    return {};
  }

  const InspectOptions& options_;
  const Visit& visit_;
  InspectProgress& progress_;
  Pace& pace_;
  std::string path_;
  std::int64_t number_ = 0;
  std::shared_ptr<File> file_;  // shared as open_file makes it
};

}  // namespace

Result<void> inspect_folder(const InspectOptions& options, const Visit& visit) {
  const std::vector<SegmentFile> segments = VEDETTE_TRY(segments_of(options.folder));
  InspectProgress progress;
  for (const SegmentFile& segment : segments) {
    std::error_code gone;
    const auto size = fs::file_size(segment.path, gone);
    if (!gone) progress.all += static_cast<std::int64_t>(size);
  }
  Pace pace(options.bytes_per_second);
  Walk walk(options, visit, progress, pace);
  for (const SegmentFile& segment : segments) VEDETTE_TRY(walk.segment(segment));
  return {};
}

Result<void> inspect_one(const std::string& folder, const Place& place, const Digest& digest) {
  const std::string path = Segment::path_of(folder + "/segments", place.segment);
  const auto file = VEDETTE_TRY(open_file(path, O_RDONLY));
  const Identity identity = VEDETTE_TRY(Segment::identity_of(*file, path));
  const std::int64_t start = place.offset - block;
  Scan scan(file, path, identity, start, VEDETTE_TRY(size_of(*file, path)));
  const auto record = VEDETTE_TRY(scan.next());
  if (!record || record->head.start != start || record->head.dead) {
    return damaged(path, place.offset, "Head, label or end of a stored object are damaged");
  }
  if (record->digest != digest || record->head.data_length != place.length) {
    return damaged(path, place.offset, "Another object lies where this one has to be");
  }
  Pace pace(0);
  if (VEDETTE_TRY(hash_of(*file, place.offset, place.length, path, pace)) != digest) {
    return damaged(path, place.offset, "The bytes of a stored object have changed");
  }
  return {};
}

}  // namespace vedette::vault
