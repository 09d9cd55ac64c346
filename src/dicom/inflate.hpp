#pragma once

#include <cstdint>
#include <string>

#include "base/digest.hpp"
#include "base/result.hpp"

namespace vedette::dicom {

/// Raw deflate (RFC 1951) as the deflated transfer syntaxes use it (PS3.5 section A.5). Refused with "dicom.inflate"
/// when it is no deflate stream and "dicom.inflated" when it grows over `most` bytes or to more than 200 times its size
/// and 256 MiB.
Result<std::string> inflate_raw(Bytes bytes, std::uint64_t most);

}  // namespace vedette::dicom
