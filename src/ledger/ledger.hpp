#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "database/database.hpp"
#include "ledger/events.hpp"  // enum class Kind, generated from tables/events.tsv

namespace vedette::ledger {

/// A line to be written. Pseudonyms and hashes only: never a name, an identifier of a patient, a UID of an image or
/// free text of a person.
struct Event {
  Kind kind;
  std::string subject;         ///< pseudonym of the study ("" when the event is about the node)
  std::string actor;           ///< pseudonym of a person, "tool:<id>@<version>", or "node"
  std::string details = "{}";  ///< JSON object; keys as the kind's row in tables/events.tsv names them
};

struct Entry {
  std::int64_t seq = 0;  ///< 1, 2, 3 … without gaps
  Instant at;
  Kind kind;
  std::string subject, actor, details;
  std::string hash;  ///< hex SHA-256 of (previous hash, seq, at, kind, subject, actor, details), each length-prefixed
  std::string previous;
};

/// Append-only, hash-chained. An event is written in the transaction of the state it tells of.
class Ledger {
 public:
  Ledger(database::Database& database, const Clock& clock);

  /// Inside the caller's write transaction; answers the event's seq. Refuses ("ledger.details", "ledger.subject")
  /// details that are no flat JSON object, keys that the kind's row does not name, required keys that are missing, and
  /// values that look like an image's UID or are longer than a code.
  Result<std::int64_t> append(database::Transaction& tx, const Event& event);
  /// Entries with seq > after, oldest first.
  Result<std::vector<Entry>> after(std::int64_t seq, std::size_t limit) const;
  Result<std::vector<Entry>> newest(std::int64_t before, std::size_t limit, std::string_view subject = {}) const;
  Result<std::int64_t> last() const;
  /// Recomputes the chain and answers the number of rows; fails "ledger.broken" naming the first row at fault. Rows cut
  /// off at the end leave a shorter chain that is whole: to find that, compare with a head kept elsewhere (README).
  Result<std::int64_t> verify() const;

  /// Blocks until last() > seq, the stop or `deadline` (the longest wait from now) is over; true when there is more.
  /// Woken by committed().
  bool wait_for(std::int64_t seq, microseconds deadline, std::stop_token stop) const;
  /// To be called after a write transaction that appended was committed (Database has no hook; rooms call it through
  /// record()).
  void committed();

  /// A transaction that changes state and tells of it: runs work, commits, wakes those who wait.
  Result<void> record(const database::Database::Work& work);

 private:
  struct State;
  database::Database& database_;
  const Clock& clock_;
  std::shared_ptr<State> state_;
};

/// The event in words, for people: the row's sentence with the details filled in.
std::string sentence_of(const Entry& entry);

std::span<const database::Migration> migrations();

}  // namespace vedette::ledger
