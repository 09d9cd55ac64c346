#pragma once

#include <span>
#include <vector>

#include "base/result.hpp"
#include "pipeline/run.hpp"

namespace vedette::pipeline {

/// Makes the findings of one emit step and adds them to `ran`. The first item is what is found, a second one the image
/// that is measured; else the source image on whose grid it lies. Labels and boxes that are not on a source's grid are
/// brought back to it first. Fails refused "pipeline.emit" where they belong to no source.
Result<void> emit(const Plan& plan, const PlannedStep& step, const std::vector<const Item*>& items,
                  std::span<const Source> sources, Ran& ran);

}  // namespace vedette::pipeline
