#include "base/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/log.hpp"
#include "base/text.hpp"

namespace vedette {

namespace {
#include "base/settings_rows.inc"

const SettingRow* find_row(std::string_view name) {
  const auto* row = std::find_if(std::begin(setting_rows), std::end(setting_rows),
                                 [&](const SettingRow& r) { return r.name == name; });
  return row == std::end(setting_rows) ? nullptr : row;
}

Error unknown(std::string_view name, const std::string& where) {
  std::vector<std::string_view> names;
  for (const SettingRow& row : setting_rows) names.push_back(row.name);
  const auto near = nearest(name, names);
  return Error{Fault::refused, "settings.unknown", fmt::format("There is no setting '{}'", name), where,
               near ? fmt::format("Did you mean '{}'?", *near) : "See 'vedette settings show'."};
}

Error out_of_bounds(const SettingRow& row, std::string_view value, const std::string& where) {
  return Error{Fault::refused, "settings.bounds", fmt::format("'{}' is no value of {}", value, row.name), where,
               row.bounds.empty() ? std::string(row.help) : fmt::format("Allowed: {} {}", row.bounds, row.unit)};
}

bool inside(std::string_view bounds, double value) {
  const std::size_t dots = bounds.find("..");
  if (dots == std::string_view::npos) return true;
  return value >= to_number(bounds.substr(0, dots)).value_or(value) &&
         value <= to_number(bounds.substr(dots + 2)).value_or(value);
}

bool acceptable(const SettingRow& row, const std::string& value) {
  switch (row.type) {
    case SettingType::integer: {
      const auto integer = to_integer(value);
      return integer && inside(row.bounds, static_cast<double>(*integer));
    }
    case SettingType::number: {
      const auto number = to_number(value);
      return number && inside(row.bounds, *number);
    }
    case SettingType::boolean:
      return value == "true" || value == "false";
    case SettingType::endpoint:
      return endpoint_from_text(value).has_value();
    case SettingType::text:
      if (row.bounds.find('|') != std::string_view::npos) {
        const auto choices = split(row.bounds, '|');
        return std::find(choices.begin(), choices.end(), value) != choices.end();
      }
      return inside(row.bounds, static_cast<double>(value.size()));
    case SettingType::path:
    case SettingType::list:
    case SettingType::secret:
      return true;
  }
  return false;
}

std::string node_text(const toml::node& node) {
  if (const auto* array = node.as_array()) {
    std::string joined;
    for (const toml::node& item : *array) joined += (joined.empty() ? "" : ",") + node_text(item);
    return joined;
  }
  if (const auto* table = node.as_table()) {
    std::string joined;
    for (const auto& [key, item] : *table)
      joined += (joined.empty() ? "" : ",") + fmt::format("{}={}", key.str(), node_text(item));
    return joined;
  }
  if (const auto text = node.value<std::string>()) return *text;
  if (const auto flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto integer = node.as_integer()) return fmt::format("{}", integer->get());
  if (const auto number = node.value<double>()) return fmt::format("{}", *number);
  return {};
}

std::string place(const std::string& path, const toml::node& node) {
  return fmt::format("{} line {} column {}", path, node.source().begin.line, node.source().begin.column);
}

Result<Destination> destination_of(const toml::table& table, const std::string& path) {
  static const std::vector<std::string_view> known = {"name",     "kind", "host",       "port",
                                                      "ae_title", "url",  "token_file", "send"};
  Destination made;
  for (const auto& [key, node] : table) {
    if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
      const auto near = nearest(key.str(), known);
      return Error{
          Fault::refused, "settings.unknown", fmt::format("A destination has no key '{}'", key.str()),
          place(path, node),
          near ? fmt::format("Did you mean '{}'?", *near) : "Known: name kind host port ae_title url token_file send."};
    }
  }
  const auto text = [&](std::string_view key) { return table[key].value_or(std::string()); };
  made.name = text("name");
  made.kind = text("kind");
  made.host = text("host");
  made.ae_title = text("ae_title");
  made.url = text("url");
  made.token_file = text("token_file");
  const std::int64_t port = table["port"].value_or(std::int64_t{0});
  const auto refuse = [&](std::string cause, std::string remedy) {
    return Error{Fault::refused, "settings.destination", std::move(cause), place(path, table), std::move(remedy)};
  };
  if (made.name.empty())
    return refuse("A destination has no name", "Give it one: it stands on the page and in the log.");
  if (made.kind == "dimse") {
    if (made.host.empty() || port < 1 || port > 65535 || made.ae_title.empty() || made.ae_title.size() > 16) {
      return refuse(fmt::format("Destination '{}' lacks host, port or ae_title", made.name),
                    "kind = \"dimse\" needs all three; a title has 1 to 16 characters.");
    }
    made.port = static_cast<std::uint16_t>(port);
  } else if (made.kind == "stow") {
    if (!made.url.starts_with("http://") && !made.url.starts_with("https://")) {
      return refuse(fmt::format("Destination '{}' has no url", made.name),
                    "kind = \"stow\" needs url = \"https://…/dicom-web\".");
    }
  } else {
    return refuse(fmt::format("Destination '{}' has no known kind", made.name), "kind is \"dimse\" or \"stow\".");
  }
  if (const auto* send = table["send"].as_array()) {
    made.signed_ = false;
    for (const toml::node& item : *send) {
      const std::string what = node_text(item);
      if (what == "proposed") {
        made.proposed = true;
      } else if (what == "signed") {
        made.signed_ = true;
      } else {
        return refuse(fmt::format("Destination '{}' is to be sent '{}'", made.name, what),
                      "send takes \"proposed\" and \"signed\".");
      }
    }
  }
  return made;
}

}  // namespace

std::vector<SettingRow> setting_table() {
  return {std::begin(setting_rows), std::end(setting_rows)};
}

Result<Endpoint> endpoint_from_text(std::string_view text) {
  const Error malformed{Fault::malformed, "endpoint.malformed", "Not an address and port as in 127.0.0.1:8080"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return malformed;
  const auto port = to_integer(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) return malformed;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

Settings Settings::defaults() {
  Settings made;
  for (const SettingRow& row : setting_rows)
    made.values_[std::string(row.name)] = {std::string(row.fallback), "default"};
  return made;
}

Result<void> Settings::set(std::string_view name, std::string value, std::string_view source,
                           const std::string& where) {
  const std::string_view stem = name.ends_with("_file") ? name.substr(0, name.size() - 5) : name;
  const SettingRow* row = find_row(name);
  if (row == nullptr) {
    const SettingRow* secret_row = find_row(stem);
    if (secret_row == nullptr || secret_row->type != SettingType::secret) return unknown(name, where);
    row = secret_row;
  } else if (row->type == SettingType::secret) {
    return Error{Fault::refused, "settings.secret",
                 fmt::format("{} is a secret and is not written into settings", name), where,
                 fmt::format("Put it into a file and set {}_file to its path.", name)};
  }
  if (!acceptable(*row, value)) return out_of_bounds(*row, value, where);
  values_[std::string(row->name)] = {std::move(value), source};
  return {};
}

Result<void> Settings::read_file(const std::string& path) {
  const toml::parse_result parsed = toml::parse_file(path);
  if (!parsed) {
    const auto& begin = parsed.error().source().begin;
    return Error{Fault::malformed, "settings.toml", std::string(parsed.error().description()),
                 fmt::format("{} line {} column {}", path, begin.line, begin.column),
                 "Correct the file; its format is TOML 1.0."};
  }
  for (const auto& [section, node] : parsed.table()) {
    if (section.str() == "destination") {
      const auto* array = node.as_array();
      if (array == nullptr) {
        return Error{Fault::refused, "settings.destination", "destination is a list", place(path, node),
                     "Write [[destination]]."};
      }
      for (const toml::node& item : *array) {
        if (const auto* table = item.as_table()) destinations_.push_back(VEDETTE_TRY(destination_of(*table, path)));
      }
      continue;
    }
    const auto* table = node.as_table();
    if (table == nullptr) return unknown(section.str(), place(path, node));
    for (const auto& [key, value] : *table) {
      VEDETTE_TRY(set(fmt::format("{}.{}", section.str(), key.str()), node_text(value), "file", place(path, value)));
    }
  }
  for (std::size_t i = 0; i < destinations_.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (destinations_[i].name == destinations_[j].name) {
        return Error{Fault::refused, "settings.destination",
                     fmt::format("Two destinations are called '{}'", destinations_[i].name), path,
                     "Each destination has its own name."};
      }
    }
  }
  return {};
}

Result<Settings> Settings::load(const Sources& sources) {
  Settings made = defaults();
  if (sources.file) VEDETTE_TRY(made.read_file(*sources.file));
  for (const auto& [variable, value] : sources.environment) {
    if (!variable.starts_with("VEDETTE__")) continue;
    std::string name = lower_case(std::string_view(variable).substr(9));
    const std::size_t gap = name.find("__");
    if (gap != std::string::npos) name.replace(gap, 2, ".");
    VEDETTE_TRY(made.set(name, value, "environment", variable));
  }
  for (const std::string& assignment : sources.overrides) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
      return Error{Fault::malformed, "settings.override", fmt::format("'{}' is no assignment", assignment), "--set",
                   "Write --set section.key=value."};
    }
    VEDETTE_TRY(made.set(assignment.substr(0, equals), assignment.substr(equals + 1), "command line",
                         "--set " + assignment.substr(0, equals)));
  }
  return made;
}

const Settings::Value& Settings::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    log::error("settings.not_in_table", {{"name", name}});
    std::abort();
  }
  return found->second;
}

std::string Settings::text(std::string_view name) const {
  return value(name).text;
}
std::int64_t Settings::integer(std::string_view name) const {
  return to_integer(value(name).text).value_or(0);
}
double Settings::number(std::string_view name) const {
  return to_number(value(name).text).value_or(0.0);
}
bool Settings::boolean(std::string_view name) const {
  return value(name).text == "true";
}
std::string_view Settings::source(std::string_view name) const {
  return value(name).source;
}

std::vector<std::string> Settings::list(std::string_view name) const {
  std::vector<std::string> items;
  for (const std::string_view part : split(value(name).text, ',')) {
    if (!trimmed(part).empty()) items.emplace_back(trimmed(part));
  }
  return items;
}

Endpoint Settings::endpoint(std::string_view name) const {
  return endpoint_from_text(value(name).text).value_or({});
}

Result<std::optional<std::string>> Settings::secret(std::string_view name) const {
  const std::string& path = value(name).text;
  if (path.empty()) return std::optional<std::string>{};
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) {
    return Error{Fault::unavailable, "settings.secret_file", "A secret's file cannot be read",
                 fmt::format("{}_file", name), "Check the path and who may read it."};
  }
  return std::optional<std::string>{std::string(trimmed(content.str(), "\r\n"))};
}

}  // namespace vedette
