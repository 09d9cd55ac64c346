#include "dicomweb/media.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace vedette::dicomweb {

namespace {

/// Names of types without the single quotes that some clients put around them. A boundary keeps them: they are
/// characters of it (RFC 2046 section 5.1.1).
MediaType normal(MediaType type) {
  for (auto& [name, value] : type.parameters) {
    if (name != "boundary") value = std::string(trimmed(value, "\"' "));
    if (name == "type") value = lower_case(value);
  }
  return type;
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

Result<MediaType> media_type_from(std::string_view text) {
  return normal(VEDETTE_TRY(wire::media_type_leniently(text)));
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
    for (MediaType& type : wire::accept_leniently(text)) {
      if (type.q > 0) out.types_.push_back(normal(std::move(type)));
    }
  }
  out.absent_ = texts.empty();
  std::stable_sort(out.types_.begin(), out.types_.end(),
                   [](const MediaType& a, const MediaType& b) { return a.q > b.q; });
  return out;
}

bool Accept::takes_single(std::string_view type) const {
  return std::any_of(types_.begin(), types_.end(), [&](const MediaType& one) { return covers(one.type, type); });
}

bool Accept::mixed() const {
  return std::any_of(types_.begin(), types_.end(), is_dicom_type) &&
         std::any_of(types_.begin(), types_.end(), is_rendered_type);
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
