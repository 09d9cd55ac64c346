// A worker process of the job queue, for workers.py, which kills and stops many of it.
//   fill DB FIRST COUNT   queues cheap jobs with the keys FIRST … FIRST+COUNT-1
//   work DB MICROSECONDS  claims, works that long on average, publishes; until killed
//   drain DB              works without pause until nothing is left; dead letters are brought back first
//   hold DB               claims one job, says so, publishes it when a line comes in; prints how that went
//   count DB              prints what there is as JSON
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.hpp"
#include "database/database.hpp"
#include "jobs/jobs.hpp"

namespace {

using namespace vedette;
using database::Transaction;

constexpr seconds lease{1};
constexpr std::string_view kind = "delivery.send";
constexpr database::Migration result_tables[] = {
    {"results.1",
     "CREATE TABLE results (key TEXT NOT NULL, token BIGINT NOT NULL);"
     "CREATE TABLE late (key TEXT NOT NULL, token BIGINT NOT NULL)"},
};

class Queue {
 public:
  explicit Queue(std::unique_ptr<database::Database> database)
      : database_(std::move(database)), jobs_(*database_, clock_) {}

  Result<void> fill(std::int64_t first, std::int64_t count) {
    return database_->write([&](Transaction& tx) -> Result<void> {
      for (std::int64_t i = first; i < first + count; ++i) {
        VEDETTE_TRY(jobs_.add(tx, {std::string(kind), std::to_string(i)}));
      }
      return {};
    });
  }
  Result<std::optional<jobs::Claim>> claim() {
    return jobs_.claim({std::string(kind)}, std::to_string(::getpid()), lease);
  }
  /// The result and the end of the job in one transaction in which the token is looked at.
  Result<void> publish(const jobs::Claim& claim) {
    return database_->write([&](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(jobs_.hold(tx, claim));
      VEDETTE_TRY(tx.run("INSERT INTO results (key, token) VALUES (?, ?)", {claim.key, claim.token}));
      return jobs_.finish(tx, claim);
    });
  }
  Result<void> note_late(const jobs::Claim& claim) {
    return database_->write([&](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(tx.run("INSERT INTO late (key, token) VALUES (?, ?)", {claim.key, claim.token}));
      return {};
    });
  }
  Result<void> bring_back_dead() {
    for (const jobs::Dead& dead : VEDETTE_TRY(jobs_.dead(100'000))) VEDETTE_TRY(jobs_.revive(dead.id));
    return {};
  }
  Result<std::string> counts() {
    return database_->read_for<std::string>([](Transaction& tx) -> Result<std::string> {
      const auto row = VEDETTE_TRY(
          tx.query("SELECT (SELECT count(*) FROM results), (SELECT count(DISTINCT key) FROM results), (SELECT count(*) "
                   "FROM jobs WHERE state <> 'dead'), (SELECT count(*) FROM jobs WHERE state = 'dead'), (SELECT "
                   "count(*) FROM late)"))[0];
      return fmt::format(R"({{"results":{},"distinct":{},"unfinished":{},"dead":{},"late":{}}})", row.integer(0),
                         row.integer(1), row.integer(2), row.integer(3), row.integer(4));
    });
  }

 private:
  SystemClock clock_;
  std::unique_ptr<database::Database> database_;
  jobs::Jobs jobs_;
};

Result<void> one(Queue& queue, const jobs::Claim& claim) {
  auto done = queue.publish(claim);
  if (done || done.error().code != "jobs.lease_lost") return done;
  return queue.note_late(claim);
}

Result<void> work(Queue& queue, int mean_microseconds) {
  std::mt19937 random(static_cast<unsigned>(::getpid()));
  std::uniform_int_distribution<int> duration(0, 2 * mean_microseconds);
  while (true) {
    const auto claim = VEDETTE_TRY(queue.claim());
    std::this_thread::sleep_for(std::chrono::microseconds(duration(random)));
    if (claim) VEDETTE_TRY(one(queue, *claim));
  }
}

Result<void> drain(Queue& queue) {
  VEDETTE_TRY(queue.bring_back_dead());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(600);
  auto last = std::chrono::steady_clock::now();
  // Jobs of killed workers come back when their lease is over.
  while (std::chrono::steady_clock::now() < end && std::chrono::steady_clock::now() - last < 3 * lease) {
    const auto claim = VEDETTE_TRY(queue.claim());
    if (!claim) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    VEDETTE_TRY(one(queue, *claim));
    last = std::chrono::steady_clock::now();
  }
  return {};
}

Result<void> hold(Queue& queue) {
  const auto claim = VEDETTE_TRY(queue.claim());
  if (!claim) return Error{Fault::not_found, "queue.empty", "There is no job"};
  fmt::print("claimed {} {}\n", claim->key, claim->token);
  std::fflush(stdout);
  std::string line;
  std::getline(std::cin, line);
  const auto done = queue.publish(*claim);
  fmt::print("{}\n", done ? "published" : done.error().code);
  return {};
}

Result<void> run(std::string_view what, const std::string& path, std::int64_t first, std::int64_t count) {
  auto database = VEDETTE_TRY(database::open_sqlite(path));
  std::vector<database::Migration> steps(jobs::migrations().begin(), jobs::migrations().end());
  steps.insert(steps.end(), std::begin(result_tables), std::end(result_tables));
  VEDETTE_TRY(database->migrate(steps));
  Queue queue(std::move(database));
  if (what == "fill") return queue.fill(first, count);
  if (what == "work") return work(queue, static_cast<int>(first));
  if (what == "drain") return drain(queue);
  if (what == "hold") return hold(queue);
  fmt::print("{}\n", VEDETTE_TRY(queue.counts()));
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const auto number = [&](int i) { return count > i ? std::stoll(arguments[i]) : 0; };
  const auto done = run(arguments[1], arguments[2], number(3), number(4));
  if (done) return 0;
  fmt::print(stderr, "{}\n", done.error().text());
  return 1;
}
