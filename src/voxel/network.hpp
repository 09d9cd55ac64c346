#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "voxel/image.hpp"
#include "voxel/parallel.hpp"
#include "voxel/undo.hpp"

namespace vedette::voxel {

/// One window of an image or what a network makes of it: [channel,slice,row,column], float32. Batch is always 1 and a
/// network of two dimensions sees one slice; the caller of the engine adds or removes axes.
struct Tensor {
  int channels = 0;
  std::array<int, 3> shape{};
  std::vector<float> values;
};
/// Must give the same numbers for the same tensor. May give any number of channels, always the same one, and the
/// window's own shape.
using Network = std::function<Result<Tensor>(const Tensor& window)>;

struct SlidingOptions {
  std::array<int, 3> window{};                      ///< slice, row, column; 0: the whole axis
  std::array<double, 3> overlap{0.25, 0.25, 0.25};  ///< share of a window, 0 to < 1
  enum class Weights : std::uint8_t { constant, gaussian } weights = Weights::constant;
  double sigma = 0.125;  ///< of the Gaussian, as a share of the window
  /// stepped: steps of int(window × (1 - overlap)), the last moved back (MONAI); even: as many windows as needed at
  /// equal, rounded distances (nnU-Net).
  enum class Places : std::uint8_t { stepped, even } places = Places::stepped;
  float fill = 0;                        ///< around an image smaller than the window; half before, odd one after
  std::array<bool, 3> mirror{};          ///< mean over all combinations of flips of these axes, 2^n runs of the network
  std::size_t most_bytes = 12ULL << 30;  ///< refused before the first run when the result and its sums need more
  Threads threads{};
  std::function<Result<void>(std::size_t done, std::size_t all)> progress{};  ///< an error ends the run
};

/// First indices of the windows along one axis.
std::vector<int> window_places(int size, int window, double overlap, SlidingOptions::Places places);
/// Weights along one axis, greatest 1; the product of three is a voxel's weight, at least
/// 1e-3 (MONAI compute_importance_map).
std::vector<double> window_weights(int window, const SlidingOptions& options);

/// Runs the network over all windows and blends: Σ weight × result / Σ weight. The result keeps the grid and the steps.
/// Fails with the network's error, or refused when its result has another shape than the window, changes its number of
/// channels, or holds a value that is not finite.
Result<Image> slide(const Image& image, const SlidingOptions& options, const Network& network);

/// The same, but decides while blending and brings labels straight to the grid before the steps: never holds more of
/// the classes than the slices that windows still touch. Equal to to_source_labels(slide(image)) voxel by voxel.
Result<LabelMap> slide_to_labels(const Image& image, const SlidingOptions& options, const Network& network,
                                 const DecideOptions& decide, const UndoOptions& undo = {});

/// Mean over all combinations of flips of the axes: each flipped tensor is run and its result flipped back.
Network mirrored(Network network, std::array<bool, 3> axes);
/// Mean of several networks on the same window.
Network ensemble(std::vector<Network> networks);

}  // namespace vedette::voxel
