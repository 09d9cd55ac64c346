#include "voxel/labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace vedette::voxel {

namespace {

/// A run of equal labels along a row.
struct Run {
  std::uint32_t first = 0, last = 0;  ///< columns
  std::uint16_t label = 0;
};

class Sets {
 public:
  std::uint32_t add() {
    parent_.push_back(static_cast<std::uint32_t>(parent_.size()));
    return parent_.back();
  }
  std::uint32_t root(std::uint32_t at) {
    while (parent_[at] != at) at = parent_[at] = parent_[parent_[at]];
    return at;
  }
  /// The lower number leads, so a set's root is its first run.
  void join(std::uint32_t a, std::uint32_t b) {
    a = root(a);
    b = root(b);
    if (a != b) parent_[std::max(a, b)] = std::min(a, b);
  }
  std::size_t size() const { return parent_.size(); }

 private:
  std::vector<std::uint32_t> parent_;
};

class Runs {
 public:
  Runs(const Grid& grid, std::span<const std::uint16_t> labels) : grid_(grid) {
    const auto rows = as_size(grid.slices) * as_size(grid.rows), columns = as_size(grid.columns);
    start_.reserve(rows + 1);
    for (std::size_t row = 0; row < rows; ++row) {
      start_.push_back(runs_.size());
      const std::uint16_t* values = labels.data() + row * columns;
      for (std::size_t c = 0; c < columns;) {
        std::size_t end = c + 1;
        while (end < columns && values[end] == values[c]) ++end;
        if (values[c] != 0) {
          runs_.push_back({static_cast<std::uint32_t>(c), static_cast<std::uint32_t>(end - 1), values[c]});
          sets_.add();
        }
        c = end;
      }
    }
    start_.push_back(runs_.size());
  }

  /// Joins runs of rows that touch; `reach` 1 where corners of a row's ends count.
  void join_rows(std::size_t a, std::size_t b, std::uint32_t reach) {
    std::size_t i = start_[a], j = start_[b];
    while (i < start_[a + 1] && j < start_[b + 1]) {
      const Run &x = runs_[i], &y = runs_[j];
      if (x.label == y.label && x.first <= y.last + reach && y.first <= x.last + reach) {
        sets_.join(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(j));
      }
      // Where both end together, the next of one row may still touch the last of the other at a corner.
      if (x.last == y.last && reach > 0 && i + 1 < start_[a + 1]) {
        const Run& after = runs_[i + 1];
        if (after.label == y.label && after.first <= y.last + reach) {
          sets_.join(static_cast<std::uint32_t>(i + 1), static_cast<std::uint32_t>(j));
        }
      }
      if (x.last < y.last) {
        ++i;
      } else {
        ++j;
      }
    }
  }

  void join(Neighbours neighbours) {
    const int most = neighbours == Neighbours::faces6 ? 1 : neighbours == Neighbours::edges18 ? 2 : 3;
    for (int k = 0; k < grid_.slices; ++k) {
      for (int r = 0; r < grid_.rows; ++r) {
        const std::size_t here = row_of(k, r);
        // Only rows before this one; each pair once.
        for (const auto& [dk, dr] : {std::pair{0, -1}, std::pair{-1, -1}, std::pair{-1, 0}, std::pair{-1, 1}}) {
          const int apart = std::abs(dk) + std::abs(dr);
          if (apart > most || k + dk < 0 || r + dr < 0 || r + dr >= grid_.rows) continue;
          join_rows(row_of(k + dk, r + dr), here, apart + 1 <= most ? 1 : 0);
        }
      }
    }
  }

  Parts parts() {
    Parts out;
    out.values.assign(grid_.size(), 0);
    std::vector<std::uint32_t> number(runs_.size(), 0);
    for (std::size_t row = 0; row + 1 < start_.size(); ++row) {
      for (std::size_t i = start_[row]; i < start_[row + 1]; ++i) {
        const std::uint32_t root = sets_.root(static_cast<std::uint32_t>(i));
        if (number[root] == 0) {
          out.sizes.push_back(0);
          number[root] = static_cast<std::uint32_t>(out.sizes.size());
        }
        const std::size_t length = runs_[i].last - runs_[i].first + 1;
        out.sizes[number[root] - 1] += length;
        std::fill_n(out.values.data() + row * as_size(grid_.columns) + runs_[i].first, length, number[root]);
      }
    }
    return out;
  }

 private:
  std::size_t row_of(int k, int r) const { return as_size(k) * as_size(grid_.rows) + as_size(r); }

  const Grid& grid_;
  std::vector<Run> runs_;
  std::vector<std::size_t> start_;
  Sets sets_;
};

/// Which parts stay, by number; [0] is unused.
std::vector<bool> kept_parts(const Parts& parts, const std::vector<std::uint16_t>& label_of, const KeepOptions& options,
                             std::size_t least, const std::vector<bool>& asked) {
  std::vector<bool> keep(parts.sizes.size() + 1, true);
  std::map<std::uint16_t, std::vector<std::size_t>> by_label;
  for (std::size_t p = 1; p <= parts.sizes.size(); ++p) {
    if (asked[p]) by_label[label_of[p]].push_back(p);
  }
  for (auto& [label, numbers] : by_label) {
    std::stable_sort(numbers.begin(), numbers.end(),
                     [&](std::size_t a, std::size_t b) { return parts.sizes[a - 1] > parts.sizes[b - 1]; });
    for (std::size_t rank = 0; rank < numbers.size(); ++rank) {
      const bool small = parts.sizes[numbers[rank] - 1] < least;
      if (small || (options.largest > 0 && rank >= options.largest)) keep[numbers[rank]] = false;
    }
  }
  return keep;
}

}  // namespace

Parts parts_of(const Grid& grid, std::span<const std::uint16_t> labels, Neighbours neighbours) {
  Runs runs(grid, labels);
  runs.join(neighbours);
  return runs.parts();
}

void keep_parts(LabelMap& labels, const KeepOptions& options) {
  const std::size_t voxels = labels.grid.size();
  std::size_t least = options.least_voxels;
  if (options.least_ml > 0) {
    const double needed = std::ceil(options.least_ml / labels.grid.voxel_ml() - 1e-9);
    least = std::max(least, static_cast<std::size_t>(needed));
  }
  for (int c = 0; c < labels.channels; ++c) {
    std::uint16_t* values = labels.channel(c);
    const Parts parts = parts_of(labels.grid, {values, voxels}, options.neighbours);
    std::vector<std::uint16_t> label_of(parts.sizes.size() + 1, 0);
    for (std::size_t i = 0; i < voxels; ++i) label_of[parts.values[i]] = values[i];
    std::vector<bool> asked(label_of.size(), options.labels.empty());
    for (std::size_t p = 1; p < label_of.size() && !options.labels.empty(); ++p) {
      const int label = labels.channels > 1 ? c + 1 : static_cast<int>(label_of[p]);
      asked[p] = std::find(options.labels.begin(), options.labels.end(), label) != options.labels.end();
    }
    const std::vector<bool> keep = kept_parts(parts, label_of, options, least, asked);
    for (std::size_t i = 0; i < voxels; ++i) {
      if (!keep[parts.values[i]]) values[i] = 0;
    }
  }
}

Segments segments_of(const LabelMap& labels, const SegmentOptions& options) {
  Segments out;
  out.grid = labels.grid;
  out.placed = labels.placed;
  const std::size_t voxels = labels.grid.size();
  for (int c = 0; c < labels.channels; ++c) {
    const std::uint16_t* values = labels.channel(c);
    const Parts parts = options.apart ? parts_of(labels.grid, {values, voxels}, options.neighbours) : Parts{};
    std::map<std::pair<int, std::uint32_t>, Region> regions;
    for (std::size_t i = 0; i < voxels; ++i) {
      if (values[i] == 0) continue;
      const int label = labels.channels > 1 ? c + 1 : static_cast<int>(values[i]);
      regions[{label, options.apart ? parts.values[i] : 0}].push_back(i);
    }
    for (auto& [key, region] : regions) {
      Segment segment;
      segment.number = static_cast<int>(out.segments.size()) + 1;
      segment.label = key.first;
      const auto at = as_size(key.first) - 1;
      segment.name = at < options.names.size() ? options.names[at] : fmt::format("label {}", key.first);
      segment.region = std::move(region);
      out.segments.push_back(std::move(segment));
    }
  }
  return out;
}

Result<void> relabel(LabelMap& labels, std::span<const std::uint16_t> table) {
  for (std::uint16_t& value : labels.values) {
    if (value >= table.size()) {
      return Error{Fault::refused, "operator.relabel.label", fmt::format("The table does not name label {}.", value),
                   "relabel", fmt::format("Give {} numbers, from label 0 on.", value + 1)};
    }
    value = table[value];
  }
  return {};
}

}  // namespace vedette::voxel
