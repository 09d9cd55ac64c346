#include "api/desk.hpp"
#include "base/text.hpp"

namespace vedette::api {
namespace {

std::string_view type_text(SettingType type) {
  switch (type) {
    case SettingType::text:
      return "text";
    case SettingType::path:
      return "path";
    case SettingType::endpoint:
      return "endpoint";
    case SettingType::integer:
      return "integer";
    case SettingType::number:
      return "number";
    case SettingType::boolean:
      return "boolean";
    case SettingType::list:
      return "list";
    case SettingType::secret:
      return "secret";
  }
  return "text";
}

Json value_json(const Settings& settings, const SettingRow& row) {
  switch (row.type) {
    case SettingType::integer:
      return settings.integer(row.name);
    case SettingType::number:
      return settings.number(row.name);
    case SettingType::boolean:
      return settings.boolean(row.name);
    case SettingType::list:
      return settings.list(row.name);
    case SettingType::secret:
      return nullptr;  // never, not even where it lies
    case SettingType::text:
    case SettingType::path:
    case SettingType::endpoint:
      return settings.text(row.name);
  }
  return nullptr;
}

Json default_json(const SettingRow& row) {
  switch (row.type) {
    case SettingType::integer:
    case SettingType::number: {
      const auto number = to_number(row.fallback);
      const auto whole = to_integer(row.fallback);
      return whole ? Json(*whole) : number ? Json(*number) : Json(nullptr);
    }
    case SettingType::boolean:
      return row.fallback == "true";
    case SettingType::list: {
      Json out = Json::array();
      for (const std::string_view part : split(row.fallback, ',')) {
        if (!trimmed(part).empty()) out.push_back(trimmed(part));
      }
      return out;
    }
    case SettingType::secret:
      return nullptr;
    case SettingType::text:
    case SettingType::path:
    case SettingType::endpoint:
      return row.fallback;
  }
  return nullptr;
}

}  // namespace

void Api::Desk::settings(Routes& out) {
  out.push_back({.method = "GET",
                 .path = "/api/settings",
                 .roles = administrators,
                 .operation = "settings",
                 .tag = "house",
                 .summary = "All settings with default, bounds and source; secrets never",
                 .request_schema = "",
                 .response_schema = "SettingList",
                 .handler = handler([this](const guard::Call&) -> Answer {
                   Json list = Json::array();
                   for (const SettingRow& row : setting_table()) {
                     list.push_back({{"name", row.name},
                                     {"type", type_text(row.type)},
                                     {"value", value_json(p.settings, row)},
                                     {"default", default_json(row)},
                                     {"bounds", text_or_null(row.bounds)},
                                     {"unit", text_or_null(row.unit)},
                                     {"help", row.help},
                                     {"needs_restart", row.needs_restart},
                                     {"source", p.settings.source(row.name)}});
                   }
                   return json_answer({{"settings", list}});
                 })});
}

}  // namespace vedette::api
