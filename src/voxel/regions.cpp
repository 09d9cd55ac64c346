#include "voxel/regions.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace vedette::voxel {

namespace {

constexpr double pi = 3.14159265358979323846;

std::vector<std::array<int, 3>> steps_of(Neighbours neighbours) {
  const int most = neighbours == Neighbours::faces6 ? 1 : neighbours == Neighbours::edges18 ? 2 : 3;
  std::vector<std::array<int, 3>> steps;
  for (int k = -1; k <= 1; ++k) {
    for (int r = -1; r <= 1; ++r) {
      for (int c = -1; c <= 1; ++c) {
        const int apart = std::abs(k) + std::abs(r) + std::abs(c);
        if (apart >= 1 && apart <= most) steps.push_back({k, r, c});
      }
    }
  }
  return steps;
}

class Flood {
 public:
  Flood(const Grid& grid, const std::function<bool(std::size_t)>& inside, Neighbours neighbours)
      : grid_(grid), inside_(inside), steps_(steps_of(neighbours)), seen_(grid.size(), false) {}

  bool fresh(std::size_t at) const { return !seen_[at] && inside_(at); }

  Region from(std::size_t seed) {
    Region region{seed};
    seen_[seed] = true;
    for (std::size_t next = 0; next < region.size(); ++next) {
      const Index at = index_of(grid_, region[next]);
      for (const auto& step : steps_) {
        const int k = at.slice + step[0], r = at.row + step[1], c = at.column + step[2];
        if (k < 0 || r < 0 || c < 0 || k >= grid_.slices || r >= grid_.rows || c >= grid_.columns) continue;
        const std::size_t other = grid_.index(k, r, c);
        if (!fresh(other)) continue;
        seen_[other] = true;
        region.push_back(other);
      }
    }
    std::sort(region.begin(), region.end());
    return region;
  }

 private:
  const Grid& grid_;
  const std::function<bool(std::size_t)>& inside_;
  std::vector<std::array<int, 3>> steps_;
  std::vector<bool> seen_;
};

/// Offsets of the voxels whose centres lie within the sphere.
std::vector<std::array<int, 3>> ball_of(const Grid& grid, double ml) {
  const double radius = std::cbrt(3.0 * ml * 1000.0 / (4.0 * pi));
  // The reach along one index is the radius over the distance between the planes of that index.
  const double volume = std::abs(dot(grid.slice, cross(grid.row, grid.column)));
  const auto reach = [&](Vec3 a, Vec3 b) {
    return static_cast<int>(std::ceil(radius * cross(a, b).length() / volume));
  };
  const int slices = reach(grid.row, grid.column), rows = reach(grid.slice, grid.column),
            columns = reach(grid.slice, grid.row);
  std::vector<std::array<int, 3>> ball;
  for (int k = -slices; k <= slices; ++k) {
    for (int r = -rows; r <= rows; ++r) {
      for (int c = -columns; c <= columns; ++c) {
        const Vec3 away = grid.slice * k + grid.row * r + grid.column * c;
        if (away.length() <= radius + 1e-9) ball.push_back({k, r, c});
      }
    }
  }
  return ball;
}

Peak mean_around(const Volume& volume, std::size_t centre, const std::vector<std::array<int, 3>>& ball) {
  const Grid& grid = volume.grid;
  const Index at = index_of(grid, centre);
  double sum = 0;
  Peak peak;
  peak.at = centre;
  for (const auto& step : ball) {
    const int k = at.slice + step[0], r = at.row + step[1], c = at.column + step[2];
    if (k < 0 || r < 0 || c < 0 || k >= grid.slices || r >= grid.rows || c >= grid.columns) continue;
    sum += static_cast<double>(volume.values[grid.index(k, r, c)]);
    ++peak.voxels;
  }
  peak.value = sum / static_cast<double>(peak.voxels);
  return peak;
}

}  // namespace

std::vector<Region> components(const Grid& grid, const std::function<bool(std::size_t)>& inside,
                               Neighbours neighbours) {
  Flood flood(grid, inside, neighbours);
  std::vector<Region> regions;
  for (std::size_t at = 0; at < grid.size(); ++at) {
    if (flood.fresh(at)) regions.push_back(flood.from(at));
  }
  return regions;
}

Region component_at(const Grid& grid, std::size_t seed, const std::function<bool(std::size_t)>& inside,
                    Neighbours neighbours) {
  Flood flood(grid, inside, neighbours);
  return flood.fresh(seed) ? flood.from(seed) : Region{};
}

Statistics statistics_of(const Volume& volume, const Region& region) {
  Statistics out;
  if (region.empty()) return out;
  const Grid& grid = volume.grid;
  const double far = std::numeric_limits<double>::infinity();
  out.count = region.size();
  out.minimum = far;
  out.maximum = -far;
  out.bounds_min_mm = {far, far, far};
  out.bounds_max_mm = {-far, -far, -far};
  out.first_slice = grid.slices;
  double sum = 0, squares = 0;
  const Vec3 half{(std::abs(grid.slice.x) + std::abs(grid.row.x) + std::abs(grid.column.x)) / 2,
                  (std::abs(grid.slice.y) + std::abs(grid.row.y) + std::abs(grid.column.y)) / 2,
                  (std::abs(grid.slice.z) + std::abs(grid.row.z) + std::abs(grid.column.z)) / 2};
  for (const std::size_t at : region) {
    const double value = static_cast<double>(volume.values[at]);
    sum += value;
    out.minimum = std::min(out.minimum, value);
    if (value > out.maximum) {
      out.maximum = value;
      out.maximum_at = at;
    }
    const Index i = index_of(grid, at);
    const Vec3 p = grid.at(i.slice, i.row, i.column);
    out.centre_mm = out.centre_mm + p;
    out.bounds_min_mm = {std::min(out.bounds_min_mm.x, p.x - half.x), std::min(out.bounds_min_mm.y, p.y - half.y),
                         std::min(out.bounds_min_mm.z, p.z - half.z)};
    out.bounds_max_mm = {std::max(out.bounds_max_mm.x, p.x + half.x), std::max(out.bounds_max_mm.y, p.y + half.y),
                         std::max(out.bounds_max_mm.z, p.z + half.z)};
    out.first_slice = std::min(out.first_slice, i.slice);
    out.last_slice = std::max(out.last_slice, i.slice);
  }
  const auto n = static_cast<double>(region.size());
  out.mean = sum / n;
  for (const std::size_t at : region) {
    const double away = static_cast<double>(volume.values[at]) - out.mean;
    squares += away * away;
  }
  out.sd = std::sqrt(squares / n);
  out.centre_mm = out.centre_mm * (1 / n);
  out.volume_ml = n * grid.voxel_ml();
  return out;
}

Peak peak_at(const Volume& volume, std::size_t centre, double ml) {
  return mean_around(volume, centre, ball_of(volume.grid, ml));
}

Peak peak_of(const Volume& volume, const Region& region, double ml) {
  const auto ball = ball_of(volume.grid, ml);
  Peak best;
  best.value = -std::numeric_limits<double>::infinity();
  for (const std::size_t at : region) {
    const Peak here = mean_around(volume, at, ball);
    if (here.value > best.value) best = here;
  }
  return best;
}

SlicedMask mask_of(const Grid& grid, const Region& region) {
  SlicedMask out;
  if (region.empty()) return out;
  const auto plane = static_cast<std::size_t>(grid.rows) * static_cast<std::size_t>(grid.columns);
  const std::size_t first = region.front() / plane, last = region.back() / plane;
  out.first_slice = static_cast<int>(first);
  out.mask.slices = static_cast<int>(last - first) + 1;
  out.mask.rows = grid.rows;
  out.mask.columns = grid.columns;
  out.mask.voxels.assign((last - first + 1) * plane, 0);
  for (const std::size_t at : region) out.mask.voxels[at - first * plane] = 1;
  return out;
}

}  // namespace vedette::voxel
