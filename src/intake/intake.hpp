#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/settings.hpp"
#include "ledger/ledger.hpp"
#include "study/catalogue.hpp"
#include "vault/vault.hpp"

namespace vedette::intake {

/// Where an instance comes from. Instances of one association (or upload) share it.
struct Source {
  std::string kind;          ///< "dimse", "stow", "upload", "tool", "review"
  std::string name;          ///< calling title, person's pseudonym, tool id
  std::int64_t session = 0;  ///< from open_session()
  std::string study_uid{};   ///< instances of any other study are refused ("instance.study"); "" for any
};

/// What became of one instance.
struct Accepted {
  std::string study_uid, series_uid, sop_instance_uid, sop_class_uid;
  study::Catalogue::Added added = study::Catalogue::Added::stored;
};

/// One instance on its way in: bytes of the data set (without Part 10 header) as they arrive.
class Arrival {
 public:
  virtual ~Arrival() = default;
  virtual Result<void> append(Bytes bytes) = 0;
  /// Returns after header, data and what the index row needs are on stable storage. Fails malformed, refused,
  /// exhausted; then nothing is kept.
  virtual Result<Accepted> end() = 0;
  /// Class and instance UID as far as they were read and valid: to name what was refused.
  virtual Accepted seen() const { return {}; }
};

/// Accepts instances idempotently and durably; decides by evidence when a study is complete.
/// Hashing, header parsing and writing happen in one pass; the index is brought up behind the vault by one indexer, and
/// start() replays what a crash left between them before any door opens. Thread-safe.
class Intake {
 public:
  struct Parts {
    vault::Blobs& blobs;
    study::Catalogue& catalogue;
    ledger::Ledger& ledger;
    const Clock& clock;
    const Settings& settings;
    std::function<std::string(std::string_view study_uid)> pseudonym;
  };
  /// Replays, starts the indexer and the watch over receiving studies.
  static Result<std::unique_ptr<Intake>> start(Parts parts);
  virtual ~Intake() = default;

  virtual std::int64_t open_session(const std::string& kind, const std::string& name) = 0;
  virtual void close_session(std::int64_t session, bool orderly) = 0;

  /// `class_uid` and `instance_uid` as the protocol announced them ("" where it does not): a data set that disagrees is
  /// refused.
  virtual Result<std::unique_ptr<Arrival>> begin(const Source& source, std::string_view transfer_syntax,
                                                 std::string_view class_uid, std::string_view instance_uid,
                                                 std::uint64_t expected_bytes) = 0;
  /// The same for the bytes of a Part 10 file or a bare data set as they arrive: its header is read, then dropped for
  /// this node's own.
  virtual Result<std::unique_ptr<Arrival>> begin_file(const Source& source, std::uint64_t expected_bytes) = 0;
  /// A whole Part 10 file or bare data set in memory.
  virtual Result<Accepted> file(const Source& source, Bytes bytes) = 0;
  /// A stream of unknown content: a Part 10 file, or a ZIP of such files (nested folders, DICOMDIR ignored), in
  /// constant memory.
  struct ImportReport {
    std::int64_t accepted = 0, duplicates = 0, conflicts = 0;
    struct Refused {
      std::string name;
      Error error;
    };
    std::vector<Refused> refused;
    std::vector<std::string> studies;
  };
  using Reader = std::function<Result<std::size_t>(std::span<std::byte>)>;
  virtual Result<ImportReport> import(const Source& source, std::string_view name, const Reader& reader) = 0;

  /// A performed procedure step of a modality is created, or changed (PS3.4 Annex F): `data_set` are the attributes of
  /// the N-CREATE or N-SET. Durable on return. A step that is COMPLETED or DISCONTINUED names the instances of its
  /// study: with all of them here and their sessions closed, the study is complete at once. Fails conflict "step.there"
  /// (created twice), not_found "step.unknown", changed "step.final" (ended: nothing changes it any more), refused
  /// "step.missing" and "step.empty" (an attribute that is needed), malformed.
  virtual Result<void> step(const Source& source, bool created, const std::string& instance_uid,
                            std::string_view transfer_syntax, Bytes data_set) = 0;

  /// Waits until everything that was acknowledged so far is in the index (milliseconds; bounded). Doors call it before
  /// they answer a query.
  virtual Result<void> settle() = 0;

  struct Traffic {
    std::vector<std::int64_t> per_minute;  ///< 60 values, newest last
    std::optional<Instant> last_at;
    struct Session {
      std::string kind, name;
      Instant since;
      std::int64_t images = 0;
    };
    std::vector<Session> sessions;
  };
  virtual Traffic traffic() const = 0;
  /// Stops watching; everything acknowledged is indexed on return.
  virtual void stop() = 0;
};

/// Rows of intake itself: how far the index has come behind the vault, and procedure steps.
std::span<const database::Migration> migrations();

}  // namespace vedette::intake
