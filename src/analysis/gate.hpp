#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "analysis/images.hpp"
#include "analysis/tool.hpp"
#include "voxel/geometry.hpp"

namespace vedette::analysis {

/// Whether a tool looks at a study, and at what.
struct Choice {
  enum class Answer : std::uint8_t { applies, not_applicable, refused };
  Answer answer = Answer::not_applicable;
  std::string code, text;  ///< coded reason and words when it does not apply or is refused
  struct Taken {
    std::string input;  ///< name of the tool's input
    std::size_t series = 0;
    std::vector<std::size_t> images;  ///< of the series: those that pass, where they are taken by themselves; else all
    voxel::Geometry geometry;
    std::vector<voxel::Plane> planes;  ///< of all frames of these, in their order
  };
  std::vector<Taken> taken;  ///< one per input of the tool
};

/// Applies a tool's gates to all series. Not applicable: no series of the modality. Refused: there are some, and none
/// passes; the reason is that of the series which came farthest.
Choice choose(const Tool& tool, const ImageStudy& study);

}  // namespace vedette::analysis
