#include <array>

#include "study/catalogue.hpp"

namespace vedette::study {

namespace {

// Rows are found by these ways: study by uid, pseudonym, date, patient, name, accession number, modality, state; series
// and instances by uid or below their parent. Dates stand in the index of each, because lists are newest first. Numbers
// are row numbers, not DICOM's.
constexpr std::string_view step_1 = R"sql(
CREATE TABLE study (
  number INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  pseudonym TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  issuer_of_patient_id TEXT NOT NULL,
  patient_name TEXT NOT NULL,
  name_fold TEXT NOT NULL,
  name_other TEXT NOT NULL,
  patient_birth_date TEXT NOT NULL,
  patient_sex TEXT NOT NULL,
  accession_number TEXT NOT NULL,
  study_date TEXT NOT NULL,
  study_time TEXT NOT NULL,
  study_id TEXT NOT NULL,
  description TEXT NOT NULL,
  referring_physician TEXT NOT NULL,
  referring_fold TEXT NOT NULL,
  requested_priority TEXT NOT NULL,
  body_part TEXT NOT NULL,
  modalities TEXT NOT NULL,
  series INTEGER NOT NULL,
  instances INTEGER NOT NULL,
  received_series INTEGER NOT NULL,
  received_instances INTEGER NOT NULL,
  expected_instances INTEGER NOT NULL,
  state INTEGER NOT NULL,
  version INTEGER NOT NULL,
  received_at BIGINT NOT NULL,
  last_instance_at BIGINT NOT NULL,
  complete_at BIGINT
);
CREATE INDEX study_by_pseudonym ON study (pseudonym);
CREATE INDEX study_by_date ON study (study_date, study_time, number);
CREATE INDEX study_by_patient ON study (patient_id, study_date, study_time, number);
CREATE INDEX study_by_name ON study (name_fold, study_date, study_time, number);
CREATE INDEX study_by_accession ON study (accession_number, study_date, study_time, number);
CREATE INDEX study_receiving ON study (state) WHERE state = 0;
CREATE TABLE study_modality (
  modality TEXT NOT NULL,
  study_date TEXT NOT NULL,
  study_time TEXT NOT NULL,
  study INTEGER NOT NULL,
  PRIMARY KEY (modality, study_date, study_time, study)
);
CREATE TABLE series (
  number INTEGER PRIMARY KEY,
  study INTEGER NOT NULL,
  uid TEXT NOT NULL,
  modality TEXT NOT NULL,
  description TEXT NOT NULL,
  body_part TEXT NOT NULL,
  frame_of_reference_uid TEXT NOT NULL,
  sop_class_uid TEXT NOT NULL,
  laterality TEXT NOT NULL,
  series_date TEXT NOT NULL,
  series_time TEXT NOT NULL,
  performed_date TEXT NOT NULL,
  performed_time TEXT NOT NULL,
  step_id TEXT NOT NULL,
  procedure_id TEXT NOT NULL,
  series_number INTEGER,
  instances INTEGER NOT NULL,
  expected_instances INTEGER NOT NULL,
  source TEXT NOT NULL,
  UNIQUE (study, uid)
);
CREATE INDEX series_by_uid ON series (uid);
CREATE INDEX series_by_modality ON series (modality, study);
CREATE TABLE instance (
  number INTEGER PRIMARY KEY,
  series INTEGER NOT NULL,
  uid TEXT NOT NULL UNIQUE,
  sop_class_uid TEXT NOT NULL,
  transfer_syntax TEXT NOT NULL,
  instance_number INTEGER,
  frames INTEGER,
  image_rows INTEGER,
  image_columns INTEGER,
  bits_allocated INTEGER,
  samples INTEGER,
  pixel_offset BIGINT,
  pixel_bytes BIGINT,
  digest BLOB NOT NULL,
  segment_number BIGINT NOT NULL,
  segment_offset BIGINT NOT NULL,
  byte_length BIGINT NOT NULL,
  data_offset INTEGER NOT NULL,
  received_at BIGINT NOT NULL,
  source TEXT NOT NULL
);
CREATE INDEX instance_by_series ON instance (series, instance_number, number);
CREATE TABLE instance_header (
  instance INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
);
CREATE TABLE instance_conflict (
  uid TEXT NOT NULL,
  other BLOB NOT NULL,
  study INTEGER NOT NULL,
  study_uid TEXT NOT NULL,
  kept BLOB NOT NULL,
  segment_number BIGINT NOT NULL,
  segment_offset BIGINT NOT NULL,
  byte_length BIGINT NOT NULL,
  at BIGINT NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (uid, other)
);
CREATE INDEX instance_conflict_by_study ON instance_conflict (study_uid);
)sql";

constexpr std::array steps{database::Migration{"study.1", step_1}};

}  // namespace

std::span<const database::Migration> migrations() {
  return steps;
}

}  // namespace vedette::study
