#pragma once

#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "vault/order.hpp"
#include "vault/segment.hpp"
#include "vault/vault.hpp"

namespace vedette::vault {

/// Segments in a folder. Each writer of the moment has an open segment of its own, so writers never wait for each
/// other's bytes and one flush holds exactly one blob (docs/decisions/0003-vault-segments.md).
class Folder final : public Blobs {
 public:
  static Result<std::unique_ptr<Blobs>> open(const FolderOptions& options);
  ~Folder() override;

  Result<std::unique_ptr<Writer>> begin(std::uint64_t expected) override;
  Result<std::unique_ptr<Writer>> begin_own(std::uint64_t expected) override;
  Result<std::string> read(const Place& place) const override;
  Result<std::string> read(const Place& place, std::int64_t from, std::int64_t count) const override;
  Result<FileRange> range(const Place& place) const override;
  Result<void> replay(std::int64_t position, const std::function<Result<void>(const Stored&)>& visit) const override;
  Result<void> verify(const Place& place, const Digest& digest) const override;
  Result<void> erase(const Place& place) override;
  Space space() const override;

 private:
  friend class FolderWriter;

  enum class Use : std::uint8_t {
    free,
    busy,
    preparing,  ///< for a few milliseconds, between writers
    closed,     ///< full: its file is opened for reading only, by the cache
    refused,    ///< a write or flush failed: never written again in this run
    foreign,    ///< its first bytes are damaged: read by place only
  };
  /// What is known of a segment besides its file.
  struct Slot {
    Use use = Use::closed;
    std::unique_ptr<Segment> segment;  ///< while it may be appended to
    Identity identity;
    Checkpoint state;  ///< as of the last ended record
    Checkpoint noted;  ///< where a scan may begin
  };

  explicit Folder(FolderOptions options) : options_(std::move(options)), folder_(options_.folder + "/segments") {}
  Result<void> start();
  Result<void> take_in(std::int64_t number);
  /// Fails "vault.full" where less than `kept_free` would be left.
  Result<void> may_grow(std::int64_t bytes, std::int64_t kept_free) const;
  Result<std::unique_ptr<Writer>> begin(std::uint64_t expected, std::int64_t kept_free);
  /// A free segment with room, now busy; made where there is none.
  Result<Segment*> borrow(std::int64_t room, std::int64_t kept_free);
  Segment* free_segment(std::int64_t room);
  bool any(Use use) const;
  Result<Slot*> add_segment();
  /// Writes ahead in quiet moments, until stopped.
  void prepare(std::stop_token stop);
  /// A free segment that wants more room written ahead, and how much.
  std::pair<Slot*, std::int64_t> unprepared();
  /// Ends a writer's use of its segment.
  void give_back(Segment& segment, bool failed);
  std::string path_of(std::int64_t number) const { return Segment::path_of(folder_, number); }
  Result<std::shared_ptr<File>> file_of(std::int64_t number) const;

  FolderOptions options_;
  std::string folder_;
  std::unique_ptr<File> lock_;
  Order order_;

  mutable std::mutex mutex_;
  std::map<std::int64_t, Slot> slots_;
  std::set<std::int64_t> open_;  ///< numbers of those with a Segment
  std::int64_t next_number_ = 1;
  std::condition_variable_any changed_;
  std::uint64_t begun_ = 0;  ///< writers so far
  bool may_prepare_ = true;  ///< something happened since there was nothing to prepare

  /// Open files of closed segments, most recently used first.
  struct Cached {
    std::int64_t number;
    std::shared_ptr<File> file;  // shared with ranges that are still being sent
  };
  mutable std::mutex files_mutex_;
  mutable std::list<Cached> files_;

  std::jthread preparer_;  // last: it ends before what it uses
};

}  // namespace vedette::vault
