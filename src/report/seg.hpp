#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "dicom/data_set.hpp"
#include "finding/finding.hpp"
#include "report/common.hpp"

namespace vedette::report {

/// One segment: the region of one finding on the grid of its source images.
struct Segment {
  finding::Finding finding;
  /// [slice,row,column], 1 inside, 0 outside; slices in the order of `finding.region.mask_instances`.
  std::string mask;
};

struct Segmentation {
  const dicom::DataSet& source;  ///< header of an image of the study
  std::vector<dicom::DataSet>
      images;                     ///< headers of all source images (position, orientation, spacing, UIDs), any order
  std::vector<Segment> segments;  ///< all on the same series
  Equipment equipment;
  Instant when;
  std::string sop_instance_uid, series_uid;
  std::int64_t series_number = 9002;
  int version = 1;
  bool reviewed = false;  ///< only for descriptions; a SEG carries no verification
};

/// Segmentation Storage (PS3.3 A.51), BINARY, one frame per segment and slice that is not empty, frames ordered by
/// segment, then by position along the slice normal. Fails refused when a mask does not fit its images or is empty
/// everywhere.
Result<dicom::DataSet> segmentation(const Segmentation& input);

}  // namespace vedette::report
