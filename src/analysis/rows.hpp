#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/analysis.hpp"

namespace vedette::analysis {

Result<void> insert_run(database::Transaction& tx, const Run& run);
/// All that changes after planning.
Result<void> update_run(database::Transaction& tx, const Run& run);
Result<std::optional<Run>> read_run(database::Transaction& tx, std::string_view id);
Result<std::vector<Run>> read_newest_runs(database::Transaction& tx, std::string_view study_uid);
/// Queued and running rows of older generations become superseded.
Result<void> supersede_runs(database::Transaction& tx, std::string_view study_uid, int generation, Instant at);

struct Switch {
  bool active = true;
  std::string code, text, by;
  std::optional<Instant> at;
};
Result<Switch> read_switch(database::Transaction& tx, std::string_view tool_id);
Result<void> write_switch(database::Transaction& tx, std::string_view tool_id, const Switch& value);

}  // namespace vedette::analysis
