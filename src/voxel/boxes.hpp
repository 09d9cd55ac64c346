#pragma once

#include <array>
#include <span>
#include <vector>

#include "voxel/image.hpp"

namespace vedette::voxel {

/// Anchors of a dense detector: per level of the feature pyramid a grid of cells, each with the same shapes, centred on
/// cell × stride (MONAI AnchorGeneratorWithAnchorShape, whose cells start at 0; order: cell along axis 1, 2, 3, then
/// shape).
struct AnchorLevel {
  std::array<int, 3> cells{};
  std::array<double, 3> stride{};
  std::vector<std::array<double, 3>> sizes;  ///< along axes 1, 2, 3, in voxels
};
struct Anchor {
  std::array<double, 3> low{}, high{};
};
std::vector<Anchor> anchors_of(std::span<const AnchorLevel> levels);

struct DecodeOptions {
  int dimensions = 3;  ///< 2: axis 1 (slice) is left out of the deltas
  std::array<double, 3> centre_weights{1, 1, 1}, size_weights{1, 1, 1};
  double most_log = 4.135166556742356;  ///< log(1000 / 16): size deltas are cut there (Faster R-CNN)
  bool scores_are_logits = true;
  double least_score = 0.02;
  double overlap = 0.22;          ///< NMS drops a box whose IoU with a better one of its label is greater
  std::size_t candidates = 1000;  ///< best ones that NMS sees
  std::size_t most = 300;
  double least_size = 0.01;  ///< voxels, after cutting to the image
};
/// deltas [anchor, 2 × dimensions] (centre shifts, then log sizes, axes in tensor order), scores [anchor, label].
/// centre = anchor centre + delta / weight × anchor size; size = exp(delta / weight) × anchor size; cut to the image,
/// least score, best candidates, NMS per label, best `most`. Fails malformed when lengths do not agree. Girshick 2015.
Result<Boxes> decode_boxes(const Grid& grid, bool placed, std::span<const Anchor> anchors,
                           std::span<const float> deltas, std::span<const float> scores, const DecodeOptions& options);

/// Of boxes that are corners already: [box, low 1 2 3, high 1 2 3] in voxel edges (an image reaches from 0 to its
/// size).
Result<Boxes> boxes_of(const Grid& grid, bool placed, std::span<const float> corners, std::span<const float> scores,
                       const DecodeOptions& options);

/// Indices kept, by falling score; equal scores: the first. IoU by voxel edges.
std::vector<std::size_t> suppress(std::span<const Box> boxes, double overlap, bool per_label);
double intersection_over_union(const Box& a, const Box& b);
/// Sets centre_mm and size_mm from the grid.
void place(Boxes& boxes);

}  // namespace vedette::voxel
