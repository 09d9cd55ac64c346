#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "api/desk.hpp"
#include "dicom/json.hpp"
#include "finding/reasons.hpp"
#include "voxel/geometry.hpp"
#include "voxel/regions.hpp"

namespace vedette::api {
namespace {

Error no_finding() {
  return {Fault::not_found, "finding.not_found", "this node has no such finding", "", "Load the study again."};
}

Json verdict_json(const review::VerdictRow& v) {
  Json changes = v.changes_json.empty() ? Json(nullptr) : Json::parse(v.changes_json, nullptr, false);
  return {{"verdict", v.kind},
          {"by", v.by},
          {"at", to_text(v.at)},
          {"reason", v.reason.empty() ? Json(nullptr) : Json{{"code", v.reason}, {"text", v.reason_text}}},
          {"changes", changes.is_discarded() ? Json(nullptr) : changes},
          {"comment", text_or_null(v.comment)},
          {"undone", v.undone}};
}

double half_diagonal(const finding::Region& region) {
  const double x = region.bounds_max_mm.x - region.bounds_min_mm.x, y = region.bounds_max_mm.y - region.bounds_min_mm.y,
               z = region.bounds_max_mm.z - region.bounds_min_mm.z;
  return std::max(5.0, std::sqrt(x * x + y * y + z * z) / 2);
}

/// The planes of the mask's slices, from the headers of its images; frames of one object follow each other.
Result<std::vector<voxel::Plane>> planes_of(database::Transaction& tx, const study::Catalogue& catalogue,
                                            const std::vector<std::string>& instances) {
  std::vector<voxel::Plane> out;
  std::unordered_map<std::string, std::pair<std::vector<voxel::Plane>, std::size_t>> seen;
  for (const std::string& uid : instances) {
    auto at = seen.find(uid);
    if (at == seen.end()) {
      const std::string text = VEDETTE_TRY(catalogue.header_json(tx, uid));
      if (text.empty())
        return Error{Fault::not_found, "outline.images", "the images of this region are not here", "",
                     "Send the images again."};
      at = seen.emplace(uid, std::make_pair(voxel::planes_of(VEDETTE_TRY(dicom::from_json(text))), std::size_t{0}))
               .first;
    }
    auto& [planes, used] = at->second;
    if (used >= planes.size())
      return Error{Fault::conflict, "outline.frames", "the region has more slices than its images"};
    out.push_back(planes[used++]);
  }
  return out;
}

Json polygons_json(const voxel::SliceOutline& slice) {
  Json polygons = Json::array();
  for (const auto& polygon : slice.polygons) {
    Json points = Json::array();
    for (const voxel::Vec3& at : polygon) points.push_back({at.x, at.y, at.z});
    polygons.push_back(std::move(points));
  }
  return polygons;
}

}  // namespace

Result<Json> Api::Desk::finding_json(const finding::Finding& f, const std::vector<review::VerdictRow>& verdicts) const {
  Json out = Json::parse(finding::to_json(f), nullptr, false);
  if (out.is_discarded()) return Error{Fault::internal, "finding.json", "a finding can't be written"};
  Json list = Json::array();
  for (const review::VerdictRow& v : verdicts) {
    if (v.finding_id == f.id) list.push_back(verdict_json(v));
  }
  out["verdicts"] = std::move(list);
  out["study_uid"] = f.study_uid;
  return out;
}

Result<std::string> Api::Desk::finding_text(std::string_view id, std::string* etag) const {
  return p.database.read_for<std::string>([&](database::Transaction& tx) -> Result<std::string> {
    const auto found = VEDETTE_TRY(p.findings.find(tx, id));
    if (!found) return no_finding();
    if (etag != nullptr) *etag = finding::etag_of(*found);
    return dumped(VEDETTE_TRY(finding_json(*found, VEDETTE_TRY(p.review.history_of(tx, id)))));
  });
}

void Api::Desk::findings(Routes& out) {
  out.push_back({.method = "GET",
                 .path = "/api/studies/{uid}/findings",
                 .roles = may_look,
                 .operation = "findings",
                 .tag = "findings",
                 .summary = "All findings of a study with their history; the ETag is that of the set",
                 .request_schema = "",
                 .response_schema = "FindingSet",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const std::string uid = VEDETTE_TRY(study_uid_of(call));
                   Json list = Json::array();
                   int open = 0;
                   std::string tag;
                   VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
                     if (!VEDETTE_TRY(p.catalogue.study(tx, uid)))
                       return Error{Fault::not_found, "study.not_found", "this node has no such study"};
                     const auto history = VEDETTE_TRY(p.review.history(tx, uid));
                     for (const finding::Finding& f : VEDETTE_TRY(p.findings.of_study(tx, uid))) {
                       open += finding::is_unreviewed(f.state) ? 1 : 0;
                       list.push_back(VEDETTE_TRY(finding_json(f, history)));
                     }
                     tag = VEDETTE_TRY(p.findings.set_tag(tx, uid));
                     return {};
                   }));
                   return tagged_answer(call, {{"findings", list}, {"unreviewed", open}}, tag);
                 })});
  out.push_back({.method = "GET",
                 .path = "/api/findings/{id}",
                 .roles = may_look,
                 .operation = "finding",
                 .tag = "findings",
                 .summary = "One finding; its ETag is needed to give a verdict",
                 .request_schema = "",
                 .response_schema = "Finding",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   std::string etag;
                   const std::string text = VEDETTE_TRY(finding_text(call.param("id"), &etag));
                   wire::Response answer = wire::Response::json(text);
                   answer.headers.set("ETag", etag);
                   return answer;
                 })});
  out.push_back(
      {.method = "GET",
       .path = "/api/findings/{id}/outline",
       .roles = may_look,
       .operation = "outline",
       .tag = "findings",
       .summary = "The region as polygons per image, in patient coordinates (mm)",
       .request_schema = "",
       .response_schema = "Outline",
       .handler = handler([this](const guard::Call& call) -> Answer {
         Json body;
         VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
           const auto found = VEDETTE_TRY(p.findings.find(tx, call.param("id")));
           if (!found) return no_finding();
           const finding::Region& region = found->region;
           Json slices = Json::array();
           if (region.kind == "mask" && region.mask_place.length > 0) {
             const std::string bytes = VEDETTE_TRY(p.blobs.read(region.mask_place));
             voxel::Mask mask{static_cast<int>(region.mask_instances.size()), region.rows, region.columns, {}};
             mask.voxels.assign(bytes.begin(), bytes.end());
             const auto planes = VEDETTE_TRY(planes_of(tx, p.catalogue, region.mask_instances));
             for (const voxel::SliceOutline& slice : VEDETTE_TRY(voxel::outline_of(mask, planes))) {
               slices.push_back({{"sop_instance_uid", slice.sop_instance_uid},
                                 {"frame", slice.frame},
                                 {"polygons", polygons_json(slice)}});
             }
           }
           body = {{"finding", found->id},
                   {"frame_of_reference_uid", region.frame_of_reference_uid},
                   {"series_uid", region.series_uid},
                   {"slices", slices},
                   {"centre_mm", {region.centre_mm.x, region.centre_mm.y, region.centre_mm.z}},
                   {"radius_mm", half_diagonal(region)}};
           return {};
         }));
         return json_answer(body);
       })});
  out.push_back({.method = "GET",
                 .path = "/api/reasons",
                 .roles = guard::anyone_signed_in,
                 .operation = "reasons",
                 .tag = "findings",
                 .summary = "Coded reasons, and the codes that a person may choose",
                 .request_schema = "",
                 .response_schema = "Reasons",
                 .handler = handler([](const guard::Call&) -> Answer {
                   Json body{{"reject", Json::array()}, {"put_back", Json::array()},
                             {"stop", Json::array()},   {"finding_codes", Json::array()},
                             {"sites", Json::array()},  {"lateralities", Json::array()}};
                   for (const finding::ReasonRow& row : finding::reasons()) {
                     body[std::string(finding::name_of(row.kind))].push_back(
                         {{"code", row.code}, {"text", row.text}, {"key", row.key}, {"needs_words", row.needs_words}});
                   }
                   for (const finding::ConceptRow& row : finding::concepts()) {
                     const char* list = row.kind == finding::ConceptKind::finding ? "finding_codes"
                                        : row.kind == finding::ConceptKind::site  ? "sites"
                                                                                  : "lateralities";
                     body[list].push_back(code_json(row.value, row.scheme, row.meaning));
                   }
                   return json_answer(body);
                 })});
}

}  // namespace vedette::api
