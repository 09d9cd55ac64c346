// vedette settings show
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.hpp"

namespace vedette::app {

int show_settings(const Settings& settings, bool json) {
  nlohmann::json rows = nlohmann::json::array();
  for (const SettingRow& row : setting_table()) {
    const bool hidden = row.type == SettingType::secret;
    const std::string name = std::string(row.name) + (hidden ? "_file" : "");
    const std::string value = settings.text(row.name);
    if (json) {
      rows.push_back({{"name", name},
                      {"value", value},
                      {"default", row.fallback},
                      {"bounds", row.bounds},
                      {"unit", row.unit},
                      {"source", settings.source(row.name)},
                      {"needs_restart", row.needs_restart},
                      {"help", row.help}});
      continue;
    }
    fmt::print("{} = {}{}{}   ({})\n    {}\n", name, value.empty() ? "(empty)" : value, row.unit.empty() ? "" : " ",
               row.unit, settings.source(row.name), row.help);
  }
  if (json) fmt::print("{}\n", rows.dump(2));
  for (const Destination& destination : settings.destinations()) {
    if (!json) fmt::print("destination {} ({})\n", destination.name, destination.kind);
  }
  return 0;
}

}  // namespace vedette::app
