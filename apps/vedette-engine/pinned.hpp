#pragma once

#include <string>

#include "base/result.hpp"

namespace vedette::engine_program {

/// SHA-256 over the digests of the engine's libraries, as built.
std::string pinned_digest();
/// Are the libraries beside this program those that it was built with? Fails unavailable "engine.start", with the name.
Result<void> check_libraries();

}  // namespace vedette::engine_program
