#include "priority/cards.hpp"

#include <unordered_map>

#include "base/text.hpp"
#include "study/reading_list.hpp"

namespace vedette::priority {
namespace {

// The index serves the open list; the table belongs to `study`, whose steps run before these.
constexpr database::Migration steps[] = {
    {"priority.1",
     "CREATE INDEX priority_study_open ON study (state, received_at, uid);"
     "CREATE INDEX priority_study_received ON study (received_at, uid);"
     "CREATE TABLE priority_put_back ("
     " study_uid TEXT PRIMARY KEY,"
     " by_name TEXT NOT NULL,"
     " by_pseudonym TEXT NOT NULL,"
     " reason TEXT NOT NULL,"
     " comment TEXT NOT NULL,"
     " from_level BIGINT NOT NULL,"
     " at BIGINT NOT NULL);"
     "CREATE TABLE priority_noted ("
     " study_uid TEXT PRIMARY KEY,"
     " level BIGINT NOT NULL)"},
};

constexpr std::string_view flag_columns =
    "study_uid, number, state, urgency, tool_id, tool_version, demonstrator, text, created_at";

struct Flags {
  std::vector<Flag> list;
  FindingCounts counts;
};

void take(Flags& out, const database::Row& row) {
  Flag flag;
  flag.number = static_cast<int>(row.integer(1));
  flag.state = finding::state_from(row.text(2)).value_or(finding::State::withdrawn);
  flag.urgency = static_cast<Level>(row.integer(3));
  flag.tool_id = row.text(4);
  flag.tool_version = row.text(5);
  flag.demonstrator = row.integer(6) != 0;
  flag.text = row.text(7);
  flag.created_at = instant_from_row(row.integer(8));
  switch (flag.state) {
    case finding::State::proposed:
      ++out.counts.proposed;
      out.counts.urgent += flag.urgency <= Level::urgent ? 1 : 0;
      break;
    case finding::State::confirmed:
    case finding::State::edited:
    case finding::State::added:
      ++out.counts.confirmed;
      break;
    case finding::State::rejected:
      ++out.counts.rejected;
      break;
    case finding::State::deferred:
      ++out.counts.deferred;
      break;
    case finding::State::withdrawn:
      return;
  }
  out.list.push_back(std::move(flag));
}

PutBack put_back_of(const database::Row& row) {
  return {row.text(1), row.text(2), row.text(3), instant_from_row(row.integer(4))};
}
constexpr std::string_view put_back_columns = "study_uid, by_name, reason, comment, at";

}  // namespace

std::shared_ptr<const Card> make_card(study::Study study, const std::vector<Flag>& flags,
                                      std::optional<PutBack> put_back, FindingCounts counts) {
  auto card = std::make_shared<Card>();
  card->ordered = ordered_by_images(study.requested_priority);
  // A late image must not start the wait anew: a study that was reopened waits since it came.
  card->since = study.complete_at && study.version == 1 ? *study.complete_at : study.received_at;
  card->verdict = judge(flags, card->ordered.level, put_back);
  card->put_back = std::move(put_back);
  card->findings = counts;
  card->folded = lower_case(study.patient_name + "\n" + study.patient_id + "\n" + study.accession_number + "\n" +
                            study.description + "\n" + study.uid);
  card->study = std::move(study);
  return card;
}

Result<std::optional<PutBack>> read_put_back(database::Transaction& tx, std::string_view study_uid) {
  const database::Rows rows =
      VEDETTE_TRY(tx.query("SELECT " + std::string(put_back_columns) + " FROM priority_put_back WHERE study_uid = ?",
                           {std::string(study_uid)}));
  if (rows.empty()) return std::optional<PutBack>();
  return std::optional<PutBack>(put_back_of(rows[0]));
}

Result<std::shared_ptr<const Card>> read_card(database::Transaction& tx, study::Study study) {
  Flags flags;
  const database::Rows rows =
      VEDETTE_TRY(tx.query("SELECT " + std::string(flag_columns) + " FROM finding WHERE study_uid = ?", {study.uid}));
  for (const database::Row& row : rows) take(flags, row);
  auto put_back = VEDETTE_TRY(read_put_back(tx, study.uid));
  return make_card(std::move(study), flags.list, std::move(put_back), flags.counts);
}

Result<std::vector<std::shared_ptr<const Card>>> read_open_cards(database::Transaction& tx) {
  std::vector<study::Study> studies = VEDETTE_TRY(study::unsigned_studies(tx));
  std::unordered_map<std::string, Flags> flags;
  const database::Rows found = VEDETTE_TRY(tx.query(
      "SELECT " + std::string(flag_columns) +
      " FROM finding WHERE state <> 'withdrawn' AND study_uid IN (SELECT uid FROM study WHERE state IN (0, 1, 2, 4))"));
  for (const database::Row& row : found) take(flags[row.text(0)], row);
  std::unordered_map<std::string, PutBack> put_backs;
  const database::Rows returned =
      VEDETTE_TRY(tx.query("SELECT " + std::string(put_back_columns) + " FROM priority_put_back"));
  for (const database::Row& row : returned) put_backs.emplace(row.text(0), put_back_of(row));

  std::vector<std::shared_ptr<const Card>> out;
  out.reserve(studies.size());
  static const Flags none;
  for (study::Study& study : studies) {
    const auto with = flags.find(study.uid);
    const Flags& own = with == flags.end() ? none : with->second;
    const auto back = put_backs.find(study.uid);
    out.push_back(make_card(std::move(study), own.list,
                            back == put_backs.end() ? std::nullopt : std::optional<PutBack>(back->second), own.counts));
  }
  return out;
}

std::span<const database::Migration> migrations() {
  return steps;
}

}  // namespace vedette::priority
