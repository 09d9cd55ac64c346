#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/// The innermost loops of blending classes on the way back: chosen for the processor at start, with the same numbers on
/// each (multiplications and additions are never fused).
namespace vedette::voxel {

/// One row of labels in the making.
struct BlendRow {
  explicit BlendRow(std::size_t columns) : row(columns + 8) {}
  void start(std::size_t count);

  std::vector<float> row;  ///< of one class, between rows and slices; one readable value beyond
  std::vector<float> best;
  std::vector<std::int32_t> label;
};

/// row[x]: a0 towards a1 by `rows`, b0 towards b1 the same, then the first towards the second by `slices`. One value
/// more is set beyond the end.
void blend_rows(const float* a0, const float* a1, const float* b0, const float* b1, float rows, float slices,
                std::size_t count, float* row);

/// For each x: the value between row[low[x]] and the next by share[x]; where it is greater than best[x], it becomes
/// best and `number` the label.
void take_greatest(const float* row, const std::uint32_t* low, const float* share, std::size_t count, int number,
                   float* best, std::int32_t* label);

}  // namespace vedette::voxel
