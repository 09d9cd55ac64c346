#include "report/seg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "dicom/uid.hpp"
#include "dicom/uids.hpp"
#include "report/content.hpp"
#include "terms/codes.hpp"

namespace vedette::report {

namespace tags = dicom::tags;
namespace codes = terms::codes;

namespace {

struct Frame {
  std::int64_t segment = 0;  ///< from 1
  const dicom::DataSet* image = nullptr;
  const char* pixels = nullptr;  ///< rows × columns bytes
  double along = 0;              ///< position along the slice normal, mm
};

Error misfit(std::string cause, const std::string& where) {
  return Error{Fault::refused, "report.mask", std::move(cause), where,
               "The tool's region must lie on the grid of the images it names."};
}

/// Position along the normal of the image plane (PS3.3 C.7.6.2.1.1), mm.
double along_normal(const dicom::DataSet& image) {
  const std::vector<double> p = image.numbers(tags::image_position_patient);
  const std::vector<double> o = image.numbers(tags::image_orientation_patient);
  if (p.size() != 3 || o.size() != 6) return 0;
  const std::array<double, 3> n = {o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3]};
  return p[0] * n[0] + p[1] * n[1] + p[2] * n[2];
}

Result<std::vector<Frame>> frames_of(const Segmentation& input, std::size_t plane) {
  std::map<std::string, const dicom::DataSet*, std::less<>> by_uid;
  for (const dicom::DataSet& image : input.images) by_uid[image.text(tags::sop_instance_uid)] = &image;
  std::vector<Frame> frames;
  for (std::size_t s = 0; s < input.segments.size(); ++s) {
    const Segment& segment = input.segments[s];
    const auto& uids = segment.finding.region.mask_instances;
    if (segment.mask.size() != plane * uids.size()) {
      return misfit(fmt::format("A mask has {} bytes where {} slices of {} pixels need {}", segment.mask.size(),
                                uids.size(), plane, plane * uids.size()),
                    segment.finding.id);
    }
    const std::size_t before = frames.size();
    for (std::size_t slice = 0; slice < uids.size(); ++slice) {
      const char* pixels = segment.mask.data() + slice * plane;
      if (std::none_of(pixels, pixels + plane, [](char c) { return c != 0; })) continue;
      const auto image = by_uid.find(uids[slice]);
      if (image == by_uid.end()) return misfit("A mask names an image that is not there", segment.finding.id);
      frames.push_back({static_cast<std::int64_t>(s) + 1, image->second, pixels, along_normal(*image->second)});
    }
    if (frames.size() == before) return misfit("A mask is empty", segment.finding.id);
    std::sort(frames.begin() + static_cast<std::ptrdiff_t>(before), frames.end(),
              [](const Frame& a, const Frame& b) { return a.along < b.along; });
  }
  return frames;
}

dicom::DataSet segment_item(const Segment& segment, std::int64_t number, const Equipment& equipment) {
  const finding::Finding& finding = segment.finding;
  dicom::DataSet item;
  item.set_integer(tags::segment_number, number);
  item.set_text(tags::segment_label, fmt::format("Finding {}", finding.number));
  item.set_text(tags::segment_description, finding.text.substr(0, 1024));
  item.set_text(tags::segment_algorithm_type, finding.tool ? "AUTOMATIC" : "MANUAL");
  if (finding.tool) {
    item.set_text(tags::segment_algorithm_name, fmt::format("{} {}{}", finding.tool->name, finding.tool->version,
                                                            finding.tool->demonstrator ? " demonstrator" : "")
                                                    .substr(0, 64));
    dicom::DataSet& algorithm = item.add_item(tags::segmentation_algorithm_identification_sequence);
    algorithm.set_items(tags::algorithm_family_code_sequence, {code_sequence_item(codes::artificial_intelligence)});
    algorithm.set_text(tags::algorithm_name, finding.tool->name.substr(0, 64));
    algorithm.set_text(tags::algorithm_version, finding.tool->version.substr(0, 64));
    algorithm.set_text(tags::algorithm_source, equipment.manufacturer);
  }
  item.set_items(tags::segmented_property_category_code_sequence,
                 {code_sequence_item(codes::morphologically_altered_structure)});
  item.set_items(tags::segmented_property_type_code_sequence,
                 {code_sequence_item({finding.code.value, finding.code.scheme, finding.code.meaning})});
  item.set_text(tags::tracking_id, fmt::format("Finding {}", finding.number));
  item.set_text(tags::tracking_uid, finding.tracking_uid);
  item.set_integers(tags::recommended_display_cie_lab_value,
                    std::array<std::int64_t, 3>{49512, 28000, 26000});  // the page's colour of machine marks
  return item;
}

dicom::DataSet frame_item(const Frame& frame, std::int64_t index_along) {
  dicom::DataSet item;
  dicom::DataSet& derivation = item.add_item(tags::derivation_image_sequence);
  derivation.set_items(tags::derivation_code_sequence, {code_sequence_item(codes::segmentation)});
  dicom::DataSet& source = derivation.add_item(tags::source_image_sequence);
  source.set_text(tags::referenced_sop_class_uid, frame.image->text(tags::sop_class_uid));
  source.set_text(tags::referenced_sop_instance_uid, frame.image->text(tags::sop_instance_uid));
  source.set_items(tags::purpose_of_reference_code_sequence,
                   {code_sequence_item(codes::source_image_for_image_processing_operation)});
  source.set_text(tags::spatial_locations_preserved, "YES");
  dicom::DataSet& content = item.add_item(tags::frame_content_sequence);
  content.set_integers(tags::dimension_index_values, std::array<std::int64_t, 2>{frame.segment, index_along});
  item.add_item(tags::plane_position_sequence)
      .set_numbers(tags::image_position_patient, frame.image->numbers(tags::image_position_patient));
  item.add_item(tags::segment_identification_sequence).set_integer(tags::referenced_segment_number, frame.segment);
  return item;
}

/// An attribute tag as a value (VR AT): two 16-bit words.
void set_tag(dicom::DataSet& out, dicom::Tag at, dicom::Tag value) {
  const auto byte = [](unsigned v) { return static_cast<char>(static_cast<unsigned char>(v & 0xFFU)); };
  out.set_bytes(at, dicom::Vr::AT,
                {byte(value.group), byte(static_cast<unsigned>(value.group) >> 8), byte(value.element),
                 byte(static_cast<unsigned>(value.element) >> 8)});
}

void set_dimensions(dicom::DataSet& out, const std::string& organization) {
  out.add_item(tags::dimension_organization_sequence).set_text(tags::dimension_organization_uid, organization);
  const auto add = [&](dicom::Tag pointer, dicom::Tag group, std::string_view label) {
    dicom::DataSet& index = out.add_item(tags::dimension_index_sequence);
    index.set_text(tags::dimension_organization_uid, organization);
    set_tag(index, tags::dimension_index_pointer, pointer);
    set_tag(index, tags::functional_group_pointer, group);
    index.set_text(tags::dimension_description_label, label);
  };
  add(tags::referenced_segment_number, tags::segment_identification_sequence, "Segment");
  add(tags::image_position_patient, tags::plane_position_sequence, "Position");
}

/// One bit per pixel, first pixel in the lowest bit, frames following each other without padding (PS3.5 section 8.1.1).
std::string packed(const std::vector<Frame>& frames, std::size_t plane) {
  std::string bits((frames.size() * plane + 7) / 8, '\0');
  std::size_t at = 0;
  for (const Frame& frame : frames) {
    for (std::size_t i = 0; i < plane; ++i, ++at) {
      if (frame.pixels[i] != 0)
        bits[at / 8] = static_cast<char>(static_cast<unsigned char>(bits[at / 8]) | (1U << (at % 8)));
    }
  }
  if (bits.size() % 2 != 0) bits += '\0';
  return bits;
}

void set_shared_groups(const dicom::DataSet& image, double thickness, dicom::DataSet& out) {
  dicom::DataSet& shared = out.add_item(tags::shared_functional_groups_sequence);
  shared.add_item(tags::plane_orientation_sequence)
      .set_numbers(tags::image_orientation_patient, image.numbers(tags::image_orientation_patient));
  dicom::DataSet& measures = shared.add_item(tags::pixel_measures_sequence);
  measures.set_number(tags::slice_thickness, thickness);
  measures.set_number(tags::spacing_between_slices, thickness);
  measures.set_numbers(tags::pixel_spacing, image.numbers(tags::pixel_spacing));
}

/// Distance between neighbouring source slices, from their positions.
double slice_distance(const std::vector<dicom::DataSet>& images) {
  std::vector<double> along;
  for (const dicom::DataSet& image : images) along.push_back(along_normal(image));
  std::sort(along.begin(), along.end());
  std::vector<double> steps;
  for (std::size_t i = 1; i < along.size(); ++i) {
    if (along[i] - along[i - 1] > 1e-4) steps.push_back(along[i] - along[i - 1]);
  }
  if (steps.empty()) return images.front().number(tags::slice_thickness).value_or(1.0);
  std::nth_element(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2), steps.end());
  return steps[steps.size() / 2];
}

void set_references(const Segmentation& input, dicom::DataSet& out) {
  std::map<std::string, std::vector<const dicom::DataSet*>> series;
  for (const dicom::DataSet& image : input.images) series[image.text(tags::series_instance_uid)].push_back(&image);
  for (const auto& [uid, images] : series) {
    dicom::DataSet& item = out.add_item(tags::referenced_series_sequence);
    item.set_text(tags::series_instance_uid, uid);
    for (const dicom::DataSet* image : images) {
      dicom::DataSet& reference = item.add_item(tags::referenced_instance_sequence);
      reference.set_text(tags::referenced_sop_class_uid, image->text(tags::sop_class_uid));
      reference.set_text(tags::referenced_sop_instance_uid, image->text(tags::sop_instance_uid));
    }
  }
}

void set_image_attributes(const Segmentation& input, std::size_t frames, dicom::DataSet& out) {
  const finding::Region& region = input.segments.front().finding.region;
  out.set_text(tags::image_type, "DERIVED\\PRIMARY");
  out.set_integer(tags::instance_number, input.version);
  out.set_text(tags::content_label, input.reviewed ? "REVIEWED" : "PROPOSED");
  out.set_text(tags::content_description,
               input.reviewed ? "Regions of reviewed findings" : "Proposed regions, for review");
  out.set_text(tags::content_creator_name, input.equipment.model);
  out.set_text(tags::segmentation_type, "BINARY");
  out.set_text(tags::frame_of_reference_uid, region.frame_of_reference_uid);
  out.set_empty(tags::position_reference_indicator);
  out.set_integer(tags::samples_per_pixel, 1);
  out.set_text(tags::photometric_interpretation, "MONOCHROME2");
  out.set_integer(tags::number_of_frames, static_cast<std::int64_t>(frames));
  out.set_integer(tags::rows, region.rows);
  out.set_integer(tags::columns, region.columns);
  out.set_integer(tags::bits_allocated, 1);
  out.set_integer(tags::bits_stored, 1);
  out.set_integer(tags::high_bit, 0);
  out.set_integer(tags::pixel_representation, 0);
  out.set_text(tags::lossy_image_compression, "00");
}

}  // namespace

Result<dicom::DataSet> segmentation(const Segmentation& input) {
  if (input.segments.empty() || input.images.empty()) return misfit("There is no region to write", "segments");
  const finding::Region& region = input.segments.front().finding.region;
  const std::size_t plane = static_cast<std::size_t>(region.rows) * static_cast<std::size_t>(region.columns);
  for (const Segment& segment : input.segments) {
    if (segment.finding.region.rows != region.rows || segment.finding.region.columns != region.columns ||
        segment.finding.region.frame_of_reference_uid != region.frame_of_reference_uid) {
      return misfit("Regions on different grids do not fit into one segmentation", segment.finding.id);
    }
  }
  if (plane == 0) return misfit("A region has no rows or columns", input.segments.front().finding.id);
  const std::vector<Frame> frames = VEDETTE_TRY(frames_of(input, plane));

  dicom::DataSet out;
  copy_patient_and_study(input.source, out);
  set_equipment(input.equipment, out);
  set_sop_common(dicom::uids::segmentation_storage, input.sop_instance_uid, input.when, out);
  out.set_text(tags::modality, "SEG");
  out.set_text(tags::series_instance_uid, input.series_uid);
  out.set_integer(tags::series_number, input.series_number);
  out.set_text(tags::series_description,
               input.reviewed ? "Vedette reviewed regions" : "Vedette proposed regions, for review");
  set_image_attributes(input, frames.size(), out);
  set_references(input, out);
  for (std::size_t s = 0; s < input.segments.size(); ++s) {
    out.add_item(tags::segment_sequence) =
        segment_item(input.segments[s], static_cast<std::int64_t>(s) + 1, input.equipment);
  }
  set_dimensions(out, dicom::derived_uid("dimensions:" + input.sop_instance_uid));
  set_shared_groups(*frames.front().image, slice_distance(input.images), out);

  std::vector<double> positions;
  for (const Frame& frame : frames) positions.push_back(frame.along);
  std::sort(positions.begin(), positions.end());
  positions.erase(
      std::unique(positions.begin(), positions.end(), [](double a, double b) { return std::abs(a - b) < 1e-6; }),
      positions.end());
  for (const Frame& frame : frames) {
    const auto at = std::lower_bound(positions.begin(), positions.end(), frame.along - 1e-6);
    out.add_item(tags::per_frame_functional_groups_sequence) = frame_item(frame, at - positions.begin() + 1);
  }
  out.set_bytes(tags::pixel_data, dicom::Vr::OB, packed(frames, plane));
  return out;
}

}  // namespace vedette::report
