#pragma once

#include <span>
#include <string_view>

#include "database/database.hpp"

namespace vedette::upkeep {

/// Rows that tell of one study: where they are and how they are found.
struct Holding {
  enum class By : std::uint8_t { uid, pseudonym };
  std::string_view table;
  By by;
  std::string_view where;  ///< with one `?`: UID or pseudonym of the study
};
/// In the order in which they are deleted: what others are found by comes last.
std::span<const Holding> holdings();

/// Tables of the catalogue: what the vault carries, so that it can be made anew from there.
std::span<const std::string_view> catalogue_tables();
/// Tables that hold nothing of a patient.
std::span<const std::string_view> other_tables();

/// Fails "upkeep.table" where the database has a table that none of the lists above names: nobody has said what of a
/// person it holds.
Result<void> all_tables_known(database::Transaction& tx);
/// Names of all tables but those of SQLite itself.
Result<std::vector<std::string>> tables_of(database::Transaction& tx);

std::span<const database::Migration> migrations();

}  // namespace vedette::upkeep
