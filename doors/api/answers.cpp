#include <fmt/format.h>

#include "api/desk.hpp"
#include "base/id.hpp"
#include "base/text.hpp"

namespace vedette::api {

std::string dumped(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

wire::Response json_answer(const Json& value, int status) {
  return wire::Response::json(dumped(value), status);
}

wire::Response tagged_answer(const guard::Call& call, const Json& value, std::string_view etag) {
  if (!etag.empty() && call.request.headers.get("If-None-Match") == etag) {
    wire::Response unchanged = wire::Response::empty(304);
    unchanged.headers.set("ETag", std::string(etag));
    return unchanged;
  }
  wire::Response out = json_answer(value);
  out.headers.set("ETag", std::string(etag));
  return out;
}

Result<Json> body_of(const guard::Call& call) {
  if (call.request.body == nullptr) return Json::object();
  constexpr std::size_t most = 1 << 20;
  const std::string text = VEDETTE_TRY(call.request.body->all(most));
  if (trimmed(text).empty()) return Json::object();
  const std::string type = lower_case(call.request.headers.get("Content-Type"));
  if (!type.empty() && type.find("json") == std::string::npos) {
    return Error{Fault::unsupported, "http.media_type", "this route takes JSON", "header Content-Type",
                 "Send application/json."};
  }
  Json out = Json::parse(text, nullptr, false);
  if (out.is_discarded() || !out.is_object()) {
    return Error{Fault::malformed, "http.json", "the body is no JSON object", "body",
                 "Send one JSON object as /openapi.json describes it."};
  }
  return out;
}

Result<std::string> if_match(const guard::Call& call) {
  const std::string_view tag = trimmed(call.request.headers.get("If-Match"));
  if (tag.empty()) {
    return Error{Fault::changed, "if_match.missing", "the change does not say which state it was made for",
                 "header If-Match", "Send the ETag of what you looked at."};
  }
  return std::string(tag);
}

Result<std::string> text_of(const Json& object, std::string_view name) {
  const auto at = object.find(name);
  if (at == object.end() || at->is_null()) return std::string();
  if (!at->is_string())
    return Error{Fault::malformed, "http.json", "a text is needed here", std::string(name), "Send a JSON string."};
  return at->get<std::string>();
}

Result<std::size_t> limit_of(const guard::Call& call, std::size_t fallback, std::size_t most) {
  const std::string_view text = call.request.parameter("limit");
  if (text.empty()) return fallback;
  const auto value = to_integer(text);
  if (!value || *value < 1)
    return Error{Fault::malformed, "http.query", "limit is no positive number", "limit",
                 fmt::format("Send 1 to {}.", most)};
  return std::min(static_cast<std::size_t>(*value), most);
}

Result<std::string> study_uid_of(const guard::Call& call) {
  const std::string& uid = call.param("uid");
  if (!is_uid(uid)) {
    return Error{Fault::not_found, "study.not_found", "this is no Study Instance UID", "path",
                 "Use study_uid of the worklist."};
  }
  return uid;
}

Json text_or_null(std::string_view text) {
  return text.empty() ? Json(nullptr) : Json(text);
}
Json time_or_null(const std::optional<Instant>& at) {
  return at ? Json(to_text(*at)) : Json(nullptr);
}
Json date_or_null(std::string_view date) {
  if (date.size() != 8 || !to_integer(date)) return nullptr;
  return fmt::format("{}-{}-{}", date.substr(0, 4), date.substr(4, 2), date.substr(6, 2));
}

Json patient_json(const study::Study& study) {
  return {{"name", study.patient_name},
          {"id", study.patient_id},
          {"birth_date", date_or_null(study.patient_birth_date)},
          {"sex", text_or_null(study.patient_sex)}};
}

std::string_view state_text(study::State state) {
  switch (state) {
    case study::State::receiving:
      return "receiving";
    case study::State::signed_:
      return "signed";
    case study::State::complete:
    case study::State::reading:
    case study::State::addendum:
      return "complete";
  }
  return "complete";
}

Json claim_json(const std::optional<review::Claim>& claim) {
  if (!claim) return nullptr;
  return {{"name", claim->name}, {"since", to_text(claim->since)}, {"user", claim->user}};
}

Json code_json(std::string_view value, std::string_view scheme, std::string_view meaning) {
  return {{"value", value}, {"scheme", scheme}, {"meaning", meaning}};
}

}  // namespace vedette::api
