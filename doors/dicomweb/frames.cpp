// Frames and bulk data (PS3.18 section 10.4.1.1.4, 10.4.1.1.5).
#include "dicom/frames.hpp"

#include <algorithm>
#include <limits>

#include "base/id.hpp"
#include "base/text.hpp"
#include "dicom/uids.hpp"
#include "dicomweb/frame_source.hpp"
#include "wire/multipart.hpp"

namespace vedette::dicomweb {

namespace {

constexpr std::string_view octets = "application/octet-stream";
constexpr std::size_t most_frames = 10'000;  // of one request

/// In which form frames are given.
struct Form {
  bool multipart = true;
  bool decoded = false;
  std::string type, syntax;
};

/// What an entry of Accept asks for inside its multipart, or as a single part.
struct Asked {
  bool multipart = true;
  std::string type, syntax;
};

Asked asked_by(const MediaType& one) {
  Asked out;
  out.syntax = one.parameter("transfer-syntax");
  if (one.type == "multipart/related" || one.type == "multipart/*") {
    out.type = one.parameter("type").empty() ? "*/*" : one.parameter("type");
  } else {
    out.multipart = one.type == "*/*";
    out.type = one.type;
  }
  // Names from before 2016.
  if (out.type == "image/x-jls") out.type = "image/jls";
  if (out.type == "image/x-dicom-rle" || out.type == "image/x-rle") out.type = "image/dicom-rle";
  return out;
}

std::optional<Form> form_for(const Asked& asked, const FrameSource& source, std::size_t count) {
  if (!asked.multipart && count != 1) return std::nullopt;
  const std::string& stored = source.instance().transfer_syntax;
  const std::string explicit_le(dicom::uids::explicit_vr_little_endian);
  if (!source.encapsulated()) {
    const bool fits = asked.syntax.empty() || asked.syntax == "*" || asked.syntax == explicit_le;
    if (!fits || !covers(asked.type, octets)) return std::nullopt;
    return Form{asked.multipart, false, std::string(octets), explicit_le};
  }
  const std::string type(frame_type_of(stored));
  const bool as_stored = asked.syntax.empty() || asked.syntax == "*" || asked.syntax == stored;
  if (as_stored && type != octets && covers(asked.type, type)) return Form{asked.multipart, false, type, stored};
  if (!covers(asked.type, octets)) return std::nullopt;
  if (asked.syntax == "*" || asked.syntax == stored) return Form{asked.multipart, false, std::string(octets), stored};
  if ((asked.syntax.empty() || asked.syntax == explicit_le) && dicom::can_decode(stored)) {
    return Form{asked.multipart, true, std::string(octets), explicit_le};
  }
  return std::nullopt;
}

Result<Form> negotiated(const Parts& parts, const Accept& accept, const FrameSource& source, std::size_t count) {
  if (accept.absent()) {
    if (parts.settings.boolean("http.accept_required"))
      return not_acceptable("multipart/related; type=\"application/octet-stream\"; transfer-syntax=*");
    return *form_for({true, "*/*", "*"}, source, count);
  }
  for (const MediaType& one : accept.types()) {
    if (auto form = form_for(asked_by(one), source, count)) return *form;
  }
  return not_acceptable("multipart/related; type=\"application/octet-stream\"; transfer-syntax=* or " +
                        std::string(frame_type_of(source.instance().transfer_syntax)));
}

std::string content_type(const Form& form) {
  return form.type + "; transfer-syntax=" + form.syntax;
}

Result<std::vector<std::uint32_t>> numbers_of(const std::string& list) {
  std::vector<std::uint32_t> out;
  for (const std::string_view part : split(list, ',')) {
    const auto number = to_integer(trimmed(part));
    if (!number || *number < 1 || *number > 1'000'000'000 || out.size() >= most_frames) {
      return Error{Fault::malformed, "frame.list", "The frame list is not a list of numbers from 1, by comma", "frames",
                   "Write for example /frames/1,2,3."};
    }
    out.push_back(static_cast<std::uint32_t>(*number - 1));
  }
  return out;
}

/// A decoded frame as a file piece: the samples as the header of the instance describes them.
Result<wire::FilePiece> piece_for(const FrameSource& source, const Form& form, std::uint32_t frame) {
  if (!form.decoded) return source.stored(frame);
  return piece_of_text(VEDETTE_TRY(source.decoded(frame)).pixels);
}

Result<wire::Response> frames_of(const Parts& parts, const guard::Call& call, const std::vector<std::uint32_t>& numbers,
                                 const FrameSource& source, const std::string& place) {
  const Accept accept = Accept::of(call.request);
  const Form form = VEDETTE_TRY(negotiated(parts, accept, source, numbers.size()));
  wire::Response out;
  wire::Files files;
  if (!form.multipart) {
    files.pieces.push_back(VEDETTE_TRY(piece_for(source, form, numbers.front())));
    out.headers.set("Content-Type", content_type(form));
    out.body = std::move(files);
    return out;
  }
  const std::string boundary = wire::make_boundary();
  const std::string url = instance_url(base_of(parts, call.request), source.instance());
  for (const std::uint32_t number : numbers) {
    wire::FilePiece piece = VEDETTE_TRY(piece_for(source, form, number));
    const std::string location = place.empty() ? url + "/frames/" + std::to_string(number + 1) : url + place;
    const std::string head = std::string(files.pieces.empty() ? "" : "\r\n") + "--" + boundary +
                             "\r\nContent-Type: " + content_type(form) + "\r\nContent-Location: " + location +
                             "\r\n\r\n";
    piece.before.insert(0, head);
    files.pieces.push_back(std::move(piece));
  }
  files.after = "\r\n--" + boundary + "--\r\n";
  out.headers.set("Content-Type", "multipart/related; type=\"" + form.type + "\"; boundary=" + boundary);
  out.body = std::move(files);
  return out;
}

/// The element at "7FE00010" or "00400555/0/00420011".
Result<const dicom::Element*> element_at(const dicom::DataSet& data, const std::string& path) {
  const Error wrong{Fault::not_found, "bulkdata.not_found", "There is no such value in the instance", "bulkdata",
                    "Use a BulkDataURI of the metadata."};
  const dicom::DataSet* set = &data;
  const auto parts = split(path, '/');
  for (std::size_t i = 0; i < parts.size(); i += 2) {
    const auto tag = dicom::tag_from_text(parts[i]);
    if (!tag) return wrong;
    const dicom::Element* element = set->find(*tag);
    if (element == nullptr) return wrong;
    if (i + 1 == parts.size()) return element;
    const auto item = to_integer(parts[i + 1]);
    if (!item || *item < 0 || static_cast<std::size_t>(*item) >= element->items.size() || i + 2 >= parts.size())
      return wrong;
    set = &element->items[static_cast<std::size_t>(*item)];
  }
  return wrong;
}

Result<wire::Response> value_of(const Parts& parts, const guard::Call& call, const study::Instance& instance,
                                const std::string& path) {
  constexpr std::int64_t most = 1LL << 30U;
  if (instance.place.length > most) {
    return Error{Fault::too_large, "instance.size", "Single values of so large an object are not given", "bulkdata",
                 "Retrieve the whole instance."};
  }
  const Accept accept = Accept::of(call.request);
  bool multipart = true;
  if (!accept.absent()) {
    const auto fits = std::find_if(accept.types().begin(), accept.types().end(),
                                   [](const MediaType& one) { return covers(asked_by(one).type, octets); });
    if (fits == accept.types().end()) return not_acceptable("application/octet-stream");
    multipart = asked_by(*fits).multipart;
  }
  const std::string blob = VEDETTE_TRY(parts.blobs.read(instance.place));
  dicom::ReadLimits limits;
  limits.elements = std::numeric_limits<std::uint64_t>::max();  // intake counted them
  limits.element_bytes = static_cast<std::uint64_t>(most);
  const dicom::DataSet data = VEDETTE_TRY(
      dicom::read_data_set(as_bytes(std::string_view(blob).substr(static_cast<std::size_t>(instance.data_offset))),
                           instance.transfer_syntax, limits));
  const dicom::Element* element = VEDETTE_TRY(element_at(data, path));
  wire::Response out;
  if (!multipart) {
    out.headers.set("Content-Type", std::string(octets));
    out.body = element->value;
    return out;
  }
  const std::string boundary = wire::make_boundary();
  out.headers.set("Content-Type", "multipart/related; type=\"application/octet-stream\"; boundary=" + boundary);
  out.body = "--" + boundary +
             "\r\nContent-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1\r\nContent-Location: " +
             instance_url(base_of(parts, call.request), instance) + "/bulkdata/" + path + "\r\n\r\n" + element->value +
             "\r\n--" + boundary + "--\r\n";
  return out;
}

}  // namespace

wire::Response frames(const Parts& parts, const guard::Call& call) {
  return answered([&]() -> Result<wire::Response> {
    const auto numbers = VEDETTE_TRY(numbers_of(call.param("frames")));
    const FrameSource source = VEDETTE_TRY(
        FrameSource::open(parts, VEDETTE_TRY(find_one(parts, VEDETTE_TRY(target_of(call)))), FrameSource::Need::bytes));
    return frames_of(parts, call, numbers, source, {});
  });
}

wire::Response bulk_data(const Parts& parts, const guard::Call& call) {
  return answered([&]() -> Result<wire::Response> {
    const study::Instance instance = VEDETTE_TRY(find_one(parts, VEDETTE_TRY(target_of(call))));
    const std::string path = call.param("path").empty() ? "7FE00010" : call.param("path");
    if (path != "7FE00010") return value_of(parts, call, instance, path);
    const FrameSource source = VEDETTE_TRY(FrameSource::open(parts, instance, FrameSource::Need::bytes));
    std::vector<std::uint32_t> all(source.frames());
    for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    if (source.encapsulated() || source.frames() == 1) return frames_of(parts, call, all, source, "/bulkdata/7FE00010");
    return value_of(parts, call, instance, path);
  });
}

}  // namespace vedette::dicomweb
