#pragma once

#include <string>
#include <string_view>

#include "finding/finding.hpp"

namespace vedette::finding {

/// What a row keeps: the API's JSON and what never leaves the node (run, place of the mask).
std::string to_document(const Finding& finding);
Result<Finding> from_document(std::string_view text);

}  // namespace vedette::finding
