#include "voxel/crop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "voxel/labels.hpp"
#include "voxel/turn.hpp"

namespace vedette::voxel {

namespace {

Error nothing_left(std::string_view code, std::string cause, std::string_view where) {
  return {Fault::refused, std::string(code), std::move(cause), std::string(where),
          "Check the image and the threshold of the step."};
}

Grid part_of(const Grid& grid, const std::array<int, 3>& low, const std::array<int, 3>& shape) {
  return grid_of(shape, grid.at(low[0], low[1], low[2]), axes_of(grid));
}

template <typename Kind>
Result<Kind> cropped(const Kind& in, Range3 range) {
  const auto shape = shape_of(in.grid);
  std::array<int, 3> size{};
  for (std::size_t a = 0; a < 3; ++a) {
    range.low[a] = std::max(range.low[a], 0);
    range.high[a] = std::min(range.high[a], shape[a]);
    size[a] = range.high[a] - range.low[a];
  }
  if (range.empty()) return nothing_left("operator.crop.empty", "Nothing of the image lies inside the crop.", "crop");
  Kind out = stepped(in, part_of(in.grid, range.low, size), Undo::Kind::cropped, "crop");
  out.values.resize(as_size(in.channels) * out.grid.size());
  for (int c = 0; c < in.channels; ++c) {
    auto* to = out.channel(c);
    for (int k = 0; k < size[0]; ++k) {
      for (int r = 0; r < size[1]; ++r, to += size[2]) {
        std::copy_n(in.channel(c) + in.grid.index(k + range.low[0], r + range.low[1], range.low[2]), size[2], to);
      }
    }
  }
  return out;
}

/// Bounds of the voxels for which `inside(index)`; empty range when there are none.
template <typename Inside>
Range3 bounds_of(const Grid& grid, const Inside& inside) {
  Range3 range{shape_of(grid), {0, 0, 0}};
  for (int k = 0; k < grid.slices; ++k) {
    for (int r = 0; r < grid.rows; ++r) {
      const std::size_t row = grid.index(k, r, 0);
      int first = 0, last = grid.columns - 1;
      while (first < grid.columns && !inside(row + as_size(first))) ++first;
      if (first == grid.columns) continue;
      while (!inside(row + as_size(last))) --last;
      range.low = {std::min(range.low[0], k), std::min(range.low[1], r), std::min(range.low[2], first)};
      range.high = {std::max(range.high[0], k + 1), std::max(range.high[1], r + 1), std::max(range.high[2], last + 1)};
    }
  }
  return range;
}

Range3 widened(Range3 range, const std::array<int, 3>& margin, const std::array<int, 3>& shape) {
  for (std::size_t a = 0; a < 3; ++a) {
    range.low[a] = std::max(range.low[a] - margin[a], 0);
    range.high[a] = std::min(range.high[a] + margin[a], shape[a]);
  }
  return range;
}

/// Source index along one axis of a padded one; -1: the fill value.
std::vector<int> padded_index(int size, int before, int after, PadOptions::Mode mode) {
  std::vector<int> index;
  for (int i = -before; i < size + after; ++i) {
    int at = i;
    if (mode == PadOptions::Mode::constant) {
      at = i < 0 || i >= size ? -1 : i;
    } else if (mode == PadOptions::Mode::edge || size == 1) {
      at = std::clamp(i, 0, size - 1);
    } else {
      const int period = 2 * (size - 1);
      at = ((i % period) + period) % period;
      if (at >= size) at = period - at;
    }
    index.push_back(at);
  }
  return index;
}

}  // namespace

Result<Image> crop(const Image& image, Range3 range) {
  return cropped(image, range);
}
Result<LabelMap> crop(const LabelMap& labels, Range3 range) {
  return cropped(labels, range);
}

Result<Image> crop_centre(const Image& image, std::array<int, 3> shape) {
  Range3 range;
  const auto size = shape_of(image.grid);
  for (std::size_t a = 0; a < 3; ++a) {
    const int wanted = shape[a] <= 0 ? size[a] : std::min(shape[a], size[a]);
    range.low[a] = size[a] / 2 - wanted / 2;
    range.high[a] = range.low[a] + wanted;
  }
  return crop(image, range);
}

Result<Range3> foreground_of(const Image& image, const ForegroundOptions& options) {
  Range3 all{shape_of(image.grid), {0, 0, 0}};
  for (int c = 0; c < image.channels; ++c) {
    const float* values = image.channel(c);
    const Range3 one = bounds_of(image.grid, [&](std::size_t at) {
      return options.not_zero ? values[at] < 0 || values[at] > 0 : values[at] > options.above;
    });
    for (std::size_t a = 0; a < 3 && !one.empty(); ++a) {
      all.low[a] = std::min(all.low[a], one.low[a]);
      all.high[a] = std::max(all.high[a], one.high[a]);
    }
  }
  if (all.empty()) {
    return nothing_left("operator.crop_foreground.none", "No voxel is foreground.", "crop_foreground");
  }
  return widened(all, {options.margin, options.margin, options.margin}, shape_of(image.grid));
}

Result<Range3> body_of(const Image& image, float above, double margin_mm) {
  const float* values = image.channel(0);
  std::vector<std::uint16_t> inside(image.grid.size());
  for (std::size_t i = 0; i < inside.size(); ++i) inside[i] = values[i] > above ? 1 : 0;
  const Parts parts = parts_of(image.grid, inside, Neighbours::faces6);
  if (parts.sizes.empty()) {
    return nothing_left("operator.crop_body.none", fmt::format("No voxel is above {}.", above), "crop_body");
  }
  const auto largest = std::max_element(parts.sizes.begin(), parts.sizes.end()) - parts.sizes.begin() + 1;
  const Range3 range =
      bounds_of(image.grid, [&](std::size_t at) { return parts.values[at] == static_cast<std::uint32_t>(largest); });
  const auto spacing = spacing_of(image.grid);
  std::array<int, 3> margin{};
  for (std::size_t a = 0; a < 3; ++a) margin[a] = static_cast<int>(std::ceil(margin_mm / spacing[a] - 1e-9));
  return widened(range, margin, shape_of(image.grid));
}

Result<Image> pad(const Image& image, const PadOptions& options) {
  const auto size = shape_of(image.grid);
  std::array<std::vector<int>, 3> index;
  std::array<int, 3> low{}, shape{};
  for (std::size_t a = 0; a < 3; ++a) {
    if (options.before[a] < 0 || options.after[a] < 0) {
      return Error{Fault::refused, "operator.pad.negative", "Padding cannot be negative.", "pad",
                   "Use crop to take voxels away."};
    }
    index[a] = padded_index(size[a], options.before[a], options.after[a], options.mode);
    low[a] = -options.before[a];
    shape[a] = static_cast<int>(index[a].size());
  }
  Image out = stepped(image, part_of(image.grid, low, shape), Undo::Kind::padded, "pad");
  out.values.assign(as_size(image.channels) * out.grid.size(), options.fill);
  for (int c = 0; c < image.channels; ++c) {
    float* to = out.channel(c);
    for (const int k : index[0]) {
      for (const int r : index[1]) {
        const float* row = k < 0 || r < 0 ? nullptr : image.channel(c) + image.grid.index(k, r, 0);
        for (const int column : index[2]) {
          if (row != nullptr && column >= 0) *to = row[column];
          ++to;
        }
      }
    }
  }
  return out;
}

PadOptions padding_to(const Grid& grid, std::array<int, 3> shape, std::array<int, 3> multiple) {
  PadOptions options;
  const auto size = shape_of(grid);
  for (std::size_t a = 0; a < 3; ++a) {
    int wanted = std::max(size[a], shape[a]);
    const int unit = std::max(multiple[a], 1);
    wanted = (wanted + unit - 1) / unit * unit;
    options.before[a] = (wanted - size[a]) / 2;
    options.after[a] = wanted - size[a] - options.before[a];
  }
  return options;
}

}  // namespace vedette::voxel
