#include <fmt/format.h>

#include <algorithm>

#include "api/desk.hpp"
#include "dicom/json.hpp"
#include "study/reading_list.hpp"
#include "voxel/geometry.hpp"
#include "voxel/suv.hpp"

namespace vedette::api {
namespace {

/// Series larger than this get their facts from the first so many headers only when they are enhanced; else all are
/// read.
constexpr std::size_t most_facts = 4096;

bool is_image(const study::Instance& instance) {
  return instance.rows && *instance.rows > 0 && instance.columns && *instance.columns > 0;
}

Json geometry_json(const std::string& series_uid, const voxel::Geometry& geometry) {
  return {{"series_uid", series_uid},
          {"state", voxel::name_of(geometry.state)},
          {"code", text_or_null(geometry.code)},
          {"text", text_or_null(geometry.text)},
          {"measurable", geometry.measurable}};
}

Json pet_json(const std::vector<const dicom::DataSet*>& headers) {
  const auto suv = voxel::suv_of(headers);
  const std::string units = headers.empty() ? std::string() : headers.front()->text(dicom::tags::units);
  if (!suv) {
    return {{"suv_factor", nullptr},
            {"suv_type", nullptr},
            {"units", text_or_null(units)},
            {"reason", {{"code", suv.error().code}, {"text", suv.error().text()}}}};
  }
  Json factors = nullptr;
  if (!suv->factor) factors = suv->factors;  // one per image, by instance order
  return {{"suv_factor", suv->factor ? Json(*suv->factor) : Json(nullptr)},
          {"suv_type", voxel::name_of(suv->kind)},
          {"units", text_or_null(suv->units)},
          {"rule", suv->rule},
          {"factors", factors},
          {"notes", suv->notes},
          {"reason", nullptr}};
}

Result<SeriesFacts> facts_of(database::Transaction& tx, const study::Catalogue& catalogue,
                             const study::Series& series) {
  SeriesFacts out;
  out.instances = series.instances;
  std::vector<dicom::DataSet> sets;
  VEDETTE_TRY(catalogue.headers(tx, series.study_uid, series.uid,
                                [&](const study::Instance& instance, const std::string& text) -> Result<void> {
                                  if (!is_image(instance) || sets.size() >= most_facts) return {};
                                  auto read = dicom::from_json(text);
                                  if (read) sets.push_back(*std::move(read));
                                  return {};
                                }));
  if (sets.empty() || series.modality == "SEG") return out;
  std::vector<const dicom::DataSet*> headers;
  for (const dicom::DataSet& one : sets) headers.push_back(&one);
  out.geometry = geometry_json(series.uid, voxel::geometry_of(std::span<const dicom::DataSet* const>(headers)));
  if (series.modality == "PT") out.pet = pet_json(headers);
  return out;
}

Json series_json(const study::Series& s, const std::vector<study::Instance>& instances, const Json& pet) {
  Json list = Json::array();
  for (const study::Instance& one : instances) {
    list.push_back({{"sop_instance_uid", one.uid},
                    {"number", one.number ? Json(*one.number) : Json(nullptr)},
                    {"frames", one.frames.value_or(1)}});
  }
  const bool made_here = s.source.starts_with("tool") || s.source.starts_with("review");
  return {{"series_uid", s.uid},
          {"modality", s.modality},
          {"number", s.number ? Json(*s.number) : Json(nullptr)},
          {"description", s.description},
          {"images", s.instances},
          {"body_part", s.body_part},
          {"frame_of_reference_uid", s.frame_of_reference_uid},
          {"sop_class_uid", s.sop_class_uid},
          {"made_here", made_here},
          {"instances", list},
          {"first_instance_uid", instances.empty() ? Json("") : Json(instances.front().uid)},
          {"pet", pet}};
}

Json priors_json(const std::vector<study::Study>& priors) {
  Json out = Json::array();
  for (const study::Study& one : priors) {
    out.push_back({{"study_uid", one.uid},
                   {"description", one.description},
                   {"study_date", date_or_null(one.study_date)},
                   {"modalities", one.modalities}});
  }
  return out;
}

}  // namespace

void Api::Desk::study(Routes& out) {
  out.push_back(
      {.method = "GET",
       .path = "/api/studies/{uid}",
       .roles = may_look,
       .operation = "study",
       .tag = "study",
       .summary = "One study: series, geometry, tools, priority, conflicts, signature",
       .request_schema = "",
       .response_schema = "Study",
       .handler = handler([this](const guard::Call& call) -> Answer {
         const std::string uid = VEDETTE_TRY(study_uid_of(call));
         VEDETTE_TRY(p.intake.settle());
         const priority::Row row = VEDETTE_TRY(p.worklist.row(uid));
         const auto claim = VEDETTE_TRY(p.review.claim_of(uid));
         Json body;
         VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
           const auto found = VEDETTE_TRY(p.catalogue.study(tx, uid));
           if (!found) return Error{Fault::not_found, "study.not_found", "this node has no such study"};
           const auto all = VEDETTE_TRY(p.catalogue.series(tx, uid));
           Json series = Json::array(), geometry = Json::array();
           for (const study::Series& one : all) {
             SeriesFacts known;
             {
               const std::scoped_lock lock(mutex);
               if (const auto at = facts.find(one.uid); at != facts.end() && at->second.instances == one.instances)
                 known = at->second;
             }
             if (known.instances == 0) {
               known = VEDETTE_TRY(facts_of(tx, p.catalogue, one));
               const std::scoped_lock lock(mutex);
               if (facts.size() > 5000) facts.clear();
               facts[one.uid] = known;
             }
             if (!known.geometry.is_null()) geometry.push_back(known.geometry);
             series.push_back(series_json(one, VEDETTE_TRY(p.catalogue.instances(tx, uid, one.uid)), known.pet));
           }
           const auto runs = VEDETTE_TRY(tool_runs(tx, {uid}));
           const auto own = runs.find(uid);
           const Json tools = own == runs.end() ? Json::array() : own->second;
           Json conflicts = Json::array();
           for (const study::Conflict& one : VEDETTE_TRY(p.catalogue.conflicts(tx, uid))) {
             conflicts.push_back(
                 {{"sop_instance_uid", one.sop_instance_uid},
                  {"text", "A different image came under this identifier. Both are kept; the first stays in use."},
                  {"at", to_text(one.at)}});
           }
           const auto signature = VEDETTE_TRY(p.review.signature_of(tx, uid));
           const auto priors = VEDETTE_TRY(study::other_studies_of_patient(tx, *found, 20));
           Json placed = row_json(row, tools, claim);
           Json priority = nullptr;
           if (found->state != study::State::signed_) {
             priority = Json::object();
             for (const char* name : {"level", "ordered", "suggested", "wait", "reasons", "place", "place_without_ai",
                                      "displaced", "put_back"})
               priority[name] = placed[name];
           }
           body = {{"study_uid", uid},
                   {"patient", patient_json(*found)},
                   {"description", found->description},
                   {"accession", found->accession_number},
                   {"study_date", date_or_null(found->study_date)},
                   {"state", state_text(found->state)},
                   {"version", found->version},
                   {"received_at", to_text(found->received_at)},
                   {"complete_at", time_or_null(found->complete_at)},
                   {"reopened", found->version > 1},
                   {"geometry", geometry},
                   {"series", series},
                   {"tools", tools},
                   {"priority", priority},
                   {"conflicts", conflicts},
                   {"with", claim_json(claim)},
                   {"signed", signature ? Json{{"by", signature->by()},
                                               {"at", to_text(signature->at())},
                                               {"version", signature->version()}}
                                        : Json(nullptr)},
                   {"prior_studies", priors_json(priors)}};
           return {};
         }));
         return json_answer(body);
       })});
}

}  // namespace vedette::api
