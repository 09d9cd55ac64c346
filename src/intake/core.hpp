#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <semaphore>
#include <set>
#include <thread>
#include <unordered_map>

#include "intake/completeness.hpp"
#include "intake/header_scan.hpp"
#include "intake/intake.hpp"

/// The inside of intake: what arrivals, indexer and watch share. Not for other modules.
namespace vedette::intake {

/// A durable instance on its way to the index.
struct Queued {
  study::InstanceRecord record;
  vault::Stored stored;
};

class Core final : public Intake {
 public:
  explicit Core(Parts parts) : parts_(std::move(parts)) {}
  ~Core() override { stop(); }

  Result<void> open();

  std::int64_t open_session(const std::string& kind, const std::string& name) override;
  void close_session(std::int64_t session, bool orderly) override;
  Result<std::unique_ptr<Arrival>> begin(const Source& source, std::string_view transfer_syntax,
                                         std::string_view class_uid, std::string_view instance_uid,
                                         std::uint64_t expected_bytes) override;
  Result<std::unique_ptr<Arrival>> begin_file(const Source& source, std::uint64_t expected_bytes) override;
  Result<Accepted> file(const Source& source, Bytes bytes) override;
  Result<ImportReport> import(const Source& source, std::string_view name, const Reader& reader) override;
  Result<void> step(const Source& source, bool created, const std::string& instance_uid,
                    std::string_view transfer_syntax, Bytes data_set) override;
  Result<void> settle() override;
  Traffic traffic() const override;
  void stop() override;

  // -- for arrivals --
  const Parts& parts() const { return parts_; }
  ScanLimits scan_limits() const;
  std::uint64_t object_limit() const;
  std::uint64_t inflated_limit() const;
  /// Held while a large header is taken apart, which takes many times its bytes: a few at a time, however many send.
  std::counting_semaphore<>& large_headers() { return large_headers_; }
  /// The index may be moved no further than what was durable when an arrival began, until that arrival is queued or
  /// gone.
  std::int64_t enter(std::int64_t session);
  void leave(std::int64_t ticket, std::int64_t session);
  /// Bytes came in: the session is alive.
  void touch(std::int64_t session);
  /// Digests under which this instance is there already: in the index and on the way to it.
  Result<std::vector<Digest>> known(const std::string& sop_instance_uid) const;
  /// Queues a durable instance, leaves with the ticket, and says what it is beside those already there.
  study::Catalogue::Added queue(Queued queued, std::int64_t ticket, std::int64_t session);
  /// The same bytes came again.
  void repeated(const std::string& study_uid, std::int64_t session);

 private:
  struct Session {
    std::string kind, name;
    Instant since;
    std::int64_t images = 0;
    microseconds last_byte{0};
    std::set<std::string> studies;
  };
  /// A study that is receiving.
  struct Watch {
    std::optional<microseconds> last;  ///< steady time of its last instance
    microseconds largest_gap{0};
    std::set<std::int64_t> open;  ///< sessions that brought it
    bool orderly = true;
    std::int64_t waiting = 0;  ///< instances that are not in the index yet
    bool counted = false;      ///< what follows is as the index has it
    std::int64_t received = 0, expected = 0;
    Steps steps = Steps::none;
    microseconds next_look{0};  ///< steady time before which nothing can be decided
  };

  Result<void> accepting() const;
  Result<void> replay();
  Result<void> index(const std::vector<Queued>& batch, std::int64_t position);
  Result<void> index_one(database::Transaction& tx, const Queued& queued);
  void run(const std::stop_token& stop);
  std::vector<Queued> next_batch(const std::stop_token& stop);
  void index_until_done(const std::vector<Queued>& batch, const std::stop_token& stop);
  void set_failing(bool failing);
  std::int64_t safe_position(const std::vector<Queued>& batch) const;
  void look_after_studies();
  bool is_arriving(const std::string& study_uid) const;
  Result<void> count(const std::string& study_uid);
  /// What the performed procedure steps of a study say about what is in the index.
  Result<Steps> steps_of(database::Transaction& tx, const study::Study& study) const;
  /// How many instances the steps of a study name that are not in the index.
  Result<std::int64_t> missing_of(database::Transaction& tx, const std::string& study_uid) const;
  std::vector<std::pair<std::string, std::string_view>> due(microseconds now);
  Result<void> complete(const std::string& study_uid, std::string_view by);
  void note_arrival(Watch& watch, const std::string& study_uid, std::int64_t session);
  void note_traffic();
  microseconds quiet() const;

  Parts parts_;
  std::counting_semaphore<> large_headers_{2};
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::deque<Queued> queue_;
  std::unordered_multimap<std::string, Digest> unindexed_;  ///< of queue_ and of the batch in work
  std::map<std::int64_t, std::int64_t> floors_;             ///< ticket → greatest durable position when it began
  std::int64_t next_ticket_ = 1, next_session_ = 1;
  std::int64_t durable_ = 0;  ///< greatest position that was kept
  std::int64_t indexed_ = 0;  ///< greatest position that is in the index
  std::int64_t cursor_ = 0;
  std::uint64_t queued_count_ = 0, indexed_count_ = 0;
  int hurried_ = 0;  ///< callers of settle()
  /// The index takes nothing for the moment (its disk is full): questions are answered from what it has, nobody waits
  /// for it.
  bool failing_ = false;
  bool session_ended_ = false;     ///< since the last batch
  std::uint64_t steps_taken_ = 0;  ///< procedure steps created and changed
  std::map<std::int64_t, Session> sessions_;
  std::map<std::string, Watch> watches_;
  std::deque<std::pair<std::int64_t, std::int64_t>> minutes_;  ///< minute since 1970, instances
  std::optional<Instant> last_at_;
  std::atomic<bool> stopped_ = false;
  std::jthread worker_;
};

}  // namespace vedette::intake
