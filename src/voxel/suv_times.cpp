#include "voxel/suv_times.hpp"

#include <chrono>
#include <string>

#include "base/text.hpp"

namespace vedette::voxel {

namespace {

/// Digits only; nothing when anything else stands there.
std::optional<int> digits(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::string without(std::string_view text, char out) {
  std::string kept;
  for (const char c : text) {
    if (c != out) kept += c;
  }
  return kept;
}

}  // namespace

std::optional<double> seconds_of_date(std::string_view text) {
  const std::string plain = without(trimmed(text), '.');
  if (plain.size() != 8) return std::nullopt;
  const std::string_view view = plain;
  const auto year = digits(view.substr(0, 4)), month = digits(view.substr(4, 2)), day = digits(view.substr(6, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return static_cast<double>(std::chrono::sys_days{date}.time_since_epoch().count()) * 86400.0;
}

std::optional<double> seconds_of_time(std::string_view text) {
  const std::string plain = without(trimmed(text), ':');
  std::string_view view = plain;
  double fraction = 0;
  if (const auto dot = view.find('.'); dot != std::string_view::npos) {
    const std::string_view tail = view.substr(dot + 1);
    if (dot != 6 || tail.size() > 6 || (!tail.empty() && !digits(tail))) return std::nullopt;
    double scale = 0.1;
    for (const char c : tail) {
      fraction += scale * (c - '0');
      scale /= 10;
    }
    view = view.substr(0, dot);
  }
  if (view.size() != 2 && view.size() != 4 && view.size() != 6) return std::nullopt;
  const auto hour = digits(view.substr(0, 2));
  const auto minute = view.size() > 2 ? digits(view.substr(2, 2)) : std::optional<int>(0);
  const auto second = view.size() > 4 ? digits(view.substr(4, 2)) : std::optional<int>(0);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return *hour * 3600.0 + *minute * 60.0 + *second + fraction;
}

std::optional<double> offset_of(std::string_view text) {
  text = trimmed(text);
  if (text.size() != 5 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const auto hour = digits(text.substr(1, 2)), minute = digits(text.substr(3, 2));
  if (!hour || !minute || *hour > 14 || *minute > 59) return std::nullopt;
  return (text[0] == '-' ? -1.0 : 1.0) * (*hour * 3600.0 + *minute * 60.0);
}

std::optional<DateTime> datetime_of(std::string_view text) {
  text = trimmed(text);
  DateTime out;
  if (const auto sign = text.find_first_of("+-"); sign != std::string_view::npos) {
    out.offset = offset_of(text.substr(sign));
    if (!out.offset) return std::nullopt;
    text = text.substr(0, sign);
  }
  if (text.size() < 10) return std::nullopt;
  const auto date = seconds_of_date(text.substr(0, 8));
  const auto time = seconds_of_time(text.substr(8));
  if (!date || !time) return std::nullopt;
  out.seconds = *date + *time;
  return out;
}

}  // namespace vedette::voxel
