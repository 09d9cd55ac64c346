#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "dicom/json.hpp"
#include "dicom/vr.hpp"

namespace vedette::dicom {
namespace {

template <typename T>
T little(std::string_view bytes, std::size_t index) {
  static_assert(std::endian::native == std::endian::little);
  T value{};
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

/// True for text that JSON itself reads as a number (RFC 8259 section 6).
bool is_json_number(std::string_view text) {
  std::size_t i = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - start;
  };
  const bool zero = i < text.size() && text[i] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

/// IS and DS as a JSON number where every reader gets that number back; nothing where it has to stay text, which PS3.18
/// section F.2.3.1 allows: readers give up on the whole of a header with an integer of 30 digits or with 1e999.
std::optional<std::string> json_number(Vr vr, std::string_view value) {
  constexpr std::size_t longest = 16;  // of DS (PS3.5 Table 6.2-1); IS has 12
  const bool plain = is_json_number(value);
  if (value.starts_with('+')) value.remove_prefix(1);
  if ((vr != Vr::DS && vr != Vr::IS) || value.size() > longest) return std::nullopt;
  if (vr == Vr::IS) {
    const auto whole = to_integer(value);
    return whole ? std::optional(std::to_string(*whole)) : std::nullopt;
  }
  const auto parsed = to_number(value);
  if (!parsed || !std::isfinite(*parsed)) return std::nullopt;
  return plain ? std::string(value) : fmt::format("{}", *parsed);
}

template <typename T>
std::string json_float(T value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  return fmt::format("{}", value);
}

class Json {
 public:
  explicit Json(const JsonOptions& options) : options_(options) {}

  std::string out;

  void data_set(const DataSet& set, const std::string& path, bool root) {
    out += '{';
    bool first = true;
    for (const Element& element : set.elements()) {
      if (element.tag.group <= 0x0002 || (!root && element.tag == tags::specific_character_set)) continue;
      const std::size_t before = out.size();
      if (!first) out += ',';
      // The character set is said anew, so it gets its own representation, whatever stood there.
      const Vr vr = element.tag == tags::specific_character_set ? Vr::CS : element.vr;
      out += '"' + element.tag.key() + R"(":{"vr":")" + vr_text(vr) + '"';
      if (!value(set, element, path + element.tag.key())) {
        out.resize(before);
        continue;
      }
      out += '}';
      first = false;
    }
    out += '}';
  }

 private:
  /// Appends what follows the representation; false where the element is to be left out.
  bool value(const DataSet& set, const Element& element, const std::string& path) {
    if (element.tag == tags::specific_character_set) {
      if (!element.value.empty()) out += R"(,"Value":["ISO_IR 192"])";
      return true;
    }
    if (element.vr == Vr::SQ) {
      items(element, path);
      return true;
    }
    const VrTraits* traits = vr_traits(element.vr);
    const bool pixels = element.tag.group == 0x7FE0 && element.tag.element >= 0x0008 && element.tag.element <= 0x0010;
    if (traits == nullptr || (!traits->text && !traits->multiple) || pixels || element.skipped)
      return binary(element, path, pixels);
    if (traits->text) {
      texts(set, element);
    } else {
      numbers(element, traits->unit);
    }
    return true;
  }

  void items(const Element& element, const std::string& path) {
    if (element.items.empty()) return;
    out += R"(,"Value":[)";
    for (std::size_t i = 0; i < element.items.size(); ++i) {
      if (i > 0) out += ',';
      data_set(element.items[i], path + '/' + std::to_string(i) + '/', false);
    }
    out += ']';
  }

  bool binary(const Element& element, const std::string& path, bool pixels) {
    if (element.value.empty() && !element.skipped && !element.encapsulated) return true;
    const bool wants_uri =
        pixels || element.skipped || element.encapsulated || element.value.size() > options_.inline_bytes;
    const std::string uri = wants_uri && options_.bulk_data_uri ? options_.bulk_data_uri(element, path) : "";
    if (!uri.empty()) {
      out += R"(,"BulkDataURI":)" + json_string(uri);
      return true;
    }
    if (pixels || element.skipped || element.encapsulated) return false;
    out += R"(,"InlineBinary":")" + to_base64(as_bytes(element.value)) + '"';
    return true;
  }

  void texts(const DataSet& set, const Element& element) {
    const std::vector<std::string> values = set.texts(element.tag);
    if (values.empty()) return;
    out += R"(,"Value":[)";
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out += ',';
      text(element.vr, values[i]);
    }
    out += ']';
  }

  void text(Vr vr, const std::string& value) {
    if (value.empty()) {
      out += "null";
    } else if (vr == Vr::PN) {
      person_name(value);
    } else if (const auto number = json_number(vr, value)) {
      out += *number;
    } else {
      out += json_string(value);
    }
  }

  void person_name(std::string_view value) {
    constexpr std::string_view names[] = {"Alphabetic", "Ideographic", "Phonetic"};
    out += '{';
    bool first = true;
    std::size_t index = 0;
    for (const std::string_view group : split(value, '=')) {
      if (index == std::size(names)) break;
      if (!group.empty()) {
        if (!first) out += ',';
        out += fmt::format("\"{}\":{}", names[index], json_string(group));
        first = false;
      }
      ++index;
    }
    out += '}';
  }

  void numbers(const Element& element, std::size_t unit) {
    const std::size_t width = element.vr == Vr::AT ? 4 : unit;
    const std::size_t count = element.value.size() / width;
    if (count == 0) return;
    out += R"(,"Value":[)";
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out += ',';
      out += number(element, i);
    }
    out += ']';
  }

  static std::string number(const Element& element, std::size_t i) {
    const std::string_view bytes = element.value;
    switch (element.vr) {
      case Vr::AT:
        return '"' + Tag{little<std::uint16_t>(bytes, 2 * i), little<std::uint16_t>(bytes, 2 * i + 1)}.key() + '"';
      case Vr::FL:
        return json_float(little<float>(bytes, i));
      case Vr::FD:
        return json_float(little<double>(bytes, i));
      case Vr::US:
        return std::to_string(little<std::uint16_t>(bytes, i));
      case Vr::SS:
        return std::to_string(little<std::int16_t>(bytes, i));
      case Vr::UL:
        return std::to_string(little<std::uint32_t>(bytes, i));
      case Vr::SL:
        return std::to_string(little<std::int32_t>(bytes, i));
      case Vr::UV:
        return std::to_string(little<std::uint64_t>(bytes, i));
      default:
        return std::to_string(little<std::int64_t>(bytes, i));
    }
  }

  const JsonOptions& options_;
};

}  // namespace

std::string to_json(const DataSet& data, const JsonOptions& options) {
  Json json(options);
  json.data_set(data, "", true);
  return std::move(json.out);
}

}  // namespace vedette::dicom
