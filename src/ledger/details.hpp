#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "ledger/events.hpp"

namespace vedette::ledger {

/// Fails refused where `details` is no flat JSON object of this kind's keys, or carries what must not stand in a
/// ledger.
Result<void> check_details(Kind kind, std::string_view details);

/// The kind's sentence with `details` filled in.
std::string sentence(Kind kind, std::string_view details);

}  // namespace vedette::ledger
