#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "voxel/regions.hpp"
#include "voxel/volume.hpp"

namespace vedette::voxel {

/// How one geometric step is undone. Every step writes the grid of its result so that voxels keep their place in the
/// patient; the way back therefore is `before`, and what may be read and what is known of it.
struct Undo {
  enum class Kind : std::uint8_t {
    resampled,  ///< reorient, flip, resample, resize: covers the same body; outside the last centres the edge holds
    cropped,    ///< outside the result nothing is known: `fill` (labels 0) on the way back
    padded,     ///< voxels of the result that lie outside `before` are never read on the way back
  };
  Kind kind = Kind::resampled;
  std::string step;  ///< name of the operator, for the record
  Grid before;
};

/// values [channel,slice,row,column], float32, in `unit`. An image of two dimensions has one slice.
/// "slice, row, column" are the tensor's axes 1, 2, 3; after `reorient` they point wherever its code says.
struct Image {
  Grid grid;  ///< centre of voxel (k,r,c) in LPS mm, steps per index
  int channels = 1;
  std::vector<float> values;  ///< channels × grid.size()
  std::string unit;           ///< "HU", "g/ml{SUVbw}", "Bq/ml", "1" after normalising; empty: arbitrary
  bool placed = true;         ///< the grid is known in the patient; false: steps are 1 and lengths mean pixels
  bool monochrome1 = false;   ///< low values are shown white (PS3.3 C.7.6.3.1.2); `invert_monochrome1` clears it
  /// VOI of the source (PS3.3 C.11.2), as far as it carries one.
  struct Voi {
    double centre = 0, width = 0;
    std::string function = "LINEAR";
  };
  std::optional<Voi> voi;
  std::vector<Undo> steps;  ///< in the order done; undone from the back

  std::size_t voxels() const { return grid.size(); }
  float* channel(int c) { return values.data() + static_cast<std::size_t>(c) * grid.size(); }
  const float* channel(int c) const { return values.data() + static_cast<std::size_t>(c) * grid.size(); }
};

/// values [channel,slice,row,column]; 0 is background. argmax gives one channel with the class's number, threshold one
/// channel of 0 and 1 per class (classes may overlap).
struct LabelMap {
  Grid grid;
  int channels = 1;
  std::vector<std::uint16_t> values;
  bool placed = true;
  std::vector<Undo> steps;

  std::uint16_t* channel(int c) { return values.data() + static_cast<std::size_t>(c) * grid.size(); }
  const std::uint16_t* channel(int c) const { return values.data() + static_cast<std::size_t>(c) * grid.size(); }
};

/// A box of a detector: corners in index coordinates of `Boxes::grid`, axes slice, row, column; a voxel's body reaches
/// from -0.5 to +0.5 around its index.
struct Box {
  std::array<double, 3> low{}, high{};
  double score = 0;  ///< 0..1
  int label = 0;     ///< from 0
  Vec3 centre_mm;    ///< LPS; set when the grid is placed
  Vec3 size_mm;      ///< extent along the grid's column, row and slice direction (x, y, z of an upright grid)
};
struct Boxes {
  Grid grid;
  bool placed = true;
  std::vector<Box> boxes;  ///< by falling score
  std::vector<Undo> steps;
};

/// Numbers of one region (see measure.hpp).
struct Measures {
  std::size_t voxels = 0;
  double volume_ml = 0;
  double longest_mm = 0;           ///< greatest distance between two voxel centres of the region
  Vec3 longest_from, longest_to;   ///< LPS mm
  double longest_in_slice_mm = 0;  ///< the same within one slice
  int longest_slice = 0;
  double mean = 0, sd = 0, minimum = 0, maximum = 0;  ///< of the values under it; sd of the population
  std::string unit;                                   ///< of those values
  Vec3 centre_mm;                                     ///< unweighted
};

/// One label or connected part of it.
struct Segment {
  int number = 0;  ///< from 1, in order
  int label = 0;   ///< value in the map, or channel + 1 where classes may overlap
  std::string name;
  Region region;  ///< voxel indices on the grid, ascending
  Measures measures;
};
struct Segments {
  Grid grid;
  bool placed = true;
  std::vector<Segment> segments;
};

/// A count or index as the type of containers; negative ones are a programmer's error.
constexpr std::size_t as_size(int n) {
  return static_cast<std::size_t>(n);
}

/// Of a series in patient space; one channel, no copy of the values.
Image image_of(Volume volume);
/// Of a picture without known place; values [row,column], lengths in pixels unless spacings (mm) are given.
Image picture_of(std::vector<float> values, int rows, int columns, std::string unit, double row_mm = 0,
                 double column_mm = 0);

std::array<double, 3> spacing_of(const Grid& grid);  ///< mm per index along slice, row, column
std::array<int, 3> shape_of(const Grid& grid);       ///< slices, rows, columns
std::array<Vec3, 3> axes_of(const Grid& grid);       ///< steps by one slice, row, column
/// Grid whose first voxel is at `origin`.
Grid grid_of(std::array<int, 3> shape, Vec3 origin, const std::array<Vec3, 3>& axes);
/// Directions in which slice, row and column index grow, by the nearest patient axis: "SPL" for a common axial series.
std::string code_of(const Grid& grid);
bool same_grid(const Grid& a, const Grid& b, double tolerance_mm = 1e-3);
/// Two names of one unit: "HU" and "[hnsf'U]", "SUV" and "g/ml{SUVbw}" …
bool same_unit(std::string_view a, std::string_view b);
/// Fails malformed when the number of values and the shape do not agree, a size is not positive, or steps are no basis.
Result<void> checked(const Image& image);
Result<void> checked(const LabelMap& labels);

}  // namespace vedette::voxel
