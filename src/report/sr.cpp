#include "report/sr.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "dicom/uid.hpp"
#include "dicom/uids.hpp"
#include "terms/codes.hpp"

namespace vedette::report {

namespace tags = dicom::tags;
namespace codes = terms::codes;

namespace {

Code code_of(const finding::Code& code) {
  return Code{code.value, code.scheme, code.meaning};
}

/// Rejected and withdrawn findings never leave; beside a signature only what a person reviewed does.
Result<void> may_leave(const finding::Finding& finding, bool signed_) {
  using finding::State;
  const bool reviewed =
      finding.state == State::confirmed || finding.state == State::edited || finding.state == State::added;
  const bool open = finding.state == State::proposed || finding.state == State::deferred;
  if (reviewed || (open && !signed_)) return {};
  return Error{Fault::refused, "report.state",
               fmt::format("Finding {} is {} and does not leave", finding.number, finding::name_of(finding.state)),
               finding.id,
               "Only confirmed, edited and added findings leave with a signature; open ones only as proposed."};
}

void add_observers(Item& root, const MeasurementReport& input) {
  if (input.signature != nullptr) {
    root.add(code_item(has_obs_context, codes::observer_type, codes::person));
    root.add(person_item(has_obs_context, codes::person_observer_name, input.signature->by()));
  }
  root.add(code_item(has_obs_context, codes::observer_type, codes::device));
  root.add(
      uid_item(has_obs_context, codes::device_observer_uid, dicom::derived_uid("device:" + input.equipment.serial)));
  root.add(text_item(has_obs_context, codes::device_observer_name, input.equipment.model));
  root.add(text_item(has_obs_context, codes::device_observer_manufacturer, input.equipment.manufacturer));
  root.add(text_item(has_obs_context, codes::device_observer_model_name, input.equipment.model));
}

const Code& procedure_of(std::string_view modality) {
  if (modality == "PT") return codes::pet_unspecified_region;
  if (modality == "CT") return codes::ct_unspecified_region;
  if (modality == "MR") return codes::mr_unspecified_region;
  if (modality == "DX" || modality == "CR") return codes::xr_unspecified_region;
  return codes::imaging_procedure;
}

Item image_library(const MeasurementReport& input) {
  Item library = container(contains, codes::image_library);
  Item& group = library.add(container(contains, codes::image_library_group));
  for (const dicom::DataSet& image : input.evidence) {
    if (image.text(tags::sop_class_uid) == dicom::uids::segmentation_storage) continue;
    group.add(image_item(contains, nullptr, {image.text(tags::sop_class_uid), image.text(tags::sop_instance_uid)}));
  }
  return library;
}

void add_algorithm(Item& parent, const finding::ToolStamp& tool) {
  parent.add(
      text_item(has_concept_mod, codes::algorithm_name, tool.demonstrator ? tool.name + " (demonstrator)" : tool.name));
  parent.add(text_item(has_concept_mod, codes::algorithm_version, tool.version));
  parent.add(
      text_item(has_concept_mod, codes::algorithm_parameters, fmt::format("tool={} sha256={}", tool.id, tool.digest)));
}

/// TID 1419 tells how a value was derived from the region (121401) apart from the method it was measured by
/// (370129005).
bool derives(const Code& method) {
  const Code* const derivations[] = {&codes::maximum, &codes::mean, &codes::minimum, &codes::standard_deviation,
                                     &codes::peak_value_within_roi};
  return std::any_of(std::begin(derivations), std::end(derivations),
                     [&](const Code* code) { return code->value == method.value && code->scheme == method.scheme; });
}

Item measurement(const finding::Measurement& value) {
  Item item = number_item(contains, code_of(value.code), value.value, code_of(value.unit));
  if (value.method) {
    const Code method = code_of(*value.method);
    item.add(code_item(has_concept_mod, derives(method) ? codes::derivation : codes::measurement_method, method));
  }
  if (value.uncertainty) {
    item.add(number_item(has_properties, codes::upper_measurement_uncertainty, value.uncertainty->value,
                         code_of(value.unit)));
    item.add(number_item(has_properties, codes::lower_measurement_uncertainty, value.uncertainty->value,
                         code_of(value.unit)));
  }
  return item;
}

Item measurement_group(const finding::Finding& finding, const MeasurementReport& input) {
  const auto segment = std::find_if(input.segments.begin(), input.segments.end(),
                                    [&](const SegmentPlace& s) { return s.finding_id == finding.id; });
  const bool has_segment = segment != input.segments.end();
  Item group = container(contains, codes::measurement_group, has_segment ? "1411" : "1501");
  group.add(text_item(has_obs_context, codes::tracking_identifier, fmt::format("Finding {}", finding.number)));
  group.add(uid_item(has_obs_context, codes::tracking_unique_identifier, finding.tracking_uid));
  group.add(code_item(contains, codes::finding_category, codes::morphologically_altered_structure));
  group.add(code_item(contains, codes::finding, code_of(finding.code)));
  if (has_segment) {
    group.add(image_item(contains, &codes::referenced_segment, segment->segment));
    group.add(uid_item(contains, codes::source_series_for_segmentation, segment->source_series_uid));
  }
  if (finding.region.kind == "point") {
    const finding::Vec3& centre = finding.region.centre_mm;
    group.add(point_item(contains, codes::image_region, {centre.x, centre.y, centre.z},
                         finding.region.frame_of_reference_uid));
  }
  if (finding.tool) add_algorithm(group, *finding.tool);
  if (!finding.site.empty()) {
    Item& site = group.add(code_item(has_concept_mod, codes::finding_site, code_of(finding.site)));
    if (!finding.laterality.empty())
      site.add(code_item(has_concept_mod, codes::laterality, code_of(finding.laterality)));
  }
  for (const finding::Measurement& value : finding.measurements) group.add(measurement(value));
  if (!finding.text.empty()) group.add(text_item(contains, codes::comment, finding.text));
  return group;
}

/// Current Requested Procedure Evidence Sequence (PS3.3 C.17.2): every image that the tree points to.
std::vector<dicom::DataSet> evidence_sequence(const std::vector<dicom::DataSet>& evidence) {
  std::map<std::string, std::map<std::string, std::vector<const dicom::DataSet*>>> studies;
  for (const dicom::DataSet& image : evidence) {
    studies[image.text(tags::study_instance_uid)][image.text(tags::series_instance_uid)].push_back(&image);
  }
  std::vector<dicom::DataSet> out;
  for (const auto& [study_uid, series] : studies) {
    dicom::DataSet study;
    study.set_text(tags::study_instance_uid, study_uid);
    for (const auto& [series_uid, images] : series) {
      dicom::DataSet& item = study.add_item(tags::referenced_series_sequence);
      item.set_text(tags::series_instance_uid, series_uid);
      for (const dicom::DataSet* image : images) {
        dicom::DataSet& reference = item.add_item(tags::referenced_sop_sequence);
        reference.set_text(tags::referenced_sop_class_uid, image->text(tags::sop_class_uid));
        reference.set_text(tags::referenced_sop_instance_uid, image->text(tags::sop_instance_uid));
      }
    }
    out.push_back(std::move(study));
  }
  return out;
}

void set_document_general(const MeasurementReport& input, dicom::DataSet& out) {
  out.set_integer(tags::instance_number, input.version);
  out.set_empty(tags::referenced_performed_procedure_step_sequence);
  out.set_empty(tags::performed_procedure_code_sequence);
  out.set_items(tags::current_requested_procedure_evidence_sequence, evidence_sequence(input.evidence));
  if (input.signature == nullptr) {
    out.set_text(tags::completion_flag, "PARTIAL");
    out.set_text(tags::completion_flag_description, "Proposed by software for review, not yet read");
    out.set_text(tags::preliminary_flag, "PRELIMINARY");
    out.set_text(tags::verification_flag, "UNVERIFIED");
    return;
  }
  out.set_text(tags::completion_flag, "COMPLETE");
  out.set_text(tags::preliminary_flag, "FINAL");
  out.set_text(tags::verification_flag, "VERIFIED");
  dicom::DataSet& observer = out.add_item(tags::verifying_observer_sequence);
  observer.set_text(tags::verifying_observer_name, input.signature->by());
  observer.set_empty(tags::verifying_observer_identification_code_sequence);
  observer.set_text(tags::verifying_organization,
                    input.equipment.institution.empty() ? "unknown" : input.equipment.institution);
  observer.set_text(tags::verification_date_time,
                    dicom_date(input.signature->at()) + dicom_time(input.signature->at()) + "+0000");
}

}  // namespace

Result<dicom::DataSet> measurement_report(const MeasurementReport& input) {
  if (input.findings.empty()) {
    return Error{Fault::refused, "report.empty", "There is no finding to report", "findings",
                 "A report needs at least one finding."};
  }
  for (const finding::Finding& finding : input.findings) VEDETTE_TRY(may_leave(finding, input.signature != nullptr));

  Item root = container("", codes::imaging_measurement_report, "1500");
  root.add(code_item(has_concept_mod, codes::language_of_content_item_and_descendants, codes::english));
  add_observers(root, input);
  root.add(code_item(has_concept_mod, codes::procedure_reported, procedure_of(input.source.text(tags::modality))));
  root.add(image_library(input));
  Item& measurements = root.add(container(contains, codes::imaging_measurements));
  for (const finding::Finding& finding : input.findings) measurements.add(measurement_group(finding, input));

  dicom::DataSet out = root.to_data_set();
  copy_patient_and_study(input.source, out);
  set_equipment(input.equipment, out);
  set_sop_common(dicom::uids::comprehensive_3d_sr_storage, input.sop_instance_uid, input.when, out);
  out.set_text(tags::modality, "SR");
  out.set_text(tags::series_instance_uid, input.series_uid);
  out.set_integer(tags::series_number, input.series_number);
  out.set_text(tags::series_description,
               input.signature == nullptr ? "Vedette proposed findings, for review" : "Vedette reviewed findings");
  set_document_general(input, out);
  return out;
}

}  // namespace vedette::report
