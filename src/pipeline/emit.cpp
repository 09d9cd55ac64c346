#include "pipeline/emit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "voxel/boxes.hpp"
#include "voxel/labels.hpp"
#include "voxel/measure.hpp"
#include "voxel/regions.hpp"
#include "voxel/undo.hpp"

namespace vedette::pipeline {

namespace {

Error refuse(std::string cause, std::string remedy = {}) {
  return Error{Fault::refused, "pipeline.emit", std::move(cause), {}, std::move(remedy)};
}

const Source* source_on(std::span<const Source> sources, const voxel::Grid& grid) {
  for (const Source& source : sources) {
    if (voxel::shape_of(source.image.grid) == voxel::shape_of(grid) && voxel::same_grid(source.image.grid, grid))
      return &source;
  }
  return nullptr;
}

/// What a row's measures can ask for.
struct Numbers {
  const voxel::Measures* region = nullptr;
  std::optional<double> score;
  std::optional<double> volume_uncertainty_ml;
  std::array<double, 3> spacing{};
};

std::optional<double> value_of(const Numbers& numbers, const std::string& measure) {
  if (measure == "score") return numbers.score;
  if (numbers.region == nullptr) return std::nullopt;
  const voxel::Measures& m = *numbers.region;
  if (measure == "volume") return m.volume_ml;
  if (measure == "longest") return m.longest_mm;
  if (measure == "longest_in_slice") return m.longest_in_slice_mm;
  if (measure == "mean") return m.mean;
  if (measure == "sd") return m.sd;
  if (measure == "minimum") return m.minimum;
  if (measure == "maximum") return m.maximum;
  if (measure == "voxels") return static_cast<double>(m.voxels);
  return std::nullopt;
}

double factor_of(const MeasurementRow& row) {
  if (row.measure == "volume" && row.unit == "mm3") return 1000;
  if ((row.measure == "longest" || row.measure == "longest_in_slice") && row.unit == "cm") return 0.1;
  return 1;
}

void set_uncertainty(const MeasurementRow& row, const Numbers& numbers, Measured& out) {
  if (row.measure == "volume" && numbers.volume_uncertainty_ml) {
    out.uncertainty = *numbers.volume_uncertainty_ml * factor_of(row);
    out.uncertainty_text = "Half of the voxels at the surface; not the error of the network itself.";
  } else if (row.measure == "longest" || row.measure == "longest_in_slice") {
    const double step =
        *std::max_element(numbers.spacing.begin() + (row.measure == "longest" ? 0 : 1), numbers.spacing.end());
    out.uncertainty = step * factor_of(row);
    out.uncertainty_text = "One voxel; not the error of the network itself.";
  }
}

void measure_row(const OutputRow& row, const Numbers& numbers, Found& found) {
  for (const MeasurementRow& m : row.measurements) {
    const auto value = value_of(numbers, m.measure);
    if (!value) continue;
    Measured out{m.code, *value * factor_of(m), m.unit, m.measure, {}, {}};
    set_uncertainty(m, numbers, out);
    found.measurements.push_back(std::move(out));
  }
  found.urgency = row.urgency.front();
  for (const Escalation& escalation : row.escalations) {
    const auto value = value_of(numbers, escalation.measure);
    if (value && *value >= escalation.least) found.urgency = escalation.urgency;
  }
}

/// Voxels of a region that have a face towards the outside.
std::size_t surface_of(const voxel::Grid& grid, const voxel::Region& region) {
  const auto inside = [&](std::size_t at) { return std::binary_search(region.begin(), region.end(), at); };
  const auto columns = static_cast<std::size_t>(grid.columns), plane = columns * static_cast<std::size_t>(grid.rows);
  std::size_t count = 0;
  for (std::size_t i = 0; i < region.size(); ++i) {
    const std::size_t at = region[i];
    const voxel::Index index = voxel::index_of(grid, at);
    // Neighbours in the row stand next to it in the list.
    const bool left = index.column > 0 && i > 0 && region[i - 1] == at - 1;
    const bool right = index.column + 1 < grid.columns && i + 1 < region.size() && region[i + 1] == at + 1;
    if (left && right && index.row > 0 && index.row + 1 < grid.rows && inside(at - columns) && inside(at + columns) &&
        (grid.slices == 1 ||
         (index.slice > 0 && index.slice + 1 < grid.slices && inside(at - plane) && inside(at + plane)))) {
      continue;
    }
    ++count;
  }
  return count;
}

void set_bounds(const voxel::Grid& grid, std::array<double, 3> low, std::array<double, 3> high, Found& found) {
  constexpr double far = std::numeric_limits<double>::max();
  found.low = {far, far, far};
  found.high = {-far, -far, -far};
  for (int corner = 0; corner < 8; ++corner) {
    const voxel::Vec3 p = grid.at((corner & 4) != 0 ? high[0] : low[0], (corner & 2) != 0 ? high[1] : low[1],
                                  (corner & 1) != 0 ? high[2] : low[2]);
    found.low = {std::min(found.low.x, p.x), std::min(found.low.y, p.y), std::min(found.low.z, p.z)};
    found.high = {std::max(found.high.x, p.x), std::max(found.high.y, p.y), std::max(found.high.z, p.z)};
  }
}

void set_place(const Source& source, Found& found) {
  found.series_uid = source.series_uid;
  found.frame_of_reference_uid = source.frame_of_reference_uid;
  found.rows = source.image.grid.rows;
  found.columns = source.image.grid.columns;
}

void set_mask(const Source& source, const voxel::Region& region, Found& found) {
  voxel::SlicedMask sliced = voxel::mask_of(source.image.grid, region);
  for (int k = 0; k < sliced.mask.slices; ++k)
    found.instances.push_back(source.instances[static_cast<std::size_t>(sliced.first_slice + k)]);
  found.mask = std::move(sliced.mask.voxels);
}

Found region_found(const OutputRow& row, std::size_t number, const Source& source, const voxel::Segment& segment) {
  const voxel::Grid& grid = source.image.grid;
  Found found;
  found.output = number;
  set_place(source, found);
  found.region = row.region;
  found.weight = static_cast<double>(segment.region.size());
  std::array<double, 3> low{1e9, 1e9, 1e9}, high{-1e9, -1e9, -1e9};
  for (const std::size_t at : segment.region) {
    const voxel::Index i = voxel::index_of(grid, at);
    const std::array<double, 3> place{static_cast<double>(i.slice), static_cast<double>(i.row),
                                      static_cast<double>(i.column)};
    for (std::size_t a = 0; a < 3; ++a) {
      low[a] = std::min(low[a], place[a] - 0.5);
      high[a] = std::max(high[a], place[a] + 0.5);
    }
  }
  const bool placed = source.image.placed;
  if (placed) {
    set_bounds(grid, low, high, found);
    found.centre = segment.measures.centre_mm;
    found.volume_ml = segment.measures.volume_ml;
    found.why = fmt::format("The network marks {} voxels as class {}, {:.1f} ml.", segment.region.size(), segment.label,
                            found.volume_ml);
  } else {
    found.why = fmt::format(
        "The network marks {} pixels as class {}. The image has no place in the patient: lengths are not known.",
        segment.region.size(), segment.label);
  }
  if (row.region == "mask") set_mask(source, segment.region, found);
  Numbers numbers{&segment.measures, {}, {}, voxel::spacing_of(grid)};
  if (placed)
    numbers.volume_uncertainty_ml = static_cast<double>(surface_of(grid, segment.region)) * grid.voxel_ml() / 2;
  measure_row(row, numbers, found);
  return found;
}

bool is_wanted(const PlannedStep& step, const OutputRow& row) {
  const auto wanted = voxel::texts(step.values, "outputs");
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), row.name) != wanted.end();
}

Result<void> emit_segments(const Plan& plan, const PlannedStep& step, voxel::Segments segments,
                           const voxel::Image* measured, const Source& source, bool apart, Ran& ran) {
  const auto& rows = plan.declaration.outputs;
  std::erase_if(segments.segments, [&](const voxel::Segment& segment) {
    return std::none_of(rows.begin(), rows.end(), [&](const OutputRow& row) {
      return row.apart == apart && is_wanted(step, row) && row.label == segment.label;
    });
  });
  const bool other_grid = measured != nullptr && !voxel::same_grid(measured->grid, segments.grid);
  if (other_grid)
    return refuse("The image that is measured lies on another grid than the labels",
                  "Measure the source image, or resample.");
  VEDETTE_TRY(voxel::measure(segments, measured != nullptr ? *measured : source.image, 0));
  for (std::size_t number = 0; number < rows.size(); ++number) {
    const OutputRow& row = rows[number];
    if (row.apart != apart || !is_wanted(step, row)) continue;
    for (const voxel::Segment& segment : segments.segments) {
      if (segment.label != row.label) continue;
      if (source.image.placed && segment.measures.volume_ml < row.least_ml) continue;
      ran.found.push_back(region_found(row, number, source, segment));
    }
  }
  return {};
}

Result<void> emit_labels(const Plan& plan, const PlannedStep& step, const voxel::LabelMap& given,
                         const voxel::Image* measured, std::span<const Source> sources, Ran& ran) {
  voxel::LabelMap labels = given.steps.empty() ? given : VEDETTE_TRY(voxel::to_source(given));
  const Source* source = source_on(sources, labels.grid);
  if (source == nullptr)
    return refuse("The labels lie on the grid of no input", "Keep the geometric steps that can be undone.");
  for (const bool apart : {false, true}) {
    const auto& rows = plan.declaration.outputs;
    if (std::none_of(rows.begin(), rows.end(),
                     [&](const OutputRow& row) { return row.apart == apart && is_wanted(step, row); }))
      continue;
    voxel::SegmentOptions options;
    options.apart = apart;
    VEDETTE_TRY(emit_segments(plan, step, voxel::segments_of(labels, options), measured, *source, apart, ran));
  }
  return {};
}

voxel::Region box_region(const voxel::Grid& grid, const voxel::Box& box) {
  voxel::Region out;
  const auto from = [](double low) { return std::max(0, static_cast<int>(std::ceil(low))); };
  const auto to = [](double high, int size) { return std::min(size - 1, static_cast<int>(std::floor(high))); };
  for (int k = from(box.low[0]); k <= to(box.high[0], grid.slices); ++k) {
    for (int r = from(box.low[1]); r <= to(box.high[1], grid.rows); ++r) {
      for (int c = from(box.low[2]); c <= to(box.high[2], grid.columns); ++c) out.push_back(grid.index(k, r, c));
    }
  }
  return out;
}

Result<void> emit_boxes(const Plan& plan, const PlannedStep& step, const voxel::Boxes& given,
                        std::span<const Source> sources, Ran& ran) {
  const voxel::Boxes boxes = given.steps.empty() ? given : VEDETTE_TRY(voxel::to_source(given));
  const Source* source = source_on(sources, boxes.grid);
  if (source == nullptr)
    return refuse("The boxes lie on the grid of no input", "Keep the geometric steps that can be undone.");
  for (std::size_t number = 0; number < plan.declaration.outputs.size(); ++number) {
    const OutputRow& row = plan.declaration.outputs[number];
    if (!is_wanted(step, row)) continue;
    for (const voxel::Box& box : boxes.boxes) {
      if (box.label != row.label || box.score < *row.threshold) continue;
      Found found;
      found.output = number;
      set_place(*source, found);
      found.region = row.region;
      found.score = std::clamp(box.score, 0.0, 1.0);
      found.weight = box.score;
      const voxel::Region region = box_region(boxes.grid, box);
      if (region.empty()) continue;
      std::array<double, 3> middle{};
      for (std::size_t a = 0; a < 3; ++a) middle[a] = (box.low[a] + box.high[a]) / 2;
      if (source->image.placed) {
        set_bounds(boxes.grid, box.low, box.high, found);
        found.centre = boxes.grid.at(middle[0], middle[1], middle[2]);
      }
      found.why = fmt::format(
          "The network gives a box of class {} around row {:.0f}, column {:.0f} the score {:.2f}; boxes from {:g} on "
          "are proposed.",
          box.label, middle[1] + 1, middle[2] + 1, box.score, *row.threshold);
      if (row.region == "mask") set_mask(*source, region, found);
      measure_row(row, Numbers{nullptr, found.score, {}, {}}, found);
      ran.found.push_back(std::move(found));
    }
  }
  return {};
}

Result<void> emit_scores(const Plan& plan, const PlannedStep& step, const Scores& scores,
                         std::span<const Source> sources, Ran& ran) {
  for (std::size_t number = 0; number < plan.declaration.outputs.size(); ++number) {
    const OutputRow& row = plan.declaration.outputs[number];
    if (!is_wanted(step, row)) continue;
    if (static_cast<std::size_t>(*row.label) >= scores.values.size())
      return refuse(fmt::format("Output '{}' wants score {}, and the network gave {}", row.name, *row.label,
                                scores.values.size()),
                    "Correct 'label'.");
    const double score = scores.values[static_cast<std::size_t>(*row.label)];
    if (!std::isfinite(score)) return refuse("A score is not finite");
    if (score < 0 || score > 1)
      return refuse(fmt::format("Score {} is {:g}: no number between 0 and 1", *row.label, score),
                    "Add a step \"softmax\" or \"sigmoid\" after the network.");
    if (score < *row.threshold) continue;
    Found found;
    found.output = number;
    set_place(sources[0], found);
    found.score = found.weight = score;
    found.why = fmt::format("The network gives class {} the score {:.2f}; scores from {:g} on are proposed.",
                            *row.label, score, *row.threshold);
    measure_row(row, Numbers{nullptr, score, {}, {}}, found);
    ran.found.push_back(std::move(found));
  }
  return {};
}

void say_uncalibrated(Ran& ran) {
  const std::string words =
      "Scores are the network's own: they order findings and are no probabilities that something is there.";
  if (std::find(ran.limits.begin(), ran.limits.end(), words) == ran.limits.end()) ran.limits.push_back(words);
}

}  // namespace

Result<void> emit(const Plan& plan, const PlannedStep& step, const std::vector<const Item*>& items,
                  std::span<const Source> sources, Ran& ran) {
  const auto* measured = items.size() > 1 ? std::get_if<voxel::Image>(items[1]) : nullptr;
  if (const auto* labels = std::get_if<voxel::LabelMap>(items[0]))
    return emit_labels(plan, step, *labels, measured, sources, ran);
  if (const auto* boxes = std::get_if<voxel::Boxes>(items[0])) {
    say_uncalibrated(ran);
    return emit_boxes(plan, step, *boxes, sources, ran);
  }
  if (const auto* scores = std::get_if<Scores>(items[0])) {
    say_uncalibrated(ran);
    return emit_scores(plan, step, *scores, sources, ran);
  }
  if (const auto* segments = std::get_if<voxel::Segments>(items[0])) {
    const Source* source = source_on(sources, segments->grid);
    if (source == nullptr)
      return refuse("The segments lie on the grid of no input", "Add a step \"to_source\" before them.");
    for (const bool apart : {false, true})
      VEDETTE_TRY(emit_segments(plan, step, *segments, measured, *source, apart, ran));
    return {};
  }
  return refuse("Findings cannot be made of an image", "Add a step \"argmax\" or \"threshold\".");
}

}  // namespace vedette::pipeline
