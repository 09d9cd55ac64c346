#include "study/rows.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace vedette::study::rows {

namespace {

std::optional<std::int64_t> optional_integer(const database::Row& row, std::size_t column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}

}  // namespace

Digest digest_of(const std::string& bytes) {
  Digest digest;
  std::memcpy(digest.bytes.data(), bytes.data(), std::min(bytes.size(), digest.bytes.size()));
  return digest;
}

Study study_of(const database::Row& row, std::size_t at) {
  Study study;
  std::string* const texts[] = {&study.uid,
                                &study.pseudonym,
                                &study.patient_id,
                                &study.patient_name,
                                &study.patient_birth_date,
                                &study.patient_sex,
                                &study.accession_number,
                                &study.study_date,
                                &study.study_time,
                                &study.study_id,
                                &study.description,
                                &study.referring_physician,
                                &study.requested_priority};
  for (std::string* text : texts) *text = row.text(at++);
  for (const std::string_view modality : split(row.text(at++), '\\')) {
    if (!modality.empty()) study.modalities.emplace_back(modality);
  }
  study.body_part = row.text(at++);
  std::int64_t* const counts[] = {&study.series, &study.instances, &study.received_series, &study.received_instances,
                                  &study.expected_instances};
  for (std::int64_t* count : counts) *count = row.integer(at++);
  study.state = static_cast<State>(row.integer(at++));
  study.version = static_cast<int>(row.integer(at++));
  study.received_at = instant_from_row(row.integer(at++));
  study.last_instance_at = instant_from_row(row.integer(at++));
  if (!row.is_null(at)) study.complete_at = instant_from_row(row.integer(at));
  return study;
}

Series series_of(const database::Row& row, std::string_view study_uid, std::size_t at) {
  Series series;
  series.study_uid = study_uid;
  std::string* const texts[] = {&series.uid,
                                &series.modality,
                                &series.description,
                                &series.body_part,
                                &series.frame_of_reference_uid,
                                &series.sop_class_uid,
                                &series.laterality,
                                &series.date,
                                &series.time,
                                &series.performed_date,
                                &series.performed_time,
                                &series.step_id,
                                &series.procedure_id};
  for (std::string* text : texts) *text = row.text(at++);
  series.number = optional_integer(row, at++);
  series.instances = row.integer(at++);
  series.expected_instances = row.integer(at++);
  series.source = row.text(at);
  return series;
}

Instance instance_of(const database::Row& row, std::string_view study_uid, std::string_view series_uid,
                     std::size_t at) {
  Instance instance;
  instance.study_uid = study_uid;
  instance.series_uid = series_uid;
  instance.uid = row.text(at++);
  instance.sop_class_uid = row.text(at++);
  instance.transfer_syntax = row.text(at++);
  instance.number = optional_integer(row, at++);
  instance.frames = optional_integer(row, at++);
  instance.rows = optional_integer(row, at++);
  instance.columns = optional_integer(row, at++);
  instance.bits_allocated = optional_integer(row, at++);
  instance.samples = optional_integer(row, at++);
  instance.pixel_offset = optional_integer(row, at++);
  instance.pixel_bytes = optional_integer(row, at++);
  instance.digest = digest_of(row.text(at++));
  instance.place.segment = row.integer(at++);
  instance.place.offset = row.integer(at++);
  instance.place.length = row.integer(at++);
  instance.data_offset = row.integer(at++);
  instance.received_at = instant_from_row(row.integer(at));
  return instance;
}

}  // namespace vedette::study::rows
