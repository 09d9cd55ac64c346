#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wshadow"
#include <toml++/toml.h>
#pragma GCC diagnostic pop

namespace vedette::analysis {

/// Reads one table strictly: every key is asked for by name, what nobody asked for is refused. The first fault is kept;
/// getters then answer empty values, so that a reader is a plain list of keys.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string file, std::string name, std::optional<Error>& fault)
      : table_(table), file_(std::move(file)), name_(std::move(name)), fault_(fault) {}

  std::string text(std::string_view key, bool required = true, std::size_t longest = 1000);
  std::vector<std::string> texts(std::string_view key, bool required = false);
  bool boolean(std::string_view key, bool required, bool absent);
  std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most, std::optional<std::int64_t> absent);
  std::optional<double> number(std::string_view key, bool required);
  /// One of `choices`.
  std::string choice(std::string_view key, const std::vector<std::string>& choices, bool required = true);
  const toml::table* table(std::string_view key, bool required);
  std::vector<const toml::table*> tables(std::string_view key, bool required);

  void refuse(std::string_view code, std::string cause, const toml::source_region& at, std::string remedy = {});
  void refuse(std::string_view code, std::string cause, std::string_view key, std::string remedy = {});
  TableReader below(const toml::table& inner, std::string_view key) const {
    return {inner, file_, name_.empty() ? std::string(key) : name_ + "." + std::string(key), fault_};
  }
  const toml::table& raw() const { return table_; }
  /// Refuses keys that were not asked for. Call it last.
  void finish();

 private:
  const toml::node* node(std::string_view key, bool required);
  std::string path(std::string_view key) const {
    return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
  }
  template <typename Kind>
  const Kind* as(std::string_view key, bool required, std::string_view what);

  const toml::table& table_;
  std::string file_, name_;
  std::optional<Error>& fault_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace vedette::analysis
