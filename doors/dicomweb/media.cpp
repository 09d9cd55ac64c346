#include "dicomweb/media.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace vedette::dicomweb {

namespace {

/// Splits at `at` outside of quotes.
std::vector<std::string_view> split_unquoted(std::string_view text, char at) {
  std::vector<std::string_view> out;
  std::size_t start = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && quoted) {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == at && !quoted) {
      out.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  out.push_back(text.substr(start));
  return out;
}

std::string unquoted(std::string_view text) {
  text = trimmed(text);
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(trimmed(text, "\"' "));
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

struct FrameType {
  std::string_view prefix, type;
};
// PS3.18 Table 8.7.3-5; the longest prefix that fits stands first.
constexpr std::array frame_types{
    FrameType{"1.2.840.10008.1.2.4.50", "image/jpeg"},   FrameType{"1.2.840.10008.1.2.4.51", "image/jpeg"},
    FrameType{"1.2.840.10008.1.2.4.57", "image/jpeg"},   FrameType{"1.2.840.10008.1.2.4.70", "image/jpeg"},
    FrameType{"1.2.840.10008.1.2.4.80", "image/jls"},    FrameType{"1.2.840.10008.1.2.4.81", "image/jls"},
    FrameType{"1.2.840.10008.1.2.4.90", "image/jp2"},    FrameType{"1.2.840.10008.1.2.4.91", "image/jp2"},
    FrameType{"1.2.840.10008.1.2.4.92", "image/jpx"},    FrameType{"1.2.840.10008.1.2.4.93", "image/jpx"},
    FrameType{"1.2.840.10008.1.2.4.201", "image/jphc"},  FrameType{"1.2.840.10008.1.2.4.202", "image/jphc"},
    FrameType{"1.2.840.10008.1.2.4.203", "image/jphc"},  FrameType{"1.2.840.10008.1.2.4.110", "image/jxl"},
    FrameType{"1.2.840.10008.1.2.4.111", "image/jxl"},   FrameType{"1.2.840.10008.1.2.4.112", "image/jxl"},
    FrameType{"1.2.840.10008.1.2.5", "image/dicom-rle"}, FrameType{"1.2.840.10008.1.2.4.100", "video/mpeg"},
    FrameType{"1.2.840.10008.1.2.4.101", "video/mpeg"},  FrameType{"1.2.840.10008.1.2.4.102", "video/mp4"},
    FrameType{"1.2.840.10008.1.2.4.103", "video/mp4"},   FrameType{"1.2.840.10008.1.2.4.104", "video/mp4"},
    FrameType{"1.2.840.10008.1.2.4.105", "video/mp4"},   FrameType{"1.2.840.10008.1.2.4.106", "video/mp4"},
    FrameType{"1.2.840.10008.1.2.4.107", "video/mp4"},   FrameType{"1.2.840.10008.1.2.4.108", "video/mp4"},
};

bool is_dicom_type(const MediaType& one) {
  return one.type == "application/dicom" || one.type.starts_with("application/dicom+") ||
         (one.type == "multipart/related" && one.parameter("type") == "application/dicom");
}

bool is_rendered_type(const MediaType& one) {
  return (one.type.starts_with("image/") || one.type == "text/html" || one.type == "text/plain" ||
          one.type == "application/pdf" || one.type.starts_with("video/")) &&
         one.type != "image/*";
}

}  // namespace

std::string MediaType::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

Result<MediaType> media_type_from(std::string_view text) {
  MediaType out;
  bool first = true;
  for (const std::string_view part : split_unquoted(text, ';')) {
    if (first) {
      out.type = lower_case(trimmed(part));
      first = false;
      continue;
    }
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name = lower_case(trimmed(part.substr(0, equals)));
    const std::string value = unquoted(part.substr(equals + 1));
    if (name == "q") {
      out.quality = std::clamp(to_number(value).value_or(1.0), 0.0, 1.0);
    } else {
      out.parameters.emplace(name, name == "type" ? lower_case(value) : value);
    }
  }
  if (out.type == "*") out.type = "*/*";  // what some clients send
  const std::size_t slash = out.type.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == out.type.size() ||
      out.type.find_first_of(" \t\r\n") != std::string::npos) {
    return Error{Fault::malformed, "media.type", "The media type cannot be read", "media type",
                 "Write type/subtype; parameter=value."};
  }
  return out;
}

Accept Accept::of(const wire::Request& request) {
  Accept out;
  std::vector<std::string> texts = request.parameters("accept");
  if (texts.empty()) {
    for (const auto& [name, value] : request.headers.all()) {
      if (lower_case(name) == "accept") texts.push_back(value);
    }
  }
  for (const std::string& text : texts) {
    for (const std::string_view part : split_unquoted(text, ',')) {
      if (trimmed(part).empty()) continue;
      if (auto type = media_type_from(part); type && type->quality > 0) out.types_.push_back(*std::move(type));
    }
  }
  out.absent_ = texts.empty();
  std::stable_sort(out.types_.begin(), out.types_.end(),
                   [](const MediaType& a, const MediaType& b) { return a.quality > b.quality; });
  return out;
}

bool Accept::takes_single(std::string_view type) const {
  return std::any_of(types_.begin(), types_.end(), [&](const MediaType& one) { return covers(one.type, type); });
}

bool Accept::mixed() const {
  return std::any_of(types_.begin(), types_.end(), is_dicom_type) &&
         std::any_of(types_.begin(), types_.end(), is_rendered_type);
}

bool covers(std::string_view range, std::string_view type) {
  if (range == "*/*" || range == type) return true;
  return range.ends_with("/*") && type.starts_with(range.substr(0, range.size() - 1));
}

std::string_view frame_type_of(std::string_view transfer_syntax) {
  for (const FrameType& row : frame_types) {
    if (transfer_syntax == row.prefix ||
        (transfer_syntax.starts_with(row.prefix) && transfer_syntax.substr(row.prefix.size()) == ".1"))
      return row.type;
  }
  return "application/octet-stream";
}

Error not_acceptable(std::string_view offered) {
  return Error{Fault::not_acceptable, "media.not_acceptable", "None of the accepted media types can be given here",
               "header Accept", "Accept " + std::string(offered) + "."};
}

}  // namespace vedette::dicomweb
