#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace vedette::analysis {

/// One key of tool.toml. The reader refuses what stands in no row, and the JSON Schema is printed from the same rows.
struct KeyRow {
  enum class Type : std::uint8_t { text, texts, integer, number, numbers, boolean, table, tables };
  std::string_view table;  ///< "" is the top; "output.measurements" a list in an output
  std::string_view key;
  Type type = Type::text;
  bool needed = false;
  double least = 0, most = 0;  ///< of numbers; `most` of texts: characters. Both 0: any (texts: 1000)
  std::string_view choices{};  ///< of texts, separated by blanks; empty: any
  std::string_view help{};     ///< one line
};
std::span<const KeyRow> key_rows();
const KeyRow* key_row(std::string_view table, std::string_view key);

/// JSON Schema (2020-12) of tool.toml for editors: from the key rows and the steps' parameters.
std::string schema_json();

}  // namespace vedette::analysis
