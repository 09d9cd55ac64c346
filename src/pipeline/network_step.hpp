#pragma once

#include <functional>
#include <vector>

#include "base/result.hpp"
#include "pipeline/run.hpp"

namespace vedette::pipeline {

/// What network steps spent in their networks.
struct Spent {
  double seconds = 0;
  std::size_t calls = 0;
};

/// Runs one network step on its operands, in the order of its wiring.
Result<Item> run_network(const PlannedStep& step, const std::vector<const voxel::Image*>& operands,
                         engine::Network& network, std::chrono::milliseconds deadline,
                         const std::function<Result<void>(std::size_t done, std::size_t all)>& progress, Spent& spent);

}  // namespace vedette::pipeline
