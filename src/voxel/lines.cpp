#include "voxel/lines.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "voxel/image.hpp"
#include "voxel/spline.hpp"

namespace vedette::voxel {

namespace {

/// So many neighbouring lines are worked side by side.
constexpr std::size_t lanes = 16;

template <typename T, typename W>
void take(const T* in, std::size_t stride_lane, std::size_t stride, std::size_t count, std::size_t used, W* buffer) {
  for (std::size_t i = 0; i < count; ++i) {
    const T* from = in + i * stride;
    W* to = buffer + i * lanes;
    for (std::size_t l = 0; l < used; ++l) to[l] = static_cast<W>(from[l * stride_lane]);
  }
}

template <typename T, typename W>
void give(const W* row, std::size_t stride_lane, std::size_t used, T* out) {
  for (std::size_t l = 0; l < used; ++l) out[l * stride_lane] = static_cast<T>(row[l]);
}

/// The lanes of a buffer at the places of a line.
template <typename T>
void nearest_or_linear(const Line& line, const T* buffer, std::size_t used, std::size_t stride_lane, std::size_t stride,
                       T* out) {
  std::array<T, lanes> row{};
  for (std::size_t i = 0; i < as_size(line.to); ++i) {
    const T* a = buffer + line.first[i] * lanes;
    if constexpr (std::is_floating_point_v<T>) {
      if (line.order == 1) {
        const T share = line.weight[i][0];
        const T* b = share > 0 ? a + lanes : a;
        for (std::size_t l = 0; l < lanes; ++l) row[l] = a[l] + share * (b[l] - a[l]);
        give(row.data(), stride_lane, used, out + i * stride);
        continue;
      }
    }
    give(a, stride_lane, used, out + i * stride);
  }
}

void cubic(const Line& line, std::vector<double>& buffer, std::size_t used, std::size_t stride_lane, std::size_t stride,
           float* out) {
  const std::size_t count = as_size(line.from), m = spline_margin;
  for (std::size_t i = 0; i < m; ++i) {
    std::copy_n(buffer.data() + m * lanes, lanes, buffer.data() + i * lanes);
    std::copy_n(buffer.data() + (m + count - 1) * lanes, lanes, buffer.data() + (m + count + i) * lanes);
  }
  spline_coefficients(buffer.data(), count + 2 * m, lanes);
  std::array<double, lanes> row{};
  for (std::size_t i = 0; i < as_size(line.to); ++i) {
    const double* a = buffer.data() + line.first[i] * lanes;
    const auto& w = line.weight[i];
    const double w0 = static_cast<double>(w[0]), w1 = static_cast<double>(w[1]), w2 = static_cast<double>(w[2]),
                 w3 = static_cast<double>(w[3]);
    for (std::size_t l = 0; l < lanes; ++l) {
      row[l] = w0 * a[l] + w1 * a[lanes + l] + w2 * a[2 * lanes + l] + w3 * a[3 * lanes + l];
    }
    give(row.data(), stride_lane, used, out + i * stride);
  }
}

/// One axis of a block [outer, length, inner].
template <typename T>
void one_axis(const T* in, std::size_t outer, std::size_t inner, const Line& line, T* out, Threads threads) {
  const std::size_t from = as_size(line.from), to = as_size(line.to);
  // Along the last axis neighbouring lines are rows apart; along the others they are neighbours in memory.
  const bool last = inner == 1;
  const std::size_t groups_inner = last ? 1 : (inner + lanes - 1) / lanes;
  const std::size_t groups = last ? (outer + lanes - 1) / lanes : outer * groups_inner;
  in_pieces(groups, 64, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<T> buffer(line.order == 3 ? 0 : from * lanes);
    std::vector<double> wide(line.order == 3 ? (from + 2 * spline_margin) * lanes : 0);
    for (std::size_t g = begin; g < end; ++g) {
      const std::size_t o = last ? g * lanes : g / groups_inner, i = last ? 0 : g % groups_inner * lanes;
      const std::size_t used = std::min(lanes, last ? outer - o : inner - i);
      const T* source = in + o * from * inner + i;
      T* target = out + o * to * inner + i;
      const std::size_t lane_in = last ? from : 1, lane_out = last ? to : 1;
      if constexpr (std::is_floating_point_v<T>) {
        if (line.order == 3) {
          take(source, lane_in, inner, from, used, wide.data() + spline_margin * lanes);
          cubic(line, wide, used, lane_out, inner, target);
          continue;
        }
      }
      take(source, lane_in, inner, from, used, buffer.data());
      nearest_or_linear(line, buffer.data(), used, lane_out, inner, target);
    }
  });
}

template <typename T>
std::vector<T> all_axes(const T* values, std::array<int, 3> shape, const std::array<Line, 3>& lines, Threads threads) {
  std::array<std::size_t, 3> turn{0, 1, 2};
  std::stable_sort(turn.begin(), turn.end(), [&](std::size_t a, std::size_t b) {
    return static_cast<double>(lines[a].to) / lines[a].from < static_cast<double>(lines[b].to) / lines[b].from;
  });
  std::vector<T> now;
  bool moved = false;
  for (const std::size_t axis : turn) {
    if (lines[axis].same) continue;
    std::size_t outer = 1, inner = 1;
    for (std::size_t a = 0; a < axis; ++a) outer *= as_size(shape[a]);
    for (std::size_t a = axis + 1; a < 3; ++a) inner *= as_size(shape[a]);
    std::vector<T> next(outer * as_size(lines[axis].to) * inner);
    one_axis(moved ? now.data() : values, outer, inner, lines[axis], next.data(), threads);
    now = std::move(next);
    moved = true;
    shape[axis] = lines[axis].to;
  }
  if (!moved) now.assign(values, values + as_size(shape[0]) * as_size(shape[1]) * as_size(shape[2]));
  return now;
}

}  // namespace

Line line_of(std::span<const double> places, int from, int order) {
  Line line;
  line.from = from;
  line.to = static_cast<int>(places.size());
  line.order = order;
  line.same = line.from == line.to;
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::array<float, 4> weight{};
    double first = 0;
    if (order == 3) {
      const double reach = static_cast<double>(spline_margin) - 2;
      const double x = std::clamp(places[i], -reach, from - 1 + reach);
      first = std::floor(x) + static_cast<double>(spline_margin) - 1;
      const auto four = spline_weights(x - std::floor(x));
      for (std::size_t w = 0; w < 4; ++w) weight[w] = static_cast<float>(four[w]);
    } else {
      const double x = std::clamp(order == 0 ? std::floor(places[i] + 0.5 + 1e-6) : places[i], 0.0, from - 1.0);
      first = std::floor(x);
      weight[0] = static_cast<float>(x - first);
      // A share that rounds to 1 is the next sample itself.
      if (weight[0] >= 1) {
        first += 1;
        weight[0] = 0;
      }
    }
    line.first.push_back(static_cast<std::uint32_t>(first));
    line.weight.push_back(weight);
    line.same = line.same && std::abs(places[i] - static_cast<double>(i)) < 1e-12;
  }
  return line;
}

std::vector<float> along_lines(const float* values, std::array<int, 3> shape, const std::array<Line, 3>& lines,
                               Threads threads) {
  return all_axes(values, shape, lines, threads);
}
std::vector<std::uint16_t> along_lines(const std::uint16_t* values, std::array<int, 3> shape,
                                       const std::array<Line, 3>& lines, Threads threads) {
  return all_axes(values, shape, lines, threads);
}

void smooth_axis(float* values, std::array<int, 3> shape, int axis, double sigma, Threads threads) {
  const int radius = static_cast<int>(4 * sigma + 0.5);
  std::vector<double> kernel;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) {
    kernel.push_back(std::exp(-0.5 * i * i / (sigma * sigma)));
    sum += kernel.back();
  }
  for (double& k : kernel) k /= sum;
  std::size_t inner = 1;
  for (std::size_t a = as_size(axis) + 1; a < 3; ++a) inner *= as_size(shape[a]);
  const int length = shape[as_size(axis)];
  const std::size_t count = as_size(shape[0]) * as_size(shape[1]) * as_size(shape[2]) / as_size(length);
  in_pieces(count, 64, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<double> line(as_size(length));
    for (std::size_t n = begin; n < end; ++n) {
      float* first = values + n / inner * inner * as_size(length) + n % inner;
      for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<double>(first[i * inner]);
      for (int i = 0; i < length; ++i) {
        double value = 0;
        for (int k = -radius; k <= radius; ++k) {
          value += kernel[as_size(k + radius)] * line[as_size(std::clamp(i + k, 0, length - 1))];
        }
        first[as_size(i) * inner] = static_cast<float>(value);
      }
    }
  });
}

float linear_at(const float* values, const std::array<int, 3>& shape, const std::array<double, 3>& at) {
  std::array<std::size_t, 3> low{}, high{};
  std::array<float, 3> share{};
  for (std::size_t a = 0; a < 3; ++a) {
    const double x = std::clamp(at[a], 0.0, static_cast<double>(shape[a] - 1));
    const double floor = std::floor(x);
    low[a] = static_cast<std::size_t>(floor);
    share[a] = static_cast<float>(x - floor);
    high[a] = share[a] > 0 ? low[a] + 1 : low[a];
  }
  const auto row = [&](std::size_t k, std::size_t r) {
    const float* line = values + (k * as_size(shape[1]) + r) * as_size(shape[2]);
    return line[low[2]] + share[2] * (line[high[2]] - line[low[2]]);
  };
  const auto slice = [&](std::size_t k) {
    const float first = row(k, low[1]);
    return first + share[1] * (row(k, high[1]) - first);
  };
  const float first = slice(low[0]);
  return first + share[0] * (slice(high[0]) - first);
}

}  // namespace vedette::voxel
