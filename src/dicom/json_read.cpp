#include <fmt/format.h>
#include <simdjson.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/digest.hpp"
#include "dicom/json.hpp"
#include "dicom/vr.hpp"

namespace vedette::dicom {
namespace {

namespace dom = simdjson::dom;
constexpr std::uint32_t nesting = 64;

Error fault(const std::string& path, std::string_view cause) {
  return {Fault::malformed, "dicom.json", std::string(cause), path,
          "See PS3.18 annex F for the form of this attribute."};
}

template <typename T>
void append_little(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

template <typename T>
bool append_integer(std::string& out, dom::element value) {
  std::int64_t whole = 0;
  std::uint64_t large = 0;
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    // PS3.18 table F.2.3-1 allows 64-bit integers as strings.
    if constexpr (sizeof(T) == 8) {
      try {
        std::size_t used = 0;
        const std::string copy(text);
        const T parsed =
            std::is_signed_v<T> ? static_cast<T>(std::stoll(copy, &used)) : static_cast<T>(std::stoull(copy, &used));
        append_little(out, parsed);
        return used == copy.size();
      } catch (const std::exception&) {
        return false;
      }
    }
    return false;
  }
  if (value.get(whole) == simdjson::SUCCESS) {
    if (!std::in_range<T>(whole)) return false;
    append_little(out, static_cast<T>(whole));
    return true;
  }
  if (value.get(large) == simdjson::SUCCESS && std::in_range<T>(large)) {
    append_little(out, static_cast<T>(large));
    return true;
  }
  return false;
}

template <typename T>
bool append_float(std::string& out, dom::element value) {
  double number = 0;
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    if (text == "NaN") {
      number = std::numeric_limits<double>::quiet_NaN();
    } else if (text == "Infinity" || text == "-Infinity") {
      number = text[0] == '-' ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
    } else {
      return false;
    }
  } else if (value.get(number) != simdjson::SUCCESS) {
    return false;
  }
  append_little(out, static_cast<T>(number));
  return true;
}

bool append_binary(std::string& out, Vr vr, dom::element value) {
  switch (vr) {
    case Vr::US:
      return append_integer<std::uint16_t>(out, value);
    case Vr::SS:
      return append_integer<std::int16_t>(out, value);
    case Vr::UL:
      return append_integer<std::uint32_t>(out, value);
    case Vr::SL:
      return append_integer<std::int32_t>(out, value);
    case Vr::UV:
      return append_integer<std::uint64_t>(out, value);
    case Vr::SV:
      return append_integer<std::int64_t>(out, value);
    case Vr::FL:
      return append_float<float>(out, value);
    case Vr::FD:
      return append_float<double>(out, value);
    case Vr::AT: {
      std::string_view text;
      if (value.get(text) != simdjson::SUCCESS) return false;
      const Result<Tag> tag = tag_from_text(text);
      if (!tag || text.size() != 8) return false;
      append_little(out, tag->group);
      append_little(out, tag->element);
      return true;
    }
    default:
      return false;
  }
}

/// A person's name from its three component groups (PS3.18 section F.2.2), without empty groups at the end.
bool append_person(std::string& out, dom::element value) {
  dom::object groups;
  std::string_view plain;
  if (value.get(plain) == simdjson::SUCCESS) {
    out += plain;
    return plain.find('\\') == std::string_view::npos;
  }
  if (value.get(groups) != simdjson::SUCCESS) return false;
  std::string name;
  for (const char* key : {"Alphabetic", "Ideographic", "Phonetic"}) {
    std::string_view group;
    const auto found = groups[key];
    if (found.error() == simdjson::SUCCESS && found.get(group) != simdjson::SUCCESS) return false;
    if (group.find_first_of("=\\") != std::string_view::npos) return false;  // they separate groups and names
    name += group;
    name += '=';
  }
  while (name.ends_with('=')) name.pop_back();
  out += name;
  return true;
}

bool append_text(std::string& out, Vr vr, dom::element value) {
  std::string_view text;
  std::int64_t whole = 0;
  double number = 0;
  if (value.is_null()) return true;
  if (vr == Vr::PN) return append_person(out, value);
  if (value.get(text) == simdjson::SUCCESS) {
    out += text;
    // A backslash stands between two values where there may be several (PS3.5 section 6.4).
    return !vr_traits(vr)->multiple || text.find('\\') == std::string_view::npos;
  }
  if (vr != Vr::DS && vr != Vr::IS) return false;
  if (value.is_int64() && value.get(whole) == simdjson::SUCCESS) {
    out += std::to_string(whole);
    return true;
  }
  if (value.get(number) != simdjson::SUCCESS) return false;
  if (vr == Vr::IS) {
    if (std::trunc(number) != number || std::abs(number) > 2147483648.0) return false;
    out += std::to_string(static_cast<std::int64_t>(number));
    return true;
  }
  DataSet scratch;  // one rule for the 16 characters of DS
  scratch.set_number(tags::rescale_slope, number);
  out += scratch.text(tags::rescale_slope);
  return true;
}

Result<DataSet> read_object(dom::object object, const std::string& path, std::uint32_t depth);

Result<Element> read_values(Tag tag, Vr vr, dom::array values, const std::string& path, std::uint32_t depth) {
  Element element{.tag = tag, .vr = vr};
  const VrTraits* traits = vr_traits(vr);
  std::size_t index = 0;
  for (const dom::element value : values) {
    if (vr == Vr::SQ) {
      dom::object item;
      if (value.is_null()) {
        element.items.emplace_back();
      } else if (value.get(item) != simdjson::SUCCESS) {
        return fault(path, "an item of a sequence is no object");
      } else {
        element.items.push_back(VEDETTE_TRY(read_object(item, fmt::format("{}/{}/", path, index), depth + 1)));
      }
    } else if (traits->text) {
      if (index > 0) element.value += '\\';
      if (!append_text(element.value, vr, value)) return fault(path, "the value does not fit its value representation");
    } else if (!append_binary(element.value, vr, value)) {
      return fault(path, "the value does not fit its value representation");
    }
    ++index;
  }
  return element;
}

Result<Element> read_attribute(Tag tag, dom::object body, const std::string& path, std::uint32_t depth) {
  std::string_view letters;
  if (body["vr"].get(letters) != simdjson::SUCCESS || letters.size() != 2)
    return fault(path, "the attribute has no vr");
  const VrTraits* traits = vr_traits(letters[0], letters[1]);
  if (traits == nullptr) return fault(path, "the vr is no value representation");
  Element element{.tag = tag, .vr = traits->vr};
  dom::array values;
  std::string_view text;
  if (body["Value"].get(values) == simdjson::SUCCESS) {
    if (!traits->text && !traits->multiple && traits->vr != Vr::SQ)
      return fault(path, "a binary attribute carries Value; InlineBinary belongs there");
    return read_values(tag, traits->vr, values, path, depth);
  }
  if (body["Value"].error() == simdjson::SUCCESS) return fault(path, "Value is no array");
  if (body["InlineBinary"].get(text) == simdjson::SUCCESS) {
    if (traits->text) return fault(path, "a text attribute carries InlineBinary; Value belongs there");
    Result<std::string> bytes = from_base64(text);
    if (!bytes) return fault(path, "InlineBinary is no base64");
    element.value = *std::move(bytes);
  } else if (body["BulkDataURI"].get(text) == simdjson::SUCCESS) {
    element.skipped = true;
  }
  return element;
}

Result<DataSet> read_object(dom::object object, const std::string& path, std::uint32_t depth) {
  if (depth > nesting) return fault(path, fmt::format("sequences are nested deeper than {}", nesting));
  DataSet set;
  bool declared = false;
  for (const auto& [key, value] : object) {
    const std::string place = path + std::string(key);
    const Result<Tag> tag = tag_from_text(key);
    if (!tag || key.size() != 8)
      return fault(place.substr(0, 200), "the name of an attribute is not eight hexadecimal digits");
    if (tag->group <= 0x0002 || tag->element == 0) continue;
    dom::object body;
    if (value.get(body) != simdjson::SUCCESS) return fault(place, "the attribute is no object");
    Element element = VEDETTE_TRY(read_attribute(*tag, body, place, depth));
    if (*tag == tags::specific_character_set) {
      declared = true;  // JSON is UTF-8, whatever the object was once
      continue;
    }
    const VrTraits* traits = vr_traits(element.vr);
    if (traits->text && traits->extended_text) {
      set.set_text(element.tag, element.vr, element.value);
    } else {
      set.set(std::move(element));
    }
  }
  if (declared) set.set(Element{.tag = tags::specific_character_set, .vr = Vr::CS, .value = "ISO_IR 192"});
  return set;
}

}  // namespace

Result<DataSet> from_json(std::string_view text) {
  try {
    dom::parser parser;
    dom::object object;
    const auto error = parser.parse(text.data(), text.size(), true).get(object);
    if (error != simdjson::SUCCESS) {
      return Error{Fault::malformed, "dicom.json",
                   fmt::format("this is no JSON object: {}", simdjson::error_message(error)), "",
                   "Send one object in the DICOM JSON model."};
    }
    return read_object(object, "", 0);
  } catch (const std::bad_alloc&) {
    return Error{Fault::exhausted, "dicom.json", "no memory to read the JSON"};
  }
}

}  // namespace vedette::dicom
