#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace vedette::finding {

/// What a person gives a coded reason for.
enum class ReasonKind : std::uint8_t { reject, put_back, stop };
std::string_view name_of(ReasonKind kind);

/// One row of tables/reasons.tsv.
struct ReasonRow {
  ReasonKind kind;
  std::string_view code, key;
  bool needs_words;  ///< a comment must say more
  std::string_view text;
};
std::span<const ReasonRow> reasons();
/// nullptr where the table has no such reason.
const ReasonRow* reason(ReasonKind kind, std::string_view code);

enum class ConceptKind : std::uint8_t { finding, site, laterality };

/// One row of tables/finding_codes.tsv: what a person may choose.
struct ConceptRow {
  ConceptKind kind;
  std::string_view value, scheme, meaning;
};
std::span<const ConceptRow> concepts();

}  // namespace vedette::finding
