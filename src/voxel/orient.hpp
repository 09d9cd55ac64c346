#pragma once

#include <array>
#include <string>
#include <string_view>

#include "voxel/image.hpp"
#include "voxel/parallel.hpp"

namespace vedette::voxel {

/// Turns and flips the tensor so that its axes 1, 2, 3 grow towards the letters of `code` (one each of R/L, A/P, S/I);
/// no interpolation. The letters are in the tensor's order: "RAS" gives what MONAI's Orientation("RAS") gives, "SPL"
/// is the order of SimpleITK's arrays of a series in LPS. Each tensor axis goes to the patient axis it is nearest to.
/// Fails refused for a code that names no three different axes, or an image that is not placed.
Result<Image> reorient(const Image& image, std::string_view code, Threads threads = {});
Result<LabelMap> reorient(const LabelMap& labels, std::string_view code, Threads threads = {});

/// The grid that reorient gives, without values.
Result<Grid> reoriented(const Grid& grid, std::string_view code);

/// Mirrors the given tensor axes (slice, row, column); voxels keep their place in the patient.
Image flip(const Image& image, std::array<bool, 3> axes);
LabelMap flip(const LabelMap& labels, std::array<bool, 3> axes);
/// The same on bare values [channel,slice,row,column], in place.
void flip_values(float* values, int channels, std::array<int, 3> shape, std::array<bool, 3> axes);

}  // namespace vedette::voxel
