#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace vedette {

enum class SettingType : std::uint8_t { text, path, endpoint, integer, number, boolean, list, secret };

/// One row of tables/settings.tsv.
struct SettingRow {
  std::string_view name;
  SettingType type;
  std::string_view fallback;
  std::string_view bounds;
  std::string_view unit;
  bool needs_restart;
  std::string_view help;
};

/// All settings there are, in the table's order.
std::vector<SettingRow> setting_table();

/// One [[destination]]: where results go.
struct Destination {
  std::string name;
  std::string kind;  ///< "dimse" or "stow"
  std::string host{};
  std::uint16_t port = 0;
  std::string ae_title{};
  std::string url{};
  std::string token_file{};
  bool proposed = false;  ///< objects of proposed findings are sent
  bool signed_ = true;    ///< objects of signed studies are sent
};

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
};

/// The settings of a node: file < environment VEDETTE__SECTION__KEY < --set section.key=value. Every value is checked
/// against the table when it is read; an unknown key is refused with the nearest known one.
class Settings {
 public:
  struct Sources {
    std::optional<std::string> file;                   ///< path of a TOML file
    std::map<std::string, std::string> environment{};  ///< the whole environment
    std::vector<std::string> overrides{};              ///< "section.key=value"
  };

  /// Fails refused or malformed with file, line and key.
  static Result<Settings> load(const Sources& sources);
  /// All defaults.
  static Settings defaults();

  /// The key must stand in the table: anything else ends the program (a fault of the code, not of the input).
  std::string text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  bool boolean(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;
  Endpoint endpoint(std::string_view name) const;
  /// Content of the file that `name`_file points to, without the trailing line end; nothing when not set.
  Result<std::optional<std::string>> secret(std::string_view name) const;

  /// "default", "file", "environment" or "command line".
  std::string_view source(std::string_view name) const;
  const std::vector<Destination>& destinations() const { return destinations_; }

 private:
  struct Value {
    std::string text;
    std::string_view source;
  };
  Result<void> set(std::string_view name, std::string value, std::string_view source, const std::string& where);
  Result<void> read_file(const std::string& path);
  const Value& value(std::string_view name) const;

  std::map<std::string, Value, std::less<>> values_;
  std::vector<Destination> destinations_;
};

/// "host:port" or "[v6]:port"; fails malformed.
Result<Endpoint> endpoint_from_text(std::string_view text);

}  // namespace vedette
