// Getters of DataSet: bytes to text and numbers.
#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.hpp"
#include "dicom/charset.hpp"
#include "dicom/data_set.hpp"
#include "dicom/vr.hpp"

namespace vedette::dicom {
namespace {

constexpr std::string_view blank("\0 ", 2);

std::string_view trimmed_value(std::string_view text, bool front) {
  const std::size_t end = text.find_last_not_of(blank);
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  const std::size_t first = front ? text.find_first_not_of(blank) : 0;
  return text.substr(first);
}

template <typename T>
T little(std::string_view bytes, std::size_t index) {
  static_assert(std::endian::native == std::endian::little);
  T value{};
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

std::size_t value_width(Vr vr) {
  switch (vr) {
    case Vr::US:
    case Vr::SS:
    case Vr::OW:
      return 2;
    case Vr::AT:
    case Vr::UL:
    case Vr::SL:
    case Vr::FL:
    case Vr::OL:
    case Vr::OF:
      return 4;
    case Vr::UV:
    case Vr::SV:
    case Vr::FD:
    case Vr::OV:
    case Vr::OD:
      return 8;
    default:
      return 0;
  }
}

std::optional<std::int64_t> binary_integer(const Element& element, std::size_t index) {
  const std::size_t width = value_width(element.vr);
  if (width == 0 || index >= element.value.size() / width) return std::nullopt;
  switch (element.vr) {
    case Vr::US:
      return little<std::uint16_t>(element.value, index);
    case Vr::SS:
      return little<std::int16_t>(element.value, index);
    case Vr::UL:
      return little<std::uint32_t>(element.value, index);
    case Vr::SL:
      return little<std::int32_t>(element.value, index);
    case Vr::SV:
      return little<std::int64_t>(element.value, index);
    case Vr::UV: {
      const auto value = little<std::uint64_t>(element.value, index);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    case Vr::AT:
      return static_cast<std::int64_t>(little<std::uint16_t>(element.value, index * 2)) << 16 |
             little<std::uint16_t>(element.value, index * 2 + 1);
    default:
      return std::nullopt;
  }
}

std::string binary_text(const Element& element) {
  const VrTraits* traits = vr_traits(element.vr);
  if (traits == nullptr || !traits->multiple) return {};
  std::string out;
  const std::size_t count = element.value.size() / value_width(element.vr);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += '\\';
    if (element.vr == Vr::FL) {
      out += fmt::format("{}", little<float>(element.value, i));
    } else if (element.vr == Vr::FD) {
      out += fmt::format("{}", little<double>(element.value, i));
    } else if (element.vr == Vr::AT) {
      out += Tag{little<std::uint16_t>(element.value, i * 2), little<std::uint16_t>(element.value, i * 2 + 1)}.key();
    } else if (element.vr == Vr::UV) {
      out += std::to_string(little<std::uint64_t>(element.value, i));
    } else {
      out += std::to_string(binary_integer(element, i).value_or(0));
    }
  }
  return out;
}

/// Value `index` of a text with several values, trimmed.
std::optional<std::string_view> text_value(const Element& element, std::size_t index) {
  std::string_view rest = element.value;
  for (;; --index) {
    const std::size_t end = rest.find('\\');
    if (index == 0) return trimmed_value(rest.substr(0, end), true);
    if (end == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(end + 1);
  }
}

bool is_number_text(Vr vr) {
  return vr == Vr::DS || vr == Vr::IS;
}

std::optional<double> parsed_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const std::optional<double> value = to_number(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

}  // namespace

bool DataSet::has_value(Tag tag) const {
  const Element* element = find(tag);
  if (element == nullptr) return false;
  if (!element->items.empty() || !element->fragments.empty() || element->skipped_bytes > 0) return true;
  const VrTraits* traits = vr_traits(element->vr);
  return traits != nullptr && traits->text ? !trimmed_value(element->value, true).empty() : !element->value.empty();
}

std::string DataSet::text(Tag tag) const {
  const Element* element = find(tag);
  if (element == nullptr) return {};
  const VrTraits* traits = vr_traits(element->vr);
  if (traits == nullptr || !traits->text) return binary_text(*element);
  if (!traits->multiple) {
    const std::string_view value = trimmed_value(element->value, false);
    return traits->extended_text ? to_utf8(value, character_set()) : to_utf8(value, "");
  }
  std::string out;
  for (const std::string& value : texts(tag)) {
    out += value;
    out += '\\';
  }
  if (!out.empty()) out.pop_back();
  return out;
}

std::vector<std::string> DataSet::texts(Tag tag) const {
  const Element* element = find(tag);
  if (element == nullptr || element->value.empty()) return {};
  const VrTraits* traits = vr_traits(element->vr);
  std::vector<std::string> out;
  if (traits != nullptr && traits->text && !traits->multiple) return {text(tag)};
  const bool is_text = traits != nullptr && traits->text;
  const std::string all = !is_text                ? binary_text(*element)
                          : traits->extended_text ? to_utf8(element->value, character_set(), element->vr == Vr::PN)
                                                  : to_utf8(element->value, "");
  if (!is_text && all.empty()) return {};
  for (const std::string_view value : split(all, '\\')) {
    out.emplace_back(is_text ? trimmed_value(value, traits->trim_front) : value);
  }
  if (out.size() == 1 && out.front().empty()) return {};
  return out;
}

std::optional<std::int64_t> DataSet::integer(Tag tag, std::size_t index) const {
  const Element* element = find(tag);
  if (element == nullptr) return std::nullopt;
  if (!is_number_text(element->vr)) return binary_integer(*element, index);
  const auto text = text_value(*element, index);
  if (!text) return std::nullopt;
  std::string_view digits = *text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  if (const auto value = to_integer(digits)) return *value;
  const auto value = parsed_number(digits);  // "1.0" stands in real IS and DS values
  if (!value || std::abs(*value) > 9e15 || std::trunc(*value) != *value) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<double> DataSet::number(Tag tag, std::size_t index) const {
  const Element* element = find(tag);
  if (element == nullptr) return std::nullopt;
  if (is_number_text(element->vr)) {
    const auto text = text_value(*element, index);
    return text ? parsed_number(*text) : std::nullopt;
  }
  if (element->vr == Vr::FL || element->vr == Vr::OF) {
    if (index >= element->value.size() / 4) return std::nullopt;
    return static_cast<double>(little<float>(element->value, index));
  }
  if (element->vr == Vr::FD || element->vr == Vr::OD) {
    if (index >= element->value.size() / 8) return std::nullopt;
    return little<double>(element->value, index);
  }
  const auto value = binary_integer(*element, index);
  return value ? std::optional<double>(static_cast<double>(*value)) : std::nullopt;
}

std::vector<double> DataSet::numbers(Tag tag) const {
  std::vector<double> out;
  const Element* element = find(tag);
  if (element == nullptr) return out;
  if (is_number_text(element->vr)) {
    for (const std::string_view part : split(element->value, '\\')) {
      const auto value = parsed_number(trimmed_value(part, true));
      if (!value) return {};  // a list with a hole has no order
      out.push_back(*value);
    }
    return out;
  }
  for (std::size_t i = 0;; ++i) {
    const auto value = number(tag, i);
    if (!value) return out;
    out.push_back(*value);
  }
}

const std::vector<DataSet>& DataSet::items(Tag tag) const {
  static const std::vector<DataSet> none;
  const Element* element = find(tag);
  return element != nullptr ? element->items : none;
}

const DataSet* DataSet::item(Tag tag) const {
  const std::vector<DataSet>& all = items(tag);
  return all.empty() ? nullptr : &all.front();
}

std::optional<Tag> DataSet::private_tag(std::uint16_t group, std::string_view creator, std::uint8_t element) const {
  for (std::uint16_t block = 0x10; block <= 0xFF; ++block) {
    const Tag reservation{group, block};
    if (find(reservation) != nullptr && text(reservation) == creator) {
      return Tag{group, static_cast<std::uint16_t>(block << 8 | element)};
    }
  }
  return std::nullopt;
}

}  // namespace vedette::dicom
