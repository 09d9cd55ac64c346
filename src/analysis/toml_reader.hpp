#pragma once

#include <optional>
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

/// Reads one table by the rows of keys.cpp: unknown keys, missing ones, types, bounds and choices are checked when it
/// is made. The first fault is kept; getters then answer empty values, so that a reader is a plain list of keys.
class TableReader {
 public:
  /// `rows`: name of the table in keys.cpp; `name`: what people read in messages.
  TableReader(const toml::table& table, std::string file, std::string rows, std::string name,
              std::optional<Error>& fault, std::vector<std::string> also = {});

  std::string text(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  bool boolean(std::string_view key, bool absent) const;
  std::int64_t integer(std::string_view key, std::int64_t absent) const;
  std::optional<double> number(std::string_view key) const;
  const toml::table* table(std::string_view key) const;
  std::vector<const toml::table*> tables(std::string_view key) const;
  bool has(std::string_view key) const { return table_.get(key) != nullptr; }

  void refuse(std::string_view code, std::string cause, const toml::source_region& at, std::string remedy = {});
  void refuse(std::string_view code, std::string cause, std::string_view key, std::string remedy = {});
  TableReader below(const toml::table& inner, std::string_view key) const;
  /// An inner table that is read by other rows, such as "code".
  TableReader below_as(const toml::table& inner, std::string_view key, std::string rows,
                       std::vector<std::string> also = {}) const;
  const toml::table& raw() const { return table_; }
  const std::string& file() const { return file_; }
  std::string place() const;  ///< file:line:column of the table
  bool failed() const { return fault_.has_value(); }

 private:
  void check_rows(const std::vector<std::string>& also);
  void check_key(std::string_view key, const toml::node& node);
  std::string path(std::string_view key) const {
    return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
  }

  const toml::table& table_;
  std::string file_, rows_, name_;
  std::optional<Error>& fault_;
};

}  // namespace vedette::analysis
