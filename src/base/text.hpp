#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vedette {

/// Without leading and trailing characters of `set`.
std::string_view trimmed(std::string_view text, std::string_view set = " \t\r\n");
std::vector<std::string_view> split(std::string_view text, char at);
std::string lower_case(std::string_view text);
/// A JSON string literal with quotes; bytes that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);
/// True for well-formed UTF-8 (Unicode 15 table 3-7).
bool is_utf8(std::string_view text);
/// Whole text as a number; nothing when anything else stands there.
std::optional<long long> to_integer(std::string_view text);
std::optional<double> to_number(std::string_view text);
/// The candidate with the smallest edit distance, for "did you mean"; nothing when none is near.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace vedette
