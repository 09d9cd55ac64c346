#pragma once

#include <vector>

#include "pipeline/plan.hpp"

namespace vedette::pipeline {

/// What is known of each input before any image is seen: channels, unit, range, whether it has a place.
std::vector<Known> promised(const Declaration& declaration);

}  // namespace vedette::pipeline
