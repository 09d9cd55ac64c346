#pragma once

#include <string_view>

#include "terms/code.hpp"

/// One constant per row of tables/terms/codes.tsv.
namespace vedette::terms::codes {
#include "terms/codes.inc"
}  // namespace vedette::terms::codes

namespace vedette::terms {

/// The concept with this scheme and value, or with this key of the table; nullptr where the tables do not know it.
const Code* find(std::string_view scheme, std::string_view value);
const Code* find_key(std::string_view key);

}  // namespace vedette::terms
