#include "analysis/rows.hpp"

namespace vedette::analysis {

namespace {

using database::Row;
using database::Transaction;
using database::Value;

constexpr std::string_view columns =
    "id, study_uid, generation, tool_id, tool_version, tool_name, tool_digest, demonstrator, state, code, reason, "
    "progress, "
    "progress_text, findings, attempt, seconds, input_digest, provenance, steps, planned_at, started_at, finished_at";

constexpr database::Migration steps[] = {
    {"analysis.1",
     "CREATE TABLE analysis_run (id TEXT PRIMARY KEY, study_uid TEXT NOT NULL, generation INTEGER NOT NULL, tool_id "
     "TEXT NOT NULL, "
     "tool_version TEXT NOT NULL, tool_name TEXT NOT NULL, tool_digest TEXT NOT NULL, demonstrator INTEGER NOT NULL, "
     "state TEXT NOT NULL, "
     "code TEXT NOT NULL, reason TEXT NOT NULL, progress DOUBLE PRECISION NOT NULL, progress_text TEXT NOT NULL, "
     "findings INTEGER NOT NULL, "
     "attempt INTEGER NOT NULL, seconds DOUBLE PRECISION NOT NULL, input_digest TEXT NOT NULL, provenance TEXT NOT "
     "NULL, steps TEXT NOT NULL, "
     "planned_at BIGINT NOT NULL, started_at BIGINT, finished_at BIGINT, UNIQUE (study_uid, generation, tool_id));"
     "CREATE INDEX analysis_run_of_tool ON analysis_run (tool_id, finished_at);"
     "CREATE TABLE tool_state (tool_id TEXT PRIMARY KEY, active INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT "
     "NULL, "
     "changed_by TEXT NOT NULL, changed_at BIGINT NOT NULL);"}};

std::optional<Instant> moment(const Row& row, std::size_t column) {
  if (row.is_null(column)) return std::nullopt;
  return instant_from_row(row.integer(column));
}
Value moment(const std::optional<Instant>& at) {
  return at ? Value(to_row(*at)) : Value();
}

Run run_of(const Row& row) {
  Run run;
  run.id = row.text(0);
  run.study_uid = row.text(1);
  run.generation = static_cast<int>(row.integer(2));
  run.tool_id = row.text(3);
  run.tool_version = row.text(4);
  run.tool_name = row.text(5);
  run.tool_digest = row.text(6);
  run.demonstrator = row.integer(7) != 0;
  run.state = row.text(8);
  run.code = row.text(9);
  run.text = row.text(10);
  run.progress = row.number(11);
  run.progress_text = row.text(12);
  run.findings = row.integer(13);
  run.attempt = static_cast<int>(row.integer(14));
  run.seconds = row.number(15);
  run.input_digest = row.text(16);
  run.provenance = row.text(17);
  run.steps = row.text(18);
  run.planned_at = instant_from_row(row.integer(19));
  run.started_at = moment(row, 20);
  run.finished_at = moment(row, 21);
  return run;
}

}  // namespace

std::span<const database::Migration> migrations() {
  return steps;
}

Result<void> insert_run(Transaction& tx, const Run& run) {
  VEDETTE_TRY(tx.run("INSERT INTO analysis_run (" + std::string(columns) +
                         ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     {run.id,
                      run.study_uid,
                      std::int64_t{run.generation},
                      run.tool_id,
                      run.tool_version,
                      run.tool_name,
                      run.tool_digest,
                      std::int64_t{run.demonstrator},
                      run.state,
                      run.code,
                      run.text,
                      run.progress,
                      run.progress_text,
                      run.findings,
                      std::int64_t{run.attempt},
                      run.seconds,
                      run.input_digest,
                      run.provenance,
                      run.steps,
                      to_row(run.planned_at),
                      moment(run.started_at),
                      moment(run.finished_at)}));
  return {};
}

Result<void> update_run(Transaction& tx, const Run& run) {
  VEDETTE_TRY(
      tx.run("UPDATE analysis_run SET tool_version = ?, tool_name = ?, tool_digest = ?, demonstrator = ?, state = ?, "
             "code = ?, "
             "reason = ?, progress = ?, progress_text = ?, findings = ?, attempt = ?, seconds = ?, input_digest = ?, "
             "provenance = ?, steps = ?, started_at = ?, finished_at = ? WHERE id = ?",
             {run.tool_version, run.tool_name, run.tool_digest, std::int64_t{run.demonstrator}, run.state, run.code,
              run.text, run.progress, run.progress_text, run.findings, std::int64_t{run.attempt}, run.seconds,
              run.input_digest, run.provenance, run.steps, moment(run.started_at), moment(run.finished_at), run.id}));
  return {};
}

Result<std::optional<Run>> read_run(Transaction& tx, std::string_view id) {
  const auto rows =
      VEDETTE_TRY(tx.query("SELECT " + std::string(columns) + " FROM analysis_run WHERE id = ?", {std::string(id)}));
  if (rows.empty()) return std::optional<Run>();
  return std::optional<Run>(run_of(rows.front()));
}

Result<std::vector<Run>> read_newest_runs(Transaction& tx, std::string_view study_uid) {
  const auto rows = VEDETTE_TRY(tx.query("SELECT " + std::string(columns) +
                                             " FROM analysis_run WHERE study_uid = ? AND generation = (SELECT "
                                             "MAX(generation) FROM analysis_run WHERE study_uid = ?) "
                                             "ORDER BY tool_id",
                                         {std::string(study_uid), std::string(study_uid)}));
  std::vector<Run> out;
  for (const Row& row : rows) out.push_back(run_of(row));
  return out;
}

Result<void> supersede_runs(Transaction& tx, std::string_view study_uid, int generation, Instant at) {
  VEDETTE_TRY(
      tx.run("UPDATE analysis_run SET state = 'superseded', code = 'run.superseded', reason = ?, finished_at = ? "
             "WHERE study_uid = ? AND generation < ? AND state IN ('queued', 'running')",
             {std::string("More images arrived."), to_row(at), std::string(study_uid), std::int64_t{generation}}));
  return {};
}

Result<Switch> read_switch(Transaction& tx, std::string_view tool_id) {
  const auto rows = VEDETTE_TRY(tx.query(
      "SELECT active, code, reason, changed_by, changed_at FROM tool_state WHERE tool_id = ?", {std::string(tool_id)}));
  if (rows.empty()) return Switch{};
  const Row& row = rows.front();
  return Switch{row.integer(0) != 0, row.text(1), row.text(2), row.text(3), moment(row, 4)};
}

Result<void> write_switch(Transaction& tx, std::string_view tool_id, const Switch& value) {
  VEDETTE_TRY(tx.run(
      "INSERT INTO tool_state (tool_id, active, code, reason, changed_by, changed_at) VALUES (?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (tool_id) DO UPDATE SET active = excluded.active, code = excluded.code, reason = excluded.reason, "
      "changed_by = excluded.changed_by, changed_at = excluded.changed_at",
      {std::string(tool_id), std::int64_t{value.active}, value.code, value.text, value.by, moment(value.at)}));
  return {};
}

}  // namespace vedette::analysis
