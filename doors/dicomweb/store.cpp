// STOW-RS (PS3.18 section 10.5).
#include <limits>
#include <nlohmann/json.hpp>

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "dicomweb/door.hpp"
#include "wire/multipart.hpp"

namespace vedette::dicomweb {

namespace {

using Json = nlohmann::json;

constexpr std::size_t most_named = 100'000;  // instances of one request that are named in the answer
constexpr std::int64_t warning_mismatch = 0xB007;

Json element(std::string_view vr, Json value) {
  return Json{{"vr", vr}, {"Value", Json::array({std::move(value)})}};
}

/// Outcome of the whole request, in the form of the Store Instances Response Module (PS3.18 Annex I).
class Outcome {
 public:
  explicit Outcome(std::string base) : base_(std::move(base)) {}

  void stored(const intake::Accepted& accepted) {
    const bool conflict = accepted.added == study::Catalogue::Added::conflict;
    Json item = names(accepted);
    item["00081190"] = element("UR", base_ + "/studies/" + accepted.study_uid + "/series/" + accepted.series_uid +
                                         "/instances/" + accepted.sop_instance_uid);
    if (conflict) {
      item["00081196"] = element("US", warning_mismatch);
      say("A different instance is already stored under this UID; the new one is kept apart and is not in use.");
      ++warnings_;
    }
    ++good_;
    if (referenced_.size() < most_named) referenced_.push_back(std::move(item));
    if (study_.empty()) study_ = accepted.study_uid;
    if (study_ != accepted.study_uid) several_ = true;
  }

  void failed(const intake::Accepted& seen, const Error& error) {
    ++bad_;
    worst_ = error.fault;
    say(error.text());
    Json item = Json::object();
    if (!seen.sop_instance_uid.empty()) item = names(seen);
    item["00081197"] = element("US", reason_of(error));
    Json& list = seen.sop_instance_uid.empty() ? other_ : failed_;
    if (list.size() < most_named) list.push_back(std::move(item));
  }

  bool empty() const { return good_ + bad_ == 0; }
  std::int64_t good() const { return good_; }
  std::int64_t bad() const { return bad_; }

  wire::Response response() const {
    Json body = Json::object();
    if (!study_.empty() && !several_) body["00081190"] = element("UR", base_ + "/studies/" + study_);
    if (!failed_.empty()) body["00081198"] = Json{{"vr", "SQ"}, {"Value", failed_}};
    if (!referenced_.empty()) body["00081199"] = Json{{"vr", "SQ"}, {"Value", referenced_}};
    if (!other_.empty()) body["0008119A"] = Json{{"vr", "SQ"}, {"Value", other_}};
    wire::Response out = wire::Response::json(body.dump(), status());
    out.headers.set("Content-Type", "application/dicom+json");
    if (!said_.empty()) out.headers.set("Warning", "299 vedette \"" + said_ + "\"");
    return out;
  }

 private:
  static Json names(const intake::Accepted& one) {
    Json item = Json::object();
    if (!one.sop_class_uid.empty()) item["00081150"] = element("UI", one.sop_class_uid);
    item["00081155"] = element("UI", one.sop_instance_uid);
    return item;
  }
  static std::int64_t reason_of(const Error& error) {
    if (error.code == "instance.study") return 0xA900;  // data set does not match
    return row_of(error.fault).dimse;
  }
  int status() const {
    if (bad_ == 0) return warnings_ == 0 ? 200 : 202;
    if (good_ > 0) return 202;
    return worst_ == Fault::exhausted || worst_ == Fault::unavailable ? row_of(worst_).http : 409;
  }
  /// The first reason in words, as far as a header can carry it.
  void say(const std::string& text) {
    if (!said_.empty()) return;
    for (const char c : text.substr(0, 400)) said_ += c < 0x20 || c > 0x7E || c == '"' || c == '\\' ? '\'' : c;
  }

  std::string base_, study_, said_;
  bool several_ = false;
  std::int64_t good_ = 0, bad_ = 0, warnings_ = 0;
  Fault worst_ = Fault::malformed;
  Json referenced_ = Json::array(), failed_ = Json::array(), other_ = Json::array();
};

/// A session of intake for one request: closed in good order only where the whole request was read.
class Session {
 public:
  Session(intake::Intake& intake, const std::string& name)
      : intake_(intake), number_(intake.open_session("stow", name)) {}
  ~Session() { intake_.close_session(number_, orderly_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  std::int64_t number() const { return number_; }
  void finish() { orderly_ = true; }

 private:
  intake::Intake& intake_;
  std::int64_t number_;
  bool orderly_ = false;
};

bool is_instance_type(std::string_view type) {
  return type == "application/dicom" || type == "application/octet-stream";
}

std::uint64_t length_of(const wire::Headers& headers) {
  const auto length = to_integer(trimmed(headers.get("Content-Length")));
  return length && *length > 0 ? static_cast<std::uint64_t>(*length) : 0;
}

/// The bound of the whole body is the only one for what a part holds.
wire::MultipartLimits limits_of(const Settings& settings) {
  return {.header_bytes = static_cast<std::size_t>(settings.integer("http.part_header_bytes")),
          .header_lines = 64,
          .parts = static_cast<std::size_t>(settings.integer("http.parts")),
          .part_bytes = std::numeric_limits<std::uint64_t>::max(),
          .preamble_bytes = 16384,
          .lone_boundaries = true,
          .bare_line_feeds = true};
}

/// What the reader refuses has one code here, whatever it is; what the connection fails with stays.
Error told(Error error) {
  if (!error.code.starts_with("multipart.")) return error;
  return {Fault::malformed, "multipart", std::move(error.cause), std::move(error.where),
          "Send multipart/related with the boundary that Content-Type names."};
}

/// Hands a body on to its end; where an instance is refused, what is left of it is still read.
Result<void> pour(wire::Body& body, intake::Arrival* arrival, std::string& buffer, std::optional<Error>& refused) {
  while (true) {
    const std::size_t count = VEDETTE_TRY(body.read(std::as_writable_bytes(std::span(buffer))));
    if (count == 0) return {};
    if (refused) continue;
    if (auto taken = arrival->append(as_bytes(std::string_view(buffer).substr(0, count))); !taken)
      refused = taken.error();
  }
}

Result<void> take_part(const Parts& parts, const intake::Source& source, const wire::Headers& head,
                       wire::MultipartReader& reader, std::string& buffer, Outcome& outcome) {
  const std::string_view content = head.get("Content-Type");
  const auto type = content.empty() ? media_type_from("application/dicom") : media_type_from(content);
  std::optional<Error> refused;
  std::unique_ptr<intake::Arrival> arrival;
  if (!type || !is_instance_type(type->type)) {
    refused = Error{Fault::unsupported, "stow.part", "A part is no application/dicom", "Content-Type of the part",
                    "Send instances as application/dicom."};
  } else if (auto begun = parts.intake.begin_file(source, length_of(head)); begun) {
    arrival = *std::move(begun);
  } else {
    refused = begun.error();
  }
  // A refused instance is still read to its end: the others behind it are not its fault. What the reader itself fails
  // with ends the request.
  if (auto read = pour(reader, arrival.get(), buffer, refused); !read) return told(std::move(read).error());
  if (!refused) {
    const auto accepted = arrival->end();
    if (accepted) {
      crash_point("dicomweb.acknowledging");
      outcome.stored(*accepted);
      return {};
    }
    refused = accepted.error();
  }
  outcome.failed(arrival ? arrival->seen() : intake::Accepted{}, *refused);
  return {};
}

Result<void> take_single(const Parts& parts, const intake::Source& source, wire::Body& body, std::uint64_t length,
                         std::string& buffer, Outcome& outcome) {
  const auto arrival = VEDETTE_TRY(parts.intake.begin_file(source, length));
  std::optional<Error> refused;
  VEDETTE_TRY(pour(body, arrival.get(), buffer, refused));
  const auto accepted = refused ? Result<intake::Accepted>(*refused) : arrival->end();
  if (accepted) {
    outcome.stored(*accepted);
  } else {
    outcome.failed(arrival->seen(), accepted.error());
  }
  return {};
}

Result<void> take_all(const Parts& parts, const intake::Source& source, const MediaType& type, wire::Request& request,
                      Outcome& outcome) {
  std::string buffer(256U << 10U, '\0');
  if (type.type == "application/dicom")
    return take_single(parts, source, *request.body, length_of(request.headers), buffer, outcome);
  auto reader =
      wire::MultipartReader::with_boundary(*request.body, type.parameter("boundary"), limits_of(parts.settings));
  if (!reader) return told(std::move(reader).error());
  while (true) {
    auto head = reader->next();
    if (!head) return told(std::move(head).error());
    if (!*head) break;
    VEDETTE_TRY(take_part(parts, source, **head, *reader, buffer, outcome));
  }
  // Whatever stands behind the last boundary is read, so that the connection can go on.
  while (VEDETTE_TRY(request.body->read(std::as_writable_bytes(std::span(buffer)))) > 0) {
  }
  return {};
}

Error unsupported(std::string cause) {
  return Error{Fault::unsupported, "stow.type", std::move(cause), "header Content-Type",
               "Send multipart/related; type=\"application/dicom\"; boundary=…, or one instance as application/dicom."};
}

Result<MediaType> checked_type(const wire::Request& request) {
  const std::string_view text = request.headers.get("Content-Type");
  if (text.empty()) return unsupported("The request has no Content-Type");
  const auto parsed = media_type_from(text);
  if (!parsed) return unsupported("The Content-Type cannot be read");
  if (parsed->type == "application/dicom") return *parsed;
  if (parsed->type != "multipart/related") return unsupported("This Content-Type is not taken here");
  const std::string_view root = parsed->parameter("type");
  if (!root.empty() && root != "application/dicom")
    return unsupported("Only multipart/related of application/dicom is taken here");
  const std::string_view boundary = parsed->parameter("boundary");
  if (boundary.empty() || boundary.size() > 200) {
    return Error{Fault::malformed, "multipart", "The Content-Type names no usable boundary", "header Content-Type",
                 "Add boundary=…"};
  }
  return *parsed;
}

Result<wire::Response> stored(const Parts& parts, const guard::Call& call) {
  const Target target = VEDETTE_TRY(target_of(call));
  const MediaType type = VEDETTE_TRY(checked_type(call.request));
  const Accept accept = Accept::of(call.request);
  if (!accept.absent() && !accept.takes_single("application/dicom+json") && !accept.takes_single("application/json")) {
    return not_acceptable("application/dicom+json");
  }
  if (call.request.body == nullptr)
    return Error{Fault::malformed, "stow.empty", "The request has no body", "body", "Send at least one instance."};
  Outcome outcome(base_of(parts, call.request));
  Session session(parts.intake, call.caller.id());
  const intake::Source source{"stow", call.caller.id(), session.number(), target.study_uid};
  const auto taken = take_all(parts, source, type, call.request, outcome);
  if (taken) session.finish();
  if (outcome.bad() > 0) {
    log::info("stow.refused", {{"refused", outcome.bad()}, {"accepted", outcome.good()}, {"by", call.caller.id()}});
  }
  if (!taken) {
    // What was acknowledged nowhere but is stored stays; the sender learns how far it came.
    if (outcome.good() == 0) return taken.error();
    outcome.failed({}, taken.error());
  }
  if (outcome.empty())
    return Error{Fault::malformed, "stow.empty", "The request holds no instance", "body",
                 "Send at least one instance."};
  return outcome.response();
}

}  // namespace

wire::Response store(const Parts& parts, const guard::Call& call) {
  return answered([&] { return stored(parts, call); });
}

}  // namespace vedette::dicomweb
