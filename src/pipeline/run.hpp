#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "engine/network.hpp"
#include "pipeline/plan.hpp"
#include "voxel/image.hpp"

namespace vedette::pipeline {

/// One number per class.
struct Scores {
  std::vector<double> values;
  bool probabilities = false;
};
/// Result of a step.
using Item = std::variant<voxel::Image, voxel::LabelMap, voxel::Boxes, voxel::Segments, Scores>;

/// The images of one input as they were read.
struct Source {
  voxel::Image image;
  std::string series_uid, frame_of_reference_uid;
  std::vector<std::string> instances;  ///< SOP Instance UID of each slice of `image`
  std::string words;                   ///< "Image 3 of 12" where each image is looked at by itself
};

struct Measured {
  terms::Code code;
  double value = 0;
  std::string unit;
  std::string method;
  std::optional<double> uncertainty;
  std::string uncertainty_text;
};

/// What the emit step made: a finding to propose, with its mask on whole source images.
struct Found {
  std::size_t output = 0;  ///< row of the declaration
  std::string why, urgency;
  std::optional<double> score;
  std::vector<Measured> measurements;
  std::string region = "none";
  std::string series_uid, frame_of_reference_uid;
  voxel::Vec3 centre, low, high;  ///< LPS mm; zeros where the images have no place
  double volume_ml = 0;
  int rows = 0, columns = 0;
  std::vector<std::string> instances;  ///< of the mask's slices
  std::vector<std::uint8_t> mask;      ///< [slice,row,column]
  double weight = 0;                   ///< by which findings of one output are ordered
};

struct Timed {
  std::string name;
  double seconds = 0;
};
struct Ran {
  std::vector<Found> found;
  std::vector<std::string> limits;
  std::vector<Timed> steps;
  double network_seconds = 0;
  std::size_t network_calls = 0;
};

struct RunSurroundings {
  std::span<engine::Network* const> networks;  ///< as the declaration's models
  /// 0…1 and words; an error ends the run.
  std::function<Result<void>(double share, const std::string& text)> progress{};
  std::chrono::milliseconds call_deadline{600'000};
};

/// Runs the steps on one set of sources (one per input), then looks at the outputs. Fails with the step's error, its
/// name and place in front.
Result<Ran> run_plan(const Plan& plan, std::span<const Source> sources, const RunSurroundings& with);
/// The same for every image of an input that is taken image by image; findings of scores are kept for the image with
/// the greatest.
Result<Ran> run_images(const Plan& plan, std::span<const Source> images, const RunSurroundings& with);

}  // namespace vedette::pipeline
