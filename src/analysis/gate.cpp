#include "analysis/gate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/text.hpp"

namespace vedette::analysis {

namespace {

namespace tags = dicom::tags;

bool holds(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// The first check that a series does not pass: how far it came, and why.
struct Missed {
  int passed = 0;
  std::string code, text;
};

/// Patient's Age (0010,1010) in years, else from the dates of birth and study.
std::optional<int> age_of(const dicom::DataSet& header) {
  const std::string age = header.text(tags::patient_age);
  if (age.size() == 4) {
    if (const auto number = to_integer(age.substr(0, 3))) {
      if (age[3] == 'Y') return static_cast<int>(*number);
      if (age[3] == 'M') return static_cast<int>(*number / 12);
      if (age[3] == 'W' || age[3] == 'D') return static_cast<int>(*number / (age[3] == 'W' ? 52 : 365));
    }
  }
  const auto birth = to_integer(header.text(tags::patient_birth_date)),
             study = to_integer(header.text(tags::study_date));
  if (!birth || !study || *birth < 18000101 || *study < *birth) return std::nullopt;
  return static_cast<int>((*study - *birth) / 10000);
}

Missed miss(int passed, std::string code, std::string text) {
  return {passed, std::move(code), std::move(text)};
}

std::string listed(const std::vector<std::string>& values) {
  return fmt::format("{}", fmt::join(values, ", "));
}

bool holds_word(const std::vector<std::string>& words, std::string_view text) {
  const std::string lower = lower_case(text);
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return lower.find(lower_case(word)) != std::string::npos; });
}

/// Value of a list of allowed ones; what is missing is said to be missing.
std::optional<Missed> miss_of_list(int passed, std::string_view code, const std::vector<std::string>& allowed,
                                   const std::string& value, std::string_view what) {
  if (allowed.empty() || holds(allowed, value)) return std::nullopt;
  return miss(passed, "gate." + std::string(code),
              value.empty() ? fmt::format("{} is missing; the tool takes {}.", what, listed(allowed))
                            : fmt::format("{} is {}, not {}.", what, value, listed(allowed)));
}

std::optional<Missed> miss_of_range(int passed, std::string_view code, const std::optional<double>& least,
                                    const std::optional<double>& most, std::optional<double> value,
                                    std::string_view what, std::string_view unit) {
  if (!least && !most) return std::nullopt;
  if (!value) return miss(passed, "gate." + std::string(code), fmt::format("{} is missing.", what));
  if ((!least || *value >= *least) && (!most || *value <= *most)) return std::nullopt;
  return miss(passed, "gate." + std::string(code),
              fmt::format("{} is {:g} {}, outside of what the tool takes.", what, *value, unit));
}

/// What the images are of: class, body part, view, side, person.
std::optional<Missed> miss_of_subject(const InputGate& gate, const dicom::DataSet& header) {
  if (!gate.sop_class.empty() && !holds(gate.sop_class, header.text(tags::sop_class_uid)))
    return miss(1, "gate.sop_class", "The images are of a class that the tool does not take.");
  if (!gate.body_part.empty() && !holds(gate.body_part, header.text(tags::body_part_examined)))
    return miss(2, "gate.body_part", fmt::format("The body part is not {}.", listed(gate.body_part)));
  std::string view = header.text(tags::view_position);
  if (view.empty()) {
    if (const dicom::DataSet* code = header.item(tags::view_code_sequence)) view = code->text(tags::code_meaning);
  }
  if (auto missed = miss_of_list(2, "view", gate.view, view, "The view")) return missed;
  std::string side = header.text(tags::image_laterality);
  if (side.empty()) side = header.text(tags::laterality);
  if (auto missed = miss_of_list(2, "laterality", gate.laterality, side, "The laterality")) return missed;
  if (!gate.units.empty() && !holds(gate.units, header.text(tags::units))) {
    const std::string units = header.text(tags::units);
    return miss(3, "gate.units",
                units.empty() ? std::string("The units of the values are missing: (0054,1001) Units.")
                              : fmt::format("The units of the values are {}, not {}: (0054,1001) Units.", units,
                                            listed(gate.units)));
  }
  const auto corrected = header.texts(tags::corrected_image);
  for (const std::string& what : gate.corrected_for) {
    if (!holds(corrected, what)) {
      return miss(4, "gate.corrected_for",
                  fmt::format("The images are not stated to be corrected for {}: (0028,0051) Corrected Image.", what));
    }
  }
  if (auto missed = miss_of_list(5, "sex", gate.sex, header.text(tags::patient_sex), "The patient's sex"))
    return missed;
  if (gate.least_age || gate.most_age) {
    const auto age = age_of(header);
    if (!age) return miss(5, "gate.age", "The patient's age is not known.");
    if ((gate.least_age && *age < *gate.least_age) || (gate.most_age && *age > *gate.most_age)) {
      return miss(5, "gate.age", "The patient's age is outside of what the tool is made for.");
    }
  }
  return std::nullopt;
}

/// How the images were made.
std::optional<Missed> miss_of_making(const InputGate& gate, const dicom::DataSet& header) {
  const std::string words = header.text(tags::series_description) + " " + header.text(tags::protocol_name);
  if (!gate.description.empty() && !holds_word(gate.description, words))
    return miss(5, "gate.description",
                fmt::format("Series description and protocol name do not say {}.", listed(gate.description)));
  if (!gate.description_not.empty() && holds_word(gate.description_not, words))
    return miss(5, "gate.description",
                fmt::format("Series description or protocol name says one of {}.", listed(gate.description_not)));
  const auto type = header.texts(tags::image_type);
  for (const std::string& value : gate.image_type) {
    if (!holds(type, value)) return miss(5, "gate.image_type", fmt::format("Image Type does not say {}.", value));
  }
  for (const std::string& value : gate.image_type_not) {
    if (holds(type, value)) return miss(5, "gate.image_type", fmt::format("Image Type says {}.", value));
  }
  if (auto missed = miss_of_list(5, "photometric", gate.photometric, header.text(tags::photometric_interpretation),
                                 "The photometric interpretation"))
    return missed;
  const std::string kernel = header.text(tags::convolution_kernel);
  if (auto missed = miss_of_list(5, "kernel", gate.kernel, kernel, "The reconstruction kernel")) return missed;
  if (!gate.kernel_not.empty() && holds(gate.kernel_not, kernel))
    return miss(5, "gate.kernel",
                fmt::format("The reconstruction kernel is {}, which the tool does not take.", kernel));
  if (!gate.manufacturer.empty() && !holds_word(gate.manufacturer, header.text(tags::manufacturer)))
    return miss(5, "gate.manufacturer", fmt::format("The manufacturer is not {}.", listed(gate.manufacturer)));
  const bool contrast = !trimmed(header.text(tags::contrast_bolus_agent)).empty();
  if ((gate.contrast == "without" && contrast) || (gate.contrast == "with" && !contrast))
    return miss(5, "gate.contrast",
                contrast ? "The images were made with contrast agent."
                         : "The images are not stated to be made with contrast agent.");
  if (auto missed =
          miss_of_range(5, "kvp", gate.least_kvp, gate.most_kvp, header.number(tags::kvp), "The tube voltage", "kV"))
    return missed;
  if (auto missed = miss_of_range(5, "thickness", gate.least_thickness, gate.most_thickness,
                                  header.number(tags::slice_thickness), "The slice thickness", "mm"))
    return missed;
  const auto rows = header.integer(tags::rows).value_or(0), columns = header.integer(tags::columns).value_or(0);
  if (rows < gate.least_rows || columns < gate.least_rows)
    return miss(5, "gate.size",
                fmt::format("The images have {} × {} pixels; the tool takes at least {} rows and columns.", rows,
                            columns, gate.least_rows));
  return std::nullopt;
}

std::optional<Missed> miss_of_image(const InputGate& gate, const dicom::DataSet& header) {
  if (auto missed = miss_of_subject(gate, header)) return missed;
  return miss_of_making(gate, header);
}

/// The images that pass; of a volume all must. Else why the first that does not pass does not.
std::optional<Missed> miss_of_headers(const InputGate& gate, const ImageSeries& series,
                                      std::vector<std::size_t>& images) {
  std::optional<Missed> first;
  for (std::size_t i = 0; i < series.images.size(); ++i) {
    auto missed = miss_of_image(gate, series.images[i].header);
    if (!missed) images.push_back(i);
    if (missed && !first) first = std::move(missed);
    if (first && !gate.each_image) return first;
  }
  return images.empty() ? first : std::nullopt;
}

std::string_view plane_name(const voxel::Plane& plane) {
  const voxel::Vec3 n = plane.normal();
  const double x = std::abs(n.x), y = std::abs(n.y), z = std::abs(n.z);
  return z >= x && z >= y ? "axial" : y >= x ? "coronal" : "sagittal";
}

std::optional<Missed> miss_of_planes(const InputGate& gate, const std::vector<voxel::Plane>& planes) {
  for (const voxel::Plane& plane : planes) {
    if (!gate.orientation.empty() && (!plane.placed || plane_name(plane) != gate.orientation))
      return miss(6, "gate.orientation", fmt::format("The images are not {}.", gate.orientation));
    if (gate.most_pixel &&
        (plane.row_spacing <= 0 || std::max(plane.row_spacing, plane.column_spacing) > *gate.most_pixel))
      return miss(6, "gate.pixel",
                  fmt::format("The pixels are larger than {:g} mm, or their size is not known.", *gate.most_pixel));
  }
  return std::nullopt;
}

std::optional<Missed> miss_of_geometry(const InputGate& gate, const voxel::Geometry& geometry, std::size_t images) {
  if (images < static_cast<std::size_t>(gate.least_images) || images > static_cast<std::size_t>(gate.most_images)) {
    return miss(
        6, "gate.images",
        fmt::format("The series has {} images; the tool takes {} to {}.", images, gate.least_images, gate.most_images));
  }
  if (gate.regular && !geometry.measurable) return miss(7, geometry.code, geometry.text);
  const double spacing = geometry.slice_spacing;
  if ((gate.least_spacing && spacing < *gate.least_spacing) || (gate.most_spacing && spacing > *gate.most_spacing)) {
    return miss(8, "gate.spacing",
                fmt::format("The slices are {:.2f} mm apart, outside of what the tool takes.", spacing));
  }
  return std::nullopt;
}

/// What series are compared by, in the gate's order; greater is better.
std::vector<double> merits(const InputGate& gate, const ImageSeries& series, const voxel::Geometry& geometry,
                           std::size_t images) {
  std::vector<double> out;
  for (const std::string& word : gate.prefer) {
    if (word == "original") {
      const auto type = series.images.front().header.texts(tags::image_type);
      out.push_back(!type.empty() && type[0] == "ORIGINAL" ? 1 : 0);
    }
    if (word == "most_images") out.push_back(static_cast<double>(images));
    if (word == "finest_slices") out.push_back(-geometry.slice_spacing);
    if (word == "lowest_number") out.push_back(-static_cast<double>(series.number.value_or(1'000'000)));
  }
  return out;
}

struct Best {
  std::optional<Choice::Taken> taken;
  std::vector<double> merits;
  std::optional<Missed> missed;
  bool seen = false;  ///< a series of the modality
};

Best best_for(const InputGate& gate, const ImageStudy& study, const std::vector<Choice::Taken>& others) {
  Best best;
  for (std::size_t i = 0; i < study.series.size(); ++i) {
    const ImageSeries& series = study.series[i];
    if (series.images.empty() || !holds(gate.modality, series.modality)) continue;
    best.seen = true;
    // Two inputs never get one volume: T1 is not also FLAIR.
    if (!gate.each_image &&
        std::any_of(others.begin(), others.end(), [&](const Choice::Taken& t) { return t.series == i; }))
      continue;
    Choice::Taken taken{gate.name, i, {}, {}, {}};
    auto missed = miss_of_headers(gate, series, taken.images);
    for (std::size_t image = 0; image < series.images.size(); ++image) {
      if (gate.each_image && !missed &&
          std::find(taken.images.begin(), taken.images.end(), image) == taken.images.end())
        continue;
      for (voxel::Plane& plane : voxel::planes_of(series.images[image].header))
        taken.planes.push_back(std::move(plane));
    }
    taken.geometry = voxel::geometry_of(taken.planes);
    if (!gate.each_image) taken.images.clear();
    if (!missed) missed = miss_of_planes(gate, taken.planes);
    if (!missed) missed = miss_of_geometry(gate, taken.geometry, taken.planes.size());
    if (missed) {
      if (!best.missed || missed->passed > best.missed->passed) best.missed = std::move(missed);
      continue;
    }
    auto own = merits(gate, series, taken.geometry, taken.planes.size());
    if (!best.taken || own > best.merits) {
      best.taken = std::move(taken);
      best.merits = std::move(own);
    }
  }
  return best;
}

}  // namespace

Choice choose(const Tool& tool, const ImageStudy& study) {
  Choice choice;
  for (const InputGate& gate : tool.inputs) {
    Best best = best_for(gate, study, choice.taken);
    if (best.taken) {
      choice.taken.push_back(*std::move(best.taken));
      continue;
    }
    choice.taken.clear();
    if (best.missed) {
      choice.answer = Choice::Answer::refused;
      choice.code = best.missed->code;
      choice.text = best.missed->text;
    } else {
      choice.answer = Choice::Answer::not_applicable;
      choice.code = "gate.modality";
      choice.text = best.seen ? fmt::format("The study has no further series for the input '{}'.", gate.name)
                              : fmt::format("The study has no {} series.", listed(gate.modality));
    }
    return choice;
  }
  choice.answer = Choice::Answer::applies;
  return choice;
}

}  // namespace vedette::analysis
