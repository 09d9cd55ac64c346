#pragma once

#include <optional>
#include <span>
#include <string>

#include "voxel/image.hpp"
#include "voxel/parallel.hpp"

namespace vedette::voxel {

/// Values outside low..high become low or high. NaN stays NaN.
void clip(Image& image, double low, double high, Threads threads = {});

/// (value - from_low) / (from_high - from_low) × (to_high - to_low) + to_low (MONAI ScaleIntensityRange).
/// Fails refused when from_low = from_high. The unit becomes `unit`.
struct ScaleOptions {
  double from_low = 0, from_high = 1, to_low = 0, to_high = 1;
  bool clip = false;
  bool from_data = false;  ///< from_low and from_high are the channel's own least and greatest value
  std::string unit = "1";
  Threads threads{};
};
Result<void> scale(Image& image, const ScaleOptions& options);

/// Percentiles with linear interpolation between ranks (NumPy's default), per channel; 0..100.
/// `not_zero` looks only at voxels that are not 0. Fails refused when there are none.
Result<std::pair<double, double>> percentiles(std::span<const float> values, double low, double high, bool not_zero);
Result<void> percentile_clip(Image& image, double low, double high, bool not_zero);

/// (value - mean) / sd; sd of the population; an sd of 0 counts as 1 (MONAI NormalizeIntensity).
struct ZScoreOptions {
  bool not_zero = false;           ///< mean, sd and change only of voxels that are not 0
  bool per_channel = true;         ///< else over all channels together
  std::optional<double> mean, sd;  ///< given ones (nnU-Net's fingerprint) instead of the image's
  Threads threads{};
};
Result<void> z_score(Image& image, const ZScoreOptions& options);

/// VOI LUT functions (PS3.3 C.11.2.1.2 LINEAR, C.11.2.1.3.1 SIGMOID, C.11.2.1.3.2 LINEAR_EXACT) to low..high; no
/// rounding. Fails refused when the width is < 1 (linear) or <= 0 (others).
enum class WindowFunction : std::uint8_t { linear, linear_exact, sigmoid };
struct WindowOptions {
  double centre = 0, width = 1;
  WindowFunction function = WindowFunction::linear;
  double low = 0, high = 1;
  Threads threads{};
};
Result<void> window(Image& image, const WindowOptions& options);

/// low + high - value where low values are shown white; nothing otherwise. `low` and `high` are the ends of the range
/// of stored values after the modality transformation.
void invert_monochrome1(Image& image, double low, double high, Threads threads = {});

/// Channels of images on one grid, in order. Fails refused when the grids differ by more than 1e-3 mm or units differ.
Result<Image> stack_channels(std::span<const Image> images);
/// Repeats the only channel (grey to RGB networks).
Result<Image> repeat_channel(const Image& image, int channels);

/// exp(x) / Σ exp over channels, computed from the greatest; 1 / (1 + exp(-x)).
void softmax(Image& image, Threads threads = {});
void sigmoid(Image& image, Threads threads = {});

}  // namespace vedette::voxel
