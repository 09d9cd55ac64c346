#pragma once

#include <string>
#include <string_view>

namespace vedette::dicom {

/// Bytes of a value in a Specific Character Set (0008,0005) as UTF-8 (PS3.3 C.12.1.1.2, PS3.5 section 6.1 and annexes H
/// to K). `character_set` is the attribute's value with its backslashes; empty is ISO IR 6. Escape sequences are
/// followed whether declared or not; what cannot be read becomes U+FFFD, never an error: a name with one wrong byte is
/// still the name. Thread-safe.
std::string to_utf8(std::string_view bytes, std::string_view character_set, bool person_name = false);

/// True where ASCII bytes mean ASCII in the set at the start of a value and UTF-8 is its encoding.
bool is_utf8_set(std::string_view character_set);

}  // namespace vedette::dicom
