#pragma once

#include <array>
#include <optional>

#include "voxel/image.hpp"
#include "voxel/parallel.hpp"

namespace vedette::voxel {

/// Interpolation of order 0 (nearest; halves go up), 1 (linear) or 3 (cubic B-spline with prefilter).
/// Outside the outermost centres the edge voxel holds; farther than half a voxel outside, `edge` keeps that and `fill`
/// writes `fill_value`. Order 3 prefilters a signal that is continued by its edge values: SciPy's mode "nearest" (map_
/// coordinates, zoom). SimpleITK's linear and nearest with their default value are `fill`.
struct ResampleOptions {
  int order = 1;
  /// nnU-Net's rule: where the coarsest spacing of the source (else of the result) is more than `anisotropy` times the
  /// finest and one axis alone is coarse, that axis gets `order_coarse`, the other two `order`. 0: never.
  double anisotropy = 0;
  int order_coarse = 0;
  enum class Outside : std::uint8_t { edge, fill } outside = Outside::edge;
  float fill_value = 0;
  bool keep_range = false;  ///< order 3: not below the least or over the greatest value of the channel
  Threads threads{};
};

/// Where a result's voxels lie within the source's extent.
enum class Fit : std::uint8_t {
  extent,   ///< both cover the same body; sizes round, the spacing gives way (nnU-Net, scikit-image resize, torch
            ///< interpolate with align_corners=false)
  centres,  ///< the first centres coincide and the spacing is exact; the size covers the last centre, rounded (MONAI
            ///< Spacing, SimpleITK's usual recipe)
};

/// Grid of another spacing: mm along slice, row, column of the tensor; 0 keeps an axis.
Grid grid_of_spacing(const Grid& grid, std::array<double, 3> spacing, Fit fit);
/// Grid of another size over the same extent; 0 keeps an axis.
Grid grid_of_shape(const Grid& grid, std::array<int, 3> shape);

/// Onto any grid, oblique to the source or not, by place in the patient. A pure turn, flip or scale of the axes is done
/// axis by axis; else voxel by voxel. Fails refused when a size is over 2^31 voxels or the order is another.
Result<Image> resample(const Image& image, const Grid& target, const ResampleOptions& options = {});
/// Order 0. Outside the source: 0 with `fill`, the nearest voxel's label with `edge`.
Result<LabelMap> resample(const LabelMap& labels, const Grid& target, const ResampleOptions& options = {});

/// To a size, in pixels of slice, row, column; 0 keeps an axis. `antialias`: where an axis shrinks by a factor f > 1, a
/// Gaussian of σ = (f - 1) / 2 first (scikit-image's resize with anti_aliasing, mode "edge", truncate 4).
struct ResizeOptions {
  std::array<int, 3> shape{};
  int order = 1;
  bool antialias = false;
  bool keep_range = false;
  Threads threads{};
};
Result<Image> resize(const Image& image, const ResizeOptions& options);
/// Keeps the proportions of rows and columns (by pixels), centres, and pads with `fill`; the odd pixel goes after.
Result<Image> letterbox(const Image& image, const ResizeOptions& options, float fill);

/// For tests and for others of this module: how target indices map to source indices.
/// source = offset + step · target, axes slice, row, column.
struct IndexMap {
  std::array<std::array<double, 3>, 3> step{};  ///< [source axis][target axis]
  std::array<double, 3> offset{};
  /// The target axis that each source axis follows, when the map only turns, flips and scales.
  std::optional<std::array<int, 3>> axes;
  std::array<double, 3> at(double k, double r, double c) const;
};
IndexMap index_map(const Grid& source, const Grid& target);

}  // namespace vedette::voxel
