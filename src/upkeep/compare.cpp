#include <array>
#include <optional>

#include "upkeep/rebuild.hpp"

namespace vedette::upkeep {

namespace {

using database::Row;
using database::Rows;
using database::Transaction;

constexpr std::size_t told = 100;
constexpr std::int64_t page = 2000;

/// One table of the catalogue as text to compare by: the key first, numbers of rows left out.
struct Table {
  std::string_view name;
  std::string_view sql;  ///< ends with "? … LIMIT ?" over the key
};

constexpr std::array tables{
    Table{"study",
          "SELECT uid, pseudonym, patient_id, issuer_of_patient_id, patient_name, name_fold, name_other, "
          "patient_birth_date, patient_sex, accession_number, study_date, study_time, study_id, description, "
          "referring_physician, referring_fold, requested_priority, body_part, modalities, series, instances, "
          "received_series, received_instances, expected_instances, state, version, received_at, last_instance_at, "
          "complete_at, (SELECT group_concat(m.modality || m.study_date || m.study_time) FROM (SELECT * FROM "
          "study_modality WHERE study = number ORDER BY modality) m) FROM study WHERE uid > ? ORDER BY uid LIMIT ?"},
    Table{"series",
          "SELECT s.uid || ' ' || e.uid AS k, e.modality, e.description, e.body_part, e.frame_of_reference_uid, "
          "e.sop_class_uid, e.laterality, e.series_date, e.series_time, e.performed_date, e.performed_time, e.step_id, "
          "e.procedure_id, e.series_number, e.instances, e.expected_instances, e.source FROM series e JOIN study s ON "
          "s.number = e.study WHERE s.uid || ' ' || e.uid > ? ORDER BY k LIMIT ?"},
    Table{"instance",
          "SELECT i.uid, e.uid, s.uid, i.sop_class_uid, i.transfer_syntax, i.instance_number, i.frames, i.image_rows, "
          "i.image_columns, i.bits_allocated, i.samples, i.pixel_offset, i.pixel_bytes, i.digest, i.segment_number, "
          "i.segment_offset, i.byte_length, i.data_offset, i.received_at, i.source, h.bytes FROM instance i LEFT JOIN "
          "series e ON e.number = i.series LEFT JOIN study s ON s.number = e.study LEFT JOIN instance_header h ON "
          "h.instance = i.number WHERE i.uid > ? ORDER BY i.uid LIMIT ?"},
    Table{"instance_conflict",
          "SELECT uid || ' ' || hex(other) AS k, study_uid, kept, segment_number, segment_offset, byte_length, at, "
          "source FROM instance_conflict WHERE uid || ' ' || hex(other) > ? ORDER BY k LIMIT ?"},
};

/// Rows of a table one after the other.
class Cursor {
 public:
  Cursor(database::Database& database, std::string_view sql) : database_(database), sql_(sql) {}

  Result<void> next() {
    if (++at_ < rows_.size()) return {};
    if (ended_) return {};
    const std::string after = rows_.empty() ? std::string() : rows_.back().text(0);
    return database_.read([&](Transaction& tx) -> Result<void> {
      rows_ = VEDETTE_TRY(tx.query(sql_, {after, page}));
      ended_ = static_cast<std::int64_t>(rows_.size()) < page;
      at_ = 0;
      return {};
    });
  }
  const Row* row() const { return at_ < rows_.size() ? &rows_[at_] : nullptr; }

 private:
  database::Database& database_;
  std::string sql_;
  Rows rows_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<void> compare_catalogues(database::Database& old, database::Database& fresh, RebuildReport& report) {
  for (const Table& table : tables) {
    Cursor before(old, table.sql), after(fresh, table.sql);
    VEDETTE_TRY(before.next());
    VEDETTE_TRY(after.next());
    while (before.row() != nullptr || after.row() != nullptr) {
      const Row* a = before.row();
      const Row* b = after.row();
      const int order = a == nullptr ? 1 : b == nullptr ? -1 : a->text(0).compare(b->text(0));
      if (order != 0 || a->values() != b->values()) {
        ++report.different;
        if (order < 0) ++report.only_old;
        if (report.differences.size() < told) {
          report.differences.push_back(std::string(table.name) + " " + (order > 0 ? b : a)->text(0) + ": " +
                                       (order < 0   ? "only in the old index"
                                        : order > 0 ? "only in the new index"
                                                    : "differs"));
        }
      }
      if (order <= 0) VEDETTE_TRY(before.next());
      if (order >= 0) VEDETTE_TRY(after.next());
    }
  }
  report.compared = true;
  return {};
}

}  // namespace vedette::upkeep
