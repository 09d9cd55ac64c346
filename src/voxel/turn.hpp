#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "voxel/image.hpp"
#include "voxel/parallel.hpp"

namespace vedette::voxel {

/// Axes taken in another order and sense: target axis t runs along source axis source[t], backwards where flipped.
struct Turn {
  std::array<int, 3> source{0, 1, 2};
  std::array<bool, 3> flipped{};
};

Grid turned(const Grid& grid, const Turn& turn);

/// Values of one channel. In squares of 16 × 16, so that lines far apart in memory are read while they are near.
template <typename T>
void turn_values(const T* in, std::array<int, 3> shape, const Turn& turn, T* out, Threads threads) {
  using Step = std::ptrdiff_t;
  const std::array<Step, 3> steps{Step{shape[1]} * shape[2], Step{shape[2]}, 1};
  std::array<Step, 3> step{};
  std::array<std::size_t, 3> size{};
  Step first = 0;
  for (std::size_t t = 0; t < 3; ++t) {
    const std::size_t s = as_size(turn.source[t]);
    size[t] = as_size(shape[s]);
    step[t] = turn.flipped[t] ? -steps[s] : steps[s];
    if (turn.flipped[t]) first += steps[s] * (shape[s] - 1);
  }
  in_pieces(size[0], 1, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      const Step slice = first + static_cast<Step>(k) * step[0];
      T* target = out + k * size[1] * size[2];
      for (std::size_t r0 = 0; r0 < size[1]; r0 += 16) {
        for (std::size_t c0 = 0; c0 < size[2]; c0 += 16) {
          const std::size_t r1 = std::min(r0 + 16, size[1]), c1 = std::min(c0 + 16, size[2]);
          for (std::size_t r = r0; r < r1; ++r) {
            Step at = slice + static_cast<Step>(r) * step[1] + static_cast<Step>(c0) * step[2];
            for (std::size_t c = c0; c < c1; ++c, at += step[2]) target[r * size[2] + c] = in[at];
          }
        }
      }
    }
  });
}

/// An image or a label map without its values: grid as given, the step recorded.
template <typename Kind>
Kind stepped(const Kind& in, const Grid& grid, Undo::Kind kind, std::string step) {
  Kind out;
  out.grid = grid;
  out.channels = in.channels;
  out.placed = in.placed;
  out.steps = in.steps;
  out.steps.push_back({kind, std::move(step), in.grid});
  if constexpr (requires { in.unit; }) {
    out.unit = in.unit;
    out.monochrome1 = in.monochrome1;
    out.voi = in.voi;
  }
  return out;
}

template <typename Kind>
Kind turned(const Kind& in, const Turn& turn, std::string step, Threads threads) {
  Kind out = stepped(in, turned(in.grid, turn), Undo::Kind::resampled, std::move(step));
  out.values.resize(in.values.size());
  for (int c = 0; c < in.channels; ++c) {
    turn_values(in.channel(c), shape_of(in.grid), turn, out.channel(c), threads);
  }
  return out;
}

}  // namespace vedette::voxel
