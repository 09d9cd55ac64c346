#include "voxel/boxes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vedette::voxel {

namespace {

Error unequal(std::string_view what, std::size_t has, std::size_t needs) {
  return {Fault::malformed, "operator.decode_boxes.length",
          fmt::format("The detector gave {} {}, {} are needed.", has, what, needs), "decode_boxes",
          "Check that the anchors are those of the network."};
}

/// Cuts a box to the image's voxel bodies; false when what is left is smaller than `least` along an axis.
bool cut(Box& box, const std::array<int, 3>& shape, double least, bool flat) {
  for (std::size_t a = 0; a < 3; ++a) {
    box.low[a] = std::clamp(box.low[a], -0.5, shape[a] - 0.5);
    box.high[a] = std::clamp(box.high[a], -0.5, shape[a] - 0.5);
    if (!(flat && a == 0) && !(box.high[a] - box.low[a] >= least)) return false;
  }
  return true;
}

/// Least score, best candidates, NMS, best few.
Boxes selected(const Grid& grid, bool placed, std::vector<Box> boxes, const DecodeOptions& options) {
  std::stable_sort(boxes.begin(), boxes.end(), [](const Box& a, const Box& b) { return a.score > b.score; });
  if (boxes.size() > options.candidates) boxes.resize(options.candidates);
  Boxes out;
  out.grid = grid;
  out.placed = placed;
  for (const std::size_t at : suppress(boxes, options.overlap, true)) {
    if (out.boxes.size() == options.most) break;
    out.boxes.push_back(boxes[at]);
  }
  place(out);
  return out;
}

double score_of(float raw, bool logit) {
  const double x = static_cast<double>(raw);
  return logit ? 1 / (1 + std::exp(-x)) : x;
}

}  // namespace

std::vector<Anchor> anchors_of(std::span<const AnchorLevel> levels) {
  std::vector<Anchor> out;
  for (const AnchorLevel& level : levels) {
    for (int i = 0; i < level.cells[0]; ++i) {
      for (int j = 0; j < level.cells[1]; ++j) {
        for (int k = 0; k < level.cells[2]; ++k) {
          const std::array<double, 3> middle{i * level.stride[0], j * level.stride[1], k * level.stride[2]};
          for (const auto& size : level.sizes) {
            Anchor anchor;
            for (std::size_t a = 0; a < 3; ++a) {
              const double half = std::nearbyint(size[a] / 2);
              anchor.low[a] = middle[a] - half;
              anchor.high[a] = middle[a] + half;
            }
            out.push_back(anchor);
          }
        }
      }
    }
  }
  return out;
}

Result<Boxes> decode_boxes(const Grid& grid, bool placed, std::span<const Anchor> anchors,
                           std::span<const float> deltas, std::span<const float> scores, const DecodeOptions& options) {
  const std::size_t dims = options.dimensions == 2 ? 2 : 3, first = 3 - dims;
  if (deltas.size() != anchors.size() * 2 * dims) {
    return unequal("box deltas", deltas.size(), anchors.size() * 2 * dims);
  }
  if (anchors.empty() || scores.size() % anchors.size() != 0 || scores.empty()) {
    return unequal("scores", scores.size(), anchors.size());
  }
  const std::size_t labels = scores.size() / anchors.size();
  const auto shape = shape_of(grid);
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    const float* delta = deltas.data() + i * 2 * dims;
    for (std::size_t label = 0; label < labels; ++label) {
      Box box;
      box.score = score_of(scores[i * labels + label], options.scores_are_logits);
      if (!(box.score > options.least_score)) continue;
      box.label = static_cast<int>(label);
      box.low[0] = -0.5;
      box.high[0] = 0.5;
      for (std::size_t d = 0; d < dims; ++d) {
        const std::size_t a = first + d;
        const double size = anchors[i].high[a] - anchors[i].low[a];
        const double centre =
            anchors[i].low[a] + size / 2 + static_cast<double>(delta[d]) / options.centre_weights[a] * size;
        const double log = std::min(static_cast<double>(delta[dims + d]) / options.size_weights[a], options.most_log);
        const double half = std::exp(log) * size / 2;
        // Detectors count voxel edges from 0; the grid counts centres.
        box.low[a] = centre - half - 0.5;
        box.high[a] = centre + half - 0.5;
      }
      if (cut(box, shape, options.least_size, dims == 2)) boxes.push_back(box);
    }
  }
  return selected(grid, placed, std::move(boxes), options);
}

Result<Boxes> boxes_of(const Grid& grid, bool placed, std::span<const float> corners, std::span<const float> scores,
                       const DecodeOptions& options) {
  const std::size_t dims = options.dimensions == 2 ? 2 : 3, first = 3 - dims, count = corners.size() / (2 * dims);
  if (corners.size() != count * 2 * dims) return unequal("corners", corners.size(), (count + 1) * 2 * dims);
  if (count == 0) return selected(grid, placed, {}, options);
  if (scores.empty() || scores.size() % count != 0) return unequal("scores", scores.size(), count);
  const std::size_t labels = scores.size() / count;
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t label = 0; label < labels; ++label) {
      Box box;
      box.score = score_of(scores[i * labels + label], options.scores_are_logits);
      if (!(box.score > options.least_score)) continue;
      box.label = static_cast<int>(label);
      box.low[0] = -0.5;
      box.high[0] = 0.5;
      for (std::size_t d = 0; d < dims; ++d) {
        box.low[first + d] = static_cast<double>(corners[i * 2 * dims + d]) - 0.5;
        box.high[first + d] = static_cast<double>(corners[i * 2 * dims + dims + d]) - 0.5;
      }
      if (cut(box, shape_of(grid), options.least_size, dims == 2)) boxes.push_back(box);
    }
  }
  return selected(grid, placed, std::move(boxes), options);
}

double intersection_over_union(const Box& a, const Box& b) {
  double both = 1, one = 1, other = 1;
  for (std::size_t i = 0; i < 3; ++i) {
    both *= std::max(0.0, std::min(a.high[i], b.high[i]) - std::max(a.low[i], b.low[i]));
    one *= a.high[i] - a.low[i];
    other *= b.high[i] - b.low[i];
  }
  const double together = one + other - both;
  return together > 0 ? both / together : 0;
}

std::vector<std::size_t> suppress(std::span<const Box> boxes, double overlap, bool per_label) {
  std::vector<std::size_t> order(boxes.size()), kept;
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return boxes[a].score > boxes[b].score; });
  for (const std::size_t at : order) {
    const bool covered = std::any_of(kept.begin(), kept.end(), [&](std::size_t better) {
      if (per_label && boxes[better].label != boxes[at].label) return false;
      return intersection_over_union(boxes[better], boxes[at]) > overlap;
    });
    if (!covered) kept.push_back(at);
  }
  return kept;
}

void place(Boxes& boxes) {
  const auto spacing = spacing_of(boxes.grid);
  for (Box& box : boxes.boxes) {
    box.centre_mm =
        boxes.grid.at((box.low[0] + box.high[0]) / 2, (box.low[1] + box.high[1]) / 2, (box.low[2] + box.high[2]) / 2);
    box.size_mm = {(box.high[2] - box.low[2]) * spacing[2], (box.high[1] - box.low[1]) * spacing[1],
                   (box.high[0] - box.low[0]) * spacing[0]};
  }
}

}  // namespace vedette::voxel
