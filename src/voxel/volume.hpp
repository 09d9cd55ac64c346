#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dicom/data_set.hpp"
#include "voxel/geometry.hpp"

namespace vedette::voxel {

/// Where voxels [slice,row,column] lie: voxel (k,r,c) has its centre at origin + k·slice + r·row + c·column, mm LPS.
struct Grid {
  int slices = 0, rows = 0, columns = 0;
  Vec3 origin;
  Vec3 slice, row, column;  ///< step by one index, mm

  std::size_t size() const {
    return static_cast<std::size_t>(slices) * static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  }
  std::size_t index(int k, int r, int c) const {
    return (static_cast<std::size_t>(k) * static_cast<std::size_t>(rows) + static_cast<std::size_t>(r)) *
               static_cast<std::size_t>(columns) +
           static_cast<std::size_t>(c);
  }
  Vec3 at(double k, double r, double c) const { return origin + slice * k + row * r + column * c; }
  double voxel_ml() const { return std::abs(dot(slice, cross(row, column))) / 1000.0; }
};

/// Index triple of a voxel.
struct Index {
  int slice = 0, row = 0, column = 0;
};
inline Index index_of(const Grid& grid, std::size_t at) {
  const auto columns = static_cast<std::size_t>(grid.columns), rows = static_cast<std::size_t>(grid.rows);
  return {static_cast<int>(at / (rows * columns)), static_cast<int>(at / columns % rows),
          static_cast<int>(at % columns)};
}

struct SliceSource {
  std::string sop_instance_uid;
  int frame = 0;                       ///< from 0
  std::optional<std::int64_t> number;  ///< as a person counts it
};

/// values [slice,row,column] in `unit`, slices by ascending distance along the normal.
struct Volume {
  Grid grid;
  std::vector<float> values;
  std::string unit;
  std::string series_uid, frame_of_reference_uid;
  std::vector<SliceSource> sources;  ///< one per slice
};

/// One instance with its pixels.
struct ImageSource {
  const dicom::DataSet* data = nullptr;
  std::string_view transfer_syntax;
};

struct VolumeOptions {
  std::size_t most_voxels = 1'500'000'000;
  /// Multiplies the rescaled values of an image (index into the images); for SUV. None: 1.
  std::function<double(std::size_t image)> factor{};
  std::string unit{};  ///< of the result; empty: Rescale Type or Units of the first image
};

/// Builds the volume of one series. value = (stored × Rescale Slope + Rescale Intercept) × factor, slope and intercept
/// of each image or frame (Pixel Value Transformation of its functional groups). Fails refused with the geometry's code
/// and words when it is not regular, unsupported for colour images, too_large over the limit.
Result<Volume> volume_of(std::span<const ImageSource> images, const VolumeOptions& options = {});

/// Rescaled values [row,column] of one frame (from 0) by itself, whether it has a place or not. Fails as volume_of.
Result<std::vector<float>> values_of(const ImageSource& image, std::size_t frame);
/// What rescaled values are in: Units, else Rescale Type, else "HU" of CT, else "1".
std::string unit_of(const dicom::DataSet& header);

}  // namespace vedette::voxel
