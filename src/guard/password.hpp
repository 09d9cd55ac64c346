#pragma once

#include <string>

#include "base/result.hpp"
#include "guard/secret.hpp"

namespace vedette::guard {

/// Argon2id (RFC 9106) in its encoded form with a salt of its own. Costs about 20 ms and 19 MiB.
Result<std::string> password_hash(const Secret& password);
/// In time that does not tell how much of it is right. An empty hash (nobody of this name) takes as long and is never
/// right.
bool password_matches(const std::string& hash, const Secret& password);

}  // namespace vedette::guard
