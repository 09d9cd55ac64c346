#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "dicom/data_set.hpp"
#include "finding/finding.hpp"
#include "report/common.hpp"
#include "report/content.hpp"
#include "review/review.hpp"

namespace vedette::report {

/// A segmentation that a finding's region went into.
struct SegmentPlace {
  std::string finding_id;
  ImageReference segment;  ///< class, instance and segment number
  std::string source_series_uid;
};

struct MeasurementReport {
  const dicom::DataSet& source;  ///< header of an image of the study: patient and study are taken from it
  std::vector<finding::Finding> findings;
  std::vector<SegmentPlace> segments;
  std::vector<dicom::DataSet>
      evidence;  ///< study, series, class and instance UID of each image or segmentation it rests on
  Equipment equipment;
  Instant when;
  std::string sop_instance_uid, series_uid;
  std::int64_t series_number = 9001;
  int version = 1;
  /// Absent while proposed: UNVERIFIED and PARTIAL. Software has no way to make one.
  const review::Signature* signature = nullptr;
};

/// Comprehensive 3D SR (PS3.3 A.35.13) with TID 1500: one measurement group per finding (TID 1411 where it has a
/// segment, TID 1501 otherwise) with tracking identifiers, site, measurements with unit, method and uncertainty, and
/// the algorithm by TID 4019. Fails refused when a finding is rejected or withdrawn, or unreviewed although there is a
/// signature: such findings never leave.
Result<dicom::DataSet> measurement_report(const MeasurementReport& input);

}  // namespace vedette::report
