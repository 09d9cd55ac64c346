#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "voxel/parallel.hpp"

namespace vedette::voxel {

/// How values along one axis are made from values along the same axis of another length.
struct Line {
  int from = 0, to = 0;
  int order = 1;
  std::vector<std::uint32_t> first;          ///< per result: index of the first sample (order 3: with the margin)
  std::vector<std::array<float, 4>> weight;  ///< order 1: share of the second in [0]; order 3: all four
  bool same = false;                         ///< every result is the sample of its own index
};

/// `places`: where each result lies among the samples. Outside, the edge holds.
Line line_of(std::span<const double> places, int from, int order);

/// Applies the three lines of axes slice, row, column to one channel, the one that shrinks most first.
std::vector<float> along_lines(const float* values, std::array<int, 3> shape, const std::array<Line, 3>& lines,
                               Threads threads);
/// Labels; lines of order 0.
std::vector<std::uint16_t> along_lines(const std::uint16_t* values, std::array<int, 3> shape,
                                       const std::array<Line, 3>& lines, Threads threads);

/// Gaussian along one axis in place; cut at 4 σ, the edge holds outside (SciPy's gaussian_filter1d, mode "nearest").
void smooth_axis(float* values, std::array<int, 3> shape, int axis, double sigma, Threads threads);

/// One value between eight voxels; the edge holds outside.
float linear_at(const float* values, const std::array<int, 3>& shape, const std::array<double, 3>& at);

}  // namespace vedette::voxel
