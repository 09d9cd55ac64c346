#include "voxel/resample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "voxel/crop.hpp"
#include "voxel/lines.hpp"
#include "voxel/spline.hpp"
#include "voxel/turn.hpp"

namespace vedette::voxel {

namespace {

constexpr double snap = 1e-6;  ///< voxels; nearer than this counts as being there

double snapped(double v) {
  const double whole = std::round(v);
  return std::abs(v - whole) < snap ? whole : v;
}

bool outside(double at, int size) {
  return at < -0.5 - snap || at >= size - 0.5 + snap;
}

int nearest(double at, int size) {
  return std::clamp(static_cast<int>(std::floor(at + 0.5 + snap)), 0, size - 1);
}

Result<void> checked_options(const Grid& target, const ResampleOptions& options) {
  if (options.order != 0 && options.order != 1 && options.order != 3) {
    return Error{Fault::refused, "operator.resample.order", fmt::format("There is no order {}.", options.order),
                 "order", "Use 0 (nearest), 1 (linear) or 3 (cubic)."};
  }
  if (target.slices <= 0 || target.rows <= 0 || target.columns <= 0 || target.size() > (std::size_t{1} << 31)) {
    return Error{Fault::refused, "operator.resample.size",
                 fmt::format("A grid of {} × {} × {} voxels is not made.", target.slices, target.rows, target.columns),
                 "resample", "Check the spacing that the step asks for."};
  }
  return {};
}

/// The one coarse axis of spacings that differ by more than `ratio`; -1 when none or two are coarse.
int coarse_axis(const std::array<double, 3>& spacing, double ratio) {
  const double most = *std::max_element(spacing.begin(), spacing.end());
  const double least = *std::min_element(spacing.begin(), spacing.end());
  if (!(most / least > ratio)) return -1;
  int axis = -1, equal = 0;
  for (std::size_t a = 0; a < 3; ++a) {
    if (std::abs(spacing[a] - most) > 1e-9 * most) continue;
    axis = static_cast<int>(a);
    ++equal;
  }
  return equal == 1 ? axis : -1;
}

/// Order per source axis.
std::array<int, 3> orders(const Grid& source, const Grid& target, const ResampleOptions& options,
                          const std::array<int, 3>& axes) {
  std::array<int, 3> order{options.order, options.order, options.order};
  if (!(options.anisotropy > 0) || options.order == 0) return order;
  int coarse = coarse_axis(spacing_of(source), options.anisotropy);
  if (coarse < 0) {
    const auto spacing = spacing_of(target);
    std::array<double, 3> along{};
    for (std::size_t a = 0; a < 3; ++a) along[a] = spacing[as_size(axes[a])];
    coarse = coarse_axis(along, options.anisotropy);
  }
  if (coarse >= 0) order[as_size(coarse)] = options.order_coarse;
  return order;
}

template <typename T>
void fill_outside(T* out, const Grid& target, const std::array<std::vector<bool>, 3>& inside, T fill) {
  for (int k = 0; k < target.slices; ++k) {
    for (int r = 0; r < target.rows; ++r) {
      T* row = out + target.index(k, r, 0);
      if (!inside[0][as_size(k)] || !inside[1][as_size(r)]) {
        std::fill_n(row, target.columns, fill);
        continue;
      }
      for (int c = 0; c < target.columns; ++c) {
        if (!inside[2][as_size(c)]) row[c] = fill;
      }
    }
  }
}

/// Places on the source of a target axis and which of them lie inside.
struct Places {
  std::vector<double> at;
  std::vector<bool> inside;
};
Places places_of(const IndexMap& map, std::size_t source_axis, std::size_t target_axis, int source_size, int count) {
  Places places;
  for (int i = 0; i < count; ++i) {
    const double at = snapped(map.offset[source_axis] + map.step[source_axis][target_axis] * i);
    places.at.push_back(at);
    places.inside.push_back(!outside(at, source_size));
  }
  return places;
}

/// Axis by axis: turned into the target's order of axes, then line by line, the axis that shrinks most first.
template <typename Kind, typename T>
void by_axes(const Kind& in, const IndexMap& map, const ResampleOptions& options, T fill, Kind& out) {
  const auto source_shape = shape_of(in.grid), target_shape = shape_of(out.grid);
  const std::array<int, 3> order = orders(in.grid, out.grid, options, *map.axes);
  Turn turn;
  std::array<Line, 3> lines;
  std::array<std::vector<bool>, 3> inside;
  for (std::size_t s = 0; s < 3; ++s) {
    const std::size_t t = as_size((*map.axes)[s]);
    turn.source[t] = static_cast<int>(s);
    Places places = places_of(map, s, t, source_shape[s], target_shape[t]);
    lines[t] = line_of(places.at, source_shape[s], order[s]);
    inside[t] = std::move(places.inside);
  }
  std::array<int, 3> shape{};
  for (std::size_t t = 0; t < 3; ++t) shape[t] = source_shape[as_size(turn.source[t])];
  const bool turns = turn.source != std::array<int, 3>{0, 1, 2};
  for (int c = 0; c < in.channels; ++c) {
    std::vector<T> values;
    const T* from = in.channel(c);
    if (turns) {
      values.resize(in.grid.size());
      turn_values(in.channel(c), source_shape, turn, values.data(), options.threads);
      from = values.data();
    }
    std::vector<T> result = along_lines(from, shape, lines, options.threads);
    if (options.outside == ResampleOptions::Outside::fill) fill_outside(result.data(), out.grid, inside, fill);
    std::copy(result.begin(), result.end(), out.channel(c));
  }
}

/// Channel widened by the margin of splines on every side and turned into coefficients.
std::vector<float> coefficients_of(const float* values, const std::array<int, 3>& shape, Threads threads) {
  const std::size_t m = spline_margin;
  const std::array<std::size_t, 3> wide{as_size(shape[0]) + 2 * m, as_size(shape[1]) + 2 * m,
                                        as_size(shape[2]) + 2 * m};
  const auto near = [&](std::size_t i, int size) {
    return as_size(std::clamp(static_cast<int>(i) - static_cast<int>(m), 0, size - 1));
  };
  std::vector<float> out(wide[0] * wide[1] * wide[2]);
  in_pieces(wide[0], 1, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<double> line(wide[1] * wide[2]);
    for (std::size_t k = begin; k < end; ++k) {
      const float* slice = values + near(k, shape[0]) * as_size(shape[1]) * as_size(shape[2]);
      for (std::size_t r = 0; r < wide[1]; ++r) {
        const float* row = slice + near(r, shape[1]) * as_size(shape[2]);
        for (std::size_t c = 0; c < wide[2]; ++c) line[r * wide[2] + c] = static_cast<double>(row[near(c, shape[2])]);
        spline_coefficients(line.data() + r * wide[2], wide[2], 1);
      }
      spline_coefficients(line.data(), wide[1], wide[2]);
      std::copy(line.begin(), line.end(), out.begin() + static_cast<std::ptrdiff_t>(k * wide[1] * wide[2]));
    }
  });
  in_pieces(wide[1] * wide[2], 256, threads, [&](std::size_t begin, std::size_t end) {
    const std::size_t lanes = end - begin, plane = wide[1] * wide[2];
    std::vector<double> line(wide[0] * lanes);
    for (std::size_t k = 0; k < wide[0]; ++k) {
      std::copy_n(out.data() + k * plane + begin, lanes, line.data() + k * lanes);
    }
    spline_coefficients(line.data(), wide[0], lanes);
    for (std::size_t k = 0; k < wide[0]; ++k) {
      std::copy_n(line.data() + k * lanes, lanes, out.data() + k * plane + begin);
    }
  });
  return out;
}

float cubic_at(const float* coefficients, const std::array<int, 3>& shape, const std::array<double, 3>& at) {
  std::array<std::size_t, 3> first{};
  std::array<std::array<double, 4>, 3> weight{};
  const double reach = static_cast<double>(spline_margin) - 2;
  for (std::size_t a = 0; a < 3; ++a) {
    const double x = std::clamp(at[a], -reach, shape[a] - 1 + reach);
    const double floor = std::floor(x);
    first[a] = static_cast<std::size_t>(static_cast<int>(floor) + static_cast<int>(spline_margin) - 1);
    weight[a] = spline_weights(x - floor);
  }
  const std::size_t columns = as_size(shape[2]) + 2 * spline_margin, rows = as_size(shape[1]) + 2 * spline_margin;
  double sum = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t r = 0; r < 4; ++r) {
      const float* line = coefficients + ((first[0] + k) * rows + first[1] + r) * columns + first[2];
      double part = 0;
      for (std::size_t c = 0; c < 4; ++c) part += weight[2][c] * static_cast<double>(line[c]);
      sum += part * weight[0][k] * weight[1][r];
    }
  }
  return static_cast<float>(sum);
}

/// Voxel by voxel. `value(place)` where inside or the edge holds.
template <typename T, typename Value>
void by_voxels(const IndexMap& map, const std::array<int, 3>& shape, const Grid& target, const ResampleOptions& options,
               T fill, T* out, const Value& value) {
  const bool fills = options.outside == ResampleOptions::Outside::fill;
  in_pieces(as_size(target.slices), 1, options.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      T* to = out + k * as_size(target.rows) * as_size(target.columns);
      for (int r = 0; r < target.rows; ++r) {
        for (int c = 0; c < target.columns; ++c, ++to) {
          auto at = map.at(static_cast<double>(k), r, c);
          bool out_of_it = false;
          for (std::size_t a = 0; a < 3; ++a) {
            at[a] = snapped(at[a]);
            out_of_it = out_of_it || outside(at[a], shape[a]);
          }
          *to = fills && out_of_it ? fill : value(at);
        }
      }
    }
  });
}

void keep_range_of(const Image& in, int channel, Image& out) {
  const auto [least, most] = std::minmax_element(in.channel(channel), in.channel(channel) + in.voxels());
  float* values = out.channel(channel);
  for (std::size_t i = 0; i < out.voxels(); ++i) values[i] = std::clamp(values[i], *least, *most);
}

std::string step_name(const Grid& from, const Grid& to) {
  return fmt::format("resample {}×{}×{} to {}×{}×{}", from.slices, from.rows, from.columns, to.slices, to.rows,
                     to.columns);
}

}  // namespace

std::array<double, 3> IndexMap::at(double k, double r, double c) const {
  std::array<double, 3> out = offset;
  for (std::size_t a = 0; a < 3; ++a) out[a] += step[a][0] * k + step[a][1] * r + step[a][2] * c;
  return out;
}

IndexMap index_map(const Grid& source, const Grid& target) {
  const Vec3 s = source.slice, r = source.row, c = source.column;
  const double volume = dot(s, cross(r, c));
  const std::array<Vec3, 3> dual{cross(r, c) * (1 / volume), cross(c, s) * (1 / volume), cross(s, r) * (1 / volume)};
  const auto axes = axes_of(target);
  const auto shape = shape_of(target);
  IndexMap map;
  std::array<int, 3> follows{-1, -1, -1};
  bool aligned = true;
  for (std::size_t a = 0; a < 3; ++a) {
    map.offset[a] = dot(dual[a], target.origin - source.origin);
    if (std::abs(map.offset[a] - std::round(map.offset[a])) < 1e-7) map.offset[a] = std::round(map.offset[a]);
    double most = 0;
    for (std::size_t t = 0; t < 3; ++t) {
      map.step[a][t] = dot(dual[a], axes[t]);
      const double whole = std::round(map.step[a][t]);
      if (std::abs(map.step[a][t] - whole) < 1e-9) map.step[a][t] = whole;
      if (std::abs(map.step[a][t]) > most) {
        most = std::abs(map.step[a][t]);
        follows[a] = static_cast<int>(t);
      }
    }
    for (std::size_t t = 0; t < 3; ++t) {
      if (static_cast<int>(t) == follows[a]) continue;
      if (std::abs(map.step[a][t]) * std::max(shape[t] - 1, 1) > 1e-4) aligned = false;
    }
  }
  aligned = aligned && follows[0] != follows[1] && follows[0] != follows[2] && follows[1] != follows[2];
  if (aligned) {
    map.axes = follows;
    for (std::size_t a = 0; a < 3; ++a) {
      for (std::size_t t = 0; t < 3; ++t) {
        if (static_cast<int>(t) != follows[a]) map.step[a][t] = 0;
      }
    }
  }
  return map;
}

Grid grid_of_shape(const Grid& grid, std::array<int, 3> shape) {
  const auto size = shape_of(grid);
  auto axes = axes_of(grid);
  Vec3 origin = grid.origin;
  for (std::size_t a = 0; a < 3; ++a) {
    if (shape[a] <= 0) shape[a] = size[a];
    const double ratio = static_cast<double>(size[a]) / shape[a];
    origin = origin + axes[a] * (0.5 * ratio - 0.5);
    axes[a] = axes[a] * ratio;
  }
  return grid_of(shape, origin, axes);
}

Grid grid_of_spacing(const Grid& grid, std::array<double, 3> spacing, Fit fit) {
  const auto now = spacing_of(grid);
  auto shape = shape_of(grid);
  auto axes = axes_of(grid);
  for (std::size_t a = 0; a < 3; ++a) {
    if (!(spacing[a] > 0)) continue;
    // Halves go to the even number, as Python's round.
    const double exact = fit == Fit::extent ? shape[a] * now[a] / spacing[a] : (shape[a] - 1) * now[a] / spacing[a] + 1;
    shape[a] = static_cast<int>(std::clamp(std::nearbyint(snapped(exact)), 1.0, 2147483647.0));
    axes[a] = axes[a] * (spacing[a] / now[a]);
  }
  return fit == Fit::extent ? grid_of_shape(grid, shape) : grid_of(shape, grid.origin, axes);
}

Result<Image> resample(const Image& image, const Grid& target, const ResampleOptions& options) {
  VEDETTE_TRY(checked_options(target, options));
  Image out = stepped(image, target, Undo::Kind::resampled, step_name(image.grid, target));
  out.values.resize(as_size(image.channels) * target.size());
  const IndexMap map = index_map(image.grid, target);
  if (map.axes) {
    by_axes(image, map, options, options.fill_value, out);
  } else {
    const auto shape = shape_of(image.grid);
    for (int c = 0; c < image.channels; ++c) {
      const float* values = image.channel(c);
      const std::vector<float> cubic =
          options.order == 3 ? coefficients_of(values, shape, options.threads) : std::vector<float>{};
      by_voxels(map, shape, target, options, options.fill_value, out.channel(c), [&](const std::array<double, 3>& at) {
        if (options.order == 3) return cubic_at(cubic.data(), shape, at);
        if (options.order == 1) return linear_at(values, shape, at);
        return values[image.grid.index(nearest(at[0], shape[0]), nearest(at[1], shape[1]), nearest(at[2], shape[2]))];
      });
    }
  }
  for (int c = 0; c < image.channels && options.keep_range; ++c) keep_range_of(image, c, out);
  return out;
}

Result<LabelMap> resample(const LabelMap& labels, const Grid& target, const ResampleOptions& options) {
  ResampleOptions nearest_only = options;
  nearest_only.order = 0;
  VEDETTE_TRY(checked_options(target, nearest_only));
  LabelMap out = stepped(labels, target, Undo::Kind::resampled, step_name(labels.grid, target));
  out.values.resize(as_size(labels.channels) * target.size());
  const IndexMap map = index_map(labels.grid, target);
  if (map.axes) {
    by_axes(labels, map, nearest_only, std::uint16_t{0}, out);
    return out;
  }
  const auto shape = shape_of(labels.grid);
  for (int c = 0; c < labels.channels; ++c) {
    const std::uint16_t* values = labels.channel(c);
    by_voxels(map, shape, target, nearest_only, std::uint16_t{0}, out.channel(c), [&](const std::array<double, 3>& at) {
      return values[labels.grid.index(nearest(at[0], shape[0]), nearest(at[1], shape[1]), nearest(at[2], shape[2]))];
    });
  }
  return out;
}

Result<Image> resize(const Image& image, const ResizeOptions& options) {
  const Grid target = grid_of_shape(image.grid, options.shape);
  ResampleOptions how;
  how.order = options.order;
  how.keep_range = options.keep_range;
  how.threads = options.threads;
  if (!options.antialias) return resample(image, target, how);
  Image smooth = image;
  const auto from = shape_of(image.grid), to = shape_of(target);
  for (std::size_t a = 0; a < 3; ++a) {
    const double sigma = (static_cast<double>(from[a]) / to[a] - 1) / 2;
    for (int c = 0; c < image.channels && sigma > 0; ++c) {
      smooth_axis(smooth.channel(c), from, static_cast<int>(a), sigma, options.threads);
    }
  }
  Image out = VEDETTE_TRY(resample(smooth, target, how));
  for (int c = 0; c < image.channels && options.keep_range; ++c) keep_range_of(image, c, out);
  return out;
}

Result<Image> letterbox(const Image& image, const ResizeOptions& options, float fill) {
  const auto size = shape_of(image.grid);
  std::array<int, 3> wanted = options.shape;
  for (std::size_t a = 0; a < 3; ++a) wanted[a] = wanted[a] > 0 ? wanted[a] : size[a];
  const double factor = std::min(static_cast<double>(wanted[1]) / size[1], static_cast<double>(wanted[2]) / size[2]);
  ResizeOptions inner = options;
  inner.shape[0] = wanted[0];
  for (std::size_t a = 1; a < 3; ++a) {
    inner.shape[a] = std::clamp(static_cast<int>(std::nearbyint(size[a] * factor)), 1, wanted[a]);
  }
  const Image resized = VEDETTE_TRY(resize(image, inner));
  PadOptions padding = padding_to(resized.grid, wanted, {1, 1, 1});
  padding.fill = fill;
  return pad(resized, padding);
}

}  // namespace vedette::voxel
