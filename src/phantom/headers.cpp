#include "phantom/headers.hpp"

#include <fmt/format.h>

#include <cmath>

#include "dicom/uids.hpp"

namespace vedette::phantom {

namespace tags = dicom::tags;

namespace {

constexpr double weight_kg = 70, height_m = 1.75;

/// Body surface area in cm² (DuBois).
double surface() {
  return 10000 * 0.007184 * std::pow(weight_kg, 0.425) * std::pow(height_m * 100, 0.725);
}

/// Mean count time of a frame after its start (QIBA vendor-neutral SUV pseudo-code), s.
double mean_count_time(double duration, double half_life) {
  const double lambda = std::log(2.0) / half_life;
  return std::log(lambda * duration / (1 - std::exp(-lambda * duration))) / lambda;
}

void set_code(dicom::DataSet& image, dicom::Tag sequence, std::string_view value, std::string_view scheme,
              std::string_view meaning) {
  dicom::DataSet& item = image.add_item(sequence);
  item.set_text(tags::code_value, value);
  item.set_text(tags::coding_scheme_designator, scheme);
  item.set_text(tags::code_meaning, meaning);
}

}  // namespace

Point Stack::at(double slice, double row, double column) const {
  Point p{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double step = slice * slice_mm;
    p[i] = origin[i] + along_slice[i] * step + along_column[i] * (row * pixel_mm + shear * step) +
           along_row[i] * column * pixel_mm;
  }
  return p;
}

std::string StudyFacts::option(std::string_view name) const {
  const auto given = order->options.find(std::string(name));
  if (given != order->options.end()) return given->second;
  for (const OptionRow& row : option_table) {
    if (row.name == name) return std::string(row.values.substr(0, row.values.find('|')));
  }
  return {};
}

void set_common(const StudyFacts& facts, dicom::DataSet& image) {
  image.set_text(tags::specific_character_set, "ISO_IR 192");
  image.set_text(tags::patient_name, "Phantom^Synthetic " + facts.number);
  image.set_text(tags::patient_id, "PHANTOM-" + facts.number);
  image.set_text(tags::patient_birth_date, "19600101");
  image.set_text(tags::patient_sex, "M");
  image.set_text(tags::patient_age, "066Y");
  if (facts.option("weight") != "missing") image.set_text(tags::patient_weight, facts.option("weight"));
  image.set_number(tags::patient_size, height_m);
  image.set_text(tags::study_instance_uid, facts.study_uid);
  image.set_text(tags::study_date, facts.date);
  image.set_text(tags::study_time, facts.time);
  image.set_text(tags::study_id, facts.number);
  image.set_text(tags::accession_number, "SYN-" + facts.number);
  image.set_empty(tags::referring_physician_name);
  image.set_text(tags::study_description, "SYNTHETIC phantom, no patient");
  image.set_text(tags::manufacturer, "Vedette phantom");
  image.set_text(tags::manufacturer_model_name, "phantom");
  image.set_text(tags::software_versions, "1");
  image.set_text(tags::quality_control_image, "YES");
  image.set_text(tags::burned_in_annotation, "NO");
  image.set_text(tags::frame_of_reference_uid, facts.frame_uid);
  image.set_empty(tags::position_reference_indicator);
  image.set_text(tags::body_part_examined, "CHEST");
  const std::string priority = facts.option("priority");
  if (priority != "none") image.set_text(tags::requested_procedure_priority, priority);
}

void set_slice(const Stack& stack, int index, const std::string& pixels, dicom::DataSet& image) {
  image.set_integer(tags::instance_number, index + 1);
  const Point p = stack.at(index, 0, 0);
  image.set_numbers(tags::image_position_patient, p);
  const Point& r = stack.along_row;
  const Point& c = stack.along_column;
  image.set_numbers(tags::image_orientation_patient, std::array{r[0], r[1], r[2], c[0], c[1], c[2]});
  image.set_numbers(tags::pixel_spacing, std::array{stack.pixel_mm, stack.pixel_mm});
  image.set_number(tags::slice_thickness, stack.slice_mm);
  image.set_number(tags::slice_location, stack.slice_mm * index);
  image.set_integer(tags::samples_per_pixel, 1);
  image.set_text(tags::photometric_interpretation, "MONOCHROME2");
  image.set_integer(tags::rows, stack.rows);
  image.set_integer(tags::columns, stack.columns);
  image.set_integer(tags::bits_allocated, 16);
  image.set_integer(tags::bits_stored, 16);
  image.set_integer(tags::high_bit, 15);
  image.set_bytes(tags::pixel_data, dicom::Vr::OW, pixels);
}

void set_ct(const StudyFacts& facts, dicom::DataSet& image) {
  image.set_text(tags::sop_class_uid, dicom::uids::ct_image_storage);
  image.set_text(tags::modality, "CT");
  image.set_text(tags::patient_position, "HFS");
  image.set_text(tags::image_type, "ORIGINAL\\PRIMARY\\AXIAL");
  image.set_text(tags::series_description, "SYNTHETIC CT low dose");
  image.set_integer(tags::series_number, 2);
  for (const dicom::Tag date : {tags::series_date, tags::acquisition_date, tags::content_date})
    image.set_text(date, facts.date);
  for (const dicom::Tag time : {tags::series_time, tags::acquisition_time, tags::content_time})
    image.set_text(time, facts.time);
  image.set_integer(tags::acquisition_number, 1);
  image.set_number(tags::kvp, 120);
  image.set_text(tags::convolution_kernel, "STANDARD");
  image.set_integer(tags::pixel_representation, 1);
  image.set_number(tags::rescale_intercept, 0);
  image.set_number(tags::rescale_slope, 1);
  image.set_text(tags::rescale_type, "HU");
  image.set_numbers(tags::window_center, std::array{40.0, -500.0});
  image.set_numbers(tags::window_width, std::array{400.0, 1400.0});
}

PetHeader::PetHeader(const StudyFacts& facts)
    : facts_(facts), units_(facts.option("units")), decay_(facts.option("decay")) {
  if (facts.option("nuclide") == "GA68") {
    half_life_ = 4057.7;
    dose_ = 150e6;
  }
  if (facts.option("injection") == "midnight") uptake_ = 3600 * 1.5;
  // Dose at the time to which the activity is corrected.
  double dose = dose_;
  if (decay_ == "START") dose *= std::exp2(-uptake_ / half_life_);
  if (decay_ == "NONE") dose *= std::exp2(-(uptake_ + mean_count_time(duration_, half_life_)) / half_life_);
  if (units_ == "GML" || units_ == "CNTS-SUV") {
    per_suv_ = 1;
  } else if (units_ == "CM2ML") {
    per_suv_ = surface() / (weight_kg * 1000);
  } else {
    per_suv_ = dose / (weight_kg * 1000);  // Bq/ml per g/ml
  }
}

void PetHeader::set(int index, int slices, double slope, dicom::DataSet& image) const {
  const std::string time = facts_.option("injection") == "midnight" ? "003000" : "111500";
  image.set_text(tags::sop_class_uid, dicom::uids::positron_emission_tomography_image_storage);
  image.set_text(tags::modality, "PT");
  image.set_text(tags::image_type, "ORIGINAL\\PRIMARY");
  image.set_text(tags::series_description, "SYNTHETIC PET AC");
  image.set_integer(tags::series_number, 3);
  for (const dicom::Tag date : {tags::series_date, tags::acquisition_date, tags::content_date})
    image.set_text(date, facts_.date);
  for (const dicom::Tag at : {tags::series_time, tags::acquisition_time, tags::content_time}) image.set_text(at, time);
  image.set_text(tags::units, units_.starts_with("CNTS") ? "CNTS" : units_);
  image.set_text(tags::counts_source, "EMISSION");
  image.set_text(tags::series_type, "WHOLE BODY\\IMAGE");
  image.set_integer(tags::number_of_slices, slices);
  image.set_text(tags::corrected_image, decay_ == "NONE" ? "ATTN\\SCAT\\RAN" : "DECY\\ATTN\\SCAT\\RAN");
  image.set_text(tags::decay_correction, decay_);
  image.set_text(tags::collimator_type, "NONE");
  image.set_number(tags::frame_reference_time, 1000 * mean_count_time(duration_, half_life_));
  image.set_integer(tags::actual_frame_duration, static_cast<std::int64_t>(duration_ * 1000));
  image.set_integer(tags::image_index, index + 1);
  if (decay_ != "NONE") image.set_number(tags::decay_factor, 1);
  image.set_integer(tags::pixel_representation, 0);
  image.set_number(tags::rescale_intercept, 0);
  image.set_number(tags::rescale_slope, slope);
  set_code(image, tags::patient_orientation_code_sequence, "102538003", "SCT", "recumbent");
  set_code(image, tags::patient_gantry_relationship_code_sequence, "102540008", "SCT", "headfirst");
  set_isotope(image);
  if (units_.starts_with("CNTS")) set_philips(image);
}

void PetHeader::set_isotope(dicom::DataSet& image) const {
  const std::string injection = facts_.option("injection");
  dicom::DataSet& item = image.add_item(tags::radiopharmaceutical_information_sequence);
  if (facts_.option("nuclide") == "GA68") {
    item.set_text(tags::radiopharmaceutical, "PSMA");
    set_code(item, tags::radionuclide_code_sequence, "79797006", "SCT", "^68^Gallium");
  } else {
    item.set_text(tags::radiopharmaceutical, "FDG");
    set_code(item, tags::radionuclide_code_sequence, "77004003", "SCT", "^18^Fluorine");
  }
  if (injection == "datetime") item.set_text(tags::radiopharmaceutical_start_date_time, facts_.date + "101500");
  if (injection == "time" || injection == "datetime") item.set_text(tags::radiopharmaceutical_start_time, "101500");
  if (injection == "midnight") item.set_text(tags::radiopharmaceutical_start_time, "230000");
  if (facts_.option("dose") == "BQ") item.set_number(tags::radionuclide_total_dose, dose_);
  if (facts_.option("dose") == "MBQ") item.set_number(tags::radionuclide_total_dose, dose_ / 1e6);
  item.set_number(tags::radionuclide_half_life, half_life_);
  item.set_number(tags::radionuclide_positron_fraction, 0.97);
}

void PetHeader::set_philips(dicom::DataSet& image) const {
  image.set_text({0x7053, 0x0010}, dicom::Vr::LO, "Philips PET Private Group");
  if (units_ == "CNTS-SUV") {
    // SUVbw scale factor: SUV = (stored × slope) × factor; here stored × slope is the SUV already.
    image.set_text({0x7053, 0x1000}, dicom::Vr::DS, "1");
  } else {
    image.set_text({0x7053, 0x1009}, dicom::Vr::DS, "1");
  }
}

}  // namespace vedette::phantom
