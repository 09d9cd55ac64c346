#include "study/catalogue.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "study/fold.hpp"
#include "study/packed.hpp"
#include "study/rows.hpp"

namespace vedette::study {

namespace {

using database::Blob;
using database::Rows;
using database::Transaction;
using database::Value;

Value blob_of(const Digest& digest) {
  return Blob{std::string(as_text(Bytes(digest.bytes)))};
}

Value limited(std::optional<std::int64_t> number) {
  if (!number || *number < INT32_MIN || *number > INT32_MAX) return {};
  return *number;
}

std::int64_t expected_of(std::optional<std::int64_t> number) {
  return number && *number > 0 && *number <= INT32_MAX ? *number : 0;
}

struct StudyKey {
  std::int64_t number = 0;
  State state = State::receiving;
  int version = 1;
  std::string modalities;
  std::string study_date, study_time;
};

Result<std::optional<StudyKey>> find_study(Transaction& tx, const std::string& uid) {
  const Rows found = VEDETTE_TRY(
      tx.query("SELECT number, state, version, modalities, study_date, study_time FROM study WHERE uid = ?", {uid}));
  if (found.empty()) return std::optional<StudyKey>();
  const database::Row& row = found[0];
  return std::optional<StudyKey>(StudyKey{row.integer(0), static_cast<State>(row.integer(1)),
                                          static_cast<int>(row.integer(2)), row.text(3), row.text(4), row.text(5)});
}

Result<StudyKey> insert_study(Transaction& tx, const InstanceRecord& r, std::string_view pseudonym) {
  const FoldedName name = folded_name(r.patient_name);
  const State state = r.made_here() ? State::complete : State::receiving;
  const Rows made = VEDETTE_TRY(tx.query(
      "INSERT INTO study (number, uid, pseudonym, patient_id, issuer_of_patient_id, patient_name, name_fold, "
      "name_other, patient_birth_date, "
      "patient_sex, accession_number, study_date, study_time, study_id, description, referring_physician, "
      "referring_fold, requested_priority, "
      "body_part, modalities, series, instances, received_series, received_instances, expected_instances, state, "
      "version, received_at, "
      "last_instance_at, complete_at) VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM study), "
      "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, 0, 0, 0, 0, ?, 1, ?, ?, ?) RETURNING number",
      {r.study_uid,
       std::string(pseudonym),
       r.patient_id,
       r.issuer_of_patient_id,
       r.patient_name,
       name.alphabetic,
       name.other,
       r.patient_birth_date,
       r.patient_sex,
       r.accession_number,
       r.study_date,
       r.study_time,
       r.study_id,
       r.study_description,
       r.referring_physician,
       folded_name(r.referring_physician).alphabetic,
       r.requested_priority,
       r.body_part,
       static_cast<std::int64_t>(state),
       r.received_at,
       r.received_at,
       state == State::complete ? Value(r.received_at) : Value()}));
  return StudyKey{made.at(0).integer(0), state, 1, {}, r.study_date, r.study_time};
}

struct SeriesKey {
  std::int64_t number = 0;
  bool made = false;
};

Result<SeriesKey> find_or_insert_series(Transaction& tx, const InstanceRecord& r, std::int64_t study) {
  const Rows found =
      VEDETTE_TRY(tx.query("SELECT number FROM series WHERE study = ? AND uid = ?", {study, r.series_uid}));
  if (!found.empty()) return SeriesKey{found[0].integer(0), false};
  const Rows made = VEDETTE_TRY(
      tx.query("INSERT INTO series (number, study, uid, modality, description, body_part, frame_of_reference_uid, "
               "sop_class_uid, laterality, series_date, "
               "series_time, performed_date, performed_time, step_id, procedure_id, series_number, instances, "
               "expected_instances, source) "
               "VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM series), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
               "?, 0, 0, ?) RETURNING number",
               {study, r.series_uid, r.modality, r.series_description, r.body_part, r.frame_of_reference_uid,
                r.sop_class_uid, r.laterality, r.series_date, r.series_time, r.performed_date, r.performed_time,
                r.step_id, r.procedure_id, limited(r.series_number), r.source}));
  return SeriesKey{made.at(0).integer(0), true};
}

Result<void> insert_instance(Transaction& tx, const InstanceRecord& r, const vault::Stored& stored,
                             std::int64_t series) {
  const Rows made = VEDETTE_TRY(tx.query(
      "INSERT INTO instance (number, series, uid, sop_class_uid, transfer_syntax, instance_number, frames, image_rows, "
      "image_columns, "
      "bits_allocated, samples, pixel_offset, pixel_bytes, digest, segment_number, segment_offset, byte_length, "
      "data_offset, received_at, source) "
      "VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM instance), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?) "
      "RETURNING number",
      {series, r.sop_instance_uid, r.sop_class_uid, r.transfer_syntax, limited(r.instance_number), limited(r.frames),
       limited(r.rows), limited(r.columns), limited(r.bits_allocated), limited(r.samples),
       database::value_of(r.pixel_offset), database::value_of(r.pixel_bytes), blob_of(stored.digest),
       stored.place.segment, stored.place.offset, stored.place.length, r.data_offset, r.received_at, r.source}));
  VEDETTE_TRY(tx.run("INSERT INTO instance_header (instance, bytes) VALUES (?, ?)",
                     {made.at(0).integer(0), Blob{r.header_packed.empty() ? packed(r.header_json) : r.header_packed}}));
  return {};
}

/// "CT\PT" with one more, sorted.
std::string with_modality(const std::string& modalities, const std::string& one) {
  std::vector<std::string> all;
  for (const std::string_view text : split(modalities, '\\')) {
    if (!text.empty()) all.emplace_back(text);
  }
  if (one.empty() || std::find(all.begin(), all.end(), one) != all.end()) return modalities;
  all.push_back(one);
  std::sort(all.begin(), all.end());
  std::string out;
  for (const std::string& text : all) out += (out.empty() ? "" : "\\") + text;
  return out;
}

Result<void> count_in(Transaction& tx, const InstanceRecord& r, const StudyKey& study, const SeriesKey& series) {
  const std::int64_t received = r.made_here() ? 0 : 1;
  const std::int64_t new_series = series.made ? 1 : 0;
  VEDETTE_TRY(tx.run(
      "UPDATE series SET instances = instances + 1, expected_instances = CASE WHEN expected_instances < ? THEN ? ELSE "
      "expected_instances END WHERE number = ?",
      {expected_of(r.related_in_series), expected_of(r.related_in_series), series.number}));
  VEDETTE_TRY(tx.run(
      "UPDATE study SET instances = instances + 1, series = series + ?, received_instances = received_instances + ?, "
      "received_series = received_series + ?, expected_instances = CASE WHEN expected_instances < ? THEN ? ELSE "
      "expected_instances END, "
      "last_instance_at = CASE WHEN ? = 1 AND last_instance_at < ? THEN ? ELSE last_instance_at END WHERE number = ?",
      {new_series, received, new_series * received, expected_of(r.related_in_study), expected_of(r.related_in_study),
       received, r.received_at, r.received_at, study.number}));
  if (!series.made) return {};
  // What one modality leaves empty another may tell; nothing that stands is overwritten.
  const std::string modalities = with_modality(study.modalities, r.modality);
  VEDETTE_TRY(tx.run(
      "UPDATE study SET modalities = ?, description = CASE WHEN description = '' THEN ? ELSE description END, "
      "body_part = CASE WHEN body_part = '' THEN ? ELSE body_part END, "
      "accession_number = CASE WHEN accession_number = '' THEN ? ELSE accession_number END, "
      "requested_priority = CASE WHEN requested_priority = '' THEN ? ELSE requested_priority END WHERE number = ?",
      {modalities, r.study_description, r.body_part, r.accession_number, r.requested_priority, study.number}));
  if (modalities != study.modalities) {
    VEDETTE_TRY(
        tx.run("INSERT INTO study_modality (modality, study_date, study_time, study) VALUES (?, ?, ?, ?) ON CONFLICT "
               "DO NOTHING",
               {r.modality, study.study_date, study.study_time, study.number}));
  }
  return {};
}

}  // namespace

Result<Catalogue::Outcome> Catalogue::add(Transaction& tx, const InstanceRecord& record, const vault::Stored& stored,
                                          std::string_view pseudonym) {
  Outcome outcome;
  const Rows there = VEDETTE_TRY(tx.query("SELECT digest FROM instance WHERE uid = ?", {record.sop_instance_uid}));
  std::optional<StudyKey> study = VEDETTE_TRY(find_study(tx, record.study_uid));
  if (!there.empty()) {
    if (study) outcome.version = study->version;
    const Digest kept = rows::digest_of(there[0].text(0));
    if (kept == stored.digest) {
      outcome.added = Added::duplicate;
      return outcome;
    }
    const std::int64_t rows = VEDETTE_TRY(tx.run(
        "INSERT INTO instance_conflict (uid, other, study, study_uid, kept, segment_number, segment_offset, "
        "byte_length, at, source) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        {record.sop_instance_uid, blob_of(stored.digest), study ? study->number : 0, record.study_uid, blob_of(kept),
         stored.place.segment, stored.place.offset, stored.place.length, record.received_at, record.source}));
    outcome.added = rows == 0 ? Added::duplicate : Added::conflict;
    return outcome;
  }
  if (!study) {
    study = VEDETTE_TRY(insert_study(tx, record, pseudonym));
    outcome.study_opened = !record.made_here();
  } else if (study->state != State::receiving && !record.made_here()) {
    const Rows changed =
        VEDETTE_TRY(tx.query("UPDATE study SET state = ?, complete_at = NULL, version = version + (CASE WHEN "
                             "received_instances > 0 THEN 1 ELSE 0 END) "
                             "WHERE number = ? RETURNING version, received_instances",
                             {static_cast<std::int64_t>(State::receiving), study->number}));
    study->version = static_cast<int>(changed.at(0).integer(0));
    // A study of which only objects of this node were there is opened by the first image that comes.
    outcome.study_reopened = changed.at(0).integer(1) > 0;
    outcome.study_opened = !outcome.study_reopened;
  }
  outcome.version = study->version;
  const SeriesKey series = VEDETTE_TRY(find_or_insert_series(tx, record, study->number));
  VEDETTE_TRY(insert_instance(tx, record, stored, series.number));
  VEDETTE_TRY(count_in(tx, record, *study, series));
  return outcome;
}

Result<std::vector<Digest>> Catalogue::digests(Transaction& tx, std::string_view sop_instance_uid) const {
  const std::string uid(sop_instance_uid);
  std::vector<Digest> out;
  const Rows there = VEDETTE_TRY(tx.query("SELECT digest FROM instance WHERE uid = ?", {uid}));
  if (there.empty()) return out;
  out.push_back(rows::digest_of(there[0].text(0)));
  const Rows others = VEDETTE_TRY(tx.query("SELECT other FROM instance_conflict WHERE uid = ?", {uid}));
  for (const database::Row& row : others) out.push_back(rows::digest_of(row.text(0)));
  return out;
}

Result<void> Catalogue::move(Transaction& tx, std::string_view study_uid, State to, Instant at) {
  const std::optional<StudyKey> study = VEDETTE_TRY(find_study(tx, std::string(study_uid)));
  if (!study)
    return Error{Fault::not_found, "study.not_found", "No such study is here", "study",
                 "Check the address, or send the study first."};
  if (!may_move(study->state, to)) {
    return Error{Fault::conflict, "study.state",
                 "A study that is " + std::string(name_of(study->state)) + " cannot become " + std::string(name_of(to)),
                 "study", "Reload the study: its state has changed."};
  }
  Value complete_at;
  if (to == State::complete && study->state == State::receiving) complete_at = to_row(at);
  const std::string sql = std::string("UPDATE study SET state = ?") +
                          (to == State::receiving ? ", version = version + 1, complete_at = NULL" : "") +
                          (std::holds_alternative<std::int64_t>(complete_at) ? ", complete_at = ?" : "") +
                          " WHERE number = ?";
  std::vector<Value> values{static_cast<std::int64_t>(to)};
  if (std::holds_alternative<std::int64_t>(complete_at)) values.push_back(complete_at);
  values.emplace_back(study->number);
  VEDETTE_TRY(tx.run(sql, std::span<const Value>(values)));
  return {};
}

}  // namespace vedette::study
