#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "dicom/data_set.hpp"

namespace vedette::dicom {

struct JsonOptions {
  /// Where the value of `element` can be fetched; `path` is "7FE00010", inside sequences "00400555/0/00420011" (item
  /// from 0). An empty answer, or no function, leaves the value inline.
  std::function<std::string(const Element& element, const std::string& path)> bulk_data_uri{};
  /// Binary values up to this size stand inline even where a URI is known; pixel data never does.
  std::uint64_t inline_bytes = 1024;
};

/// The DICOM JSON model (PS3.18 annex F) of one data set: UTF-8, keys in order of tags, groups 0000 and 0002 left out,
/// Specific Character Set said as ISO_IR 192. Pixel data that has no URI is left out, because a header is meant then;
/// other binary values are InlineBinary.
std::string to_json(const DataSet& data, const JsonOptions& options = {});

/// Reads one JSON object of the same model. A BulkDataURI becomes an element marked `skipped`. Fails malformed with
/// "dicom.json" and the path of the attribute.
Result<DataSet> from_json(std::string_view text);

}  // namespace vedette::dicom
