#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "database/database.hpp"
#include "dicom/data_set.hpp"
#include "study/life.hpp"
#include "vault/vault.hpp"

namespace vedette::study {

/// What the index keeps of one instance: taken once from its header while it arrives, written as the blob's label,
/// never read back from pixels.
struct InstanceRecord {
  std::string study_uid, series_uid, sop_instance_uid, sop_class_uid, transfer_syntax;
  std::string patient_id, patient_name, patient_birth_date, patient_sex;  ///< UTF-8 as in the header
  std::string accession_number, study_date, study_time, study_id, study_description, referring_physician;
  std::string requested_priority;  ///< Requested Procedure Priority (0040,1003), or of the request attributes
  std::string modality, series_description, body_part, frame_of_reference_uid, laterality, series_date, series_time;
  std::optional<std::int64_t> series_number, instance_number, rows, columns, frames;
  std::optional<std::int64_t> related_in_study,
      related_in_series;  ///< Number of Study/Series Related Instances (0020,1208/1209)
  std::string
      header_json;     ///< DICOM JSON of the whole data set without bulk values: metadata and QIDO are answered from it
  std::string source;  ///< "dimse:<calling title>", "stow", "upload", "tool:<id>", "review"
  std::string header_packed;     ///< the same, compressed; a record from a label has this one and an empty header_json
  std::int64_t data_offset = 0;  ///< of the data set in the Part 10 blob
  std::int64_t received_at = 0;  ///< microseconds since 1970
  std::string issuer_of_patient_id, performed_date, performed_time, step_id,
      procedure_id;  ///< (0010,0021), (0040,0244), (0040,0245), (0040,0009), (0040,1001)
  std::optional<std::int64_t> bits_allocated, samples;
  /// Where the value of (7FE0,0010) starts in the data set and how long it is: of fragments the first item's header and
  /// 0; nothing where it cannot be reached without inflating.
  std::optional<std::int64_t> pixel_offset, pixel_bytes;

  /// An object that this node made itself: catalogued, but it never opens, reopens or delays a study.
  bool made_here() const { return source.starts_with("tool:") || source == "tool" || source.starts_with("review"); }
};
/// Reads the record; fails malformed "instance.uid" … when Study, Series, SOP Instance or SOP Class UID is missing or
/// wrong, naming the tag.
Result<InstanceRecord> record_of(const dicom::DataSet& header, std::string_view transfer_syntax);
std::string to_label(const InstanceRecord& record);  ///< compact, versioned
Result<InstanceRecord> from_label(std::string_view label);
/// False for labels that other rooms wrote beside their own blobs.
bool is_label(std::string_view label);

struct Study {
  std::string uid, pseudonym;
  std::string patient_id, patient_name, patient_birth_date, patient_sex;
  std::string accession_number, study_date, study_time, study_id, description, referring_physician, requested_priority;
  std::vector<std::string> modalities;
  std::string body_part;
  std::int64_t series = 0, instances = 0;                    ///< all that is there
  std::int64_t received_series = 0, received_instances = 0;  ///< without the objects that this node made itself
  std::int64_t expected_instances = 0;  ///< Number of Study Related Instances as the headers tell; 0 when they do not
  State state = State::receiving;
  int version = 1;  ///< grows when late instances reopen the study
  Instant received_at, last_instance_at;
  std::optional<Instant> complete_at;
};
struct Series {
  std::string study_uid, uid, modality, description, body_part, frame_of_reference_uid, sop_class_uid, laterality;
  std::string date, time, performed_date, performed_time, step_id, procedure_id;
  std::optional<std::int64_t> number;
  std::int64_t instances = 0;
  std::int64_t expected_instances = 0;  ///< Number of Series Related Instances; 0 when unknown
  std::string source;                   ///< of its first instance: "tool:…" and "review" are results of this node
};
struct Instance {
  std::string study_uid, series_uid, uid, sop_class_uid, transfer_syntax;
  std::optional<std::int64_t> number, frames, rows, columns, bits_allocated, samples;
  std::optional<std::int64_t> pixel_offset, pixel_bytes;  ///< as in the record: from the start of the data set
  Digest digest;
  vault::Place place;
  std::int64_t data_offset = 0;
  Instant received_at;
};
/// A different instance that came under a UID that was already there: kept, never shown as the instance.
struct Conflict {
  std::string study_uid, sop_instance_uid;
  Digest kept, other;
  vault::Place other_place;
  Instant at;
  std::string source;
};

/// The catalogue of patient, study, series and instance, and the life of a study. Rows only; bytes are in the vault.
/// Reads run on the caller's transaction, so that a room composes its own consistent view.
class Catalogue {
 public:
  explicit Catalogue(database::Database& database) : database_(database) {}

  /// What adding did.
  enum class Added : std::uint8_t { stored, duplicate, conflict };
  struct Outcome {
    Added added = Added::stored;
    bool study_opened = false;    ///< first instance of a new study
    bool study_reopened = false;  ///< the study was complete or later: version grew
    int version = 1;
  };
  Result<Outcome> add(database::Transaction& tx, const InstanceRecord& record, const vault::Stored& stored,
                      std::string_view pseudonym);

  Result<std::optional<Study>> study(database::Transaction& tx, std::string_view uid) const;
  Result<std::optional<Study>> study_of_pseudonym(database::Transaction& tx, std::string_view pseudonym) const;
  Result<std::vector<Series>> series(database::Transaction& tx, std::string_view study_uid) const;
  Result<std::vector<Instance>> instances(database::Transaction& tx, std::string_view study_uid,
                                          std::string_view series_uid = {}) const;
  Result<std::optional<Instance>> instance(database::Transaction& tx, std::string_view sop_instance_uid) const;
  Result<std::string> header_json(database::Transaction& tx, std::string_view sop_instance_uid) const;
  /// DICOM JSON of the first instance (by series and instance number) of a study or series; "" when there is none.
  Result<std::string> first_header_json(database::Transaction& tx, std::string_view study_uid,
                                        std::string_view series_uid = {}) const;
  /// Headers of a study, series or instance by series and instance number, one after the other, so that memory stays
  /// bounded.
  Result<void> headers(database::Transaction& tx, std::string_view study_uid, std::string_view series_uid,
                       const std::function<Result<void>(const Instance&, const std::string& header_json)>& visit) const;
  Result<std::vector<Conflict>> conflicts(database::Transaction& tx, std::string_view study_uid) const;
  /// Moves along an edge of the life; fails conflict "study.state" otherwise.
  Result<void> move(database::Transaction& tx, std::string_view study_uid, State to, Instant at);
  /// Digests under which this instance and its conflicts are kept, the instance's first; empty when the UID is new.
  Result<std::vector<Digest>> digests(database::Transaction& tx, std::string_view sop_instance_uid) const;
  /// Studies still receiving: what intake looks after, also after a restart.
  Result<std::vector<Study>> receiving(database::Transaction& tx) const;

  database::Database& database() const { return database_; }

 private:
  database::Database& database_;
};

std::span<const database::Migration> migrations();

}  // namespace vedette::study
