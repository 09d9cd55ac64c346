#pragma once

#include "voxel/image.hpp"
#include "voxel/parallel.hpp"

namespace vedette::voxel {

/// Volume: number of voxels × voxel volume. Longest: exact greatest distance between voxel centres, in 3D and within a
/// slice. Mean and sd (population) of `channel` of the image under it. Fails refused when the image lies on another
/// grid or has no such channel; lengths are pixels where the grid is not placed.
Result<Measures> measure(const Region& region, const Image& image, int channel = 0);
/// Of every segment.
Result<void> measure(Segments& segments, const Image& image, int channel = 0);

/// Greatest distance between centres of voxels of a region.
struct Longest {
  double mm = 0;
  Vec3 from, to;
};
Longest longest_of(const Grid& grid, const Region& region);

}  // namespace vedette::voxel
