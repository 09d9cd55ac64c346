#include "api/desk.hpp"

namespace vedette::api {

Json result_json(const report::ResultObject& result) {
  Json deliveries = Json::array();
  for (const report::Delivery& d : result.deliveries) {
    deliveries.push_back({{"destination", d.destination},
                          {"kind", d.kind},
                          {"state", d.state},
                          {"attempts", d.attempts},
                          {"last_error", text_or_null(d.last_error)},
                          {"next_try_at", time_or_null(d.next_try_at)},
                          {"sent_at", time_or_null(d.sent_at)}});
  }
  return {{"id", result.id},
          {"object", result.object},
          {"sop_class_uid", result.sop_class_uid},
          {"sop_instance_uid", result.sop_instance_uid},
          {"series_uid", result.series_uid},
          {"status", result.status},
          {"version", result.version},
          {"created_at", to_text(result.created_at)},
          {"deliveries", deliveries}};
}

void Api::Desk::results(Routes& out) {
  out.push_back({.method = "GET",
                 .path = "/api/studies/{uid}/results",
                 .roles = may_look,
                 .operation = "studyResults",
                 .tag = "results",
                 .summary = "Objects made of this study and their state at each destination",
                 .request_schema = "",
                 .response_schema = "ResultList",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const std::string uid = VEDETTE_TRY(study_uid_of(call));
                   Json list = Json::array();
                   VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
                     if (!VEDETTE_TRY(p.catalogue.study(tx, uid)))
                       return Error{Fault::not_found, "study.not_found", "this node has no such study"};
                     for (const report::ResultObject& one : VEDETTE_TRY(p.reports.of_study(tx, uid)))
                       list.push_back(result_json(one));
                     return {};
                   }));
                   return json_answer({{"results", list}});
                 })});
  out.push_back({.method = "GET",
                 .path = "/api/results",
                 .roles = may_look,
                 .operation = "results",
                 .tag = "results",
                 .summary = "Objects of all studies, newest first. Query: state, limit, cursor",
                 .request_schema = "",
                 .response_schema = "HouseResults",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const std::size_t limit = VEDETTE_TRY(limit_of(call, 100, 500));
                   const std::string_view state = call.request.parameter("state");
                   for (const std::string_view known : {"", "queued", "sending", "sent", "retrying", "dead"}) {
                     if (state == known) break;
                     if (known == "dead")
                       return Error{Fault::malformed, "http.query", "this is no state of a delivery", "state",
                                    "Send queued, sending, sent, retrying or dead."};
                   }
                   Json list = Json::array();
                   std::string next;
                   VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
                     const auto found =
                         VEDETTE_TRY(p.reports.recent(tx, state, call.request.parameter("cursor"), limit));
                     for (const report::ResultObject& one : found) {
                       Json entry = result_json(one);
                       entry["study_uid"] = one.study_uid;
                       const auto study = VEDETTE_TRY(p.catalogue.study(tx, one.study_uid));
                       entry["patient"] = study ? patient_json(*study) : Json(nullptr);
                       entry["description"] = study ? study->description : "";
                       list.push_back(std::move(entry));
                     }
                     if (found.size() == limit) next = found.back().id;
                     return {};
                   }));
                   return json_answer({{"results", list}, {"next", text_or_null(next)}});
                 })});
  out.push_back({.method = "POST",
                 .path = "/api/results/{id}/deliveries/{destination}/retry",
                 .roles = readers | guard::Roles{guard::Role::radiographer, guard::Role::administrator},
                 .operation = "retryDelivery",
                 .tag = "results",
                 .summary = "Send a waiting or given-up object again at once",
                 .request_schema = "",
                 .response_schema = "Done",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   VEDETTE_TRY(p.reports.retry(call.param("id"), call.param("destination")));
                   return json_answer({{"ok", true}}, 202);
                 }),
                 .success = 202});
}

}  // namespace vedette::api
