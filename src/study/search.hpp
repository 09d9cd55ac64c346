#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dicom/tag.hpp"
#include "study/catalogue.hpp"

namespace vedette::study {

enum class Level : std::uint8_t { study, series, instance };

/// One matching key as QIDO-RS or C-FIND gives it: value with * and ?, a date or time range "a-b", a list of UIDs by
/// comma or backslash. For the Request Attributes Sequence the tag is that of the item's element. An empty value (or
/// "*") matches everything.
struct Match {
  dicom::Tag tag;
  std::string value;
};

struct Search {
  Level level = Level::study;
  std::string study_uid, series_uid;  ///< of the path; "" for any
  std::vector<Match> matches{};
  std::size_t limit = 1000;
  std::size_t offset = 0;
};

/// A row of the answer; series and instance as far as the level goes.
struct Found {
  Study study;
  std::optional<Series> series;
  std::optional<Instance> instance;
};

/// True when `search` matches by this attribute at this level (attributes of the levels above can be matched below).
bool can_match(Level level, dicom::Tag tag);

/// Studies newest first; series by number, instances by number below them. Dates are ranges by index; names and text
/// with wildcards match without regard to case (PS3.4 section C.2.2.2). Fails refused "search.key" for an attribute
/// that is not matched here, malformed for a wrong range or UID.
Result<std::vector<Found>> search(database::Transaction& tx, const Search& what);

}  // namespace vedette::study
