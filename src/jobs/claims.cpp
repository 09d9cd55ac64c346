#include "jobs/claims.hpp"

#include <tuple>

namespace vedette::jobs {

namespace {

using database::Row;
using database::Rows;
using database::Transaction;

constexpr std::string_view columns = "id, kind, key, subject, payload, priority, not_before, attempt, lost";

Due due_of(const Row& row, bool lease_over) {
  return Due{row.integer(0),
             row.text(1),
             row.text(2),
             row.text(3),
             row.text(4),
             row.integer(5),
             row.integer(6),
             static_cast<int>(row.integer(7)),
             static_cast<int>(row.integer(8)),
             lease_over};
}

bool before(const Due& a, const Due& b) {
  return std::tie(a.priority, a.not_before, a.id) < std::tie(b.priority, b.not_before, b.id);
}

void keep_more_urgent(std::optional<Due>& best, const Rows& rows, bool lease_over) {
  for (const Row& row : rows) {
    Due due = due_of(row, lease_over);
    if (!best || before(due, *best)) best = std::move(due);
  }
}

}  // namespace

Result<std::int64_t> next_token(Transaction& tx) {
  const Rows rows =
      VEDETTE_TRY(tx.query("UPDATE jobs_counter SET value = value + 1 WHERE name = 'token' RETURNING value"));
  if (rows.size() != 1) {
    return Error{
        Fault::internal, "jobs.counter", "The counter of the job queue is missing", {}, "Run 'vedette doctor'."};
  }
  return rows[0].integer(0);
}

Result<std::optional<Due>> most_urgent(Transaction& tx, const std::vector<std::string>& kinds, Instant now) {
  static const std::string queued = "SELECT " + std::string(columns) +
                                    " FROM jobs WHERE state = 'queued' AND kind = ? AND priority = ? "
                                    "AND not_before <= ? ORDER BY not_before, id LIMIT 1";
  static const std::string leased = "SELECT " + std::string(columns) +
                                    " FROM jobs WHERE state = 'running' AND kind = ? AND lease_until <= ? "
                                    "ORDER BY lease_until, id LIMIT 16";
  std::optional<Due> best;
  for (const std::string& kind : kinds) {
    keep_more_urgent(best, VEDETTE_TRY(tx.query(leased, {kind, to_row(now)})), true);
    // One step into the index per priority: thousands that wait for their back-off are never walked over.
    for (std::int64_t priority = 0; priority <= lowest_priority; ++priority) {
      if (best && best->priority < priority) break;
      const Rows rows = VEDETTE_TRY(tx.query(queued, {kind, priority, to_row(now)}));
      keep_more_urgent(best, rows, false);
      if (!rows.empty()) break;
    }
  }
  return best;
}

Result<Claim> lease_out(Transaction& tx, const Due& due, const std::string& worker, Instant now, seconds lease) {
  const std::int64_t token = VEDETTE_TRY(next_token(tx));
  const int attempt = due.attempt + 1;
  const int lost = due.lost + (due.lease_over ? 1 : 0);
  const Instant until = now + lease;
  VEDETTE_TRY(
      tx.run("UPDATE jobs SET state = 'running', token = ?, attempt = ?, lost = ?, worker = ?, "
             "lease_until = ?, changed_at = ? WHERE id = ?",
             {token, static_cast<std::int64_t>(attempt), static_cast<std::int64_t>(lost), worker, to_row(until),
              to_row(now), due.id}));
  return Claim{due.id, due.kind, due.key, due.subject, due.payload, attempt, token, until};
}

Result<void> bury(Transaction& tx, const Due& due, Instant now, const WhenLost& tell) {
  const int ends = due.lost + 1;
  const std::string cause = "The worker ended without an answer " + std::to_string(ends) +
                            (ends == 1 ? " time." : " times.") + " Look at the log of the node.";
  VEDETTE_TRY(
      tx.run("UPDATE jobs SET state = 'dead', lost = ?, token = 0, worker = '', lease_until = 0, cause = ?, "
             "changed_at = ? WHERE id = ?",
             {static_cast<std::int64_t>(ends), cause, to_row(now), due.id}));
  if (!tell) return {};
  return tell(tx, Dead{due.id, due.kind, due.key, due.subject, cause, due.attempt, now, due.payload});
}

}  // namespace vedette::jobs
