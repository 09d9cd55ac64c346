#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace vedette::study {

/// Deflated with a preset dictionary of what DICOM JSON headers have in common; about a fifth of the text.
std::string packed(std::string_view text);
/// Fails "header.damaged"; refuses more than 256 MiB of text.
Result<std::string> unpacked(std::string_view bytes);

}  // namespace vedette::study
