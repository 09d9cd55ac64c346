// Whole instances and headers (PS3.18 section 10.4).
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "dicom/frames.hpp"
#include "dicom/uids.hpp"
#include "dicomweb/door.hpp"
#include "wire/multipart.hpp"

namespace vedette::dicomweb {

namespace {

namespace tags = dicom::tags;
using dicom::uids::explicit_vr_little_endian;

constexpr std::int64_t most_turned = 1LL << 30U;  // an object that has to be turned is read as a whole

/// How one instance leaves: as it is stored, or in Explicit VR Little Endian.
enum class Way : std::uint8_t { stored, turned, decoded, no };

struct Form {
  bool multipart = true;
  std::string syntax;  ///< "", "*", or the one asked for
};

Way way_of(const study::Instance& instance, const Form& form) {
  const dicom::TransferSyntax* stored = dicom::find_transfer_syntax(instance.transfer_syntax);
  if (form.syntax == "*" || form.syntax == instance.transfer_syntax) return Way::stored;
  const bool as_is = stored == nullptr || (stored->explicit_vr && stored->little_endian);
  // Implicit and big endian never leave unless "*" asks for whatever is stored (PS3.18 section 8.7.3.2).
  if (form.syntax.empty()) return as_is ? Way::stored : Way::turned;
  if (form.syntax != explicit_vr_little_endian) return Way::no;
  if (stored != nullptr && !stored->encapsulated) return Way::turned;
  return dicom::can_decode(instance.transfer_syntax) ? Way::decoded : Way::no;
}

std::optional<Form> form_for(const MediaType& one, std::size_t count) {
  const std::string_view type = one.parameter("type");
  const std::string syntax(one.parameter("transfer-syntax"));
  if (one.type == "*/*" || one.type == "multipart/*" ||
      (one.type == "multipart/related" && (type.empty() || type == "*/*" || covers(type, "application/dicom")))) {
    return Form{true, syntax};
  }
  if (covers(one.type, "application/dicom") && count == 1) return Form{false, syntax};
  return std::nullopt;
}

Result<Form> negotiated(const Parts& parts, const Accept& accept, const std::vector<study::Instance>& instances) {
  const std::string offered = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
  if (accept.absent()) {
    if (parts.settings.boolean("http.accept_required")) return not_acceptable(offered);
    return Form{};
  }
  if (accept.mixed()) {
    return Error{Fault::malformed, "media.mixed", "DICOM and rendered media types stand in one Accept", "header Accept",
                 "Ask for one kind."};
  }
  for (const MediaType& one : accept.types()) {
    const auto form = form_for(one, instances.size());
    if (!form) continue;
    const bool all = std::all_of(instances.begin(), instances.end(),
                                 [&](const study::Instance& instance) { return way_of(instance, *form) != Way::no; });
    if (all) return *form;
  }
  return not_acceptable(offered);
}

std::string part_head(const std::string& boundary, bool first, std::string_view syntax, const std::string& url) {
  return std::string(first ? "" : "\r\n") + "--" + boundary +
         "\r\nContent-Type: application/dicom; transfer-syntax=" + std::string(syntax) +
         "\r\nContent-Location: " + url + "\r\n\r\n";
}

std::string_view syntax_of(const study::Instance& instance, Way way) {
  return way == Way::stored ? std::string_view(instance.transfer_syntax) : explicit_vr_little_endian;
}

Result<wire::FilePiece> stored_piece(const Parts& parts, const study::Instance& instance) {
  auto range = VEDETTE_TRY(parts.blobs.range(instance.place));
  return wire::FilePiece{{}, range.descriptor, range.offset, range.length, std::move(range.owner)};
}

Result<wire::Response> single(const Parts& parts, const study::Instance& instance, const Form& form) {
  const Way way = way_of(instance, form);
  wire::Response out;
  out.headers.set("Content-Type", "application/dicom; transfer-syntax=" + std::string(syntax_of(instance, way)));
  if (way == Way::stored) {
    wire::Files files;
    files.pieces.push_back(VEDETTE_TRY(stored_piece(parts, instance)));
    out.body = std::move(files);
  } else {
    out.body = VEDETTE_TRY(as_explicit_file(parts, instance, way == Way::decoded));
  }
  return out;
}

/// Parts that are turned one after the other while they are sent: only one is in memory.
wire::Producer produced(const Parts& parts, std::vector<study::Instance> instances, const Form& form, std::string base,
                        std::string boundary) {
  struct State {
    std::vector<study::Instance> instances;
    std::size_t next = 0;
  };
  // Shared: a Producer is copied with the function that holds it.
  auto state = std::make_shared<State>(State{std::move(instances), 0});
  return [parts = parts, state, form, base = std::move(base), boundary = std::move(boundary)]() -> Result<std::string> {
    const std::size_t at = state->next++;
    if (at > state->instances.size()) return std::string();
    if (at == state->instances.size()) return "\r\n--" + boundary + "--\r\n";
    const study::Instance& instance = state->instances[at];
    const Way way = way_of(instance, form);
    std::string file = way == Way::stored ? VEDETTE_TRY(parts.blobs.read(instance.place))
                                          : VEDETTE_TRY(as_explicit_file(parts, instance, way == Way::decoded));
    return part_head(boundary, at == 0, syntax_of(instance, way), instance_url(base, instance)) + file;
  };
}

Result<wire::Response> retrieved(const Parts& parts, const guard::Call& call) {
  std::vector<study::Instance> instances = VEDETTE_TRY(find(parts, VEDETTE_TRY(target_of(call))));
  const Form form = VEDETTE_TRY(negotiated(parts, Accept::of(call.request), instances));
  if (!form.multipart) return single(parts, instances.front(), form);
  const std::string boundary = wire::make_boundary();
  const std::string base = base_of(parts, call.request);
  wire::Response out;
  out.headers.set("Content-Type", "multipart/related; type=\"application/dicom\"; boundary=" + boundary);
  const bool all_stored = std::all_of(instances.begin(), instances.end(),
                                      [&](const auto& one) { return way_of(one, form) == Way::stored; });
  if (!all_stored) {
    if (call.request.method == "HEAD") return out;
    out.body = produced(parts, std::move(instances), form, base, boundary);
    return out;
  }
  wire::Files files;
  files.pieces.reserve(instances.size());
  for (const study::Instance& instance : instances) {
    wire::FilePiece piece = VEDETTE_TRY(stored_piece(parts, instance));
    piece.before = part_head(boundary, files.pieces.empty(), instance.transfer_syntax, instance_url(base, instance));
    files.pieces.push_back(std::move(piece));
  }
  files.after = "\r\n--" + boundary + "--\r\n";
  out.body = std::move(files);
  return out;
}

/// Puts the address of the instance before the relative BulkDataURIs of its stored header. The pattern cannot stand
/// inside a JSON text: its quotes would be escaped there.
std::string with_addresses(const std::string& json, const std::string& url) {
  constexpr std::string_view pattern = "\"BulkDataURI\":\"bulkdata/";
  std::string out;
  out.reserve(json.size() + 256);
  std::size_t from = 0;
  for (std::size_t at = json.find(pattern); at != std::string::npos; at = json.find(pattern, from)) {
    out.append(json, from, at - from);
    out += "\"BulkDataURI\":\"" + url + "/bulkdata/";
    from = at + pattern.size();
  }
  return out.append(json, from, std::string::npos);
}

using Shared = std::shared_ptr<const std::string>;

/// gzip (RFC 1952); headers of a series are so alike that the fastest level already leaves a fiftieth. Nothing where
/// memory fails.
std::optional<std::string> gzipped(const std::string& text) {
  z_stream stream{};
  constexpr int gzip_window = 15 + 16;
  if (deflateInit2(&stream, 1, Z_DEFLATED, gzip_window, 9, Z_DEFAULT_STRATEGY) != Z_OK) return std::nullopt;
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // NOLINT: zlib reads only
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (code != Z_STREAM_END) return std::nullopt;
  return out;
}

/// What is so small gains nothing by it.
constexpr std::size_t least_gzipped = 1400, most_gzipped = 256U << 20U;

/// What changes with every instance of the target; empty where it is not there.
Result<std::string> mark_of(const Parts& parts, const Target& target) {
  std::string out;
  VEDETTE_TRY(parts.catalogue.database().read([&](database::Transaction& tx) -> Result<void> {
    const auto study = VEDETTE_TRY(parts.catalogue.study(tx, target.study_uid));
    if (!study) return {};
    out = std::to_string(study->version) + "." + std::to_string(study->instances) + "." +
          std::to_string(to_row(study->last_instance_at));
    return {};
  }));
  return out;
}

Result<std::string> headers_text(const Parts& parts, database::Transaction& tx,
                                 const std::vector<study::Instance>& instances, std::size_t from, std::size_t to,
                                 const std::string& base) {
  std::string text;
  for (std::size_t i = from; i < to; ++i) {
    if (i > 0) text += ",";
    text += with_addresses(VEDETTE_TRY(parts.catalogue.header_json(tx, instances[i].uid)),
                           instance_url(base, instances[i]));
  }
  return text;
}

/// Headers in steps, for what is too much to hold at once.
wire::Producer header_producer(const Parts& parts, std::vector<study::Instance> instances, std::string base) {
  struct State {
    std::vector<study::Instance> instances;
    std::size_t next = 0;
    bool ended = false;
  };
  constexpr std::size_t at_once = 256;
  auto state = std::make_shared<State>(State{std::move(instances), 0, false});  // shared: a Producer is copied
  return [parts = parts, state, base = std::move(base)]() -> Result<std::string> {
    if (state->ended) return std::string();
    const std::size_t to = std::min(state->next + at_once, state->instances.size());
    std::string text = state->next == 0 ? "[" : "";
    VEDETTE_TRY(parts.catalogue.database().read([&](database::Transaction& tx) -> Result<void> {
      text += VEDETTE_TRY(headers_text(parts, tx, state->instances, state->next, to, base));
      return {};
    }));
    state->next = to;
    state->ended = to == state->instances.size();
    return state->ended ? text + "]" : text;
  };
}

Result<wire::Response> described(const Parts& parts, HeaderCache& cache, const guard::Call& call) {
  const Accept accept = Accept::of(call.request);
  const bool json = accept.takes_single("application/dicom+json") || accept.takes_single("application/json");
  if (accept.absent() ? parts.settings.boolean("http.accept_required") : !json)
    return not_acceptable("application/dicom+json");
  const Target target = VEDETTE_TRY(target_of(call));
  const std::string base = base_of(parts, call.request);
  wire::Response out = wire::Response::json({});
  out.headers.set("Content-Type", "application/dicom+json");
  const bool kept = target.instance_uid.empty();
  if (kept) VEDETTE_TRY(parts.intake.settle());
  const bool squeeze = wire::takes_gzip(call.request);
  out.headers.set("Vary", "Accept-Encoding");
  const auto send = [&](const std::string& text) {
    if (text.starts_with("\x1F\x8B")) out.headers.set("Content-Encoding", "gzip");
    out.body = text;
  };
  const std::string key = base + "/" + target.study_uid + "/" + target.series_uid + (squeeze ? " gzip" : "");
  const std::string mark = kept ? VEDETTE_TRY(mark_of(parts, target)) : "";
  if (const Shared text = mark.empty() ? nullptr : cache.get(key, mark)) {
    send(*text);
    return out;
  }
  constexpr std::size_t most_held = 3000;
  std::vector<study::Instance> instances = VEDETTE_TRY(find(parts, target));
  if (instances.size() > most_held) {
    out.body = header_producer(parts, std::move(instances), base);
    return out;
  }
  std::string text;
  VEDETTE_TRY(parts.catalogue.database().read([&](database::Transaction& tx) -> Result<void> {
    text = "[" + VEDETTE_TRY(headers_text(parts, tx, instances, 0, instances.size(), base)) + "]";
    return {};
  }));
  if (squeeze && text.size() >= least_gzipped && text.size() <= most_gzipped) {
    if (auto small = gzipped(text)) text = *std::move(small);
  }
  send(text);
  if (kept && !mark.empty()) cache.put(key, mark, std::move(text));
  return out;
}

Result<void> decode_into(dicom::DataSet& data, const std::string& syntax) {
  const dicom::ImageLayout layout = VEDETTE_TRY(dicom::image_layout(data));
  std::string pixels;
  dicom::ImageLayout result = layout;
  for (std::uint32_t frame = 0; frame < layout.frames; ++frame) {
    dicom::DecodedFrame decoded = VEDETTE_TRY(dicom::decode_frame(data, syntax, frame));
    result = decoded.layout;
    if (pixels.size() + decoded.pixels.size() > static_cast<std::uint64_t>(most_turned)) {
      return Error{Fault::not_acceptable, "instance.size", "The object is too large to be decoded as a whole",
                   "header Accept", "Accept transfer-syntax=*."};
    }
    pixels += decoded.pixels;
  }
  if (pixels.size() % 2 == 1) pixels += '\0';
  data.set_bytes(tags::pixel_data, result.bits_allocated > 8 ? dicom::Vr::OW : dicom::Vr::OB, std::move(pixels));
  data.set_text(tags::photometric_interpretation, result.photometric);
  if (layout.samples > 1) data.set_integer(tags::planar_configuration, 0);
  return {};
}

}  // namespace

Result<std::string> as_explicit_file(const Parts& parts, const study::Instance& instance, bool decode) {
  if (instance.place.length > most_turned) {
    return Error{Fault::not_acceptable, "instance.size",
                 "The object is too large to be given in another transfer syntax", "header Accept",
                 "Accept transfer-syntax=*."};
  }
  const std::string blob = VEDETTE_TRY(parts.blobs.read(instance.place));
  dicom::ReadLimits limits;
  limits.elements = std::numeric_limits<std::uint64_t>::max();  // intake counted them
  limits.element_bytes = static_cast<std::uint64_t>(most_turned);
  dicom::DataSet data = VEDETTE_TRY(
      dicom::read_data_set(as_bytes(std::string_view(blob).substr(static_cast<std::size_t>(instance.data_offset))),
                           instance.transfer_syntax, limits));
  if (decode) VEDETTE_TRY(decode_into(data, instance.transfer_syntax));
  return dicom::file_header(instance.sop_class_uid, instance.uid, explicit_vr_little_endian) +
         VEDETTE_TRY(dicom::write_data_set(data, explicit_vr_little_endian));
}

wire::Response retrieve(const Parts& parts, const guard::Call& call) {
  return answered([&] { return retrieved(parts, call); });
}

wire::Response metadata(const Parts& parts, HeaderCache& cache, const guard::Call& call) {
  return answered([&] { return described(parts, cache, call); });
}

}  // namespace vedette::dicomweb
