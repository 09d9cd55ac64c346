#include "report/common.hpp"

#include <fmt/format.h>

namespace vedette::report {

namespace tags = dicom::tags;

namespace {

/// The first `count` characters of UTF-8 text: some systems write longer values than the VR allows (PS3.5 Table 6.2-1),
/// and an object of ours must not. Only for descriptions: identifiers are never cut.
std::string shortened(std::string text, std::size_t count) {
  std::size_t at = 0;
  for (; at < text.size() && count > 0; --count) {
    do ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U);
  }
  text.resize(at);
  return text;
}

std::string value_of(const dicom::DataSet& source, dicom::Tag tag) {
  if (tag == tags::study_id) return shortened(source.text(tag), 16);
  if (tag == tags::study_description) return shortened(source.text(tag), 64);
  return source.text(tag);
}

}  // namespace

void copy_patient_and_study(const dicom::DataSet& source, dicom::DataSet& target) {
  static constexpr dicom::Tag required[] = {
      tags::patient_name, tags::patient_id, tags::patient_birth_date,       tags::patient_sex, tags::study_instance_uid,
      tags::study_date,   tags::study_time, tags::referring_physician_name, tags::study_id,    tags::accession_number,
  };
  static constexpr dicom::Tag optional[] = {
      tags::issuer_of_patient_id, tags::study_description, tags::patient_age,
      tags::patient_size,         tags::patient_weight,    tags::quality_control_image,
  };
  for (const dicom::Tag tag : required) {
    if (source.has_value(tag)) {
      target.set_text(tag, value_of(source, tag));
    } else {
      target.set_empty(tag);
    }
  }
  for (const dicom::Tag tag : optional) {
    if (source.has_value(tag)) target.set_text(tag, value_of(source, tag));
  }
}

void set_equipment(const Equipment& equipment, dicom::DataSet& target) {
  target.set_text(tags::manufacturer, equipment.manufacturer);
  target.set_text(tags::manufacturer_model_name, equipment.model);
  target.set_text(tags::device_serial_number, equipment.serial.empty() ? "0" : equipment.serial);
  target.set_text(tags::software_versions, equipment.software_version);
  if (!equipment.institution.empty()) target.set_text(tags::institution_name, equipment.institution);
}

std::string dicom_date(Instant when) {
  const std::string text = to_text(when);
  return text.substr(0, 4) + text.substr(5, 2) + text.substr(8, 2);
}

std::string dicom_time(Instant when) {
  const std::string text = to_text(when);
  return text.substr(11, 2) + text.substr(14, 2) + text.substr(17, 6);
}

void set_sop_common(std::string_view sop_class_uid, std::string_view sop_instance_uid, Instant when,
                    dicom::DataSet& target) {
  target.set_text(tags::specific_character_set, "ISO_IR 192");
  target.set_text(tags::sop_class_uid, sop_class_uid);
  target.set_text(tags::sop_instance_uid, sop_instance_uid);
  target.set_text(tags::instance_creation_date, dicom_date(when));
  target.set_text(tags::instance_creation_time, dicom_time(when));
  target.set_text(tags::timezone_offset_from_utc, "+0000");
  target.set_text(tags::content_date, dicom_date(when));
  target.set_text(tags::content_time, dicom_time(when));
}

}  // namespace vedette::report
