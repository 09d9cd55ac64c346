#pragma once

#include <span>
#include <string_view>

#include "voxel/operator.hpp"

namespace vedette::pipeline {

/// A step that is no operator of voxel: it needs a network, the sources or several results.
struct OwnStep {
  enum class Kind : std::uint8_t { network, mean, channels, positions, calibrate, emit };
  Kind kind;
  std::string_view name, help, changes;
  std::span<const voxel::ParameterRule> parameters;
};
std::span<const OwnStep> own_steps();
const OwnStep* own_step_named(std::string_view name);

/// Parameters of any step by its name; empty where there is no such step.
std::span<const voxel::ParameterRule> parameters_of(std::string_view step);
bool is_step(std::string_view name);
/// Names of all steps, sorted.
std::vector<std::string_view> step_names();

}  // namespace vedette::pipeline
