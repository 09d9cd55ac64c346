#pragma once

#include <vector>

#include "analysis/tool.hpp"
#include "base/result.hpp"
#include "engine/model.hpp"
#include "engine/warm.hpp"
#include "pipeline/plan.hpp"

namespace vedette::analysis {

/// The files of a tool's networks, looked at by content, in the order of its models. Fails as engine::inspect_model,
/// not_found "model.file".
Result<std::vector<engine::ModelFacts>> inspect_models(const Tool& tool);
std::vector<engine::NetworkOrder> orders_of(const Tool& tool, const std::vector<engine::ModelFacts>& facts);
/// What the pipeline's check needs of them.
std::vector<pipeline::Face> faces_of(const Tool& tool, const std::vector<engine::ModelFacts>& facts);

}  // namespace vedette::analysis
