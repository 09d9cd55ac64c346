#pragma once

#include <string_view>

namespace vedette::wire {

/// False for abstract syntaxes that are known to be no storage (PS3.4: services by their own section) and for texts
/// that are no UID. Everything else is taken for storage: private and future classes too.
bool may_be_storage(std::string_view abstract_syntax);

/// Digits and dots, 1 to 64: what senders really use as UID, leading zeros included.
bool is_loose_uid(std::string_view text);

inline constexpr std::string_view verification_class = "1.2.840.10008.1.1";          ///< PS3.4 Annex A
inline constexpr std::string_view performed_step_class = "1.2.840.10008.3.1.2.3.3";  ///< PS3.4 Annex F

}  // namespace vedette::wire
