#pragma once

#include <string_view>

#include "study/catalogue.hpp"

/// Columns and how a row becomes a value: used by catalogue and search alike. Not for other modules.
namespace vedette::study::rows {

inline constexpr std::string_view study_columns =
    "s.uid, s.pseudonym, s.patient_id, s.patient_name, s.patient_birth_date, s.patient_sex, s.accession_number, "
    "s.study_date, s.study_time, "
    "s.study_id, s.description, s.referring_physician, s.requested_priority, s.modalities, s.body_part, s.series, "
    "s.instances, "
    "s.received_series, s.received_instances, s.expected_instances, s.state, s.version, s.received_at, "
    "s.last_instance_at, s.complete_at";
inline constexpr std::size_t study_width = 25;
inline constexpr std::string_view series_columns =
    "e.uid, e.modality, e.description, e.body_part, e.frame_of_reference_uid, e.sop_class_uid, e.laterality, "
    "e.series_date, e.series_time, "
    "e.performed_date, e.performed_time, e.step_id, e.procedure_id, e.series_number, e.instances, "
    "e.expected_instances, e.source";
inline constexpr std::size_t series_width = 17;
inline constexpr std::string_view instance_columns =
    "i.uid, i.sop_class_uid, i.transfer_syntax, i.instance_number, i.frames, i.image_rows, i.image_columns, "
    "i.bits_allocated, i.samples, i.pixel_offset, i.pixel_bytes, i.digest, "
    "i.segment_number, i.segment_offset, i.byte_length, i.data_offset, i.received_at";
inline constexpr std::size_t instance_width = 17;

Study study_of(const database::Row& row, std::size_t at = 0);
Series series_of(const database::Row& row, std::string_view study_uid, std::size_t at = 0);
Instance instance_of(const database::Row& row, std::string_view study_uid, std::string_view series_uid,
                     std::size_t at = 0);
Digest digest_of(const std::string& bytes);

}  // namespace vedette::study::rows
