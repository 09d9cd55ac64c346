#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "database/database.hpp"
#include "vault/vault.hpp"

namespace vedette::upkeep {

struct RebuildReport {
  std::int64_t studies = 0, instances = 0, conflicts = 0;
  std::int64_t kept_rows = 0;     ///< of all other tables, copied as they are
  bool life_from_ledger = false;  ///< the old rows of studies could not be read
  /// Rows of the catalogue that differ from the old one: "instance 1.2.3: only in the old index". Empty: the same rows.
  std::vector<std::string> differences;
  std::int64_t different = 0;
  std::int64_t only_old =
      0;                  ///< of these, rows that the vault does not carry any more: their objects are damaged or gone
  bool compared = false;  ///< the old catalogue could be read to its end
};

/// Fills the empty, migrated index `fresh`: the catalogue from the labels of the vault, every other table from `old`,
/// row by row, then compares the two catalogues. `old` is not changed; nothing else may use either meanwhile. Fails
/// where a table that only the old index holds cannot be read to its end: nothing of it may be dropped.
Result<RebuildReport> rebuild(database::Database& old, database::Database& fresh, const vault::Blobs& blobs,
                              const std::function<std::string(std::string_view study_uid)>& pseudonym);

/// Compares two catalogues by what rows say, whatever their row numbers.
Result<void> compare_catalogues(database::Database& old, database::Database& fresh, RebuildReport& report);

}  // namespace vedette::upkeep
