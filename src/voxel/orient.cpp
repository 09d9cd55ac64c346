#include "voxel/orient.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "voxel/turn.hpp"

namespace vedette::voxel {

namespace {

constexpr std::string_view positive = "LPS", negative = "RAI";

/// Patient axis (x, y, z of LPS) and sense of a letter; -1 when it is none.
std::pair<int, bool> axis_of_letter(char letter) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (positive[i] == letter) return {static_cast<int>(i), true};
    if (negative[i] == letter) return {static_cast<int>(i), false};
  }
  return {-1, false};
}

Result<Turn> turn_to(const Grid& grid, std::string_view code) {
  const auto bad = [&] {
    return Error{Fault::refused, "operator.reorient.code", fmt::format("\"{}\" is no orientation.", code), "code",
                 "Name three directions, one each of R or L, A or P, S or I, in the order of the tensor's axes: RAS."};
  };
  if (code.size() != 3) return bad();
  const std::string now = code_of(grid);
  Turn turn;
  std::array<bool, 3> taken{};
  for (std::size_t t = 0; t < 3; ++t) {
    const auto [wanted, up] = axis_of_letter(code[t]);
    if (wanted < 0 || taken[as_size(wanted)]) return bad();
    taken[as_size(wanted)] = true;
    for (std::size_t s = 0; s < 3; ++s) {
      const auto [patient, grows] = axis_of_letter(now[s]);
      if (patient != wanted) continue;
      turn.source[t] = static_cast<int>(s);
      turn.flipped[t] = grows != up;
    }
  }
  return turn;
}

template <typename Kind>
Result<Kind> reoriented_values(const Kind& in, std::string_view code, Threads threads) {
  if (!in.placed) {
    return Error{Fault::refused, "operator.reorient.not_placed", "The image does not say where it lies in the patient.",
                 "reorient", "Leave the step out, or use images with position and orientation."};
  }
  const Turn turn = VEDETTE_TRY(turn_to(in.grid, code));
  return turned(in, turn, "reorient", threads);
}

}  // namespace

Grid turned(const Grid& grid, const Turn& turn) {
  const auto axes = axes_of(grid);
  const auto shape = shape_of(grid);
  std::array<int, 3> new_shape{};
  std::array<Vec3, 3> new_axes{};
  Vec3 origin = grid.origin;
  for (std::size_t t = 0; t < 3; ++t) {
    const std::size_t s = as_size(turn.source[t]);
    new_shape[t] = shape[s];
    new_axes[t] = turn.flipped[t] ? axes[s] * -1.0 : axes[s];
    if (turn.flipped[t]) origin = origin + axes[s] * (shape[s] - 1);
  }
  return grid_of(new_shape, origin, new_axes);
}

Result<Grid> reoriented(const Grid& grid, std::string_view code) {
  return turned(grid, VEDETTE_TRY(turn_to(grid, code)));
}

Result<Image> reorient(const Image& image, std::string_view code, Threads threads) {
  return reoriented_values(image, code, threads);
}
Result<LabelMap> reorient(const LabelMap& labels, std::string_view code, Threads threads) {
  return reoriented_values(labels, code, threads);
}

Image flip(const Image& image, std::array<bool, 3> axes) {
  return turned(image, Turn{{0, 1, 2}, axes}, "flip", {});
}
LabelMap flip(const LabelMap& labels, std::array<bool, 3> axes) {
  return turned(labels, Turn{{0, 1, 2}, axes}, "flip", {});
}

void flip_values(float* values, int channels, std::array<int, 3> shape, std::array<bool, 3> axes) {
  const std::size_t columns = as_size(shape[2]), rows = as_size(shape[1]), slices = as_size(shape[0]);
  const std::size_t plane = rows * columns;
  for (std::size_t c = 0; c < as_size(channels); ++c) {
    float* channel = values + c * slices * plane;
    if (axes[0]) {
      for (std::size_t k = 0; k < slices / 2; ++k) {
        std::swap_ranges(channel + k * plane, channel + (k + 1) * plane, channel + (slices - 1 - k) * plane);
      }
    }
    for (std::size_t k = 0; k < slices && axes[1]; ++k) {
      float* slice = channel + k * plane;
      for (std::size_t r = 0; r < rows / 2; ++r) {
        std::swap_ranges(slice + r * columns, slice + (r + 1) * columns, slice + (rows - 1 - r) * columns);
      }
    }
    for (std::size_t row = 0; row < slices * rows && axes[2]; ++row) {
      std::reverse(channel + row * columns, channel + (row + 1) * columns);
    }
  }
}

}  // namespace vedette::voxel
