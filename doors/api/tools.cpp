#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "api/desk.hpp"
#include "base/text.hpp"
#include "finding/reasons.hpp"

namespace vedette::api {
namespace {

constexpr std::array<std::string_view, 7> states{"queued", "running", "done",          "refused",
                                                 "failed", "stopped", "not_applicable"};

std::string message_of(const analysis::Run& run) {
  if (run.state == "done") return run.findings == 0 ? "none proposed" : fmt::format("{} proposed", run.findings);
  if (run.state == "running" && !run.progress_text.empty()) return run.progress_text;
  return run.text;
}

Json run_json(const analysis::Run& run) {
  return {{"id", run.tool_id},
          {"name", run.tool_name},
          {"version", run.tool_version},
          {"state", run.state},
          {"message", message_of(run)},
          {"demonstrator", run.demonstrator},
          {"progress", run.state == "running" ? Json(run.progress) : Json(nullptr)},
          {"findings", run.findings},
          {"started_at", time_or_null(run.started_at)},
          {"finished_at", time_or_null(run.finished_at)},
          {"reason", run.code.empty() ? Json(nullptr) : Json{{"code", run.code}, {"text", run.text}}}};
}

/// Share of findings that readers confirmed or edited, with its 95 % interval (Wilson 1927).
Json record_json(const review::Review::Record& record) {
  if (record.reviewed == 0) return nullptr;
  constexpr double z = 1.959963984540054;
  const auto n = static_cast<double>(record.reviewed);
  const double share = static_cast<double>(record.confirmed) / n;
  const double middle = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return {{"n", record.reviewed},
          {"confirmed", record.confirmed},
          {"share", share},
          {"low", std::max(0.0, middle - half)},
          {"high", std::min(1.0, middle + half)}};
}

Json card_json(const analysis::ToolRow& row, const review::Review::Record& record) {
  const analysis::Tool& tool = *row.tool;
  return {{"id", tool.id},
          {"name", tool.name},
          {"version", tool.version},
          {"maker", tool.maker},
          {"intended_use", tool.intended_use},
          {"demonstrator", tool.demonstrator},
          {"state", row.active ? "active" : "stopped"},
          {"state_reason", text_or_null(row.reason_text)},
          {"changed_by", text_or_null(row.changed_by)},
          {"changed_at", time_or_null(row.changed_at)},
          {"limits", tool.limits},
          {"licence", tool.licence},
          {"regulatory_status", tool.regulatory_status},
          {"digest", tool.digest},
          {"runs", {{"done", row.done}, {"refused", row.refused}, {"failed", row.failed}}},
          {"reviewed", record_json(record)},
          {"median_seconds", row.median_seconds ? Json(*row.median_seconds) : Json(nullptr)}};
}

}  // namespace

Result<std::unordered_map<std::string, Json>> Api::Desk::tool_runs(database::Transaction& tx,
                                                                   const std::vector<std::string>& studies) const {
  std::unordered_map<std::string, Json> out;
  for (const std::string& uid : studies) out.emplace(uid, Json::array());
  for (const analysis::Run& run : VEDETTE_TRY(p.analysis.runs(tx, studies))) {
    // Superseded ones belong to an older version of the study.
    if (std::find(states.begin(), states.end(), run.state) != states.end()) out[run.study_uid].push_back(run_json(run));
  }
  return out;
}

void Api::Desk::tools(Routes& out) {
  out.push_back({.method = "GET",
                 .path = "/api/tools",
                 .roles = guard::anyone_signed_in,
                 .operation = "tools",
                 .tag = "tools",
                 .summary = "The tools of this node with their state, runs and record",
                 .request_schema = "",
                 .response_schema = "ToolList",
                 .handler = handler([this](const guard::Call&) -> Answer {
                   const auto records = VEDETTE_TRY(p.review.records());
                   Json list = Json::array();
                   VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
                     for (const analysis::ToolRow& row : VEDETTE_TRY(p.analysis.tools(tx))) {
                       const auto record = records.find(row.tool->id);
                       list.push_back(
                           card_json(row, record == records.end() ? review::Review::Record{} : record->second));
                     }
                     return {};
                   }));
                   return json_answer({{"tools", list}});
                 })});
  out.push_back({.method = "POST",
                 .path = "/api/tools/{id}/state",
                 .roles = {guard::Role::administrator, guard::Role::tool_engineer},
                 .operation = "setToolState",
                 .tag = "tools",
                 .summary = "Stop a tool, or let it run again, with a reason",
                 .request_schema = "ToolStateRequest",
                 .response_schema = "ToolCard",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const Json body = VEDETTE_TRY(body_of(call));
                   const std::string state = VEDETTE_TRY(text_of(body, "state"));
                   if (state != "active" && state != "stopped")
                     return Error{Fault::malformed, "tools.state", "this is no state of a tool", "state",
                                  "Send active or stopped."};
                   const auto reason = body.find("reason");
                   if (reason == body.end() || !reason->is_object())
                     return Error{Fault::refused, "tools.reason", "a tool changes its state for a coded reason",
                                  "reason", "Send {code, text}."};
                   const std::string code = VEDETTE_TRY(text_of(*reason, "code"));
                   const finding::ReasonRow* known = finding::reason(finding::ReasonKind::stop, code);
                   if (known == nullptr)
                     return Error{Fault::refused, "tools.reason", "a tool changes its state for a coded reason",
                                  "reason.code", "Choose one of GET /api/reasons, stop."};
                   const std::string words = VEDETTE_TRY(text_of(*reason, "text"));
                   if (known->needs_words && trimmed(words).empty())
                     return Error{Fault::refused, "tools.words", "this reason needs words", "reason.text", "Say why."};
                   const std::string& id = call.param("id");
                   VEDETTE_TRY(p.analysis.set_active(id, state == "active", code,
                                                     words.empty() ? std::string(known->text) : words,
                                                     call.caller.display(), actor(call.caller)));
                   const auto records = VEDETTE_TRY(p.review.records());
                   Json card;
                   VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
                     for (const analysis::ToolRow& row : VEDETTE_TRY(p.analysis.tools(tx))) {
                       const auto record = records.find(id);
                       if (row.tool->id == id)
                         card = card_json(row, record == records.end() ? review::Review::Record{} : record->second);
                     }
                     return {};
                   }));
                   return json_answer(card);
                 })});
}

}  // namespace vedette::api
