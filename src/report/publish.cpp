// Job "report.publish": SR and SEG of a finished tool run or of a signature.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/crash_point.hpp"

#include "dicom/json.hpp"
#include "report/objects.hpp"
#include "report/report.hpp"

namespace vedette::report {

namespace {

bool leaves(const finding::Finding& finding, bool signed_, std::string_view run) {
  using finding::State;
  if (signed_)
    return finding.state == State::confirmed || finding.state == State::edited || finding.state == State::added;
  return finding.state == State::proposed && finding.run_id == run;
}

}  // namespace

/// Everything that one publication is made from, read in one snapshot.
struct Reports::Draft {
  study::Study study;
  std::optional<review::Signature> signature;
  std::string tool_id;  ///< of a proposed result
  Publication publication;
  std::map<std::string, dicom::DataSet> headers;  ///< of the images that regions lie on
};

Result<Reports::Draft> Reports::draft(const jobs::Claim& claim) {
  const auto payload = nlohmann::json::parse(claim.payload, nullptr, false);
  const bool signed_ = payload.is_object() && payload.value("event", "") == "study.signed";
  return parts_.database.read_for<Draft>([&](database::Transaction& tx) -> Result<Draft> {
    Draft out;
    const auto study = VEDETTE_TRY(parts_.catalogue.study_of_pseudonym(tx, claim.subject));
    if (!study)
      return Error{Fault::not_found, "study.not_found", "The study of this job is not in the catalogue", claim.subject};
    out.study = *study;
    if (signed_) {
      out.signature = VEDETTE_TRY(parts_.review.signature_of(tx, study->uid));
      if (!out.signature) return Error{Fault::conflict, "report.unsigned", "The study is not signed", claim.key};
      out.publication.version = out.signature->version();
    }
    Publication& made = out.publication;
    made.name = fmt::format("{}:{}:{}", signed_ ? "signed" : "proposed", claim.key, made.version);
    if (signed_) made.when = out.signature->at();
    made.equipment = parts_.equipment;
    for (finding::Finding& finding : VEDETTE_TRY(parts_.findings.of_study(tx, study->uid))) {
      if (!leaves(finding, signed_, claim.key)) continue;
      if (finding.tool && out.tool_id.empty()) out.tool_id = finding.tool->id;
      // When it was proposed, not now: a second attempt at the same job makes the same object, byte for byte.
      if (!signed_) made.when = std::max(made.when, finding.created_at);
      for (const std::string& uid : finding.region.mask_instances) {
        if (out.headers.contains(uid)) continue;
        out.headers[uid] = VEDETTE_TRY(dicom::from_json(VEDETTE_TRY(parts_.catalogue.header_json(tx, uid))));
      }
      std::string mask;
      if (finding.region.kind == "mask") mask = VEDETTE_TRY(parts_.blobs.read(finding.region.mask_place));
      made.leaving.push_back({std::move(finding), std::move(mask)});
    }
    if (!made.leaving.empty())
      made.source = VEDETTE_TRY(dicom::from_json(VEDETTE_TRY(parts_.catalogue.first_header_json(tx, study->uid))));
    return out;
  });
}

Result<bool> Reports::is_kept(const std::string& sop_instance_uid) {
  return parts_.database.read_for<bool>([&](database::Transaction& tx) -> Result<bool> {
    return VEDETTE_TRY(parts_.catalogue.instance(tx, sop_instance_uid)).has_value();
  });
}

Result<void> Reports::write_objects(const Draft& draft, const jobs::Claim& claim) {
  const bool reviewed = draft.signature.has_value();
  Publication publication = draft.publication;
  publication.signature = reviewed ? &*draft.signature : nullptr;
  publication.header = [&](const std::string& uid) -> Result<dicom::DataSet> { return draft.headers.at(uid); };
  const std::vector<Object> made = VEDETTE_TRY(make_objects(publication));

  const intake::Source source{reviewed ? "review" : "tool", reviewed ? std::string("signature") : draft.tool_id, 0};
  for (const Object& object : made) {
    // An earlier attempt may have kept it, before a verdict that changes what would be made now. The one that is kept
    // counts: two contents under one UID must not be.
    if (VEDETTE_TRY(is_kept(object.data.text(dicom::tags::sop_instance_uid)))) continue;
    const std::string file = VEDETTE_TRY(dicom::write_file(object.data));
    VEDETTE_TRY(parts_.intake.file(source, as_bytes(file)));
  }
  VEDETTE_TRY(parts_.intake.settle());
  crash_point("report.objects_kept");

  return parts_.ledger.record([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(parts_.jobs.hold(tx, claim));
    for (const Object& object : made) {
      const std::string uid = object.data.text(dicom::tags::sop_instance_uid);
      const std::string id = sortable_id(to_row(parts_.clock.now()) / 1000);
      const std::int64_t inserted = VEDETTE_TRY(
          tx.run("INSERT INTO result (id, study_uid, object, sop_class_uid, sop_instance_uid, series_uid, status, "
                 "version, created_at) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sop_instance_uid) DO NOTHING",
                 {id, draft.study.uid, object.kind, object.data.text(dicom::tags::sop_class_uid), uid,
                  object.data.text(dicom::tags::series_instance_uid), std::string(reviewed ? "signed" : "proposed"),
                  std::int64_t{publication.version}, to_row(publication.when)}));
      if (inserted == 0) continue;  // published by an earlier attempt
      for (const Destination& destination : parts_.settings.destinations()) {
        if (reviewed ? !destination.signed_ : !destination.proposed) continue;
        const std::string delivery = sortable_id(to_row(parts_.clock.now()) / 1000);
        VEDETTE_TRY(
            tx.run("INSERT INTO delivery (id, result_id, destination, kind, state, attempts, last_error) VALUES (?, ?, "
                   "?, ?, 'queued', 0, '')",
                   {delivery, id, destination.name, destination.kind}));
        VEDETTE_TRY(parts_.ledger.append(
            tx, {ledger::Kind::delivery_queued, claim.subject, "node",
                 nlohmann::json{{"object", object.kind}, {"destination", destination.name}, {"delivery", delivery}}
                     .dump()}));
      }
    }
    VEDETTE_TRY(parts_.ledger.append(
        tx, {ledger::Kind::results_published, claim.subject, "node",
             nlohmann::json{{"objects", made.size()}, {"state", reviewed ? "signed" : "proposed"}}.dump()}));
    crash_point("report.publishing");
    return parts_.jobs.finish(tx, claim);
  });
}

Result<void> Reports::publish(const jobs::Claim& claim) {
  VEDETTE_TRY(parts_.intake.settle());
  const Draft draft = VEDETTE_TRY(this->draft(claim));
  if (!draft.publication.leaving.empty()) return write_objects(draft, claim);
  // Nothing was proposed, or nothing was confirmed: no object leaves, since an empty one could be taken for a
  // statement.
  return parts_.database.write([&](database::Transaction& tx) -> Result<void> {
    VEDETTE_TRY(parts_.jobs.hold(tx, claim));
    return parts_.jobs.finish(tx, claim);
  });
}

}  // namespace vedette::report
