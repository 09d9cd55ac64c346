#pragma once

#include <span>

#include "base/result.hpp"
#include "pipeline/plan.hpp"

namespace vedette::pipeline {

struct Wired {
  Wiring wiring;
  Known known;
};
/// Ties the operands of a network step to the network's ports and says what comes out. `values` with defaults.
Result<Wired> wire(const voxel::Values& values, std::span<const Known> operands, std::span<const ModelRow> models,
                   std::span<const Face> faces);

}  // namespace vedette::pipeline
