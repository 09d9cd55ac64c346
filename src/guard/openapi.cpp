#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "guard/router.hpp"

namespace vedette::guard {
namespace {

using Json = nlohmann::ordered_json;

Json schema_of(std::string_view schema) {
  if (schema.front() == '{') {
    Json inline_schema = Json::parse(schema, nullptr, false);
    return inline_schema.is_discarded() ? Json::object() : inline_schema;
  }
  return {{"$ref", "#/components/schemas/" + std::string(schema)}};
}

/// "/dicom-web/{rest*}" as OpenAPI writes it.
std::string path_of(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c != '*') out += c;
  }
  return out;
}

Json parameters_of(const std::string& path) {
  Json out = Json::array();
  for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
    const std::string name = path.substr(at + 1, path.find('}', at) - at - 1);
    out.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  return out;
}

std::string access_of(const Route& route) {
  if (route.roles == open) return "everybody";
  if (route.roles == anyone_signed_in) return "anyone signed in";
  return route.roles.text();
}

Json problem_schema() {
  return Json::parse(R"({"type":"object","required":["type","title","status","detail","code"],
    "properties":{"type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},
    "code":{"type":"string"},"where":{"type":"string"},"remedy":{"type":"string"},"reference":{"type":"string"}}})");
}

Json operation_of(const Route& route, const std::string& path) {
  const Json problem = {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}};
  Json answer = {{"description", route.summary}};
  if (!route.response_schema.empty()) {
    answer["content"] = {{std::string(route.response_type), {{"schema", schema_of(route.response_schema)}}}};
  } else if (!route.response_type.empty() && route.success != 204) {
    answer["content"] = {{std::string(route.response_type), Json::object()}};
  }
  Json out = {{"operationId", route.operation},
              {"tags", {route.tag}},
              {"summary", route.summary},
              {"description", "Roles: " + access_of(route) + "."}};
  if (Json parameters = parameters_of(path); !parameters.empty()) out["parameters"] = parameters;
  if (!route.request_schema.empty()) {
    out["requestBody"] = {{"required", true},
                          {"content", {{"application/json", {{"schema", schema_of(route.request_schema)}}}}}};
  }
  out["responses"] = {{std::to_string(route.success), answer},
                      {"default", {{"description", "A problem (RFC 9457)"}, {"content", problem}}}};
  if (route.roles == open) out["security"] = Json::array();
  return out;
}

}  // namespace

std::string Router::openapi(std::string_view title, std::string_view version, std::string_view schemas) const {
  Json components = Json::parse(schemas, nullptr, false);
  if (!components.is_object()) components = Json::object();
  if (!components.contains("Problem")) components["Problem"] = problem_schema();
  Json paths = Json::object();
  for (const Route& route : routes_) {
    const std::string path = path_of(route.path);
    paths[path][lower_case(route.method)] = operation_of(route, path);
  }
  const Json document = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", title}, {"version", version}, {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"security", Json::parse(R"([{"token":[]},{"session":[],"csrf":[]}])")},
      {"paths", paths},
      {"components",
       {{"securitySchemes",
         {{"token", {{"type", "http"}, {"scheme", "bearer"}}},
          {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", Guard::cookie_name}}},
          {"csrf", {{"type", "apiKey"}, {"in", "header"}, {"name", "X-CSRF-Token"}}}}},
        {"schemas", components}}}};
  return document.dump(1);
}

std::string Router::matrix() const {
  std::string out = "| Method | Path | Everybody | Signed in |";
  std::string line = "|---|---|---|---|";
  for (const RoleRow& row : role_rows) {
    out += " " + std::string(row.title) + " |";
    line += "---|";
  }
  out += "\n" + line + "\n";
  for (const Route& route : routes_) {
    const bool everybody = route.roles == open;
    const bool signed_in = everybody || route.roles == anyone_signed_in;
    out += "| " + std::string(route.method) + " | `" + path_of(route.path) + "` | " + (everybody ? "yes" : "") + " | " +
           (signed_in ? "yes" : "") + " |";
    for (const RoleRow& row : role_rows) out += signed_in || route.roles.has(row.role) ? " yes |" : " |";
    out += "\n";
  }
  return out;
}

}  // namespace vedette::guard
