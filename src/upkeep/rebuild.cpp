#include "upkeep/rebuild.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "ledger/ledger.hpp"
#include "study/catalogue.hpp"
#include "upkeep/holdings.hpp"

namespace vedette::upkeep {

namespace {

using database::Database;
using database::Row;
using database::Rows;
using database::Transaction;
using database::Value;

constexpr std::size_t batch_limit = 512;
constexpr std::int64_t page = 500;

/// What an index knows of a study that its objects do not tell.
struct Life {
  std::int64_t state = 0, version = 1;
  Value complete_at{};
};
using Lives = std::map<std::string, Life>;  // by pseudonym

/// The catalogue, from the labels of the vault in the order in which they were kept.
class Filling {
 public:
  Filling(Database& fresh, const vault::Blobs& blobs, const std::function<std::string(std::string_view)>& pseudonym)
      : fresh_(fresh), blobs_(blobs), pseudonym_(pseudonym), catalogue_(fresh) {}

  Result<std::int64_t> run() {
    VEDETTE_TRY(blobs_.replay(0, [&](const vault::Stored& stored) -> Result<void> {
      last_ = std::max(last_, stored.position);
      if (!study::is_label(stored.label)) return {};  // a blob of another room
      batch_.push_back(stored);
      return batch_.size() < batch_limit ? Result<void>() : flush();
    }));
    VEDETTE_TRY(flush());
    return last_;
  }

 private:
  Result<void> flush() {
    VEDETTE_TRY(fresh_.write([&](Transaction& tx) -> Result<void> {
      for (const vault::Stored& stored : batch_) {
        const study::InstanceRecord record = VEDETTE_TRY(study::from_label(stored.label));
        VEDETTE_TRY(catalogue_.add(tx, record, stored, pseudonym_(record.study_uid)));
      }
      return {};
    }));
    batch_.clear();
    return {};
  }

  Database& fresh_;
  const vault::Blobs& blobs_;
  const std::function<std::string(std::string_view)>& pseudonym_;
  study::Catalogue catalogue_;
  std::vector<vault::Stored> batch_;
  std::int64_t last_ = 0;
};

bool is_catalogue(const std::string& name) {
  const auto names = catalogue_tables();
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Every row of a table that the vault does not carry.
Result<std::int64_t> copy(Transaction& from, Transaction& to, const std::string& table) {
  VEDETTE_TRY(to.run("DELETE FROM " + table));
  std::int64_t copied = 0;
  std::int64_t after = INT64_MIN;
  while (true) {
    const Rows rows = VEDETTE_TRY(from.query(
        "SELECT rowid AS row_number, * FROM " + table + " WHERE rowid > ? ORDER BY rowid LIMIT ?", {after, page}));
    for (const Row& row : rows) {
      const std::span<const Value> values = std::span(row.values()).subspan(1);
      std::string marks = "?";
      for (std::size_t i = 1; i < values.size(); ++i) marks += ", ?";
      VEDETTE_TRY(to.run("INSERT INTO " + table + " VALUES (" + marks + ")", values));
      ++copied;
    }
    if (static_cast<std::int64_t>(rows.size()) < page) return copied;
    after = rows.back().integer(0);
  }
}

Result<std::int64_t> copy_all(Database& old, Database& fresh) {
  std::int64_t copied = 0;
  // Inside a write transaction of the old index nobody adds a person or a token that would then be missing.
  VEDETTE_TRY(old.write([&](Transaction& from) -> Result<void> {
    return fresh.write([&](Transaction& to) -> Result<void> {
      VEDETTE_TRY(to.run("PRAGMA defer_foreign_keys = ON"));
      const std::vector<std::string> there = VEDETTE_TRY(tables_of(to));
      for (const std::string& table : VEDETTE_TRY(tables_of(from))) {
        if (is_catalogue(table) || table == "migrations") continue;
        if (std::find(there.begin(), there.end(), table) == there.end()) {
          return Error{Fault::internal, "rebuild.table", "The new index has no place for a table of the old one", table,
                       "Nothing was changed. Use the version of the program that wrote this data folder."};
        }
        auto done = copy(from, to, table);
        if (!done) {
          done.error().where = "table " + table;
          done.error().remedy =
              "Nothing was changed. Bring back a backup of index.sqlite; the vault then brings it up to date.";
          return std::move(done).error();
        }
        copied += *done;
      }
      return {};
    });
  }));
  return copied;
}

Result<Lives> lives_of_rows(Database& old) {
  Lives out;
  VEDETTE_TRY(old.read([&](Transaction& tx) -> Result<void> {
    for (const Row& row : VEDETTE_TRY(tx.query("SELECT pseudonym, state, version, complete_at FROM study"))) {
      out[row.text(0)] = {row.integer(1), row.integer(2), row.values()[3]};
    }
    return {};
  }));
  return out;
}

void live(Life& life, const ledger::Entry& entry) {
  using ledger::Kind;
  const auto to = [&](study::State state) { life.state = static_cast<std::int64_t>(state); };
  const auto details = nlohmann::json::parse(entry.details, nullptr, false);
  const auto generation = [&] {
    if (details.is_object()) life.version = details.value("generation", life.version);
  };
  switch (entry.kind) {
    case Kind::study_opened:
    case Kind::study_reopened:
      to(study::State::receiving);
      generation();
      life.complete_at = {};
      break;
    case Kind::study_completed:
      to(study::State::complete);
      generation();
      life.complete_at = to_row(entry.at);
      break;
    case Kind::study_claimed:
      to(study::State::reading);
      break;
    case Kind::study_released:
      if (life.state == static_cast<std::int64_t>(study::State::reading)) to(study::State::complete);
      break;
    case Kind::study_signed:
      to(study::State::signed_);
      break;
    default:
      break;
  }
}

Result<Lives> lives_of_ledger(Database& fresh) {
  const SystemClock clock;
  const ledger::Ledger ledger(fresh, clock);
  Lives out;
  std::int64_t after = 0;
  while (true) {
    const auto entries = VEDETTE_TRY(ledger.after(after, static_cast<std::size_t>(page)));
    for (const ledger::Entry& entry : entries) {
      if (!entry.subject.empty()) live(out[entry.subject], entry);
      after = entry.seq;
    }
    if (static_cast<std::int64_t>(entries.size()) < page) return out;
  }
}

Result<void> give_lives(Database& fresh, const Lives& lives) {
  return fresh.write([&](Transaction& tx) -> Result<void> {
    for (const auto& [pseudonym, life] : lives) {
      VEDETTE_TRY(tx.run("UPDATE study SET state = ?, version = ?, complete_at = ? WHERE pseudonym = ?",
                         {life.state, life.version, life.complete_at, pseudonym}));
    }
    return {};
  });
}

Result<void> count(Database& fresh, RebuildReport& report) {
  return fresh.read([&](Transaction& tx) -> Result<void> {
    report.studies = VEDETTE_TRY(tx.query("SELECT count(*) FROM study"))[0].integer(0);
    report.instances = VEDETTE_TRY(tx.query("SELECT count(*) FROM instance"))[0].integer(0);
    report.conflicts = VEDETTE_TRY(tx.query("SELECT count(*) FROM instance_conflict"))[0].integer(0);
    return {};
  });
}

}  // namespace

Result<RebuildReport> rebuild(Database& old, Database& fresh, const vault::Blobs& blobs,
                              const std::function<std::string(std::string_view)>& pseudonym) {
  RebuildReport report;
  report.kept_rows = VEDETTE_TRY(copy_all(old, fresh));
  const std::int64_t last = VEDETTE_TRY(Filling(fresh, blobs, pseudonym).run());
  VEDETTE_TRY(fresh.write([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(tx.run("DELETE FROM intake_position"));
    VEDETTE_TRY(tx.run("INSERT INTO intake_position (id, position) VALUES (1, ?)", {last}));
    return {};
  }));
  auto lives = lives_of_rows(old);
  if (!lives) {
    report.life_from_ledger = true;
    lives = VEDETTE_TRY(lives_of_ledger(fresh));
  }
  VEDETTE_TRY(give_lives(fresh, *lives));
  VEDETTE_TRY(count(fresh, report));
  VEDETTE_TRY(fresh.check());
  // Damage is the reason to be here: an old catalogue that cannot be read to its end is no failure.
  (void)compare_catalogues(old, fresh, report);
  return report;
}

}  // namespace vedette::upkeep
