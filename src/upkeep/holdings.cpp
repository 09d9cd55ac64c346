#include "upkeep/holdings.hpp"

#include <algorithm>
#include <array>

namespace vedette::upkeep {

namespace {

constexpr auto uid = Holding::By::uid;
constexpr auto pseudonym = Holding::By::pseudonym;

constexpr std::array held{
    Holding{"jobs", pseudonym, "subject = ?"},
    Holding{"jobs", uid,
            "kind = 'delivery.send' AND key IN (SELECT d.id FROM delivery d JOIN result r ON r.id = d.result_id WHERE "
            "r.study_uid = ?)"},
    Holding{"delivery", uid, "result_id IN (SELECT id FROM result WHERE study_uid = ?)"},
    Holding{"result", uid, "study_uid = ?"},
    Holding{"review_verdict", uid, "study_uid = ?"},
    Holding{"review_claim", uid, "study_uid = ?"},
    Holding{"review_signature", uid, "study_uid = ?"},
    Holding{"priority_put_back", uid, "study_uid = ?"},
    Holding{"priority_noted", uid, "study_uid = ?"},
    Holding{"finding", uid, "study_uid = ?"},
    Holding{"intake_step_instance", uid, "step_uid IN (SELECT uid FROM intake_step WHERE study_uid = ?)"},
    Holding{"intake_step", uid, "study_uid = ?"},
    Holding{"analysis_run", uid, "study_uid = ?"},
    Holding{"instance_header", uid,
            "instance IN (SELECT i.number FROM study s JOIN series e ON e.study = s.number JOIN instance i ON i.series "
            "= e.number WHERE s.uid = ?)"},
    Holding{"instance", uid,
            "series IN (SELECT e.number FROM study s JOIN series e ON e.study = s.number WHERE s.uid = ?)"},
    Holding{"instance_conflict", uid, "study_uid = ?"},
    Holding{"series", uid, "study = (SELECT number FROM study WHERE uid = ?)"},
    Holding{"study_modality", uid, "study = (SELECT number FROM study WHERE uid = ?)"},
    Holding{"study", uid, "uid = ?"},
};

constexpr std::array<std::string_view, 6> catalogue{"study",    "study_modality",  "series",
                                                    "instance", "instance_header", "instance_conflict"};

// The ledger names studies by pseudonyms that only this node's key makes; it is never changed.
constexpr std::array<std::string_view, 12> others{
    "migrations",   "ledger",         "jobs_counter",   "flow_cursor",  "intake_position", "tool_state",
    "guard_people", "guard_sessions", "guard_failures", "guard_tokens", "upkeep_erasure",  "upkeep_erasure_blob"};

constexpr database::Migration steps[] = {
    {"upkeep.1",
     "CREATE TABLE upkeep_erasure ("
     " id TEXT PRIMARY KEY,"
     " actor TEXT NOT NULL,"
     " lines TEXT NOT NULL);"  // JSON: one ledger line for each study, pseudonyms and counts only
     "CREATE TABLE upkeep_erasure_blob ("
     " erasure TEXT NOT NULL,"
     " segment_number BIGINT NOT NULL,"
     " segment_offset BIGINT NOT NULL,"
     " byte_length BIGINT NOT NULL,"
     " PRIMARY KEY (segment_number, segment_offset))"},
};

template <typename List>
bool has(const List& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

std::span<const Holding> holdings() {
  return held;
}
std::span<const std::string_view> catalogue_tables() {
  return catalogue;
}
std::span<const std::string_view> other_tables() {
  return others;
}
std::span<const database::Migration> migrations() {
  return steps;
}

Result<std::vector<std::string>> tables_of(database::Transaction& tx) {
  std::vector<std::string> out;
  const database::Rows rows = VEDETTE_TRY(
      tx.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"));
  for (const database::Row& row : rows) out.push_back(row.text(0));
  return out;
}

Result<void> all_tables_known(database::Transaction& tx) {
  for (const std::string& name : VEDETTE_TRY(tables_of(tx))) {
    const bool known = has(others, name) || std::any_of(held.begin(), held.end(),
                                                        [&](const Holding& holding) { return holding.table == name; });
    if (known) continue;
    return Error{Fault::internal, "upkeep.table", "Nobody has said what of a patient this table of the index holds",
                 name, "Report this; nothing was erased."};
  }
  return {};
}

}  // namespace vedette::upkeep
