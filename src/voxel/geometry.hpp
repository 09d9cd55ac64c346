#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "dicom/data_set.hpp"

namespace vedette::voxel {

/// A point or direction in patient coordinates (LPS), millimetres.
struct Vec3 {
  double x = 0, y = 0, z = 0;

  friend constexpr Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
  friend constexpr Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
  friend constexpr Vec3 operator*(Vec3 a, double s) { return {a.x * s, a.y * s, a.z * s}; }
  friend constexpr double dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
  friend constexpr Vec3 cross(Vec3 a, Vec3 b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
  }
  double length() const { return std::sqrt(dot(*this, *this)); }
};

/// Where one image or frame lies (PS3.3 C.7.6.2). `along_row` is the direction in which the column index grows.
struct Plane {
  bool placed = false;           ///< position, orientation and pixel spacing are all there and make sense
  Vec3 position;                 ///< centre of the first voxel
  Vec3 along_row, along_column;  ///< unit vectors: first and second triplet of Image Orientation (Patient)
  double row_spacing = 0;        ///< mm between rows
  double column_spacing = 0;     ///< mm between columns
  int rows = 0, columns = 0;
  std::string sop_instance_uid, frame_of_reference_uid;
  int frame = 0;                       ///< from 0
  std::optional<std::int64_t> number;  ///< Instance Number, or the frame's number in a multi-frame image
  std::string missing;                 ///< which attribute is absent or makes no sense, when not placed

  Vec3 normal() const { return cross(along_row, along_column); }
  /// Centre of a pixel; fractions allowed.
  Vec3 at(double row, double column) const {
    return position + along_row * (column * column_spacing) + along_column * (row * row_spacing);
  }
};

/// One plane per frame. Enhanced objects: per-frame before shared functional groups (PS3.3 C.7.6.16).
std::vector<Plane> planes_of(const dicom::DataSet& header);

/// Whether the images of a series make a volume that can be measured, and the words for the page.
struct Geometry {
  enum class State : std::uint8_t { regular, irregular, single };
  State state = State::single;
  std::string code;         ///< "geometry.gap" …; empty when regular
  std::string text;         ///< "Shown, not measured. Images 41 to 43 are missing."; empty when regular
  bool measurable = false;  ///< volumes and distances across slices may be measured
  /// Indices into the planes, by ascending distance along the normal; as given when they cannot be ordered.
  std::vector<std::size_t> order;
  double slice_spacing = 0;  ///< mean distance along the normal, mm; 0 unless regular
  Vec3 slice_step;           ///< from one slice to the next, mm
};
std::string_view name_of(Geometry::State state);

/// Rules (all from positions and orientations, none from Slice Thickness or Spacing Between Slices):
///  - orientations agree within 0.1°, pixel spacings within 0.1 %, matrices and frames of reference are equal;
///  - two slices nearer than 1 % of the median distance are duplicates;
///  - each distance is within 2 % (at least 0.01 mm) of the median, and each slice within 10 % of a distance of its
///    place in an evenly spaced stack; a distance near a whole multiple of the median is a gap, anything else uneven;
///  - slices shifted sideways by more than half a pixel over the stack make a sheared (tilted) volume.
Geometry geometry_of(std::span<const Plane> planes);
/// The same from headers of one series; pixels are not needed.
Geometry geometry_of(std::span<const dicom::DataSet* const> headers);

}  // namespace vedette::voxel
