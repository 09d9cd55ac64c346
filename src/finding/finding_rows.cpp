#include <fmt/format.h>

#include "base/digest.hpp"
#include "finding/document.hpp"

namespace vedette::finding {
namespace {

// The document holds everything; the columns are what is searched and ordered by.
constexpr database::Migration steps[] = {
    {"finding.1",
     "CREATE TABLE finding ("
     " id TEXT PRIMARY KEY,"
     " study_uid TEXT NOT NULL,"
     " number BIGINT NOT NULL,"
     " state TEXT NOT NULL,"
     " urgency BIGINT NOT NULL,"
     " tool_id TEXT NOT NULL,"
     " tool_version TEXT NOT NULL,"
     " demonstrator BIGINT NOT NULL,"
     " run_id TEXT NOT NULL,"
     " text TEXT NOT NULL,"
     " revision BIGINT NOT NULL,"
     " created_at BIGINT NOT NULL,"
     " changed_at BIGINT NOT NULL,"
     " document TEXT NOT NULL,"
     " UNIQUE (study_uid, number));"
     "CREATE INDEX finding_tool ON finding (tool_id, state)"},
};

constexpr std::string_view columns =
    "id, study_uid, number, state, urgency, revision, created_at, changed_at, document";

Result<Finding> from_row(const database::Row& row) {
  Finding out = VEDETTE_TRY(from_document(row.text(8)));
  out.id = row.text(0);
  out.study_uid = row.text(1);
  out.number = static_cast<int>(row.integer(2));
  out.state = state_from(row.text(3)).value_or(State::proposed);
  out.urgency = static_cast<Urgency>(row.integer(4));
  out.revision = static_cast<int>(row.integer(5));
  out.created_at = instant_from_row(row.integer(6));
  out.changed_at = instant_from_row(row.integer(7));
  return out;
}

Result<void> insert(database::Transaction& tx, const Finding& f) {
  VEDETTE_TRY(tx.run(
      "INSERT INTO finding (id, study_uid, number, state, urgency, tool_id, tool_version, demonstrator, run_id, text, "
      "revision, created_at, "
      "changed_at, document) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      {f.id, f.study_uid, std::int64_t{f.number}, std::string(name_of(f.state)), static_cast<std::int64_t>(f.urgency),
       f.tool ? f.tool->id : "", f.tool ? f.tool->version : "", std::int64_t{f.tool && f.tool->demonstrator ? 1 : 0},
       f.run_id, f.text, std::int64_t{f.revision}, to_row(f.created_at), to_row(f.changed_at), to_document(f)}));
  return {};
}

Result<std::int64_t> last_number(database::Transaction& tx, std::string_view study_uid) {
  const database::Rows rows = VEDETTE_TRY(
      tx.query("SELECT COALESCE(MAX(number), 0) FROM finding WHERE study_uid = ?", {std::string(study_uid)}));
  return rows.empty() ? std::int64_t{0} : rows[0].integer(0);
}

void give_identity(Finding& f, std::int64_t number) {
  const auto milliseconds_now = std::chrono::duration_cast<milliseconds>(f.created_at.time_since_epoch()).count();
  f.id = "f-" + sortable_id(milliseconds_now);
  f.number = static_cast<int>(number);
  f.revision = 1;
  if (f.changed_at < f.created_at) f.changed_at = f.created_at;
}

}  // namespace

Result<std::vector<Finding>> Findings::propose(database::Transaction& tx, std::vector<Finding> findings) {
  for (Finding& f : findings) {
    if (f.study_uid.empty()) return Error{Fault::internal, "finding.study", "a proposed finding names no study"};
    f.state = State::proposed;
    give_identity(f, VEDETTE_TRY(last_number(tx, f.study_uid)) + 1);
    VEDETTE_TRY(insert(tx, f));
  }
  return findings;
}

Result<Finding> Findings::add(database::Transaction& tx, Finding finding) {
  if (finding.study_uid.empty()) return Error{Fault::internal, "finding.study", "an added finding names no study"};
  finding.state = State::added;
  give_identity(finding, VEDETTE_TRY(last_number(tx, finding.study_uid)) + 1);
  VEDETTE_TRY(insert(tx, finding));
  return finding;
}

Result<std::vector<std::string>> Findings::withdraw(database::Transaction& tx, std::string_view study_uid,
                                                    std::string_view tool_id, std::string_view except_run, Instant at) {
  const database::Rows rows =
      VEDETTE_TRY(tx.query(fmt::format("SELECT {} FROM finding WHERE study_uid = ? AND tool_id = ? AND run_id <> ? AND "
                                       "state = 'proposed' ORDER BY number",
                                       columns),
                           {std::string(study_uid), std::string(tool_id), std::string(except_run)}));
  std::vector<std::string> out;
  for (const database::Row& row : rows) {
    Finding f = VEDETTE_TRY(from_row(row));
    f.state = State::withdrawn;
    f.changed_at = at;
    f.revision += 1;
    VEDETTE_TRY(update(tx, f));
    out.push_back(f.id);
  }
  return out;
}

Result<std::vector<Finding>> Findings::of_study(database::Transaction& tx, std::string_view study_uid) const {
  const database::Rows rows = VEDETTE_TRY(tx.query(
      fmt::format("SELECT {} FROM finding WHERE study_uid = ? ORDER BY number", columns), {std::string(study_uid)}));
  std::vector<Finding> out;
  out.reserve(rows.size());
  for (const database::Row& row : rows) out.push_back(VEDETTE_TRY(from_row(row)));
  return out;
}

Result<std::optional<Finding>> Findings::find(database::Transaction& tx, std::string_view id) const {
  const database::Rows rows =
      VEDETTE_TRY(tx.query(fmt::format("SELECT {} FROM finding WHERE id = ?", columns), {std::string(id)}));
  if (rows.empty()) return std::optional<Finding>();
  return std::optional<Finding>(VEDETTE_TRY(from_row(rows[0])));
}

Result<std::string> Findings::set_tag(database::Transaction& tx, std::string_view study_uid) const {
  const database::Rows rows = VEDETTE_TRY(
      tx.query("SELECT id, revision FROM finding WHERE study_uid = ? ORDER BY number", {std::string(study_uid)}));
  std::string all(study_uid);
  for (const database::Row& row : rows) all += fmt::format("|{}.{}", row.text(0), row.integer(1));
  return "\"" + sha256(as_bytes(all)).hex().substr(0, 24) + "\"";
}

Result<void> Findings::update(database::Transaction& tx, const Finding& f) {
  const std::int64_t changed = VEDETTE_TRY(
      tx.run("UPDATE finding SET state = ?, urgency = ?, text = ?, revision = ?, changed_at = ?, document = ? WHERE id "
             "= ? AND revision = ?",
             {std::string(name_of(f.state)), static_cast<std::int64_t>(f.urgency), f.text, std::int64_t{f.revision},
              to_row(f.changed_at), to_document(f), f.id, std::int64_t{f.revision} - 1}));
  if (changed == 1) return {};
  return Error{Fault::changed, "finding.changed", "somebody else changed this finding meanwhile",
               "finding " + std::to_string(f.number), "Load it again, look at the change, then decide."};
}

std::span<const database::Migration> migrations() {
  return steps;
}

}  // namespace vedette::finding
