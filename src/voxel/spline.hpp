#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace vedette::voxel {

/// Cubic B-splines on signals that are continued by their edge values (SciPy's mode "nearest"): a margin of 12 samples
/// stands for the continuation, beyond which it weighs less than 2e-7.
constexpr std::size_t spline_margin = 12;

/// Samples to coefficients in place; `lanes` signals side by side, sample i of lane l at [i * lanes + l]. The first and
/// last `spline_margin` samples hold the edge values. Unser 1999, "Splines: a perfect fit for signal processing".
template <typename T>
void spline_coefficients(T* samples, std::size_t length, std::size_t lanes) {
  const T pole = static_cast<T>(std::sqrt(3.0) - 2.0);
  const T gain = static_cast<T>(6.0);
  // The signal is constant before the first sample, so the causal sum there is a geometric series.
  for (std::size_t l = 0; l < lanes; ++l) samples[l] = samples[l] * gain / (1 - pole);
  for (std::size_t i = 1; i < length; ++i) {
    T* now = samples + i * lanes;
    for (std::size_t l = 0; l < lanes; ++l) now[l] = now[l] * gain + pole * (now - lanes)[l];
  }
  T* last = samples + (length - 1) * lanes;
  for (std::size_t l = 0; l < lanes; ++l) last[l] = last[l] * (pole / (pole - 1));
  for (std::size_t i = length - 1; i-- > 0;) {
    T* now = samples + i * lanes;
    for (std::size_t l = 0; l < lanes; ++l) now[l] = pole * ((now + lanes)[l] - now[l]);
  }
}

/// Weights of the coefficients at -1, 0, 1, 2 for a place `t` (0 to 1) after 0.
template <typename T>
std::array<T, 4> spline_weights(T t) {
  const T u = 1 - t;
  return {u * u * u / 6, (4 - 6 * t * t + 3 * t * t * t) / 6, (4 - 6 * u * u + 3 * u * u * u) / 6, t * t * t / 6};
}

}  // namespace vedette::voxel
