#include "dicom/data_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/text.hpp"
#include "dicom/charset.hpp"
#include "dicom/vr.hpp"

namespace vedette::dicom {
namespace {

auto place_of(auto& elements, Tag tag) {
  return std::lower_bound(elements.begin(), elements.end(), tag, [](const Element& a, Tag b) { return a.tag < b; });
}

Vr dictionary_vr(Tag tag) {
  const AttributeRow* row = find_attribute(tag);
  return row != nullptr ? row->vr : Vr::LO;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

template <typename T>
void append_little(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

/// Shortest decimal text that fits the 16 characters of DS (PS3.5 Table 6.2-1).
std::string decimal_string(double value) {
  if (!std::isfinite(value)) return {};
  std::string text = fmt::format("{}", value);
  for (int digits = 16; text.size() > 16 && digits > 0; --digits) text = fmt::format("{:.{}g}", value, digits);
  return text;
}

bool append_integer(std::string& out, Vr vr, std::int64_t value) {
  switch (vr) {
    case Vr::US:
      append_little(out, static_cast<std::uint16_t>(value));
      return true;
    case Vr::SS:
      append_little(out, static_cast<std::int16_t>(value));
      return true;
    case Vr::UL:
      append_little(out, static_cast<std::uint32_t>(value));
      return true;
    case Vr::SL:
      append_little(out, static_cast<std::int32_t>(value));
      return true;
    case Vr::UV:
      append_little(out, static_cast<std::uint64_t>(value));
      return true;
    case Vr::SV:
      append_little(out, value);
      return true;
    case Vr::FL:
      append_little(out, static_cast<float>(value));
      return true;
    case Vr::FD:
      append_little(out, static_cast<double>(value));
      return true;
    default:
      return false;
  }
}

/// Brings every text of the set, and of items that inherit its character set, to UTF-8.
void transcode(DataSet& set, const std::string& from) {
  for (Element& element : set.elements()) {
    const VrTraits* traits = vr_traits(element.vr);
    if (traits != nullptr && traits->extended_text) element.value = to_utf8(element.value, from, element.vr == Vr::PN);
    for (DataSet& item : element.items) {
      if (item.find(tags::specific_character_set) == nullptr) {
        transcode(item, from);
        item.inherit_character_set("ISO_IR 192");
      }
    }
  }
}

}  // namespace

const Element* DataSet::find(Tag tag) const {
  const auto place = place_of(elements_, tag);
  return place != elements_.end() && place->tag == tag ? &*place : nullptr;
}

void DataSet::set(Element element) {
  const auto place = place_of(elements_, element.tag);
  if (place != elements_.end() && place->tag == element.tag) {
    *place = std::move(element);
  } else {
    elements_.insert(place, std::move(element));
  }
}

void DataSet::erase(Tag tag) {
  const auto place = place_of(elements_, tag);
  if (place != elements_.end() && place->tag == tag) elements_.erase(place);
}

std::string DataSet::character_set() const {
  const Element* own = find(tags::specific_character_set);
  return own != nullptr ? own->value : character_set_;
}

void DataSet::inherit_character_set(std::string value) {
  character_set_ = std::move(value);
}

void DataSet::set_text(Tag tag, std::string_view text) {
  set_text(tag, dictionary_vr(tag), text);
}

void DataSet::set_text(Tag tag, Vr vr, std::string_view text) {
  const VrTraits* traits = vr_traits(vr);
  if (!is_ascii(text) && traits != nullptr && traits->extended_text) {
    const std::string before = character_set();
    if (!is_utf8_set(before)) {
      transcode(*this, before);
      character_set_ = "ISO_IR 192";
      if (find(tags::specific_character_set) != nullptr) {
        set(Element{.tag = tags::specific_character_set, .vr = Vr::CS, .value = "ISO_IR 192"});
      }
    }
  }
  set(Element{.tag = tag, .vr = vr, .value = std::string(text)});
}

void DataSet::set_integer(Tag tag, std::int64_t value) {
  set_integers(tag, std::span(&value, 1));
}

void DataSet::set_integers(Tag tag, std::span<const std::int64_t> values) {
  const Vr vr = dictionary_vr(tag);
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (append_integer(out, vr, values[i])) continue;
    if (i > 0) out += '\\';
    out += std::to_string(values[i]);
  }
  set(Element{.tag = tag, .vr = vr, .value = std::move(out)});
}

void DataSet::set_number(Tag tag, double value) {
  set_numbers(tag, std::span(&value, 1));
}

void DataSet::set_numbers(Tag tag, std::span<const double> values) {
  const Vr vr = dictionary_vr(tag);
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (vr == Vr::FD || vr == Vr::OD) {
      append_little(out, values[i]);
    } else if (vr == Vr::FL || vr == Vr::OF) {
      append_little(out, static_cast<float>(values[i]));
    } else {
      if (i > 0) out += '\\';
      out += decimal_string(values[i]);
    }
  }
  set(Element{.tag = tag, .vr = vr, .value = std::move(out)});
}

void DataSet::set_bytes(Tag tag, Vr vr, std::string bytes) {
  set(Element{.tag = tag, .vr = vr, .value = std::move(bytes)});
}

void DataSet::set_items(Tag tag, std::vector<DataSet> items) {
  set(Element{.tag = tag, .vr = Vr::SQ, .items = std::move(items)});
}

DataSet& DataSet::add_item(Tag tag) {
  if (find(tag) == nullptr) set(Element{.tag = tag, .vr = Vr::SQ});
  Element& element = *place_of(elements_, tag);
  element.items.emplace_back();
  element.items.back().inherit_character_set(character_set());
  return element.items.back();
}

void DataSet::set_empty(Tag tag) {
  set(Element{.tag = tag, .vr = dictionary_vr(tag)});
}

}  // namespace vedette::dicom
