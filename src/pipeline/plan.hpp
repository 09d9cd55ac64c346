#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/network.hpp"
#include "pipeline/declaration.hpp"
#include "pipeline/layout.hpp"
#include "pipeline/steps.hpp"
#include "voxel/operator.hpp"

namespace vedette::pipeline {

/// What is known of a result before anything runs.
struct Known {
  enum class Kind : std::uint8_t { grid, scores };
  Kind kind = Kind::grid;
  voxel::Form form;            ///< of grid: image, labels, boxes or segments
  std::optional<int> scores;   ///< how many
  bool probabilities = false;  ///< of scores: between 0 and 1
};
std::string text_of(const Known& known);

/// A network as its file or its process describes it.
struct Face {
  std::string name;  ///< as the declaration calls it
  std::vector<engine::Port> inputs, outputs;
};

/// How one network step feeds its network and reads it.
struct Wiring {
  std::size_t model = 0;
  struct Feed {
    std::size_t port = 0;
    Layout layout;
    std::optional<int> channels;
  };
  std::vector<Feed> feeds;  ///< one per operand, in its order
  struct Read {
    std::size_t port = 0;
    Layout layout;
  };
  Read read;                                            ///< the output that gives the result (boxes: the boxes)
  std::optional<std::size_t> scores_port, labels_port;  ///< of separate boxes
  std::array<int, 3> window{};                          ///< slice, row, column; 0: the whole axis
  std::array<std::optional<int>, 3> ports_want;         ///< sizes that the network's inputs fix
};

/// One step, resolved.
struct PlannedStep {
  const voxel::Operator* op = nullptr;  ///< else `own`
  const OwnStep* own = nullptr;
  std::string use, name, where;
  std::vector<std::size_t> of;  ///< results: 0 … inputs-1 are the inputs, then the steps in order
  voxel::Values values;         ///< with defaults
  std::optional<Wiring> wiring;
  Known known;  ///< of its result
};

struct Plan {
  Declaration declaration;
  std::vector<Known> inputs;
  std::vector<PlannedStep> steps;
};

/// Checks the whole chain before anything runs: names, parameters, shapes, units, spacing, channels, ranges, the
/// networks' declared inputs and outputs, and that every output can be made. `inputs`: what the gate promises of each
/// input, in the declaration's order. Fails refused with the step, its place in the file, the cause and what to change.
Result<Plan> make_plan(const Declaration& declaration, std::span<const Known> inputs, std::span<const Face> faces);

}  // namespace vedette::pipeline
