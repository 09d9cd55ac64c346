#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "voxel/volume.hpp"

namespace vedette::voxel {

/// 1 inside, 0 outside, [slice,row,column].
struct Mask {
  int slices = 0, rows = 0, columns = 0;
  std::vector<std::uint8_t> voxels;

  bool inside(int k, int r, int c) const {
    return voxels[(static_cast<std::size_t>(k) * static_cast<std::size_t>(rows) + static_cast<std::size_t>(r)) *
                      static_cast<std::size_t>(columns) +
                  static_cast<std::size_t>(c)] != 0;
  }
};

enum class Neighbours : std::uint8_t { faces6 = 6, edges18 = 18, corners26 = 26 };

/// Voxel indices of one connected region, ascending.
using Region = std::vector<std::size_t>;

/// Connected regions of the voxels for which `inside` is true; in the order of their first voxel.
std::vector<Region> components(const Grid& grid, const std::function<bool(std::size_t)>& inside, Neighbours neighbours);
/// The connected region that holds `seed`; empty when the seed itself is outside.
Region component_at(const Grid& grid, std::size_t seed, const std::function<bool(std::size_t)>& inside,
                    Neighbours neighbours);

struct Statistics {
  std::size_t count = 0;
  double minimum = 0, maximum = 0, mean = 0, sd = 0;  ///< sd of the population
  double volume_ml = 0;                               ///< sum of voxels
  std::size_t maximum_at = 0;
  Vec3 centre_mm;                     ///< centre of mass of the voxels, unweighted
  Vec3 bounds_min_mm, bounds_max_mm;  ///< of the voxels' bodies, not only their centres
  int first_slice = 0, last_slice = 0;
};
Statistics statistics_of(const Volume& volume, const Region& region);

/// Largest mean over a sphere of `ml` whose centre is a voxel of the region: voxels whose centres lie within the radius
/// count, whether inside the region or not (IBSI global intensity peak, 0F91). 1 ml: radius 6.204 mm.
struct Peak {
  double value = 0;
  std::size_t at = 0;
  std::size_t voxels = 0;  ///< in the sphere
};
Peak peak_of(const Volume& volume, const Region& region, double ml = 1.0);
/// The same around one voxel (IBSI local intensity peak, VJGA, when it is the maximum).
Peak peak_at(const Volume& volume, std::size_t centre, double ml = 1.0);

/// The region's slices as a mask: `first_slice` and as many slices as the region spans, whole rows and columns.
struct SlicedMask {
  int first_slice = 0;
  Mask mask;
};
SlicedMask mask_of(const Grid& grid, const Region& region);

/// Closed polygons along voxel edges, in patient mm, first point not repeated; holes are polygons of their own. Voxels
/// that touch only at a corner are outlined apart.
struct SliceOutline {
  std::string sop_instance_uid;
  int frame = 0;
  std::vector<std::vector<Vec3>> polygons;
};
/// One entry per slice that has voxels; `planes` are those of the mask's slices, in its order. Fails malformed when
/// their number or size is another.
Result<std::vector<SliceOutline>> outline_of(const Mask& mask, std::span<const Plane> planes);

}  // namespace vedette::voxel
