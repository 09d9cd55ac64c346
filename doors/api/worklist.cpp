#include <fmt/format.h>

#include <algorithm>

#include "api/desk.hpp"
#include "base/text.hpp"
#include "finding/reasons.hpp"

namespace vedette::api {
namespace {

Json wait_json(const priority::Placed& placed) {
  const priority::Wait& shown = placed.shown();
  Json out{{"since", to_text(shown.since)},
           {"target_at", to_text(shown.target_at)},
           {"cap_at", to_text(shown.cap_at)},
           {"share", shown.share},
           {"near_cap", placed.lifted}};
  out["since_complete"] = to_text(placed.ordered_wait.since);
  out["since_raised"] = placed.raised_wait ? Json(to_text(placed.raised_wait->since)) : Json(nullptr);
  return out;
}

Json put_back_json(const std::optional<priority::PutBack>& put_back) {
  if (!put_back) return nullptr;
  const finding::ReasonRow* row = finding::reason(finding::ReasonKind::put_back, put_back->reason);
  return {{"by", put_back->by},
          {"reason", row == nullptr ? std::string_view(put_back->reason) : row->text},
          {"at", to_text(put_back->at)}};
}

Result<priority::Query> query_of(const guard::Call& call) {
  priority::Query out;
  const wire::Request& r = call.request;
  const auto refused = [](std::string where, std::string remedy) {
    return Error{Fault::malformed, "http.query", "the query has a value that is not offered", std::move(where),
                 std::move(remedy)};
  };
  const std::string_view status = r.parameter("status"), sort = r.parameter("sort");
  if (status == "signed") {
    out.status = priority::Query::Status::signed_;
  } else if (status == "all") {
    out.status = priority::Query::Status::all;
  } else if (!status.empty() && status != "open") {
    return refused("status", "Send open, signed or all.");
  }
  if (sort == "received") {
    out.sort = priority::Query::Sort::received;
  } else if (sort == "patient") {
    out.sort = priority::Query::Sort::patient;
  } else if (!sort.empty() && sort != "place") {
    return refused("sort", "Send place, received or patient.");
  }
  for (const std::string& list : r.parameters("level")) {
    for (const std::string_view name : split(list, ',')) {
      if (name.empty()) continue;
      const auto level = finding::urgency_from(name);
      if (!level) return refused("level", "Send immediate, urgent, soon or routine, several by comma.");
      out.levels.push_back(*level);
    }
  }
  for (const std::string& list : r.parameters("modality")) {
    for (const std::string_view name : split(list, ',')) {
      if (!name.empty()) out.modalities.emplace_back(name);
    }
  }
  out.search = std::string(r.parameter("search"));
  if (out.search.size() > 256) return refused("search", "Search for at most 256 characters.");
  out.limit = VEDETTE_TRY(limit_of(call, 100, 1000));
  out.cursor = std::string(r.parameter("cursor"));
  return out;
}

}  // namespace

Json Api::Desk::row_json(const priority::Row& row, const Json& tools, const std::optional<review::Claim>& claim) const {
  const priority::Card& card = *row.card;
  const study::Study& s = card.study;
  Json reasons = Json::array();
  for (const priority::Reason& one : row.reasons)
    reasons.push_back({{"code", one.code}, {"text", one.text}, {"since", time_or_null(one.since)}});
  Json suggested = nullptr;
  if (card.verdict.suggestion) {
    suggested = {{"level", finding::name_of(card.verdict.suggestion->level)},
                 {"used", card.verdict.suggestion->used},
                 {"text", card.verdict.suggestion->text}};
  }
  Json out{
      {"study_uid", s.uid},
      {"patient", patient_json(s)},
      {"modalities", s.modalities},
      {"description", s.description},
      {"accession", s.accession_number},
      {"body_part", s.body_part},
      {"images", s.received_instances},
      {"received_at", to_text(s.received_at)},
      {"complete_at", time_or_null(s.complete_at)},
      {"state", state_text(s.state)},
      {"place", row.placed.place},
      {"place_without_ai", row.placed.place_without_ai},
      {"level", finding::name_of(row.placed.level)},
      {"ordered",
       {{"level", finding::name_of(card.ordered.level)}, {"source", card.ordered.source}, {"text", card.ordered.text}}},
      {"suggested", suggested},
      {"wait", wait_json(row.placed)},
      {"reasons", reasons},
      {"displaced",
       row.displaced ? Json{{"count", row.displaced->count}, {"text", row.displaced->text}} : Json(nullptr)},
      {"tools", tools.is_null() ? Json::array() : tools}};
  const priority::FindingCounts& n = card.findings;
  out["findings"] = {{"proposed", n.proposed},
                     {"confirmed", n.confirmed},
                     {"rejected", n.rejected},
                     {"deferred", n.deferred},
                     {"urgent", n.urgent}};
  out["with"] = claim_json(claim);
  out["put_back"] = put_back_json(card.put_back);
  return out;
}

void Api::Desk::worklist(Routes& out) {
  out.push_back({.method = "GET",
                 .path = "/api/worklist",
                 .roles = may_look,
                 .operation = "worklist",
                 .tag = "worklist",
                 .summary = "The reading list: places, levels and reasons are the node's. Query: status, level, "
                            "modality, search, sort, limit, cursor",
                 .request_schema = "",
                 .response_schema = "Worklist",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const priority::Query query = VEDETTE_TRY(query_of(call));
                   VEDETTE_TRY(p.intake.settle());
                   const priority::Page page = VEDETTE_TRY(p.worklist.page(query));
                   std::vector<std::string> uids;
                   for (const priority::Row& row : page.rows) uids.push_back(row.card->study.uid);
                   const auto claims = VEDETTE_TRY(p.review.claims());
                   Json rows = Json::array();
                   VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
                     const auto runs = VEDETTE_TRY(tool_runs(tx, uids));
                     for (const priority::Row& row : page.rows) {
                       const auto run = runs.find(row.card->study.uid);
                       const auto claim = claims.find(row.card->study.uid);
                       rows.push_back(row_json(
                           row, run == runs.end() ? Json(nullptr) : run->second,
                           claim == claims.end() ? std::nullopt : std::optional<review::Claim>(claim->second)));
                     }
                     return {};
                   }));
                   return json_answer({{"rows", rows},
                                       {"next", text_or_null(page.next)},
                                       {"as_of", to_text(page.as_of)},
                                       {"total", page.total}});
                 })});

  const auto answer_row = [this](const Result<priority::Row>& row) -> Answer {
    if (!row) return row.error();
    const auto claim = VEDETTE_TRY(p.review.claim_of(row->card->study.uid));
    Json runs = nullptr;
    VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
      auto found = VEDETTE_TRY(tool_runs(tx, {row->card->study.uid}));
      if (const auto at = found.find(row->card->study.uid); at != found.end()) runs = at->second;
      return {};
    }));
    return json_answer(row_json(*row, runs, claim));
  };
  out.push_back({.method = "POST",
                 .path = "/api/studies/{uid}/put_back",
                 .roles = readers,
                 .operation = "putBack",
                 .tag = "worklist",
                 .summary = "A person overrules the flag: the case goes back to its place without AI",
                 .request_schema = "PutBack",
                 .response_schema = "Row",
                 .handler = handler([this, answer_row](const guard::Call& call) -> Answer {
                   const std::string uid = VEDETTE_TRY(study_uid_of(call));
                   const guard::Reader reader = VEDETTE_TRY(p.guard.reader(call.caller));
                   const Json body = VEDETTE_TRY(body_of(call));
                   const auto reason = body.find("reason");
                   const std::string code = reason != body.end() && reason->is_object()
                                                ? VEDETTE_TRY(text_of(*reason, "code"))
                                                : std::string();
                   const std::string comment = VEDETTE_TRY(text_of(body, "comment"));
                   return answer_row(p.worklist.put_back(uid, {reader.display(), actor(call.caller)}, code, comment));
                 })});
  out.push_back({.method = "DELETE",
                 .path = "/api/studies/{uid}/put_back",
                 .roles = readers,
                 .operation = "raiseAgain",
                 .tag = "worklist",
                 .summary = "Let the flag raise the case again",
                 .request_schema = "",
                 .response_schema = "Row",
                 .handler = handler([this, answer_row](const guard::Call& call) -> Answer {
                   const std::string uid = VEDETTE_TRY(study_uid_of(call));
                   const guard::Reader reader = VEDETTE_TRY(p.guard.reader(call.caller));
                   return answer_row(p.worklist.raise_again(uid, {reader.display(), actor(call.caller)}));
                 })});
  out.push_back({.method = "POST",
                 .path = "/api/studies/{uid}/claim",
                 .roles = readers,
                 .operation = "claimStudy",
                 .tag = "worklist",
                 .summary = "Take the study, or renew; ends by itself. {take_over: true} takes it from another reader",
                 .request_schema = "ClaimRequest",
                 .response_schema = "Claim",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const std::string uid = VEDETTE_TRY(study_uid_of(call));
                   const guard::Reader reader = VEDETTE_TRY(p.guard.reader(call.caller));
                   const Json body = VEDETTE_TRY(body_of(call));
                   const review::Claim claim =
                       VEDETTE_TRY(p.review.claim(reader, uid, body.value("take_over", Json(false)) == Json(true)));
                   return json_answer({{"with", claim_json(claim)}, {"expires_at", to_text(claim.expires_at)}});
                 })});
  out.push_back({.method = "DELETE",
                 .path = "/api/studies/{uid}/claim",
                 .roles = readers,
                 .operation = "releaseStudy",
                 .tag = "worklist",
                 .summary = "Hand the study back",
                 .request_schema = "",
                 .response_schema = "",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const std::string uid = VEDETTE_TRY(study_uid_of(call));
                   const guard::Reader reader = VEDETTE_TRY(p.guard.reader(call.caller));
                   VEDETTE_TRY(p.review.release(reader, uid));
                   return wire::Response::empty();
                 }),
                 .success = 204});
}

}  // namespace vedette::api
