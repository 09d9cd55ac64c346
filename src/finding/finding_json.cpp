#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "finding/document.hpp"

namespace vedette::finding {
namespace {

using nlohmann::json;

Error wrong(std::string_view where, std::string_view what) {
  return Error{Fault::malformed, "finding.json", fmt::format("the finding's JSON {}", what), std::string(where),
               "Send the member as the API document (/openapi.json) describes it."};
}

json coded(const Code& code) {
  return {{"value", code.value}, {"scheme", code.scheme}, {"meaning", code.meaning}};
}
json coded_or_null(const Code& code) {
  return code.empty() ? json(nullptr) : coded(code);
}

const json* member(const json& object, std::string_view name) {
  const auto at = object.find(name);
  return at == object.end() || at->is_null() ? nullptr : &*at;
}

Result<std::string> text_of(const json& object, std::string_view name, std::string_view where) {
  const json* found = member(object, name);
  if (found == nullptr) return std::string();
  if (!found->is_string()) return wrong(fmt::format("{}.{}", where, name), "needs a text here");
  return found->get<std::string>();
}

Result<double> number_from(const json& value, std::string_view where) {
  if (!value.is_number()) return wrong(where, "needs a number here");
  const double out = value.get<double>();
  if (!std::isfinite(out)) return wrong(where, "needs a finite number here");
  return out;
}

Result<Code> code_from(const json& value, std::string_view where) {
  if (!value.is_object()) return wrong(where, "needs a code {value, scheme, meaning} here");
  Code out{VEDETTE_TRY(text_of(value, "value", where)), VEDETTE_TRY(text_of(value, "scheme", where)),
           VEDETTE_TRY(text_of(value, "meaning", where))};
  if (out.value.empty() || out.scheme.empty() || out.meaning.empty())
    return wrong(where, "has a code without value, scheme or meaning");
  // Code Value SH (16 characters in one byte sets), Coding Scheme Designator SH 16, Code Meaning LO 64: PS3.3
  // section 8.
  if (out.scheme.size() > 16 || out.value.size() > 64 || out.meaning.size() > 256)
    return wrong(where, "has a code that is too long");
  return out;
}
Result<Code> code_or_none(const json& object, std::string_view name, std::string_view where) {
  const json* found = member(object, name);
  if (found == nullptr) return Code{};
  return code_from(*found, fmt::format("{}.{}", where, name));
}

Result<Vec3> point_from(const json& value, std::string_view where) {
  if (!value.is_array() || value.size() != 3) return wrong(where, "needs [x,y,z] in millimetres here");
  return Vec3{VEDETTE_TRY(number_from(value[0], where)), VEDETTE_TRY(number_from(value[1], where)),
              VEDETTE_TRY(number_from(value[2], where))};
}
json point(const Vec3& at) {
  return json::array({at.x, at.y, at.z});
}

json measured(const Measurement& m, const std::optional<ToolStamp>& tool) {
  json out{{"code", coded(m.code)}, {"value", m.value}, {"unit", coded(m.unit)}};
  out["method"] = m.method ? coded(*m.method) : json(nullptr);
  out["uncertainty"] =
      m.uncertainty
          ? json{{"value", m.uncertainty->value}, {"kind", m.uncertainty->kind}, {"text", m.uncertainty->text}}
          : json(nullptr);
  out["derived_by"] = tool ? json{{"tool", tool->id}, {"version", tool->version}} : json(nullptr);
  out["gate"] = {{"state", m.gate}, {"text", m.gate_text}};
  return out;
}

Result<Measurement> measurement_from(const json& value, std::string_view where) {
  if (!value.is_object()) return wrong(where, "needs an object here");
  Measurement out;
  const json* code = member(value, "code");
  const json* number = member(value, "value");
  const json* unit = member(value, "unit");
  if (code == nullptr || number == nullptr || unit == nullptr)
    return wrong(where, "has a measurement without code, value or unit");
  out.code = VEDETTE_TRY(code_from(*code, fmt::format("{}.code", where)));
  out.value = VEDETTE_TRY(number_from(*number, fmt::format("{}.value", where)));
  out.unit = VEDETTE_TRY(code_from(*unit, fmt::format("{}.unit", where)));
  if (member(value, "method") != nullptr) out.method = VEDETTE_TRY(code_or_none(value, "method", where));
  if (const json* u = member(value, "uncertainty")) {
    if (!u->is_object() || member(*u, "value") == nullptr)
      return wrong(fmt::format("{}.uncertainty", where), "needs {value, kind, text} here");
    out.uncertainty = Uncertainty{VEDETTE_TRY(number_from(*member(*u, "value"), where)),
                                  VEDETTE_TRY(text_of(*u, "kind", where)), VEDETTE_TRY(text_of(*u, "text", where))};
  }
  if (const json* gate = member(value, "gate"); gate != nullptr && gate->is_object()) {
    const std::string state = VEDETTE_TRY(text_of(*gate, "state", where));
    if (!state.empty()) out.gate = state;
    out.gate_text = VEDETTE_TRY(text_of(*gate, "text", where));
  }
  return out;
}

Result<std::vector<Measurement>> measurements_from(const json& value, std::string_view where) {
  if (!value.is_array()) return wrong(where, "needs a list of measurements here");
  std::vector<Measurement> out;
  for (std::size_t i = 0; i < value.size(); ++i)
    out.push_back(VEDETTE_TRY(measurement_from(value[i], fmt::format("{}[{}]", where, i))));
  return out;
}

json region_json(const Region& region) {
  return {{"kind", region.kind},
          {"frame_of_reference_uid", region.frame_of_reference_uid},
          {"series_uid", region.series_uid},
          {"centre_mm", point(region.centre_mm)},
          {"bounds_mm", json::array({point(region.bounds_min_mm), point(region.bounds_max_mm)})},
          {"volume_ml", region.volume_ml}};
}

Result<Region> region_from(const json& value) {
  if (!value.is_object()) return wrong("region", "needs an object here");
  Region out;
  out.kind = VEDETTE_TRY(text_of(value, "kind", "region"));
  if (out.kind != "mask" && out.kind != "point" && out.kind != "contour" && out.kind != "none") {
    return wrong("region.kind", "needs mask, point, contour or none here");
  }
  out.frame_of_reference_uid = VEDETTE_TRY(text_of(value, "frame_of_reference_uid", "region"));
  out.series_uid = VEDETTE_TRY(text_of(value, "series_uid", "region"));
  if (const json* at = member(value, "centre_mm")) out.centre_mm = VEDETTE_TRY(point_from(*at, "region.centre_mm"));
  out.bounds_min_mm = out.bounds_max_mm = out.centre_mm;
  if (const json* bounds = member(value, "bounds_mm")) {
    if (!bounds->is_array() || bounds->size() != 2) return wrong("region.bounds_mm", "needs [[x,y,z],[x,y,z]] here");
    out.bounds_min_mm = VEDETTE_TRY(point_from((*bounds)[0], "region.bounds_mm[0]"));
    out.bounds_max_mm = VEDETTE_TRY(point_from((*bounds)[1], "region.bounds_mm[1]"));
  }
  if (const json* volume = member(value, "volume_ml"))
    out.volume_ml = VEDETTE_TRY(number_from(*volume, "region.volume_ml"));
  return out;
}

json values(const Finding& f) {
  json list = json::array();
  for (const Measurement& m : f.measurements) list.push_back(measured(m, f.tool));
  return {{"code", coded(f.code)},
          {"text", f.text},
          {"site", coded_or_null(f.site)},
          {"laterality", coded_or_null(f.laterality)},
          {"urgency", std::string(name_of(f.urgency))},
          {"measurements", std::move(list)}};
}

json all(const Finding& f) {
  json out = values(f);
  out["id"] = f.id;
  out["number"] = f.number;
  out["state"] = std::string(name_of(f.state));
  out["score"] = f.score ? json(*f.score) : json(nullptr);
  out["region"] = region_json(f.region);
  out["tracking_uid"] = f.tracking_uid;
  out["tool"] = f.tool ? json{{"id", f.tool->id},
                              {"version", f.tool->version},
                              {"digest", f.tool->digest},
                              {"name", f.tool->name},
                              {"demonstrator", f.tool->demonstrator}}
                       : json(nullptr);
  out["why"] = f.why;
  out["limits"] = f.limits;
  out["created_at"] = to_text(f.created_at);
  out["etag"] = etag_of(f);
  out["author"] = f.author.empty() ? json(nullptr) : json{{"name", f.author}};
  out["original"] = nullptr;
  if (f.original_json) {
    json original = json::parse(*f.original_json, nullptr, false);
    if (!original.is_discarded()) out["original"] = std::move(original);
  }
  return out;
}

Result<std::optional<ToolStamp>> tool_from(const json& object) {
  const json* tool = member(object, "tool");
  if (tool == nullptr) return std::optional<ToolStamp>();
  if (!tool->is_object()) return wrong("tool", "needs an object here");
  ToolStamp out{VEDETTE_TRY(text_of(*tool, "id", "tool")), VEDETTE_TRY(text_of(*tool, "version", "tool")),
                VEDETTE_TRY(text_of(*tool, "name", "tool")), VEDETTE_TRY(text_of(*tool, "digest", "tool")), false};
  if (const json* demo = member(*tool, "demonstrator"); demo != nullptr && demo->is_boolean())
    out.demonstrator = demo->get<bool>();
  return std::optional<ToolStamp>(std::move(out));
}

Result<void> read_values(const json& object, Finding& out) {
  const json* code = member(object, "code");
  if (code == nullptr) return wrong("code", "has no code");
  out.code = VEDETTE_TRY(code_from(*code, "code"));
  out.text = VEDETTE_TRY(text_of(object, "text", "finding"));
  out.site = VEDETTE_TRY(code_or_none(object, "site", "finding"));
  out.laterality = VEDETTE_TRY(code_or_none(object, "laterality", "finding"));
  if (const json* urgency = member(object, "urgency")) {
    const auto known = urgency->is_string() ? urgency_from(urgency->get<std::string>()) : std::nullopt;
    if (!known) return wrong("urgency", "needs immediate, urgent, soon or routine here");
    out.urgency = *known;
  }
  if (const json* list = member(object, "measurements"))
    out.measurements = VEDETTE_TRY(measurements_from(*list, "measurements"));
  return {};
}

Result<Finding> read_all(const json& object) {
  if (!object.is_object()) return wrong("finding", "needs an object here");
  Finding out;
  VEDETTE_TRY(read_values(object, out));
  out.id = VEDETTE_TRY(text_of(object, "id", "finding"));
  if (const json* number = member(object, "number"); number != nullptr && number->is_number_integer())
    out.number = number->get<int>();
  if (const json* state = member(object, "state")) {
    const auto known = state->is_string() ? state_from(state->get<std::string>()) : std::nullopt;
    if (!known) return wrong("state", "needs a state of a finding here");
    out.state = *known;
  }
  if (const json* score = member(object, "score")) out.score = VEDETTE_TRY(number_from(*score, "score"));
  if (const json* region = member(object, "region")) out.region = VEDETTE_TRY(region_from(*region));
  out.tracking_uid = VEDETTE_TRY(text_of(object, "tracking_uid", "finding"));
  out.tool = VEDETTE_TRY(tool_from(object));
  if (const json* author = member(object, "author"); author != nullptr && author->is_object())
    out.author = VEDETTE_TRY(text_of(*author, "name", "author"));
  out.why = VEDETTE_TRY(text_of(object, "why", "finding"));
  if (const json* limits = member(object, "limits")) {
    if (!limits->is_array()) return wrong("limits", "needs a list of texts here");
    for (const json& one : *limits) {
      if (!one.is_string()) return wrong("limits", "needs a list of texts here");
      out.limits.push_back(one.get<std::string>());
    }
  }
  const std::string created = VEDETTE_TRY(text_of(object, "created_at", "finding"));
  if (!created.empty()) out.created_at = out.changed_at = VEDETTE_TRY(instant_from_text(created));
  if (const std::string etag = VEDETTE_TRY(text_of(object, "etag", "finding")); !etag.empty()) {
    const auto dot = etag.rfind('.');
    if (dot != std::string::npos) out.revision = std::max(1, std::atoi(etag.c_str() + dot + 1));
  }
  if (const json* original = member(object, "original")) out.original_json = original->dump();
  return out;
}

Result<json> parsed(std::string_view text, std::string_view where) {
  json out = json::parse(text, nullptr, false);
  if (out.is_discarded()) return wrong(where, "is no JSON");
  return out;
}

}  // namespace

std::string to_json(const Finding& finding) {
  return all(finding).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Finding> from_json(std::string_view text) {
  return read_all(VEDETTE_TRY(parsed(text, "finding")));
}

std::string to_json(const Code& code) {
  return coded_or_null(code).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Code> code_from_json(std::string_view text, std::string_view where) {
  const json value = VEDETTE_TRY(parsed(text, where));
  if (value.is_null()) return Code{};
  return code_from(value, where);
}

std::string to_json(const std::vector<Measurement>& measurements) {
  json list = json::array();
  for (const Measurement& m : measurements) list.push_back(measured(m, std::nullopt));
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::vector<Measurement>> measurements_from_json(std::string_view text, std::string_view where) {
  return measurements_from(VEDETTE_TRY(parsed(text, where)), where);
}

std::string values_json(const Finding& finding) {
  return values(finding).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string to_document(const Finding& finding) {
  json out = all(finding);
  out["run_id"] = finding.run_id;
  const Region& r = finding.region;
  out["mask"] = {{"blob", r.mask_blob},
                 {"place", {r.mask_place.segment, r.mask_place.offset, r.mask_place.length}},
                 {"rows", r.rows},
                 {"columns", r.columns},
                 {"instances", r.mask_instances}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Finding> from_document(std::string_view text) {
  const json object = VEDETTE_TRY(parsed(text, "row"));
  Finding out = VEDETTE_TRY(read_all(object));
  out.run_id = VEDETTE_TRY(text_of(object, "run_id", "row"));
  if (const json* mask = member(object, "mask")) {
    try {
      out.region.mask_blob = mask->at("blob").get<std::string>();
      const json& place = mask->at("place");
      out.region.mask_place = {place.at(0).get<std::int64_t>(), place.at(1).get<std::int64_t>(),
                               place.at(2).get<std::int64_t>()};
      out.region.rows = mask->at("rows").get<int>();
      out.region.columns = mask->at("columns").get<int>();
      out.region.mask_instances = mask->at("instances").get<std::vector<std::string>>();
    } catch (const json::exception& fault) {
      return Error{Fault::internal, "finding.row",         "a row of findings can't be read",
                   "mask",          "Run vedette doctor.", fault.what()};
    }
  }
  return out;
}

}  // namespace vedette::finding
