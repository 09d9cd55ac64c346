#pragma once

#include <array>

#include "voxel/image.hpp"
#include "voxel/parallel.hpp"

namespace vedette::voxel {

/// Half-open range of indices per tensor axis.
struct Range3 {
  std::array<int, 3> low{}, high{};
  bool empty() const { return high[0] <= low[0] || high[1] <= low[1] || high[2] <= low[2]; }
};

/// The part of an image inside `range`, which is cut to the image first. Fails refused when nothing remains.
Result<Image> crop(const Image& image, Range3 range);
Result<LabelMap> crop(const LabelMap& labels, Range3 range);
/// Around the centre, to at most this size; 0 keeps an axis.
/// The first index kept is size / 2 - shape / 2, each rounded down (MONAI CenterSpatialCrop).
Result<Image> crop_centre(const Image& image, std::array<int, 3> shape);

/// Bounds of the voxels above `above` in any channel, widened by `margin` voxels (MONAI CropForeground: above 0;
/// nnU-Net crops where the value is not 0: `not_zero`). Fails refused when no voxel is foreground.
struct ForegroundOptions {
  float above = 0;
  bool not_zero = false;
  int margin = 0;
};
Result<Range3> foreground_of(const Image& image, const ForegroundOptions& options);

/// Bounds of the largest connected part (faces) of channel 0 above `above` (CT: -500 HU), widened by `margin_mm`.
Result<Range3> body_of(const Image& image, float above, double margin_mm);

/// Adds voxels before and after each axis.
struct PadOptions {
  std::array<int, 3> before{}, after{};
  enum class Mode : std::uint8_t { constant, edge, reflect } mode = Mode::constant;  ///< as numpy.pad
  float fill = 0;
};
Result<Image> pad(const Image& image, const PadOptions& options);
/// What to add so that no axis is below `shape` and each is a multiple of `multiple` (0 or 1: any); half before, the
/// odd one after.
PadOptions padding_to(const Grid& grid, std::array<int, 3> shape, std::array<int, 3> multiple);

}  // namespace vedette::voxel
