#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "dicom/data_set.hpp"
#include "finding/finding.hpp"
#include "report/common.hpp"
#include "review/review.hpp"

namespace vedette::report {

/// A finding that is to leave, with the mask of its region ([slice,row,column], 1 inside) where it has one.
struct Leaving {
  finding::Finding finding;
  std::string mask;
};

struct Publication {
  std::vector<Leaving> leaving;
  dicom::DataSet source;  ///< header of any image of the study, for findings that lie on none
  /// Header of an image by SOP Instance UID; fails not_found.
  std::function<Result<dicom::DataSet>(const std::string& uid)> header;
  Equipment equipment;
  Instant when;
  std::string name;  ///< the UIDs are derived from it: the same name makes the same objects
  int version = 1;
  const review::Signature* signature = nullptr;
};

struct Object {
  std::string kind;  ///< "SEG" or "SR"
  dicom::DataSet data;
};

/// One segmentation per grid that carries regions, and one report that points to them.
Result<std::vector<Object>> make_objects(const Publication& publication);

}  // namespace vedette::report
