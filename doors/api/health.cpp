#include <filesystem>

#include "api/desk.hpp"
#include "base/text.hpp"

namespace vedette::api {
namespace {

std::int64_t index_bytes(const std::string& folder) {
  std::int64_t out = 0;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    if (name.find(".db") == std::string::npos && name.find(".sqlite") == std::string::npos) continue;
    std::error_code gone;
    const auto size = entry.file_size(gone);
    if (!gone) out += static_cast<std::int64_t>(size);
  }
  return out;
}

Json queue_json(const std::vector<jobs::Jobs::Depth>& depth) {
  Json out = Json::array();
  for (const jobs::Jobs::Depth& one : depth)
    out.push_back({{"kind", one.kind}, {"queued", one.queued}, {"running", one.running}, {"dead", one.dead}});
  return out;
}

Json intake_json(const intake::Intake::Traffic& traffic) {
  Json receiving = Json::array();
  for (const auto& one : traffic.sessions)
    receiving.push_back(
        {{"calling_ae", one.name}, {"kind", one.kind}, {"since", to_text(one.since)}, {"images", one.images}});
  return {{"per_minute", traffic.per_minute}, {"last_at", time_or_null(traffic.last_at)}, {"receiving", receiving}};
}

Json destinations_json(const Settings& settings, const std::vector<report::Reports::Outlook>& outlook) {
  Json out = Json::array();
  for (const Destination& d : settings.destinations()) {
    const report::Reports::Outlook* known = nullptr;
    for (const auto& one : outlook) {
      if (one.destination == d.name) known = &one;
    }
    const bool failing = known != nullptr && !known->last_error.empty();
    out.push_back({{"name", d.name},
                   {"kind", d.kind},
                   {"host", d.kind == "stow" ? d.url : d.host + ":" + std::to_string(d.port)},
                   {"state", known == nullptr    ? "untried"
                             : failing           ? "failing"
                             : known->last_ok_at ? "ok"
                                                 : "untried"},
                   {"queued", known == nullptr ? 0 : known->queued},
                   {"dead", known == nullptr ? 0 : known->dead},
                   {"last_ok_at", known == nullptr ? Json(nullptr) : time_or_null(known->last_ok_at)},
                   {"last_error", known == nullptr ? Json(nullptr) : text_or_null(known->last_error)}});
  }
  return out;
}

Json dead_json(const jobs::Dead& job, const std::optional<study::Study>& study) {
  return {{"id", std::to_string(job.id)}, {"kind", job.kind},   {"study_uid", study ? Json(study->uid) : Json(nullptr)},
          {"attempts", job.attempts},     {"cause", job.cause}, {"at", to_text(job.at)}};
}

}  // namespace

void Api::Desk::health(Routes& out) {
  out.push_back({.method = "GET",
                 .path = "/api/health",
                 .roles = guard::anyone_signed_in,
                 .operation = "health",
                 .tag = "health",
                 .summary = "The node: intake, queue, disk, destinations, sandbox, ledger",
                 .request_schema = "",
                 .response_schema = "Health",
                 .handler = handler([this](const guard::Call&) -> Answer {
                   const auto depth = VEDETTE_TRY(p.jobs.depth());
                   const vault::Blobs::Space space = p.blobs.space();
                   const auto outlook = VEDETTE_TRY(p.database.read_for<std::vector<report::Reports::Outlook>>(
                       [&](database::Transaction& tx) { return p.reports.outlook(tx); }));
                   const LedgerCheck check = VEDETTE_TRY(check_ledger());
                   const auto up = std::chrono::duration_cast<seconds>(p.clock.now() - started_at).count();
                   std::string roles;
                   for (const std::string& one : p.settings.list("node.roles"))
                     roles += (roles.empty() ? "" : ", ") + one;
                   return json_answer(
                       {{"node",
                         {{"version", p.version},
                          {"started_at", to_text(started_at)},
                          {"uptime_s", up},
                          {"role", roles},
                          {"centre", p.settings.text("node.centre")}}},
                        {"intake", intake_json(p.intake.traffic())},
                        {"queue", queue_json(depth)},
                        {"disk",
                         {{"total", space.total},
                          {"free", space.free},
                          {"used_by_vault", space.used},
                          {"used_by_index", index_bytes(p.settings.text("data.folder"))},
                          {"reserve", space.reserve},
                          {"accepting", space.accepting},
                          {"refused_segments", space.refused_segments}}},
                        {"destinations", destinations_json(p.settings, outlook)},
                        {"sandbox", {{"ok", p.sandbox_lacking.empty()}, {"lacking", p.sandbox_lacking}}},
                        {"ledger", {{"rows", check.rows}, {"verified_at", to_text(check.at)}, {"ok", check.ok}}}});
                 })});
  out.push_back({.method = "POST",
                 .path = "/api/destinations/{name}/echo",
                 .roles = administrators,
                 .operation = "echoDestination",
                 .tag = "health",
                 .summary = "Ask a destination whether it answers",
                 .request_schema = "",
                 .response_schema = "Echo",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const auto took = p.reports.echo(call.param("name"));
                   if (!took && took.error().fault == Fault::not_found) return took.error();
                   if (!took) return json_answer({{"ok", false}, {"ms", 0}, {"text", took.error().text()}});
                   return json_answer({{"ok", true}, {"ms", took->count()}, {"text", "It answered."}});
                 })});
  out.push_back({.method = "GET",
                 .path = "/api/jobs/dead",
                 .roles = {guard::Role::administrator, guard::Role::tool_engineer},
                 .operation = "deadJobs",
                 .tag = "health",
                 .summary = "Jobs that were given up, with their cause",
                 .request_schema = "",
                 .response_schema = "DeadJobs",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const std::size_t limit = VEDETTE_TRY(limit_of(call, 100, 1000));
                   const bool sees_studies = may_look.intersects(call.caller.roles());
                   Json list = Json::array();
                   const auto dead = VEDETTE_TRY(p.jobs.dead(limit));
                   VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
                     for (const jobs::Dead& job : dead) {
                       std::optional<study::Study> study;
                       if (sees_studies && !job.subject.empty())
                         study = VEDETTE_TRY(p.catalogue.study_of_pseudonym(tx, job.subject));
                       list.push_back(dead_json(job, study));
                     }
                     return {};
                   }));
                   return json_answer({{"jobs", list}});
                 })});
  out.push_back({.method = "POST",
                 .path = "/api/jobs/{id}/retry",
                 .roles = administrators,
                 .operation = "retryJob",
                 .tag = "health",
                 .summary = "Give a dead job another life",
                 .request_schema = "",
                 .response_schema = "Done",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const auto id = to_integer(call.param("id"));
                   if (!id)
                     return Error{Fault::not_found, "jobs.not_found", "there is no such job", "path",
                                  "Use an id of GET /api/jobs/dead."};
                   VEDETTE_TRY(p.jobs.revive(*id));
                   p.jobs.wake();
                   return json_answer({{"ok", true}});
                 })});
  const auto ready = [this](const guard::Call&) -> Answer {
    // Ready means: the index answers and takes changes, and new objects would be accepted.
    VEDETTE_TRY(p.ledger.last());
    const vault::Blobs::Space space = p.blobs.space();
    const bool changes = p.database.takes_changes();
    const bool works = space.accepting && changes;
    Json reason;
    if (!changes) {
      reason = "The disk failed under the index: it takes no changes until the disk is seen to and the node restarted.";
    } else if (!space.accepting) {
      reason = "The disk has reached its reserve: new objects are refused.";
    } else if (space.refused_segments > 0) {
      reason = "The disk failed under " + std::to_string(space.refused_segments) +
               " segments of the vault: they are closed, what was being written was refused, others are used.";
    }
    return json_answer({{"ready", works}, {"reason", reason}}, works ? 200 : 503);
  };
  out.push_back({.method = "GET",
                 .path = "/livez",
                 .roles = guard::open,
                 .operation = "livez",
                 .tag = "health",
                 .summary = "The process answers",
                 .request_schema = "",
                 .response_schema = "Live",
                 .handler = handler([](const guard::Call&) -> Answer {
                   return json_answer({{"live", true}});
                 })});
  out.push_back({.method = "GET",
                 .path = "/readyz",
                 .roles = guard::open,
                 .operation = "readyz",
                 .tag = "health",
                 .summary = "The node can work",
                 .request_schema = "",
                 .response_schema = "Ready",
                 .handler = handler(ready)});
  out.push_back({.method = "GET",
                 .path = "/openapi.json",
                 .roles = guard::anyone_signed_in,
                 .operation = "openapi",
                 .tag = "health",
                 .summary = "This description, printed from the routes",
                 .request_schema = "",
                 .response_schema = R"({"type":"object"})",
                 .handler = handler([this](const guard::Call&) -> Answer {
                   return wire::Response::json(p.router.openapi("Vedette", p.version, schemas()));
                 })});
}

}  // namespace vedette::api
