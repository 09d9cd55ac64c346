#include <limits>

#include "api/desk.hpp"
#include "wire/media_type.hpp"
#include "wire/multipart.hpp"

namespace vedette::api {
namespace {

struct Tally {
  intake::Intake::ImportReport report;
  std::int64_t files = 0;
  std::int64_t bytes = 0;

  void take(intake::Intake::ImportReport one) {
    report.accepted += one.accepted;
    report.duplicates += one.duplicates;
    report.conflicts += one.conflicts;
    for (auto& refused : one.refused) report.refused.push_back(std::move(refused));
    for (std::string& uid : one.studies) {
      if (std::find(report.studies.begin(), report.studies.end(), uid) == report.studies.end())
        report.studies.push_back(std::move(uid));
    }
    ++files;
  }
};

Json report_json(const intake::Intake::ImportReport& report) {
  Json refused = Json::array();
  for (const auto& one : report.refused) {
    refused.push_back(
        {{"name", one.name}, {"code", one.error.code}, {"text", one.error.text()}, {"where", one.error.where}});
  }
  return {{"accepted", report.accepted},
          {"duplicates", report.duplicates},
          {"conflicts", report.conflicts},
          {"refused", refused},
          {"studies", report.studies}};
}

/// The bound of the whole body is the only one for what a part holds.
constexpr auto no_bound = std::numeric_limits<std::uint64_t>::max();
wire::MultipartLimits limits_of(const Settings& settings) {
  return {.header_bytes = static_cast<std::size_t>(settings.integer("http.part_header_bytes")),
          .parts = static_cast<std::size_t>(settings.integer("http.parts")),
          .part_bytes = no_bound,
          .preamble_bytes = no_bound,
          .lone_boundaries = true,
          .odd_header_lines = true};
}

/// What the reader refuses has one code here, whatever it is; what the connection fails with stays.
Error told(Error error) {
  if (!error.code.starts_with("multipart.")) return error;
  return {Fault::malformed, "upload.multipart", std::move(error.cause), std::move(error.where),
          "Send multipart/form-data with one file per part."};
}

/// boundary of a Content-Type of multipart/…; "" when there is none.
std::string boundary_of(std::string_view content_type) {
  const auto type = wire::media_type_leniently(content_type);
  return type && type->type.starts_with("multipart/") ? std::string(type->parameter("boundary")) : "";
}

/// Every part, or the whole body, goes to intake as it arrives.
Result<void> import_all(intake::Intake& intake, const Settings& settings, const intake::Source& source,
                        wire::Request& request, Tally& tally) {
  const std::string boundary = boundary_of(request.headers.get("Content-Type"));
  const auto counted = [&tally](Result<std::size_t> got) {
    if (got) tally.bytes += static_cast<std::int64_t>(*got);
    return got;
  };
  if (boundary.empty()) {
    std::string name = wire::disposition_of(request.headers).file_name;
    if (name.empty()) name = std::string(request.parameter("name"));
    tally.take(VEDETTE_TRY(
        intake.import(source, name, [&](std::span<std::byte> buffer) { return counted(request.body->read(buffer)); })));
    return {};
  }
  auto opened = wire::MultipartReader::with_boundary(*request.body, boundary, limits_of(settings));
  if (!opened) return told(std::move(opened).error());
  wire::MultipartReader& parts = *opened;
  for (;;) {
    auto head = parts.next();
    if (!head) return told(std::move(head).error());
    if (!*head) return {};
    const std::string name = wire::disposition_of(**head).file_name;
    auto report = intake.import(source, name, [&](std::span<std::byte> buffer) -> Result<std::size_t> {
      auto got = parts.read(buffer);
      if (!got) return told(std::move(got).error());
      return counted(std::move(got));
    });
    if (!report) {
      if (report.error().fault != Fault::malformed && report.error().fault != Fault::refused &&
          report.error().fault != Fault::unsupported)
        return report.error();
      // One wrong file does not refuse the others.
      intake::Intake::ImportReport wrong;
      wrong.refused.push_back({name, report.error()});
      tally.take(std::move(wrong));
      continue;
    }
    tally.take(*std::move(report));
  }
}

}  // namespace

void Api::Desk::uploads(Routes& out) {
  out.push_back(
      {.method = "POST",
       .path = "/api/uploads",
       .roles = {guard::Role::radiographer, guard::Role::reader, guard::Role::screening_reader,
                 guard::Role::administrator, guard::Role::service, guard::Role::tool_engineer},
       .operation = "upload",
       .tag = "house",
       .summary = "DICOM files: one file, a ZIP, or multipart/form-data; streamed",
       .request_schema = "",
       .response_schema = "UploadReport",
       .handler = handler([this](const guard::Call& call) -> Answer {
         if (call.request.body == nullptr)
           return Error{Fault::malformed, "upload.empty", "the upload is empty", "body",
                        "Send a DICOM file, a ZIP of such files, or multipart/form-data."};
         const microseconds begun = p.clock.steady();
         const std::string person = actor(call.caller);
         const std::int64_t session = p.intake.open_session("upload", person);
         intake::Source source;
         source.kind = "upload";
         source.name = person;
         source.session = session;
         Tally tally;
         const auto done = import_all(p.intake, p.settings, source, call.request, tally);
         p.intake.close_session(session, static_cast<bool>(done));
         const Json details{{"files", tally.files},
                            {"accepted", tally.report.accepted},
                            {"refused", tally.report.refused.size()},
                            {"duplicates", tally.report.duplicates},
                            {"bytes", tally.bytes},
                            {"seconds", std::chrono::duration<double>(p.clock.steady() - begun).count()}};
         VEDETTE_TRY(p.ledger.record([&](database::Transaction& tx) -> Result<void> {
           VEDETTE_TRY(p.ledger.append(tx, {vedette::ledger::Kind::upload_finished, "", person, details.dump()}));
           return {};
         }));
         if (!done) return done.error();
         VEDETTE_TRY(p.intake.settle());
         return json_answer(report_json(tally.report));
       }),
       .body_bytes = static_cast<std::uint64_t>(p.settings.integer("http.upload_bytes"))});
}

}  // namespace vedette::api
