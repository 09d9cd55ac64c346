#include "voxel/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace vedette::voxel {

namespace {

/// Names of one unit, the first being the one written.
constexpr std::string_view unit_names[][4] = {
    {"HU", "[hnsf'U]", "Hounsfield", ""},
    {"g/ml{SUVbw}", "SUV", "SUVbw", "GML"},
    {"Bq/ml", "BQML", "", ""},
    {"1", "{1}", "US", ""},
};

std::string_view written(std::string_view unit) {
  for (const auto& names : unit_names) {
    for (const auto name : names) {
      if (!name.empty() && name == unit) return names[0];
    }
  }
  return unit;
}

Result<void> shape_checked(const Grid& grid, int channels, std::size_t values) {
  if (grid.slices <= 0 || grid.rows <= 0 || grid.columns <= 0 || channels <= 0) {
    return Error{Fault::malformed, "image.empty",
                 fmt::format("An image of {} channels and {} × {} × {} voxels holds nothing.", channels, grid.slices,
                             grid.rows, grid.columns)};
  }
  if (values != as_size(channels) * grid.size()) {
    return Error{Fault::malformed, "image.shape",
                 fmt::format("{} values do not fill {} channels of {} × {} × {} voxels.", values, channels, grid.slices,
                             grid.rows, grid.columns)};
  }
  const double volume = std::abs(dot(grid.slice, cross(grid.row, grid.column)));
  if (!(volume > 1e-12) || !std::isfinite(volume)) {
    return Error{Fault::malformed, "image.grid", "The steps of the grid do not span a space."};
  }
  return {};
}

}  // namespace

Image image_of(Volume volume) {
  Image image;
  image.grid = volume.grid;
  image.values = std::move(volume.values);
  image.unit = std::move(volume.unit);
  return image;
}

Image picture_of(std::vector<float> values, int rows, int columns, std::string unit, double row_mm, double column_mm) {
  Image image;
  image.placed = row_mm > 0 && column_mm > 0;
  const double row = image.placed ? row_mm : 1, column = image.placed ? column_mm : 1;
  image.grid = grid_of({1, rows, columns}, {}, {Vec3{0, 0, 1}, Vec3{0, row, 0}, Vec3{column, 0, 0}});
  image.values = std::move(values);
  image.unit = std::move(unit);
  return image;
}

std::array<Vec3, 3> axes_of(const Grid& grid) {
  return {grid.slice, grid.row, grid.column};
}

Grid grid_of(std::array<int, 3> shape, Vec3 origin, const std::array<Vec3, 3>& axes) {
  return {shape[0], shape[1], shape[2], origin, axes[0], axes[1], axes[2]};
}

std::array<double, 3> spacing_of(const Grid& grid) {
  return {grid.slice.length(), grid.row.length(), grid.column.length()};
}

std::array<int, 3> shape_of(const Grid& grid) {
  return {grid.slices, grid.rows, grid.columns};
}

std::string code_of(const Grid& grid) {
  const auto axes = axes_of(grid);
  std::array<std::array<double, 3>, 3> share{};  // [tensor axis][patient axis]
  for (std::size_t a = 0; a < 3; ++a) {
    const double length = std::max(axes[a].length(), 1e-300);
    share[a] = {axes[a].x / length, axes[a].y / length, axes[a].z / length};
  }
  std::string code = "???";
  std::array<bool, 3> patient_taken{};
  // The axis that is surest of its direction chooses first.
  for (int turn = 0; turn < 3; ++turn) {
    std::size_t axis = 0, patient = 0;
    double best = -1;
    for (std::size_t a = 0; a < 3; ++a) {
      if (code[a] != '?') continue;
      for (std::size_t p = 0; p < 3; ++p) {
        if (patient_taken[p] || std::abs(share[a][p]) <= best + 1e-12) continue;
        best = std::abs(share[a][p]);
        axis = a;
        patient = p;
      }
    }
    patient_taken[patient] = true;
    code[axis] = share[axis][patient] >= 0 ? "LPS"[patient] : "RAI"[patient];
  }
  return code;
}

bool same_grid(const Grid& a, const Grid& b, double tolerance_mm) {
  if (shape_of(a) != shape_of(b)) return false;
  for (const int k : {0, a.slices - 1}) {
    for (const int r : {0, a.rows - 1}) {
      for (const int c : {0, a.columns - 1}) {
        if ((a.at(k, r, c) - b.at(k, r, c)).length() > tolerance_mm) return false;
      }
    }
  }
  return true;
}

bool same_unit(std::string_view a, std::string_view b) {
  return written(a) == written(b);
}

Result<void> checked(const Image& image) {
  return shape_checked(image.grid, image.channels, image.values.size());
}
Result<void> checked(const LabelMap& labels) {
  return shape_checked(labels.grid, labels.channels, labels.values.size());
}

}  // namespace vedette::voxel
