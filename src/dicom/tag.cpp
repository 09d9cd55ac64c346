#include "dicom/tag.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "dicom/vr.hpp"

namespace vedette::dicom {
namespace {
#include "dicom/attributes.inc"

constexpr std::uint32_t number(Tag tag) {
  return static_cast<std::uint32_t>(tag.group) << 16 | tag.element;
}
}  // namespace

std::string Tag::text() const {
  return fmt::format("({:04X},{:04X})", group, element);
}
std::string Tag::key() const {
  return fmt::format("{:04X}{:04X}", group, element);
}

Result<Tag> tag_from_text(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (text.size() == 8 && std::all_of(text.begin(), text.end(), [&](char c) { return digit(c) >= 0; })) {
    std::uint32_t value = 0;
    for (const char c : text) value = value << 4 | static_cast<std::uint32_t>(digit(c));
    return Tag{static_cast<std::uint16_t>(value >> 16), static_cast<std::uint16_t>(value)};
  }
  if (const AttributeRow* row = find_attribute(text)) return row->tag;
  return Error{Fault::malformed, "dicom.tag",
               "this is neither eight hexadecimal digits nor a keyword of the DICOM dictionary", "",
               "Write the tag as 00100020 or by its keyword, PatientID."};
}

std::string vr_text(Vr vr) {
  const auto letters = static_cast<std::uint16_t>(vr);
  return {static_cast<char>(letters >> 8), static_cast<char>(letters & 0xFF)};
}

const AttributeRow* find_attribute(Tag tag) {
  const AttributeRow* row = std::lower_bound(std::begin(attribute_rows), std::end(attribute_rows), tag,
                                             [](const AttributeRow& a, Tag b) { return a.tag < b; });
  if (row != std::end(attribute_rows) && row->tag == tag) return row;
  if (tag.is_private()) return nullptr;
  for (const RepeatingRow& repeating : repeating_rows) {
    if ((number(tag) & repeating.mask) == number(repeating.row.tag)) return &repeating.row;
  }
  return nullptr;
}

const AttributeRow* find_attribute(std::string_view keyword) {
  const auto* index =
      std::lower_bound(std::begin(rows_by_keyword), std::end(rows_by_keyword), keyword,
                       [](std::uint16_t a, std::string_view b) { return attribute_rows[a].keyword < b; });
  if (index != std::end(rows_by_keyword) && attribute_rows[*index].keyword == keyword) return &attribute_rows[*index];
  for (const RepeatingRow& repeating : repeating_rows) {
    if (repeating.row.keyword == keyword) return &repeating.row;
  }
  return nullptr;
}

bool is_signed_by_pixels(Tag tag) {
  return std::binary_search(std::begin(signed_by_pixels), std::end(signed_by_pixels), number(tag));
}

}  // namespace vedette::dicom
