#include "voxel/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace vedette::voxel {

namespace {

struct Candidate {
  Vec3 place;
  double from_middle = 0;
};

/// Ends of runs along columns: the two farthest voxels of a region are among them, since the distance to a fixed point
/// grows towards one end of any straight run.
std::vector<Candidate> ends_of_runs(const Grid& grid, const Region& region) {
  std::vector<Candidate> ends;
  const auto columns = as_size(grid.columns);
  std::size_t begin = 0;
  while (begin < region.size()) {
    const std::size_t row = region[begin] / columns;
    std::size_t end = begin + 1;
    while (end < region.size() && region[end] / columns == row) ++end;
    for (const std::size_t at : {region[begin], region[end - 1]}) {
      const Index i = index_of(grid, at);
      ends.push_back({grid.at(i.slice, i.row, i.column), 0});
      if (end - begin == 1) break;
    }
    begin = end;
  }
  return ends;
}

/// Farthest first: the search ends where two distances from the middle can no longer add up to more than the best.
Longest farthest(std::vector<Candidate> points) {
  Longest out;
  if (points.empty()) return out;
  out.from = out.to = points.front().place;
  Vec3 low = points.front().place, high = low;
  for (const Candidate& point : points) {
    low = {std::min(low.x, point.place.x), std::min(low.y, point.place.y), std::min(low.z, point.place.z)};
    high = {std::max(high.x, point.place.x), std::max(high.y, point.place.y), std::max(high.z, point.place.z)};
  }
  const Vec3 middle = (low + high) * 0.5;
  for (Candidate& point : points) point.from_middle = (point.place - middle).length();
  std::stable_sort(points.begin(), points.end(),
                   [](const Candidate& a, const Candidate& b) { return a.from_middle > b.from_middle; });
  double best = -1;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (2 * points[i].from_middle <= best) break;  // no pair from here on can be farther apart
    for (std::size_t j = i; j < points.size(); ++j) {
      if (points[i].from_middle + points[j].from_middle <= best) break;
      const double apart = (points[i].place - points[j].place).length();
      if (apart > best) {
        best = apart;
        out = {apart, points[i].place, points[j].place};
      }
    }
  }
  return out;
}

}  // namespace

Longest longest_of(const Grid& grid, const Region& region) {
  return farthest(ends_of_runs(grid, region));
}

Result<Measures> measure(const Region& region, const Image& image, int channel) {
  if (channel < 0 || channel >= image.channels) {
    return Error{Fault::refused, "operator.measure.channel", fmt::format("The image has no channel {}.", channel),
                 "measure", fmt::format("It has {}, counted from 0.", image.channels)};
  }
  if (!region.empty() && region.back() >= image.voxels()) {
    return Error{Fault::refused, "operator.measure.grid", "The region does not lie on the image's grid.", "measure",
                 "Bring the labels back to the source before measuring."};
  }
  Measures out;
  out.unit = image.unit;
  out.voxels = region.size();
  if (region.empty()) return out;
  const float* values = image.channel(channel);
  out.minimum = std::numeric_limits<double>::infinity();
  out.maximum = -out.minimum;
  double sum = 0, squares = 0;
  for (const std::size_t at : region) {
    const double value = static_cast<double>(values[at]);
    sum += value;
    out.minimum = std::min(out.minimum, value);
    out.maximum = std::max(out.maximum, value);
    const Index i = index_of(image.grid, at);
    out.centre_mm = out.centre_mm + image.grid.at(i.slice, i.row, i.column);
  }
  const auto n = static_cast<double>(region.size());
  out.mean = sum / n;
  for (const std::size_t at : region) {
    const double away = static_cast<double>(values[at]) - out.mean;
    squares += away * away;
  }
  out.sd = std::sqrt(squares / n);
  out.centre_mm = out.centre_mm * (1 / n);
  out.volume_ml = n * image.grid.voxel_ml();

  const Longest longest = longest_of(image.grid, region);
  out.longest_mm = longest.mm;
  out.longest_from = longest.from;
  out.longest_to = longest.to;
  const auto plane = as_size(image.grid.rows) * as_size(image.grid.columns);
  out.longest_slice = static_cast<int>(region.front() / plane);
  for (auto begin = region.begin(); begin != region.end();) {
    const std::size_t slice = *begin / plane;
    const auto end = std::lower_bound(begin, region.end(), (slice + 1) * plane);
    const double here = longest_of(image.grid, Region(begin, end)).mm;
    if (here > out.longest_in_slice_mm) {
      out.longest_in_slice_mm = here;
      out.longest_slice = static_cast<int>(slice);
    }
    begin = end;
  }
  return out;
}

Result<void> measure(Segments& segments, const Image& image, int channel) {
  if (!same_grid(segments.grid, image.grid)) {
    return Error{Fault::refused, "operator.measure.grid", "The segments and the image lie on different grids.",
                 "measure", "Bring the labels back to the source before measuring."};
  }
  for (Segment& segment : segments.segments) segment.measures = VEDETTE_TRY(measure(segment.region, image, channel));
  return {};
}

}  // namespace vedette::voxel
