// Job "report.publish": SR and SEG of a finished tool run or of a signature.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.hpp"
#include "dicom/json.hpp"
#include "dicom/uid.hpp"
#include "dicom/uids.hpp"
#include "report/report.hpp"
#include "report/seg.hpp"
#include "report/sr.hpp"

namespace vedette::report {

namespace {

/// Images of one series that carry regions, with the regions on them.
struct Grid {
  std::vector<dicom::DataSet> images;
  std::vector<Segment> segments;
};

struct Made {
  std::string object;
  dicom::DataSet data;
};

bool leaves(const finding::Finding& finding, bool signed_, std::string_view run) {
  using finding::State;
  if (signed_) return finding.state == State::confirmed || finding.state == State::edited || finding.state == State::added;
  return finding.state == State::proposed && finding.run_id == run;
}

}  // namespace

/// Everything that one publication is made from, read in one snapshot.
struct Reports::Draft {
  study::Study study;
  std::optional<review::Signature> signature;
  std::string tool_id;                       ///< of a proposed result
  std::string name;                          ///< what the UIDs are derived from
  int version = 1;
  dicom::DataSet source;
  std::vector<dicom::DataSet> evidence;
  std::vector<finding::Finding> findings;
  std::map<std::string, Grid> grids;         ///< by series
};

Result<Reports::Draft> Reports::draft(const jobs::Claim& claim) {
  const auto payload = nlohmann::json::parse(claim.payload, nullptr, false);
  const bool signed_ = payload.is_object() && payload.value("event", "") == "study.signed";
  return parts_.database.read_for<Draft>([&](database::Transaction& tx) -> Result<Draft> {
    Draft out;
    const auto study = VEDETTE_TRY(parts_.catalogue.study_of_pseudonym(tx, claim.subject));
    if (!study) return Error{Fault::not_found, "study.not_found", "The study of this job is not in the catalogue", claim.subject};
    out.study = *study;
    if (signed_) {
      out.signature = VEDETTE_TRY(parts_.review.signature_of(tx, study->uid));
      if (!out.signature) return Error{Fault::conflict, "report.unsigned", "The study is not signed", claim.key};
      out.version = out.signature->version();
    }
    out.name = fmt::format("{}:{}:{}", signed_ ? "signed" : "proposed", claim.key, out.version);
    for (finding::Finding& finding : VEDETTE_TRY(parts_.findings.of_study(tx, study->uid))) {
      if (leaves(finding, signed_, claim.key)) out.findings.push_back(std::move(finding));
    }
    out.source = VEDETTE_TRY(dicom::from_json(VEDETTE_TRY(parts_.catalogue.first_header_json(tx, study->uid))));
    std::set<std::string> named;
    for (const finding::Finding& finding : out.findings) {
      if (finding.tool && out.tool_id.empty()) out.tool_id = finding.tool->id;
      Grid& grid = out.grids[finding.region.series_uid + " " + std::to_string(finding.region.rows) + "x" + std::to_string(finding.region.columns)];
      for (const std::string& uid : finding.region.mask_instances) {
        if (!named.insert(uid).second) continue;
        dicom::DataSet header = VEDETTE_TRY(dicom::from_json(VEDETTE_TRY(parts_.catalogue.header_json(tx, uid))));
        grid.images.push_back(header);
        out.evidence.push_back(std::move(header));
      }
      if (finding.region.kind == "mask") {
        grid.segments.push_back({finding, VEDETTE_TRY(parts_.blobs.read(finding.region.mask_place))});
      }
    }
    if (out.evidence.empty()) out.evidence.push_back(out.source);
    // Patient, study and modality are told of the images that the findings lie on.
    if (!named.empty()) out.source = out.evidence.front();
    return out;
  });
}

Result<void> Reports::write_objects(const Draft& draft, const jobs::Claim& claim) {
  const bool reviewed = draft.signature.has_value();
  const Instant when = reviewed ? draft.signature->at() : parts_.clock.now();
  std::vector<Made> made;
  std::vector<SegmentPlace> places;
  std::vector<dicom::DataSet> evidence = draft.evidence;
  for (const auto& [series, grid] : draft.grids) {
    if (grid.segments.empty()) continue;
    const std::string name = draft.name + ":SEG:" + series;
    Segmentation input{draft.source, grid.images, grid.segments, parts_.equipment, when, dicom::derived_uid(name), dicom::derived_uid(name + ":series")};
    input.version = draft.version;
    input.reviewed = reviewed;
    dicom::DataSet data = VEDETTE_TRY(segmentation(input));
    for (std::size_t s = 0; s < grid.segments.size(); ++s) {
      places.push_back({grid.segments[s].finding.id,
                        {std::string(dicom::uids::segmentation_storage), input.sop_instance_uid, {static_cast<std::int64_t>(s) + 1}},
                        grid.segments[s].finding.region.series_uid});
    }
    dicom::DataSet reference;
    for (const dicom::Tag tag : {dicom::tags::sop_class_uid, dicom::tags::sop_instance_uid, dicom::tags::study_instance_uid, dicom::tags::series_instance_uid}) {
      reference.set_text(tag, data.text(tag));
    }
    evidence.push_back(std::move(reference));
    made.push_back({"SEG", std::move(data)});
  }
  MeasurementReport report{draft.source, draft.findings, places, evidence, parts_.equipment, when, dicom::derived_uid(draft.name + ":SR"),
                           dicom::derived_uid(draft.name + ":SR:series")};
  report.version = draft.version;
  report.signature = reviewed ? &*draft.signature : nullptr;
  made.push_back({"SR", VEDETTE_TRY(measurement_report(report))});

  const intake::Source source{reviewed ? "review" : "tool", reviewed ? std::string("signature") : draft.tool_id, 0};
  for (const Made& object : made) {
    const std::string file = VEDETTE_TRY(dicom::write_file(object.data));
    VEDETTE_TRY(parts_.intake.file(source, as_bytes(file)));
  }
  VEDETTE_TRY(parts_.intake.settle());

  return parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(parts_.jobs.hold(tx, claim));
    for (const Made& object : made) {
      const std::string uid = object.data.text(dicom::tags::sop_instance_uid);
      const std::string id = sortable_id(to_row(parts_.clock.now()) / 1000);
      const std::int64_t inserted = VEDETTE_TRY(tx.run(
          "INSERT INTO result (id, study_uid, object, sop_class_uid, sop_instance_uid, series_uid, status, version, created_at) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sop_instance_uid) DO NOTHING",
          {id, draft.study.uid, object.object, object.data.text(dicom::tags::sop_class_uid), uid, object.data.text(dicom::tags::series_instance_uid),
           std::string(reviewed ? "signed" : "proposed"), std::int64_t{draft.version}, to_row(when)}));
      if (inserted == 0) continue;  // published by an earlier attempt
      for (const Destination& destination : parts_.settings.destinations()) {
        if (reviewed ? !destination.signed_ : !destination.proposed) continue;
        const std::string delivery = sortable_id(to_row(parts_.clock.now()) / 1000);
        VEDETTE_TRY(tx.run("INSERT INTO delivery (id, result_id, destination, kind, state, attempts, last_error) VALUES (?, ?, ?, ?, 'queued', 0, '')",
                           {delivery, id, destination.name, destination.kind}));
        VEDETTE_TRY(parts_.ledger.append(
            tx, {ledger::Kind::delivery_queued, claim.subject, "node",
                 nlohmann::json{{"object", object.object}, {"destination", destination.name}, {"delivery", delivery}}.dump()}));
      }
    }
    VEDETTE_TRY(parts_.ledger.append(tx, {ledger::Kind::results_published, claim.subject, "node",
                                          nlohmann::json{{"objects", made.size()}, {"state", reviewed ? "signed" : "proposed"}}.dump()}));
    return parts_.jobs.finish(tx, claim);
  });
}

Result<void> Reports::publish(const jobs::Claim& claim) {
  VEDETTE_TRY(parts_.intake.settle());
  const Draft draft = VEDETTE_TRY(this->draft(claim));
  if (!draft.findings.empty()) return write_objects(draft, claim);
  // Nothing was proposed, or nothing was confirmed: no object leaves, since an empty one could be taken for a statement.
  return parts_.database.write([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(parts_.jobs.hold(tx, claim));
    return parts_.jobs.finish(tx, claim);
  });
}

}  // namespace vedette::report
