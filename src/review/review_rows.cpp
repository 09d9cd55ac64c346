#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "finding/reasons.hpp"
#include "review/rows.hpp"

namespace vedette::review {
namespace {

constexpr database::Migration steps[] = {
    {"review.1",
     "CREATE TABLE review_verdict ("
     " number INTEGER PRIMARY KEY,"
     " finding_id TEXT NOT NULL,"
     " study_uid TEXT NOT NULL,"
     " kind TEXT NOT NULL,"
     " by_name TEXT NOT NULL,"
     " by_pseudonym TEXT NOT NULL,"
     " reason TEXT NOT NULL,"
     " comment TEXT NOT NULL,"
     " changes TEXT NOT NULL,"
     " before TEXT NOT NULL,"
     " tool_id TEXT NOT NULL,"
     " at BIGINT NOT NULL,"
     " undone BIGINT NOT NULL);"
     "CREATE INDEX review_verdict_finding ON review_verdict (finding_id, number);"
     "CREATE INDEX review_verdict_study ON review_verdict (study_uid, number);"
     "CREATE INDEX review_verdict_tool ON review_verdict (tool_id, kind, undone);"
     "CREATE TABLE review_claim ("
     " study_uid TEXT PRIMARY KEY,"
     " user_name TEXT NOT NULL,"
     " by_name TEXT NOT NULL,"
     " since BIGINT NOT NULL,"
     " expires_at BIGINT NOT NULL);"
     "CREATE TABLE review_signature ("
     " id TEXT PRIMARY KEY,"
     " study_uid TEXT NOT NULL,"
     " version BIGINT NOT NULL,"
     " study_version BIGINT NOT NULL,"
     " by_user TEXT NOT NULL,"
     " by_name TEXT NOT NULL,"
     " by_pseudonym TEXT NOT NULL,"
     " at BIGINT NOT NULL,"
     " digest TEXT NOT NULL,"
     " leaves_unreviewed BIGINT NOT NULL,"
     " UNIQUE (study_uid, version))"},
};

constexpr std::string_view verdict_columns = "finding_id, kind, by_name, reason, changes, comment, at, undone";

std::vector<VerdictRow> verdicts_of(const database::Rows& rows) {
  std::vector<VerdictRow> out;
  for (const database::Row& row : rows) {
    VerdictRow v{row.text(0),
                 row.text(1),
                 row.text(2),
                 row.text(3),
                 "",
                 row.text(4),
                 row.text(5),
                 instant_from_row(row.integer(6)),
                 row.integer(7) != 0};
    if (const finding::ReasonRow* known = finding::reason(finding::ReasonKind::reject, v.reason))
      v.reason_text = known->text;
    out.push_back(std::move(v));
  }
  return out;
}

}  // namespace

Result<study::Study> study_or_fail(const study::Catalogue& catalogue, database::Transaction& tx,
                                   std::string_view study_uid) {
  auto found = VEDETTE_TRY(catalogue.study(tx, study_uid));
  if (!found)
    return Error{Fault::not_found, "study.not_found", "this node has no such study", "",
                 "Look it up in the worklist; it may not have arrived yet."};
  return *std::move(found);
}

Result<void> unsigned_or_fail(database::Transaction& tx, const study::Study& study) {
  if (study.state != study::State::signed_) return {};
  const auto rows = VEDETTE_TRY(signature_rows(tx, study.uid));
  if (rows.empty()) return Error{Fault::conflict, "review.signed", "this study is signed already"};
  return Error{Fault::conflict, "review.signed",
               fmt::format("{} signed this study at {}", rows.back().by, to_text(rows.back().at)), "",
               "Load it again. What you want to add needs an addendum."};
}

Result<std::vector<SignatureRow>> signature_rows(database::Transaction& tx, std::string_view study_uid) {
  const database::Rows rows = VEDETTE_TRY(
      tx.query("SELECT id, study_uid, by_name, by_pseudonym, digest, version, study_version, at, leaves_unreviewed "
               "FROM review_signature WHERE study_uid = ? ORDER BY version",
               {std::string(study_uid)}));
  std::vector<SignatureRow> out;
  for (const database::Row& row : rows) {
    out.push_back({row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), static_cast<int>(row.integer(5)),
                   static_cast<int>(row.integer(6)), instant_from_row(row.integer(7)), row.integer(8) != 0});
  }
  return out;
}

std::string digest_of(const std::vector<finding::Finding>& findings) {
  Sha256 sum;
  for (const finding::Finding& f : findings) {
    const std::string text = finding::to_json(f);
    sum.update(as_bytes(fmt::format("{}\n", text.size())));
    sum.update(as_bytes(text));
  }
  return sum.finish().hex();
}

Review::Review(Parts parts) : parts_(parts), findings_(parts.database) {}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::confirm:
      return "confirm";
    case Kind::edit:
      return "edit";
    case Kind::reject:
      return "reject";
    case Kind::defer:
      return "defer";
  }
  return "confirm";
}

std::optional<Kind> kind_from(std::string_view name) {
  for (const Kind kind : {Kind::confirm, Kind::edit, Kind::reject, Kind::defer}) {
    if (name_of(kind) == name) return kind;
  }
  return std::nullopt;
}

Result<std::vector<VerdictRow>> Review::history(database::Transaction& tx, std::string_view study_uid) const {
  return verdicts_of(VEDETTE_TRY(
      tx.query(fmt::format("SELECT {} FROM review_verdict WHERE study_uid = ? ORDER BY number", verdict_columns),
               {std::string(study_uid)})));
}

Result<std::vector<VerdictRow>> Review::history_of(database::Transaction& tx, std::string_view finding_id) const {
  return verdicts_of(VEDETTE_TRY(
      tx.query(fmt::format("SELECT {} FROM review_verdict WHERE finding_id = ? ORDER BY number", verdict_columns),
               {std::string(finding_id)})));
}

Result<std::unordered_map<std::string, Review::Record>> Review::records() const {
  // The last verdict that stands counts; a deferred finding is not decided.
  return parts_.database.read_for<std::unordered_map<std::string, Record>>(
      [](database::Transaction& tx) -> Result<std::unordered_map<std::string, Record>> {
        std::unordered_map<std::string, Record> out;
        const database::Rows rows =
            VEDETTE_TRY(tx.query("SELECT tool_id, state, COUNT(*) FROM finding WHERE tool_id <> '' AND state IN "
                                 "('confirmed', 'edited', 'rejected') GROUP BY tool_id, state"));
        for (const database::Row& row : rows) {
          Record& record = out[row.text(0)];
          record.reviewed += row.integer(2);
          if (row.text(1) != "rejected") record.confirmed += row.integer(2);
        }
        return out;
      });
}

Result<std::vector<std::pair<std::string, std::int64_t>>> Review::totals() const {
  using Totals = std::vector<std::pair<std::string, std::int64_t>>;
  return parts_.database.read_for<Totals>([](database::Transaction& tx) -> Result<Totals> {
    Totals out;
    for (const database::Row& row : VEDETTE_TRY(
             tx.query("SELECT kind, COUNT(*) FROM review_verdict WHERE undone = 0 GROUP BY kind ORDER BY kind"))) {
      out.emplace_back(row.text(0), row.integer(1));
    }
    return out;
  });
}

std::span<const database::Migration> migrations() {
  return steps;
}

}  // namespace vedette::review
