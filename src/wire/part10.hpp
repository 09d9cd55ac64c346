#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "wire/http.hpp"

namespace vedette::wire {

/// Where the data set begins in an open Part 10 file (PS3.10 section 7.1): behind the preamble and the elements of
/// group 0002. Fails malformed.
Result<std::int64_t> data_set_offset(const FilePiece& file);

}  // namespace vedette::wire
