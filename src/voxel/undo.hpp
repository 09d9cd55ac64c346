#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "voxel/image.hpp"
#include "voxel/parallel.hpp"
#include "voxel/resample.hpp"

namespace vedette::voxel {

/// How values per class become labels. argmax: the class of the greatest value, the least number among equals;
/// threshold: 1 where the value is at least `at`, per class.
struct DecideOptions {
  enum class By : std::uint8_t { argmax, threshold } by = By::argmax;
  double at = 0.5;
};
LabelMap decide(const Image& image, const DecideOptions& options = {}, Threads threads = {});

struct UndoOptions {
  std::size_t keep = 0;  ///< how many of the first steps stay done; 0: back to the source
  float fill = 0;        ///< of images, where a crop left nothing known; labels get 0
  Threads threads{};
};

/// The chain of steps as one way back: from the grid of the result straight to the grid before the steps, so values are
/// interpolated once however many steps there were. A voxel that any crop had cut off is `fill`; padding is never read.
struct WayBack {
  Grid from, to;
  IndexMap map;                                       ///< index on `to` → index on `from`
  std::array<double, 3> readable_low, readable_high;  ///< indices on `from` are clamped to these
  std::vector<Grid> known;                            ///< a voxel of `to` is known when it lies in all of these
};
/// Fails refused when `keep` is over the number of steps.
Result<WayBack> way_back(const Grid& grid, const std::vector<Undo>& steps, std::size_t keep = 0);

/// Logits or probabilities, linear. (order 1; a chain of pure crops, pads, flips and turns is exact)
Result<Image> to_source(const Image& image, const UndoOptions& options = {});
/// Labels, order 0.
Result<LabelMap> to_source(const LabelMap& labels, const UndoOptions& options = {});
/// Corners and grid; the box around the turned corners where axes turn.
Result<Boxes> to_source(const Boxes& boxes, const UndoOptions& options = {});

/// decide(to_source(image)) without ever holding the classes on the source grid: the way of nnU-Net's export (resize
/// each class linearly, then argmax, then un-crop) in one pass over the logits. Differs from it at most where two
/// classes are equal to the last bits.
Result<LabelMap> to_source_labels(const Image& image, const DecideOptions& decide, const UndoOptions& undo = {});

/// The same, fed slice by slice of the result's grid in ascending order; for streams. Not thread-safe; uses threads
/// inside.
class LabelsBySlice {
 public:
  /// Fails refused when the way back is oblique to the result's axes (then take to_source_labels), or for more classes
  /// than labels have numbers (65 535).
  static Result<LabelsBySlice> make(const Grid& grid, const std::vector<Undo>& steps, bool placed, int channels,
                                    const DecideOptions& decide, const UndoOptions& undo);
  LabelsBySlice(LabelsBySlice&&) noexcept;
  LabelsBySlice& operator=(LabelsBySlice&&) noexcept;
  ~LabelsBySlice();

  /// All classes of the next slice: [channel,row,column], channels `channel_stride` values apart.
  void next(const float* slice, std::size_t channel_stride);
  /// After the last slice.
  LabelMap finish() &&;

 private:
  struct State;
  explicit LabelsBySlice(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace vedette::voxel
