#pragma once

#include <optional>
#include <string_view>

namespace vedette::voxel {

/// DA (PS3.5 6.2): midnight of the day in seconds since 1970, local time of the header. "2000.10.04" of old writers
/// too.
std::optional<double> seconds_of_date(std::string_view text);
/// TM: seconds since midnight; hour alone or with colons is accepted.
std::optional<double> seconds_of_time(std::string_view text);

/// DT with at least a date and an hour.
struct DateTime {
  double seconds = 0;            ///< since 1970 as written
  std::optional<double> offset;  ///< "+0100" in seconds, when written
};
std::optional<DateTime> datetime_of(std::string_view text);
/// "+0100" in seconds.
std::optional<double> offset_of(std::string_view text);

}  // namespace vedette::voxel
