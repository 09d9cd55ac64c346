#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "engine/network.hpp"
#include "voxel/network.hpp"

namespace vedette::pipeline {

/// What the axes of a network's tensor mean, outermost first: N batch (always 1), C channel, D slice, H row, W column.
/// "NCDHW", "NHWC", "HW"; each letter at most once.
struct Layout {
  std::string letters;

  int place_of(char letter) const;  ///< -1: not there
  bool has(char letter) const { return place_of(letter) >= 0; }
};
/// Fails refused for other letters, or one twice.
Result<Layout> layout_from(std::string_view letters);

/// The likely layout of a tensor that carries an image: an axis of the size `channels` (or of 1 to 4) right after the
/// batch or at the end. Fails refused where both or none would do; says to declare it.
Result<Layout> likely_layout(const engine::Shape& shape, std::optional<int> channels);

/// Channels [first, first + count) of a window as the tensor a port asks for: order of axes, type of numbers (rounded,
/// cut to the type's range). Fails refused "pipeline.range" where the port's type cannot hold the values.
Result<engine::Tensor> to_tensor(const voxel::Tensor& window, int first, int count, const engine::Port& port,
                                 const Layout& layout);
/// What came back as [channel,slice,row,column]. Fails malformed where the tensor has other axes.
Result<voxel::Tensor> from_tensor(const engine::Tensor& tensor, const Layout& layout);
/// All numbers of a tensor in its own order.
Result<std::vector<double>> numbers_of(const engine::Tensor& tensor);

}  // namespace vedette::pipeline
