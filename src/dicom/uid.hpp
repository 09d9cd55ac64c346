#pragma once

#include <string>
#include <string_view>

namespace vedette::dicom {

/// A new UID from 122 random bits (PS3.5 section B.2: 2.25. and a UUID as a decimal number, RFC 9562 version 4).
std::string make_uid();

/// Always the same UID for the same name (RFC 9562 version 8 over SHA-256): the second run of a job names its objects
/// as the first did.
std::string derived_uid(std::string_view name);

}  // namespace vedette::dicom
