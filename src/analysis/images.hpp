#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "dicom/data_set.hpp"

namespace vedette::analysis {

/// One stored instance: its header, and its bytes (a file of PS3.10) when they are needed.
struct Image {
  dicom::DataSet header;
  std::string digest;  ///< SHA-256 of the bytes, hex
  std::function<Result<std::string>()> read;
};
struct ImageSeries {
  std::string uid, modality;
  std::optional<std::int64_t> number;
  std::vector<Image> images;
};
/// What a study holds, as far as tools may look at it: no results that this node made itself.
struct ImageStudy {
  std::string uid;
  std::vector<ImageSeries> series;
};

/// Reads all DICOM files below a folder that are images (Rows present), by study; other files are left out and counted.
struct FolderStudies {
  std::vector<ImageStudy> studies;
  std::size_t left_out = 0;
};
Result<FolderStudies> read_folder(const std::string& folder);

}  // namespace vedette::analysis
