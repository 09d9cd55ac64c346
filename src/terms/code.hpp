#pragma once

#include <compare>
#include <string>

namespace vedette::terms {

/// A coded concept (PS3.3 section 8): value, scheme designator (SCT, DCM, LN, UCUM …) and the meaning in English.
struct Code {
  std::string value, scheme, meaning;
  bool empty() const { return value.empty(); }
  auto operator<=>(const Code&) const = default;
};

}  // namespace vedette::terms
