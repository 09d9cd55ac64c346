#include "voxel/geometry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

namespace vedette::voxel {

namespace tags = dicom::tags;

namespace {

constexpr double angle_tolerance = 0.0017453292519943295;  // 0.1 degree
constexpr double pixel_tolerance = 0.001;
constexpr double distance_tolerance = 0.02;
constexpr double place_tolerance = 0.1;
constexpr double same_place = 0.01;
constexpr std::string_view not_measured = "Shown, not measured. ";

/// A functional group of a frame: per-frame first, then shared.
const dicom::DataSet* group_of(const dicom::DataSet& header, std::size_t frame, dicom::Tag group) {
  const auto& per_frame = header.items(tags::per_frame_functional_groups_sequence);
  if (frame < per_frame.size()) {
    if (const dicom::DataSet* found = per_frame[frame].item(group)) return found;
  }
  const dicom::DataSet* shared = header.item(tags::shared_functional_groups_sequence);
  return shared == nullptr ? nullptr : shared->item(group);
}

bool finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

void place(Plane& plane, const std::vector<double>& position, const std::vector<double>& orientation,
           const std::vector<double>& spacing) {
  if (position.size() != 3 || !finite(position)) {
    plane.missing = "Image Position (Patient) (0020,0032)";
    return;
  }
  if (orientation.size() != 6 || !finite(orientation)) {
    plane.missing = "Image Orientation (Patient) (0020,0037)";
    return;
  }
  if (spacing.size() != 2 || !finite(spacing) || spacing[0] <= 0 || spacing[1] <= 0) {
    plane.missing = "Pixel Spacing (0028,0030)";
    return;
  }
  plane.position = {position[0], position[1], position[2]};
  const Vec3 row{orientation[0], orientation[1], orientation[2]};
  const Vec3 column{orientation[3], orientation[4], orientation[5]};
  const double row_length = row.length(), column_length = column.length();
  if (std::abs(row_length - 1) > 0.01 || std::abs(column_length - 1) > 0.01 || std::abs(dot(row, column)) > 0.01) {
    plane.missing = "Image Orientation (Patient) (0020,0037), which is no pair of perpendicular directions";
    return;
  }
  plane.along_row = row * (1 / row_length);
  plane.along_column = column * (1 / column_length);
  plane.row_spacing = spacing[0];
  plane.column_spacing = spacing[1];
  plane.placed = true;
}

Geometry refused(std::string code, std::string text, Geometry base) {
  base.state = Geometry::State::irregular;
  base.code = std::move(code);
  base.text = std::string(not_measured) + std::move(text);
  base.measurable = false;
  return base;
}

Geometry single(std::string code, std::string text, Geometry base) {
  base.state = Geometry::State::single;
  base.code = std::move(code);
  base.text = std::move(text);
  return base;
}

double angle_between(Vec3 a, Vec3 b) {
  return std::atan2(cross(a, b).length(), dot(a, b));
}

/// Images agree in everything but their place; the first disagreement otherwise.
std::optional<Geometry> disagreement(std::span<const Plane> planes, const Geometry& base) {
  const Plane& first = planes.front();
  for (const Plane& plane : planes) {
    if (plane.frame_of_reference_uid != first.frame_of_reference_uid) {
      return refused("geometry.frame_of_reference", "The images do not share one frame of reference.", base);
    }
    if (plane.rows != first.rows || plane.columns != first.columns) {
      return refused("geometry.matrix",
                     fmt::format("The images differ in size: {} × {} and {} × {}.", first.columns, first.rows,
                                 plane.columns, plane.rows),
                     base);
    }
    if (angle_between(plane.along_row, first.along_row) > angle_tolerance ||
        angle_between(plane.along_column, first.along_column) > angle_tolerance) {
      return refused("geometry.orientations", "The images lie in different orientations.", base);
    }
    if (std::abs(plane.row_spacing - first.row_spacing) > pixel_tolerance * first.row_spacing ||
        std::abs(plane.column_spacing - first.column_spacing) > pixel_tolerance * first.column_spacing) {
      return refused("geometry.pixel_spacing", "The images differ in pixel spacing.", base);
    }
  }
  return std::nullopt;
}

std::string images(std::int64_t from, std::int64_t to) {
  return from == to ? fmt::format("Image {} is missing.", from) : fmt::format("Images {} to {} are missing.", from, to);
}

/// In words, by image number where the numbers fit the missing places, else by count and place.
std::string gap_text(const Plane& before, const Plane& after, std::int64_t missing, double z) {
  if (before.number && after.number) {
    const std::int64_t low = std::min(*before.number, *after.number), high = std::max(*before.number, *after.number);
    if (high - low == missing + 1) return images(low + 1, high - 1);
    if (high != low) {
      return fmt::format("{} image{} missing between image {} and image {}.", missing, missing == 1 ? " is" : "s are",
                         low, high);
    }
  }
  return fmt::format("{} image{} missing at {:.1f} mm of the stack.", missing, missing == 1 ? " is" : "s are", z);
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Stack {
  std::vector<double> along;  ///< place along the normal in `order`
  std::vector<double> steps;
  double median = 0;
};

std::optional<Geometry> duplicates(std::span<const Plane> planes, const Stack& stack, const Geometry& base) {
  const double near = std::max(same_place * stack.median, 1e-3);
  std::size_t places = 1;
  std::size_t first_double = stack.steps.size();
  for (std::size_t i = 0; i < stack.steps.size(); ++i) {
    if (stack.steps[i] > near) {
      ++places;
    } else if (first_double == stack.steps.size()) {
      first_double = i;
    }
  }
  if (places == planes.size()) return std::nullopt;
  if (places > 1 && planes.size() % places == 0 && planes.size() / places > 1) {
    std::map<std::size_t, std::size_t> counts;
    std::size_t run = 1;
    for (const double step : stack.steps) {
      if (step > near) {
        ++counts[run];
        run = 1;
      } else {
        ++run;
      }
    }
    ++counts[run];
    if (counts.size() == 1) {
      return refused("geometry.several_volumes",
                     fmt::format("The series holds {} images at each of {} places (times, phases or echoes).",
                                 planes.size() / places, places),
                     base);
    }
  }
  const Plane& a = planes[base.order[first_double]];
  const Plane& b = planes[base.order[first_double + 1]];
  std::string which;
  if (a.number && b.number && *a.number != *b.number) {
    which = fmt::format("Images {} and {} lie at the same place.", std::min(*a.number, *b.number),
                        std::max(*a.number, *b.number));
  } else {
    which = fmt::format("{} images lie at a place that is taken.", planes.size() - places);
  }
  return refused("geometry.duplicate", which, base);
}

std::optional<Geometry> distances(std::span<const Plane> planes, const Stack& stack, const Geometry& base) {
  const double tolerance = std::max(distance_tolerance * stack.median, 0.01);
  std::vector<std::string> gaps;
  for (std::size_t i = 0; i < stack.steps.size(); ++i) {
    const double times = std::round(stack.steps[i] / stack.median);
    if (std::abs(stack.steps[i] - stack.median) <= tolerance) continue;
    // A gap of many slices gathers the small errors of each.
    if (times < 2 ||
        std::abs(stack.steps[i] - times * stack.median) > std::max(tolerance, place_tolerance * stack.median)) {
      const auto [least, greatest] = std::minmax_element(stack.steps.begin(), stack.steps.end());
      return refused("geometry.uneven",
                     fmt::format("Distances between images vary from {:.2f} to {:.2f} mm.", *least, *greatest), base);
    }
    gaps.push_back(gap_text(planes[base.order[i]], planes[base.order[i + 1]], static_cast<std::int64_t>(times) - 1,
                            stack.along[i] - stack.along.front()));
  }
  if (!gaps.empty()) {
    std::string text = gaps.front();
    if (gaps.size() == 2) text += " " + gaps[1];
    if (gaps.size() > 2) text += fmt::format(" {} more gaps.", gaps.size() - 1);
    return refused("geometry.gap", text, base);
  }
  const double mean = (stack.along.back() - stack.along.front()) / static_cast<double>(stack.steps.size());
  for (std::size_t i = 0; i < stack.along.size(); ++i) {
    const double expected = stack.along.front() + mean * static_cast<double>(i);
    if (std::abs(stack.along[i] - expected) > place_tolerance * mean) {
      return refused("geometry.uneven", "Distances between images drift over the stack.", base);
    }
  }
  return std::nullopt;
}

std::optional<Geometry> tilt(std::span<const Plane> planes, const Geometry& base) {
  const Plane& first = planes[base.order.front()];
  const Vec3 normal = first.normal();
  double most = 0, angle = 0;
  for (const std::size_t i : base.order) {
    const Vec3 away = planes[i].position - first.position;
    const double along = dot(away, normal);
    const double aside = (away - normal * along).length();
    if (aside > most) {
      most = aside;
      angle = std::atan2(aside, std::abs(along)) * 180 / 3.14159265358979323846;
    }
  }
  if (most <= 0.5 * std::min(first.row_spacing, first.column_spacing)) return std::nullopt;
  return refused("geometry.tilt", fmt::format("The slices are shifted against each other (tilt of {:.1f}°).", angle),
                 base);
}

std::optional<Geometry> without_stack(std::span<const Plane> planes, const Geometry& base) {
  if (planes.empty()) return single("geometry.empty", "No images.", base);
  const auto placed = static_cast<std::size_t>(
      std::count_if(planes.begin(), planes.end(), [](const Plane& plane) { return plane.placed; }));
  if (placed == 0) {
    return single("geometry.none", "Shown one by one: the images carry no place in the patient.", base);
  }
  if (planes.size() == 1) return single("geometry.single", "One image: volumes are not measured.", base);
  if (placed < planes.size()) {
    const auto lost = std::find_if(planes.begin(), planes.end(), [](const Plane& plane) { return !plane.placed; });
    return refused(
        "geometry.no_position",
        fmt::format("{} of {} images carry no usable {}.", planes.size() - placed, planes.size(), lost->missing), base);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Geometry::State state) {
  switch (state) {
    case Geometry::State::regular:
      return "regular";
    case Geometry::State::irregular:
      return "irregular";
    case Geometry::State::single:
      return "single";
  }
  return "single";
}

std::vector<Plane> planes_of(const dicom::DataSet& header) {
  const auto frames = static_cast<std::size_t>(
      std::clamp<std::int64_t>(header.integer(tags::number_of_frames).value_or(1), 1, 1'000'000));
  const bool enhanced = header.find(tags::per_frame_functional_groups_sequence) != nullptr ||
                        header.find(tags::shared_functional_groups_sequence) != nullptr;
  std::vector<Plane> planes(frames);
  for (std::size_t i = 0; i < frames; ++i) {
    Plane& plane = planes[i];
    plane.rows = static_cast<int>(header.integer(tags::rows).value_or(0));
    plane.columns = static_cast<int>(header.integer(tags::columns).value_or(0));
    plane.sop_instance_uid = header.text(tags::sop_instance_uid);
    plane.frame_of_reference_uid = header.text(tags::frame_of_reference_uid);
    plane.frame = static_cast<int>(i);
    if (frames > 1) {
      plane.number = static_cast<std::int64_t>(i) + 1;
    } else {
      plane.number = header.integer(tags::instance_number);
    }
    if (enhanced) {
      const dicom::DataSet* position = group_of(header, i, tags::plane_position_sequence);
      const dicom::DataSet* orientation = group_of(header, i, tags::plane_orientation_sequence);
      const dicom::DataSet* measures = group_of(header, i, tags::pixel_measures_sequence);
      place(plane, position == nullptr ? std::vector<double>{} : position->numbers(tags::image_position_patient),
            orientation == nullptr ? std::vector<double>{} : orientation->numbers(tags::image_orientation_patient),
            measures == nullptr ? std::vector<double>{} : measures->numbers(tags::pixel_spacing));
    } else if (frames == 1) {
      place(plane, header.numbers(tags::image_position_patient), header.numbers(tags::image_orientation_patient),
            header.numbers(tags::pixel_spacing));
    } else {
      plane.missing = "functional groups: a multi-frame image of the old kind says no place of its frames";
    }
  }
  return planes;
}

Geometry geometry_of(std::span<const Plane> planes) {
  Geometry geometry;
  geometry.order.resize(planes.size());
  std::iota(geometry.order.begin(), geometry.order.end(), std::size_t{0});
  if (auto answer = without_stack(planes, geometry)) return *std::move(answer);
  if (auto answer = disagreement(planes, geometry)) return *std::move(answer);

  const Vec3 normal = planes.front().normal();
  std::vector<double> place(planes.size());
  for (std::size_t i = 0; i < planes.size(); ++i) place[i] = dot(planes[i].position - planes.front().position, normal);
  std::stable_sort(geometry.order.begin(), geometry.order.end(),
                   [&](std::size_t a, std::size_t b) { return place[a] < place[b]; });
  Stack stack;
  for (const std::size_t i : geometry.order) stack.along.push_back(place[i]);
  std::vector<double> apart;
  for (std::size_t i = 1; i < stack.along.size(); ++i) {
    stack.steps.push_back(stack.along[i] - stack.along[i - 1]);
    if (stack.steps.back() > 1e-3) apart.push_back(stack.steps.back());
  }
  if (apart.empty()) return refused("geometry.duplicate", "All images lie at the same place.", geometry);
  stack.median = median_of(apart);
  if (auto answer = duplicates(planes, stack, geometry)) return *std::move(answer);
  if (auto answer = tilt(planes, geometry)) return *std::move(answer);
  if (auto answer = distances(planes, stack, geometry)) return *std::move(answer);

  geometry.state = Geometry::State::regular;
  geometry.measurable = true;
  const auto steps = static_cast<double>(stack.steps.size());
  geometry.slice_spacing = (stack.along.back() - stack.along.front()) / steps;
  geometry.slice_step =
      (planes[geometry.order.back()].position - planes[geometry.order.front()].position) * (1 / steps);
  return geometry;
}

Geometry geometry_of(std::span<const dicom::DataSet* const> headers) {
  std::vector<Plane> planes;
  for (const dicom::DataSet* header : headers) {
    for (Plane& plane : planes_of(*header)) planes.push_back(std::move(plane));
  }
  return geometry_of(planes);
}

}  // namespace vedette::voxel
