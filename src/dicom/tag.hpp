#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace vedette::dicom {

/// A data element tag (PS3.5 section 7.1).
struct Tag {
  std::uint16_t group = 0;
  std::uint16_t element = 0;
  auto operator<=>(const Tag&) const = default;
  constexpr bool is_private() const { return group % 2 == 1; }
  /// "(0010,0020)" for people.
  std::string text() const;
  /// "00100020" for DICOM JSON and query keys.
  std::string key() const;
};

/// Eight hexadecimal digits or a keyword of the dictionary; fails malformed.
Result<Tag> tag_from_text(std::string_view text);

/// Value representations (PS3.5 Table 6.2-1) as their two letters.
enum class Vr : std::uint16_t {
  AE = 'A' << 8 | 'E',
  AS = 'A' << 8 | 'S',
  AT = 'A' << 8 | 'T',
  CS = 'C' << 8 | 'S',
  DA = 'D' << 8 | 'A',
  DS = 'D' << 8 | 'S',
  DT = 'D' << 8 | 'T',
  FL = 'F' << 8 | 'L',
  FD = 'F' << 8 | 'D',
  IS = 'I' << 8 | 'S',
  LO = 'L' << 8 | 'O',
  LT = 'L' << 8 | 'T',
  OB = 'O' << 8 | 'B',
  OD = 'O' << 8 | 'D',
  OF = 'O' << 8 | 'F',
  OL = 'O' << 8 | 'L',
  OV = 'O' << 8 | 'V',
  OW = 'O' << 8 | 'W',
  PN = 'P' << 8 | 'N',
  SH = 'S' << 8 | 'H',
  SL = 'S' << 8 | 'L',
  SQ = 'S' << 8 | 'Q',
  SS = 'S' << 8 | 'S',
  ST = 'S' << 8 | 'T',
  SV = 'S' << 8 | 'V',
  TM = 'T' << 8 | 'M',
  UC = 'U' << 8 | 'C',
  UI = 'U' << 8 | 'I',
  UL = 'U' << 8 | 'L',
  UN = 'U' << 8 | 'N',
  UR = 'U' << 8 | 'R',
  US = 'U' << 8 | 'S',
  UT = 'U' << 8 | 'T',
  UV = 'U' << 8 | 'V',
};
std::string vr_text(Vr vr);

/// One row of the data dictionary (tables/dicom/attributes.tsv, PS3.6).
struct AttributeRow {
  Tag tag;
  Vr vr;
  std::string_view multiplicity;
  std::string_view keyword;
  bool retired;
};
/// Nothing for tags that the dictionary does not know (private ones too); repeating groups (50xx, 60xx) are found.
const AttributeRow* find_attribute(Tag tag);
const AttributeRow* find_attribute(std::string_view keyword);

namespace tags {
// Generated from the dictionary as constants named by keyword in snake_case: tags::patient_id, tags::study_instance_uid
// …
#include "dicom/tags.inc"
}  // namespace tags

}  // namespace vedette::dicom
