#include "analysis/gate.hpp"

#include <fmt/format.h>

#include <algorithm>

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

std::optional<Missed> miss_of_headers(const InputGate& gate, const ImageSeries& series) {
  const dicom::DataSet& first = series.images.front().header;
  for (const Image& image : series.images) {
    const std::string sop_class = image.header.text(tags::sop_class_uid);
    if (!gate.sop_class.empty() && !holds(gate.sop_class, sop_class)) {
      return miss(1, "gate.sop_class", "The images are of a class that the tool does not take.");
    }
  }
  if (!gate.body_part.empty() && !holds(gate.body_part, first.text(tags::body_part_examined))) {
    return miss(2, "gate.body_part", fmt::format("The body part is not {}.", listed(gate.body_part)));
  }
  if (!gate.units.empty() && !holds(gate.units, first.text(tags::units))) {
    const std::string units = first.text(tags::units);
    return miss(3, "gate.units",
                units.empty() ? std::string("The units of the values are missing: (0054,1001) Units.")
                              : fmt::format("The units of the values are {}, not {}: (0054,1001) Units.", units,
                                            listed(gate.units)));
  }
  for (const Image& image : series.images) {
    const auto corrected = image.header.texts(tags::corrected_image);
    for (const std::string& what : gate.corrected_for) {
      if (!holds(corrected, what)) {
        return miss(
            4, "gate.corrected_for",
            fmt::format("The images are not stated to be corrected for {}: (0028,0051) Corrected Image.", what));
      }
    }
  }
  if (gate.least_age || gate.most_age) {
    const auto age = age_of(first);
    if (!age) return miss(5, "gate.age", "The patient's age is not known.");
    if ((gate.least_age && *age < *gate.least_age) || (gate.most_age && *age > *gate.most_age)) {
      return miss(5, "gate.age", "The patient's age is outside of what the tool is made for.");
    }
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

Best best_for(const InputGate& gate, const ImageStudy& study) {
  Best best;
  for (std::size_t i = 0; i < study.series.size(); ++i) {
    const ImageSeries& series = study.series[i];
    if (series.images.empty() || !holds(gate.modality, series.modality)) continue;
    best.seen = true;
    Choice::Taken taken{gate.name, i, {}, {}};
    for (const Image& image : series.images) {
      for (voxel::Plane& plane : voxel::planes_of(image.header)) taken.planes.push_back(std::move(plane));
    }
    taken.geometry = voxel::geometry_of(taken.planes);
    auto missed = miss_of_headers(gate, series);
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
    Best best = best_for(gate, study);
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
      choice.text = fmt::format("The study has no {} series.", listed(gate.modality));
    }
    return choice;
  }
  choice.answer = Choice::Answer::applies;
  return choice;
}

}  // namespace vedette::analysis
