#include "jobs/jobs.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/crash_point.hpp"

#include "jobs/claims.hpp"

namespace vedette::jobs {

namespace {

using database::Row;
using database::Rows;
using database::Transaction;

constexpr int remembered_wakes = 64;

Error lease_lost(const Claim& claim) {
  return Error{Fault::conflict, "jobs.lease_lost", "Another worker holds this job by now", claim.kind,
               "Drop what was computed: the other worker publishes it."};
}

Dead dead_of(const Row& row) {
  return Dead{row.integer(0),
              row.text(1),
              row.text(2),
              row.text(3),
              row.text(4),
              static_cast<int>(row.integer(5)),
              instant_from_row(row.integer(6)),
              row.text(7)};
}

constexpr database::Migration steps[] = {
    {"jobs.1", R"(
CREATE TABLE jobs (
  id BIGINT PRIMARY KEY,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  subject TEXT NOT NULL,
  payload TEXT NOT NULL,
  priority BIGINT NOT NULL,
  state TEXT NOT NULL,
  not_before BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  lost BIGINT NOT NULL,
  token BIGINT NOT NULL,
  worker TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  cause TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX jobs_unfinished ON jobs (kind, key) WHERE state <> 'dead';
CREATE INDEX jobs_due ON jobs (kind, priority, not_before, id) WHERE state = 'queued';
CREATE INDEX jobs_leased ON jobs (kind, lease_until) WHERE state = 'running';
CREATE INDEX jobs_dead ON jobs (changed_at) WHERE state = 'dead';
CREATE TABLE jobs_counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO jobs_counter (name, value) VALUES ('token', 0);
)"},
};

}  // namespace

struct Jobs::State {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::uint64_t wakes = 0;
  int unheard = 0;  // wakes that found nobody waiting
  WhenLost when_lost;
};

Jobs::Jobs(database::Database& database, const Clock& clock)
    : database_(database), clock_(clock), state_(std::make_shared<State>()) {}

void Jobs::when_lost(std::function<Result<void>(Transaction&, const Dead&)> tell) {
  const std::scoped_lock lock(state_->mutex);
  state_->when_lost = std::move(tell);
}

Result<void> Jobs::add(Transaction& tx, const NewJob& job) {
  if (row_of(job.kind) == nullptr) {
    return Error{Fault::refused, "jobs.kind", "There is no such kind of job", job.kind,
                 "tables/jobs.tsv holds the kinds there are."};
  }
  if (job.priority < 0 || job.priority > lowest_priority) {
    return Error{Fault::refused, "jobs.priority", "The priority of a job is 0 to 3", std::to_string(job.priority)};
  }
  const std::int64_t not_before = to_row(job.not_before);
  const Rows there = VEDETTE_TRY(tx.query(
      "SELECT id, priority, not_before FROM jobs WHERE kind = ? AND key = ? AND state <> 'dead'", {job.kind, job.key}));
  if (!there.empty()) {
    const std::int64_t priority = std::min<std::int64_t>(there[0].integer(1), job.priority);
    const std::int64_t earliest = std::min(there[0].integer(2), not_before);
    if (priority == there[0].integer(1) && earliest == there[0].integer(2)) return {};
    VEDETTE_TRY(
        tx.run("UPDATE jobs SET priority = ?, not_before = ? WHERE id = ?", {priority, earliest, there[0].integer(0)}));
    return {};
  }
  const std::int64_t id = VEDETTE_TRY(next_token(tx));
  VEDETTE_TRY(
      tx.run("INSERT INTO jobs (id, kind, key, subject, payload, priority, state, not_before, attempt, lost, "
             "token, worker, lease_until, cause, changed_at) "
             "VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, 0, 0, 0, '', 0, '', ?)",
             {id, job.kind, job.key, job.subject, job.payload, static_cast<std::int64_t>(job.priority), not_before,
              to_row(clock_.now())}));
  return {};
}

Result<std::optional<Claim>> Jobs::claim(const std::vector<std::string>& kinds, const std::string& worker,
                                         seconds lease) {
  const Instant now = clock_.now();
  // Most of the time there is nothing to do: asking that must not keep writers waiting.
  const bool any = VEDETTE_TRY(database_.read_for<bool>(
      [&](Transaction& tx) -> Result<bool> { return VEDETTE_TRY(most_urgent(tx, kinds, now)).has_value(); }));
  if (!any) return std::optional<Claim>();
  WhenLost tell;
  {
    const std::scoped_lock lock(state_->mutex);
    tell = state_->when_lost;
  }
  auto claimed = database_.write_for<std::optional<Claim>>([&](Transaction& tx) -> Result<std::optional<Claim>> {
    while (const auto due = VEDETTE_TRY(most_urgent(tx, kinds, now))) {
      if (due->lease_over && due->lost + 1 >= row_of(due->kind)->attempts) {
        VEDETTE_TRY(bury(tx, *due, now, tell));
        continue;
      }
      return std::optional(VEDETTE_TRY(lease_out(tx, *due, worker, now, lease)));
    }
    return std::optional<Claim>();
  });
  crash_point("jobs.claimed");
  return claimed;
}

Result<void> Jobs::renew(const Claim& claim, seconds lease) {
  return database_.write([&](Transaction& tx) -> Result<void> {
    const std::int64_t changed =
        VEDETTE_TRY(tx.run("UPDATE jobs SET lease_until = ? WHERE id = ? AND token = ? AND state = 'running'",
                           {to_row(clock_.now() + lease), claim.id, claim.token}));
    if (changed != 1) return lease_lost(claim);
    return {};
  });
}

Result<void> Jobs::hold(Transaction& tx, const Claim& claim) {
  const Rows rows = VEDETTE_TRY(
      tx.query("SELECT 1 FROM jobs WHERE id = ? AND token = ? AND state = 'running'", {claim.id, claim.token}));
  if (rows.empty()) return lease_lost(claim);
  return {};
}

Result<void> Jobs::finish(Transaction& tx, const Claim& claim) {
  const std::int64_t changed =
      VEDETTE_TRY(tx.run("DELETE FROM jobs WHERE id = ? AND token = ? AND state = 'running'", {claim.id, claim.token}));
  if (changed != 1) return lease_lost(claim);
  crash_point("jobs.finished");
  return {};
}

Result<bool> Jobs::fail(Transaction& tx, const Claim& claim, const Error& cause, int attempts, seconds back_off,
                        bool final) {
  VEDETTE_TRY(hold(tx, claim));
  const JobRow* row = row_of(claim.kind);
  const int allowed = attempts > 0 || row == nullptr ? attempts : row->attempts;
  const bool dead = final || claim.attempt >= allowed;
  const Instant now = clock_.now();
  VEDETTE_TRY(
      tx.run("UPDATE jobs SET state = ?, not_before = ?, token = 0, worker = '', lease_until = 0, cause = ?, "
             "changed_at = ? WHERE id = ?",
             {std::string(dead ? "dead" : "queued"), to_row(now + back_off), cause.text(), to_row(now), claim.id}));
  return dead;
}

Result<void> Jobs::hand_back(const Claim& claim) {
  return database_.write([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(hold(tx, claim));
    VEDETTE_TRY(
        tx.run("UPDATE jobs SET state = 'queued', attempt = attempt - 1, token = 0, worker = '', "
               "lease_until = 0, changed_at = ? WHERE id = ?",
               {to_row(clock_.now()), claim.id}));
    return {};
  });
}

Result<void> Jobs::revive(Transaction& tx, std::int64_t id) {
  auto changed = tx.run(
      "UPDATE jobs SET state = 'queued', attempt = 0, lost = 0, token = 0, not_before = 0, "
      "cause = '', changed_at = ? WHERE id = ? AND state = 'dead'",
      {to_row(clock_.now()), id});
  if (!changed && changed.error().fault == Fault::conflict) {
    return Error{Fault::conflict, "jobs.queued_again", "The same job is queued again already"};
  }
  if (VEDETTE_TRY(std::move(changed)) == 0) {
    return Error{Fault::not_found, "jobs.no_dead_letter", "There is no such dead letter"};
  }
  return {};
}

Result<void> Jobs::revive(std::int64_t id) {
  VEDETTE_TRY(database_.write([&](Transaction& tx) { return revive(tx, id); }));
  wake();
  return {};
}

Result<bool> Jobs::revive(Transaction& tx, std::string_view kind, std::string_view key) {
  const Rows dead = VEDETTE_TRY(tx.query("SELECT id FROM jobs WHERE kind = ? AND key = ? AND state = 'dead'",
                                         {std::string(kind), std::string(key)}));
  if (dead.empty()) return false;
  VEDETTE_TRY(revive(tx, dead.front().integer(0)));
  return true;
}

Result<std::vector<Jobs::Depth>> Jobs::depth() const {
  return database_.read_for<std::vector<Depth>>([](Transaction& tx) -> Result<std::vector<Depth>> {
    std::vector<Depth> out;
    for (const JobRow& row : job_rows) out.push_back({.kind = std::string(row.kind)});
    for (const Row& row : VEDETTE_TRY(tx.query("SELECT kind, state, count(*) FROM jobs GROUP BY kind, state"))) {
      const auto found = std::find_if(out.begin(), out.end(), [&](const Depth& d) { return d.kind == row.text(0); });
      Depth& depth = found == out.end() ? out.emplace_back(Depth{.kind = row.text(0)}) : *found;
      const std::string& state = row.text(1);
      (state == "queued" ? depth.queued : state == "running" ? depth.running : depth.dead) = row.integer(2);
    }
    return out;
  });
}

Result<std::vector<Dead>> Jobs::dead(std::size_t limit) const {
  return database_.read_for<std::vector<Dead>>([&](Transaction& tx) -> Result<std::vector<Dead>> {
    std::vector<Dead> out;
    for (const Row& row :
         VEDETTE_TRY(tx.query("SELECT id, kind, key, subject, cause, attempt, changed_at, payload FROM jobs "
                              "WHERE state = 'dead' ORDER BY changed_at DESC, id DESC LIMIT ?",
                              {static_cast<std::int64_t>(limit)}))) {
      out.push_back(dead_of(row));
    }
    return out;
  });
}

bool Jobs::wait(microseconds deadline, std::stop_token stop) const {
  std::unique_lock lock(state_->mutex);
  const std::uint64_t seen = state_->wakes;
  const bool woken =
      state_->unheard > 0 || state_->woken.wait_until(lock, stop, std::chrono::steady_clock::now() + deadline,
                                                      [&] { return state_->wakes != seen; });
  if (state_->unheard > 0) --state_->unheard;
  return woken && !stop.stop_requested();
}

void Jobs::wake() {
  const std::scoped_lock lock(state_->mutex);
  ++state_->wakes;
  // A worker between its empty claim and its wait must hear it, too.
  state_->unheard = std::min(state_->unheard + 1, remembered_wakes);
  state_->woken.notify_all();
}

std::span<const database::Migration> migrations() {
  return steps;
}

}  // namespace vedette::jobs
