#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "database/database.hpp"
#include "jobs/kinds.hpp"  // kind::tool_run …, job_rows: generated from tables/jobs.tsv

namespace vedette::jobs {

struct NewJob {
  std::string kind;  ///< a row of tables/jobs.tsv: "analysis.plan", "tool.run", "report.publish", "delivery.send" …
  std::string
      key;  ///< the same (kind, key) is queued once while it is not finished: name the input in it (generation, digest)
  std::string subject{};       ///< pseudonym of the study
  std::string payload = "{}";  ///< JSON; pseudonyms, row ids, never a patient
  int priority = 3;            ///< 0 immediate … 3 routine
  Instant not_before{};        ///< earliest start (back-off)
};

/// A job in the hands of a worker. `token` is the fencing token: publish only in a transaction where hold() succeeds.
struct Claim {
  std::int64_t id = 0;
  std::string kind, key, subject, payload;
  int attempt = 1;
  std::int64_t token = 0;
  Instant lease_until;
};

struct Dead {
  std::int64_t id = 0;
  std::string kind, key, subject, cause;
  int attempts = 0;
  Instant at;
  std::string payload;
};

/// A durable queue of rows: priority, lease, fencing token, attempts, dead letters with their cause. Thread-safe; any
/// number of processes.
class Jobs {
 public:
  Jobs(database::Database& database, const Clock& clock);

  /// Queues the job. One of the same (kind, key) that is not finished stays the only one: it becomes as urgent and as
  /// early as the new one asks. Fails refused on a kind that tables/jobs.tsv lacks or a priority outside 0…3.
  Result<void> add(database::Transaction& tx, const NewJob& job);
  /// The most urgent job of one of `kinds` that is due; nothing when there is none.
  /// A job whose lease is over is due again, one attempt further. One whose workers ended without an answer as often as
  /// its kind's row allows becomes a dead letter instead, and when_lost is told.
  Result<std::optional<Claim>> claim(const std::vector<std::string>& kinds, const std::string& worker, seconds lease);
  Result<void> renew(const Claim& claim, seconds lease);
  /// Fails conflict "jobs.lease_lost" when another worker holds the job by now. Call it first in the publishing
  /// transaction.
  Result<void> hold(database::Transaction& tx, const Claim& claim);
  Result<void> finish(database::Transaction& tx, const Claim& claim);
  /// Called for each job that becomes a dead letter because its workers kept ending without an answer (a crash of the
  /// whole process), in the transaction that makes it so. Set it before the first claim.
  void when_lost(std::function<Result<void>(database::Transaction&, const Dead&)> tell);
  /// Queues it again after `back_off`, or makes it a dead letter when `attempts` (0: those of the kind's row) are used
  /// up or `final`. Answers true when dead.
  Result<bool> fail(database::Transaction& tx, const Claim& claim, const Error& cause, int attempts, seconds back_off,
                    bool final = false);
  /// Gives an unfinished job back without counting the attempt (drain).
  Result<void> hand_back(const Claim& claim);
  /// Makes a dead letter a fresh job; fails not_found, or conflict when the same (kind, key) is queued again already.
  Result<void> revive(std::int64_t id);
  /// The same in a transaction of the caller, by name; answers false when there is no such dead letter. Call wake()
  /// after the commit.
  Result<bool> revive(database::Transaction& tx, std::string_view kind, std::string_view key);

  struct Depth {
    std::string kind;
    std::int64_t queued = 0, running = 0, dead = 0;
  };
  Result<std::vector<Depth>> depth() const;
  Result<std::vector<Dead>> dead(std::size_t limit) const;

  /// Wakes and waits inside this process (the queue itself is in the database; others poll): true when woken, false
  /// when stopped or `deadline` (the longest wait from now) is over. Call wake() after the commit that added a job.
  bool wait(microseconds deadline, std::stop_token stop) const;
  void wake();

 private:
  struct State;
  Result<void> revive(database::Transaction& tx, std::int64_t id);

  database::Database& database_;
  const Clock& clock_;
  std::shared_ptr<State> state_;
};

std::span<const database::Migration> migrations();

}  // namespace vedette::jobs
