#include "ledger/ledger.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>

#include "base/digest.hpp"
#include "base/id.hpp"
#include "ledger/details.hpp"

namespace vedette::ledger {

namespace {

using database::Row;
using database::Rows;
using database::Transaction;

constexpr std::string_view columns = "seq, at, kind, subject, actor, details, previous, hash";
constexpr milliseconds poll{500};  // events that other processes wrote wake nobody here

const std::string& origin() {
  static const std::string zeros(64, '0');
  return zeros;
}

// Each field after its length: no two different rows make the same bytes.
void add_field(Sha256& hash, std::string_view field) {
  std::array<std::byte, 8> length{};
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::byte>((field.size() >> (8 * i)) & 0xFFU);
  hash.update(length);
  hash.update(as_bytes(field));
}

struct Fields {
  std::string_view previous;
  std::int64_t seq, at;
  std::string_view kind, subject, actor, details;
};

std::string hash_of(const Fields& row) {
  Sha256 hash;
  add_field(hash, row.previous);
  add_field(hash, std::to_string(row.seq));
  add_field(hash, std::to_string(row.at));
  for (const std::string_view field : {row.kind, row.subject, row.actor, row.details}) add_field(hash, field);
  return hash.finish().hex();
}

Result<Entry> entry_of(const Row& row) {
  const auto kind = kind_from(row.text(2));
  if (!kind) {
    return Error{Fault::internal, "ledger.kind", "The ledger holds a kind of event that this program does not know",
                 row.text(2), "Start the version of the program that wrote this data folder."};
  }
  return Entry{
      row.integer(0), instant_from_row(row.integer(1)), *kind, row.text(3), row.text(4), row.text(5), row.text(7),
      row.text(6)};
}

Result<std::vector<Entry>> entries_of(const Rows& rows) {
  std::vector<Entry> entries;
  entries.reserve(rows.size());
  for (const Row& row : rows) entries.push_back(VEDETTE_TRY(entry_of(row)));
  return entries;
}

Result<void> check_names(const Event& event) {
  const auto refuse = [&](std::string cause) {
    return Error{Fault::refused, "ledger.subject", std::move(cause), std::string(name_of(event.kind)),
                 "Subjects and actors are pseudonyms made by guard."};
  };
  if (row_of(event.kind).subject == Subject::study && event.subject.empty()) {
    return refuse("An event of a study names no study");
  }
  if (event.actor.empty()) return refuse("An event names nobody who caused it");
  constexpr std::size_t longest_name = 200;
  for (const std::string& name : {event.subject, event.actor}) {
    if (name.size() > longest_name || name.find_first_of("\r\n\t^ ") != std::string::npos) {
      return refuse("A subject or actor is no pseudonym");
    }
  }
  if (is_uid(event.subject)) return refuse("The subject is a UID");
  return {};
}

Error broken(std::int64_t seq, std::string cause) {
  return Error{Fault::internal, "ledger.broken", std::move(cause), "row " + std::to_string(seq),
               "Keep the data folder as it is and compare it with a backup."};
}

// Checks `rows` against what came before them and moves `seq` and `hash` on.
Result<void> verify_rows(const Rows& rows, std::int64_t& seq, std::string& hash) {
  for (const Row& row : rows) {
    const std::int64_t number = row.integer(0);
    if (number != seq + 1) return broken(seq + 1, "A row of the ledger is missing");
    if (row.text(6) != hash) return broken(number, "A row of the ledger does not follow the one before it");
    const std::string expected =
        hash_of({row.text(6), number, row.integer(1), row.text(2), row.text(3), row.text(4), row.text(5)});
    if (row.text(7) != expected) return broken(number, "A row of the ledger was changed");
    seq = number;
    hash = expected;
  }
  return {};
}

Result<std::int64_t> last_in(Transaction& tx) {
  const Rows rows = VEDETTE_TRY(tx.query("SELECT max(seq) FROM ledger"));
  return rows[0].integer(0);
}

constexpr database::Migration steps[] = {
    {"ledger.1", R"(
CREATE TABLE ledger (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  actor TEXT NOT NULL,
  details TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX ledger_subject ON ledger (subject, seq);
)"},
};

}  // namespace

struct Ledger::State {
  std::mutex mutex;
  std::condition_variable_any more;
  std::uint64_t commits = 0;
};

Ledger::Ledger(database::Database& database, const Clock& clock)
    : database_(database), clock_(clock), state_(std::make_shared<State>()) {}

Result<std::int64_t> Ledger::append(Transaction& tx, const Event& event) {
  VEDETTE_TRY(check_names(event));
  VEDETTE_TRY(check_details(event.kind, event.details));
  const Rows newest = VEDETTE_TRY(tx.query("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1"));
  const std::int64_t seq = newest.empty() ? 1 : newest[0].integer(0) + 1;
  const std::string previous = newest.empty() ? origin() : newest[0].text(1);
  const std::int64_t at = to_row(clock_.now());
  const std::string kind(name_of(event.kind));
  const std::string hash = hash_of({previous, seq, at, kind, event.subject, event.actor, event.details});
  VEDETTE_TRY(
      tx.run("INSERT INTO ledger (seq, at, kind, subject, actor, details, previous, hash) "
             "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
             {seq, at, kind, event.subject, event.actor, event.details, previous, hash}));
  return seq;
}

Result<std::vector<Entry>> Ledger::after(std::int64_t seq, std::size_t limit) const {
  return database_.read_for<std::vector<Entry>>([&](Transaction& tx) -> Result<std::vector<Entry>> {
    return entries_of(
        VEDETTE_TRY(tx.query("SELECT " + std::string(columns) + " FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?",
                             {seq, static_cast<std::int64_t>(limit)})));
  });
}

Result<std::vector<Entry>> Ledger::newest(std::int64_t before, std::size_t limit, std::string_view subject) const {
  const std::int64_t end = before > 0 ? before : std::numeric_limits<std::int64_t>::max();
  const auto count = static_cast<std::int64_t>(limit);
  return database_.read_for<std::vector<Entry>>([&](Transaction& tx) -> Result<std::vector<Entry>> {
    const std::string select = "SELECT " + std::string(columns) + " FROM ledger WHERE ";
    if (subject.empty()) {
      return entries_of(VEDETTE_TRY(tx.query(select + "seq < ? ORDER BY seq DESC LIMIT ?", {end, count})));
    }
    return entries_of(VEDETTE_TRY(
        tx.query(select + "subject = ? AND seq < ? ORDER BY seq DESC LIMIT ?", {std::string(subject), end, count})));
  });
}

Result<std::int64_t> Ledger::last() const {
  return database_.read_for<std::int64_t>(last_in);
}

Result<std::int64_t> Ledger::verify() const {
  return database_.read_for<std::int64_t>([](Transaction& tx) -> Result<std::int64_t> {
    constexpr std::int64_t at_once = 2000;
    std::int64_t seq = 0;
    std::string hash = origin();
    while (true) {
      const Rows rows = VEDETTE_TRY(tx.query(
          "SELECT " + std::string(columns) + " FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?", {seq, at_once}));
      VEDETTE_TRY(verify_rows(rows, seq, hash));
      if (static_cast<std::int64_t>(rows.size()) < at_once) break;
    }
    // Rows numbered 0 or less stand outside the chain.
    const Rows count = VEDETTE_TRY(tx.query("SELECT count(*) FROM ledger WHERE seq <= 0"));
    if (count[0].integer(0) != 0) return broken(0, "A row of the ledger has no place in the chain");
    return seq;
  });
}

bool Ledger::wait_for(std::int64_t seq, microseconds deadline, std::stop_token stop) const {
  const auto end = std::chrono::steady_clock::now() + deadline;
  std::unique_lock lock(state_->mutex);
  while (!stop.stop_requested()) {
    const std::uint64_t seen = state_->commits;
    lock.unlock();
    const auto newest = last();
    if (newest && *newest > seq) return true;
    lock.lock();
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) return false;
    const auto until = std::min(end, now + poll);
    state_->more.wait_until(lock, stop, until, [&] { return state_->commits != seen; });
  }
  return false;
}

void Ledger::committed() {
  const std::scoped_lock lock(state_->mutex);
  ++state_->commits;
  state_->more.notify_all();
}

Result<void> Ledger::record(const database::Database::Work& work) {
  VEDETTE_TRY(database_.write(work));
  committed();
  return {};
}

std::string sentence_of(const Entry& entry) {
  return sentence(entry.kind, entry.details);
}

std::span<const database::Migration> migrations() {
  return steps;
}

}  // namespace vedette::ledger
