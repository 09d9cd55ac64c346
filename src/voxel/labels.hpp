#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "voxel/image.hpp"

namespace vedette::voxel {

/// Numbers the connected parts of equal, non-zero labels of one channel: 1.. in the order of their first voxel.
struct Parts {
  std::vector<std::uint32_t> values;  ///< [slice,row,column], 0 background
  std::vector<std::size_t> sizes;     ///< voxels of part i + 1
};
Parts parts_of(const Grid& grid, std::span<const std::uint16_t> labels, Neighbours neighbours);

/// Clears parts that are not kept; each label and channel by itself. `largest` 0: any number; equal sizes: the first.
struct KeepOptions {
  double least_ml = 0;  ///< for placed grids
  std::size_t least_voxels = 0;
  std::size_t largest = 0;  ///< keep so many of the greatest
  std::vector<int> labels;  ///< only these (channel + 1 where classes overlap); empty: all
  Neighbours neighbours = Neighbours::corners26;
};
void keep_parts(LabelMap& labels, const KeepOptions& options);

/// One segment per label, or per connected part of it. Names by label, from 1; missing ones are "label N".
struct SegmentOptions {
  std::vector<std::string> names;
  bool apart = false;  ///< each connected part is a segment of its own
  Neighbours neighbours = Neighbours::corners26;
};
Segments segments_of(const LabelMap& labels, const SegmentOptions& options);

/// Changes values by a table: new value of label i at [i]. Fails refused when a label is outside the table.
Result<void> relabel(LabelMap& labels, std::span<const std::uint16_t> table);

}  // namespace vedette::voxel
