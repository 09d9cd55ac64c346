#include <fmt/format.h>

#include "api/desk.hpp"

namespace vedette::api {
namespace {

/// A member as JSON text; "" when absent, "null" when null.
std::string raw(const Json& object, std::string_view name) {
  const auto at = object.find(name);
  return at == object.end() ? std::string() : dumped(*at);
}

Result<std::optional<finding::Urgency>> urgency_of(const Json& object) {
  const std::string text = VEDETTE_TRY(text_of(object, "urgency"));
  if (text.empty()) return std::optional<finding::Urgency>();
  const auto known = finding::urgency_from(text);
  if (!known)
    return Error{Fault::malformed, "http.json", "this is no urgency", "urgency",
                 "Send immediate, urgent, soon or routine."};
  return known;
}

Result<review::NewVerdict> verdict_of(const Json& body) {
  review::NewVerdict out;
  const auto kind = review::kind_from(VEDETTE_TRY(text_of(body, "verdict")));
  if (!kind)
    return Error{Fault::malformed, "review.verdict", "this is no verdict", "verdict",
                 "Send confirm, edit, reject or defer."};
  out.kind = *kind;
  if (const auto reason = body.find("reason"); reason != body.end() && !reason->is_null()) {
    out.reason = reason->is_string()   ? reason->get<std::string>()
                 : reason->is_object() ? VEDETTE_TRY(text_of(*reason, "code"))
                                       : std::string();
    if (out.reason.empty())
      return Error{Fault::malformed, "http.json", "a reason is {code}", "reason", "Send one of GET /api/reasons."};
  }
  out.comment = VEDETTE_TRY(text_of(body, "comment"));
  if (const auto changes = body.find("changes"); changes != body.end() && !changes->is_null()) {
    if (!changes->is_object()) return Error{Fault::malformed, "http.json", "changes are an object", "changes"};
    out.changes.code = raw(*changes, "code");
    out.changes.site = raw(*changes, "site");
    out.changes.laterality = raw(*changes, "laterality");
    out.changes.measurements = raw(*changes, "measurements");
    out.changes.urgency = VEDETTE_TRY(urgency_of(*changes));
    if (changes->contains("text")) out.changes.text = VEDETTE_TRY(text_of(*changes, "text"));
  }
  return out;
}

Result<finding::Code> code_member(const Json& body, std::string_view name) {
  const std::string text = raw(body, name);
  if (text.empty()) return finding::Code{};
  return finding::code_from_json(text, name);
}

Result<review::NewFinding> new_finding_of(const Json& body) {
  review::NewFinding out;
  out.code = VEDETTE_TRY(code_member(body, "code"));
  out.site = VEDETTE_TRY(code_member(body, "site"));
  out.laterality = VEDETTE_TRY(code_member(body, "laterality"));
  out.text = VEDETTE_TRY(text_of(body, "text"));
  out.urgency = VEDETTE_TRY(urgency_of(body)).value_or(finding::Urgency::routine);
  if (const std::string list = raw(body, "measurements"); !list.empty() && list != "null")
    out.measurements = VEDETTE_TRY(finding::measurements_from_json(list, "measurements"));
  if (const auto region = body.find("region"); region != body.end() && region->is_object()) {
    // The finding's own reader checks kind, point and numbers.
    const Json carrier{{"code", {{"value", "x"}, {"scheme", "x"}, {"meaning", "x"}}}, {"region", *region}};
    out.region = VEDETTE_TRY(finding::from_json(dumped(carrier))).region;
  }
  return out;
}

Json signed_json(const std::optional<review::Signature>& signature) {
  if (!signature) return nullptr;
  return {{"by", signature->by()}, {"at", to_text(signature->at())}, {"version", signature->version()}};
}

Json preview_json(const review::Preview& preview) {
  Json send = Json::array(), open = Json::array();
  for (const review::WillSend& one : preview.will_send) {
    send.push_back({{"object", one.object},
                    {"description", one.description},
                    {"destination", one.destination},
                    {"kind", one.kind}});
  }
  for (const review::Unreviewed& one : preview.unreviewed)
    open.push_back({{"id", one.id}, {"number", one.number}, {"text", one.text}});
  return {{"can_sign", preview.can_sign},
          {"why_not", text_or_null(preview.why_not)},
          {"version", preview.version},
          {"words", preview.words},
          {"will_send", send},
          {"unreviewed", open},
          {"rejected", preview.rejected},
          {"signed", signed_json(preview.signed_)},
          {"etag", preview.etag}};
}

/// The problem of a lost race carries what stands there now.
wire::Response with_current(const Error& error, const Result<std::string>& current, const std::string& etag) {
  wire::Response out = wire::Response::problem(error);
  auto* text = std::get_if<std::string>(&out.body);
  if (text == nullptr || !current) return out;
  Json body = Json::parse(*text, nullptr, false);
  Json now = Json::parse(*current, nullptr, false);
  if (body.is_discarded() || now.is_discarded()) return out;
  body["current"] = std::move(now);
  *text = dumped(body);
  out.headers.set("ETag", etag);
  return out;
}

}  // namespace

void Api::Desk::review(Routes& out) {
  const auto answer_finding = [this](std::string_view id, int status) -> Answer {
    std::string etag;
    wire::Response answer = wire::Response::json(VEDETTE_TRY(finding_text(id, &etag)), status);
    answer.headers.set("ETag", etag);
    return answer;
  };
  out.push_back({.method = "POST",
                 .path = "/api/findings/{id}/verdicts",
                 .roles = readers,
                 .operation = "giveVerdict",
                 .tag = "review",
                 .summary = "A person's verdict: confirm, edit, reject, defer. If-Match: the finding's ETag",
                 .request_schema = "VerdictRequest",
                 .response_schema = "Finding",
                 .handler = handler([this, answer_finding](const guard::Call& call) -> Answer {
                   const guard::Reader reader = VEDETTE_TRY(p.guard.reader(call.caller));
                   const std::string& id = call.param("id");
                   const std::string tag = VEDETTE_TRY(if_match(call));
                   const review::NewVerdict verdict = VEDETTE_TRY(verdict_of(VEDETTE_TRY(body_of(call))));
                   const auto given = p.review.give(reader, id, tag, verdict);
                   if (!given && given.error().fault == Fault::changed) {
                     std::string etag;
                     const auto current = finding_text(id, &etag);
                     return with_current(given.error(), current, etag);
                   }
                   if (!given) return given.error();
                   return answer_finding(id, 200);
                 })});
  out.push_back({.method = "DELETE",
                 .path = "/api/findings/{id}/verdicts/last",
                 .roles = readers,
                 .operation = "undoVerdict",
                 .tag = "review",
                 .summary = "Take the last verdict back; possible until the study is signed",
                 .request_schema = "",
                 .response_schema = "Finding",
                 .handler = handler([this, answer_finding](const guard::Call& call) -> Answer {
                   const guard::Reader reader = VEDETTE_TRY(p.guard.reader(call.caller));
                   VEDETTE_TRY(p.review.undo(reader, call.param("id")));
                   return answer_finding(call.param("id"), 200);
                 })});
  out.push_back({.method = "POST",
                 .path = "/api/studies/{uid}/findings",
                 .roles = readers,
                 .operation = "addFinding",
                 .tag = "review",
                 .summary = "A finding of a person's own, marked by a point",
                 .request_schema = "NewFinding",
                 .response_schema = "Finding",
                 .handler = handler([this, answer_finding](const guard::Call& call) -> Answer {
                   const std::string uid = VEDETTE_TRY(study_uid_of(call));
                   const guard::Reader reader = VEDETTE_TRY(p.guard.reader(call.caller));
                   const auto added =
                       VEDETTE_TRY(p.review.add(reader, uid, VEDETTE_TRY(new_finding_of(VEDETTE_TRY(body_of(call))))));
                   wire::Response answer = VEDETTE_TRY(answer_finding(added.id, 201));
                   answer.headers.set("Location", "/api/findings/" + added.id);
                   return answer;
                 }),
                 .success = 201});
  out.push_back(
      {.method = "GET",
       .path = "/api/studies/{uid}/signature",
       .roles = may_look,
       .operation = "signaturePreview",
       .tag = "review",
       .summary = "What signing would send where, and what is unreviewed, in words; the ETag is needed to sign",
       .request_schema = "",
       .response_schema = "SignaturePreview",
       .handler = handler([this](const guard::Call& call) -> Answer {
         const std::string uid = VEDETTE_TRY(study_uid_of(call));
         VEDETTE_TRY(p.intake.settle());
         const review::Preview preview = VEDETTE_TRY(p.review.preview(uid));
         wire::Response answer = json_answer(preview_json(preview));
         answer.headers.set("ETag", preview.etag);
         return answer;
       })});
  out.push_back({.method = "POST",
                 .path = "/api/studies/{uid}/signature",
                 .roles = readers,
                 .operation = "sign",
                 .tag = "review",
                 .summary = "Sign what was reviewed. If-Match: the ETag of the preview",
                 .request_schema = "SignRequest",
                 .response_schema = "SignatureDone",
                 .handler = handler([this](const guard::Call& call) -> Answer {
                   const std::string uid = VEDETTE_TRY(study_uid_of(call));
                   const guard::Reader reader = VEDETTE_TRY(p.guard.reader(call.caller));
                   const std::string tag = VEDETTE_TRY(if_match(call));
                   const Json body = VEDETTE_TRY(body_of(call));
                   const auto leave = body.find("leave_unreviewed");
                   if (leave != body.end() && !leave->is_boolean())
                     return Error{Fault::malformed, "http.json", "true or false is needed here", "leave_unreviewed"};
                   VEDETTE_TRY(p.intake.settle());
                   const review::Signature signature =
                       VEDETTE_TRY(p.review.sign(reader, uid, tag, leave != body.end() && leave->get<bool>()));
                   Json results = Json::array();
                   VEDETTE_TRY(p.database.read([&](database::Transaction& tx) -> Result<void> {
                     for (const report::ResultObject& one : VEDETTE_TRY(p.reports.of_study(tx, uid)))
                       results.push_back(result_json(one));
                     return {};
                   }));
                   return json_answer({{"signed", signed_json(signature)}, {"results", results}}, 201);
                 }),
                 .success = 201});
}

}  // namespace vedette::api
