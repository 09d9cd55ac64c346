// Exactly once in effect: workers that die, pause past their lease and fail publish every job once, whatever the order.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <random>
#include <thread>

#include "jobs/jobs.hpp"

namespace vedette::jobs {
namespace {

using database::Database;
using database::Rows;
using database::Transaction;

constexpr database::Migration result_table[] = {
    {"results.1", "CREATE TABLE results (key TEXT NOT NULL, token BIGINT NOT NULL)"},
};
const std::vector<std::string> kinds = {"delivery.send"};

Result<void> publish(Database& database, Jobs& jobs, const Claim& claim) {
  return database.write([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(jobs.hold(tx, claim));
    VEDETTE_TRY(tx.run("INSERT INTO results (key, token) VALUES (?, ?)", {claim.key, claim.token}));
    return jobs.finish(tx, claim);
  });
}

struct Counts {
  std::int64_t results = 0, distinct = 0, unfinished = 0, dead = 0;
};
Counts count(Database& database) {
  return database
      .read_for<Counts>([](Transaction& tx) -> Result<Counts> {
        const Rows results = VEDETTE_TRY(tx.query("SELECT count(*), count(DISTINCT key) FROM results"));
        const Rows open = VEDETTE_TRY(tx.query("SELECT count(*) FROM jobs WHERE state <> 'dead'"));
        const Rows dead = VEDETTE_TRY(tx.query("SELECT count(*) FROM jobs WHERE state = 'dead'"));
        return Counts{results[0].integer(0), results[0].integer(1), open[0].integer(0), dead[0].integer(0)};
      })
      .value();
}

class Property : public testing::Test {
 protected:
  Property() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vedette-property-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Property() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<Database> open() {
    auto database = database::open_sqlite(folder_ + "/index.db").value();
    EXPECT_TRUE(database->migrate(migrations()));
    EXPECT_TRUE(database->migrate(result_table));
    return database;
  }
  static void fill(Database& database, const Clock& clock, int count) {
    Jobs jobs(database, clock);
    ASSERT_TRUE(database.write([&](Transaction& tx) -> Result<void> {
      for (int i = 0; i < count; ++i) {
        VEDETTE_TRY(jobs.add(tx, {.kind = kinds[0], .key = std::to_string(i), .priority = i % 4}));
      }
      return {};
    }));
  }
  std::string folder_;
};

// One worker with its own moods: dies (forgets the claim), pauses past the lease and publishes late, fails, or works.
class MoodyWorker {
 public:
  MoodyWorker(Database& database, TestClock& clock, std::atomic<std::int64_t>& late_publications, unsigned seed)
      : database_(database), clock_(clock), jobs_(database, clock), late_(late_publications), random_(seed) {}

  /// False when nothing is unfinished any more.
  bool step() {
    const auto claimed = jobs_.claim(kinds, "w", lease).value();
    if (!claimed) {
      clock_.advance(lease / 2);
      return count(database_).unfinished > 0;
    }
    switch (random_() % 12) {
      case 0:
        return true;  // died
      case 1: {
        clock_.advance(lease * 2);  // paused past its lease; another one may have finished it by now
        std::this_thread::yield();
        if (publish(database_, jobs_, *claimed)) ++late_;
        return true;
      }
      case 2: {
        const auto failed = database_.write_for<bool>([&](Transaction& tx) {
          return jobs_.fail(tx, *claimed, Error{Fault::unavailable, "test.down", "Down"}, 1000, seconds(1));
        });
        EXPECT_TRUE(failed || failed.error().code == "jobs.lease_lost");
        return true;
      }
      default: {
        const auto done = publish(database_, jobs_, *claimed);
        EXPECT_TRUE(done || done.error().code == "jobs.lease_lost") << done.error().text();
        return true;
      }
    }
  }

 private:
  static constexpr seconds lease{30};
  Database& database_;
  TestClock& clock_;
  Jobs jobs_;
  std::atomic<std::int64_t>& late_;
  std::mt19937 random_;
};

TEST_F(Property, ThreadsThatDieAndPausePublishEachJobOnce) {
  constexpr int jobs = 2000;
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  auto database = open();
  TestClock clock;
  fill(*database, clock, jobs);
  std::atomic<std::int64_t> late = 0;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        MoodyWorker worker(*database, clock, late, seed + i);
        while (worker.step()) {
        }
      });
    }
  }
  const Counts counts = count(*database);
  EXPECT_EQ(counts.results, counts.distinct) << "no job was published twice";
  EXPECT_EQ(counts.distinct + counts.dead, jobs) << "none was lost";
  EXPECT_LT(counts.dead, jobs / 50) << "only those whose workers died ten times";
  EXPECT_EQ(counts.unfinished, 0);
}

// A worker process that never ends by itself.
[[noreturn]] void work_for_ever(const std::string& path) {
  auto database = database::open_sqlite(path);
  if (!database) ::_exit(1);
  SystemClock clock;
  Jobs jobs(**database, clock);
  while (true) {
    const auto claimed = jobs.claim(kinds, std::to_string(::getpid()), seconds(1));
    if (!claimed) ::_exit(2);
    if (!*claimed) {
      ::usleep(2000);
      continue;
    }
    ::usleep(500);
    const auto done = publish(**database, jobs, **claimed);
    if (!done && done.error().code != "jobs.lease_lost") ::_exit(3);
  }
}

TEST_F(Property, ProcessesKilledAndStoppedPublishEachJobOnce) {
  constexpr int jobs = 1500;
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const SystemClock clock;
  {
    auto database = open();
    fill(*database, clock, jobs);
  }  // no connection crosses the fork
  const auto start = [&] {
    const ::pid_t child = ::fork();
    if (child == 0) work_for_ever(folder_ + "/index.db");
    return child;
  };
  std::vector<::pid_t> workers{start(), start(), start()};
  int kills = 0, stops = 0;
  const auto end = std::chrono::steady_clock::now() + seconds(60);
  const auto reap = [](::pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  };
  while (std::chrono::steady_clock::now() < end) {
    for (::pid_t& worker : workers) {
      ::usleep(10'000);
      if (random() % 3 == 0) {
        ::kill(worker, SIGSTOP);
        ++stops;
        if (random() % 8 == 0) ::usleep(1'200'000);  // past the lease of one second
        ::kill(worker, SIGCONT);
      } else {
        ::kill(worker, SIGKILL);
        const int status = reap(worker);
        EXPECT_TRUE(WIFSIGNALED(status)) << "a worker ended by itself: " << WEXITSTATUS(status);
        worker = start();
        ++kills;
      }
    }
    // Asked in a process of its own: closing a connection here must not touch what later children inherit.
    const ::pid_t asker = ::fork();
    if (asker == 0) {
      auto database = database::open_sqlite(folder_ + "/index.db");
      ::_exit(database && count(**database).unfinished == 0 ? 0 : 1);
    }
    if (WEXITSTATUS(reap(asker)) == 0) break;
  }
  for (const ::pid_t worker : workers) {
    ::kill(worker, SIGKILL);
    reap(worker);
  }
  auto database = open();
  const Counts counts = count(*database);
  RecordProperty("kills", kills);
  RecordProperty("stops", stops);
  EXPECT_EQ(counts.unfinished, 0) << "after " << kills << " kills and " << stops << " stops";
  EXPECT_EQ(counts.results, counts.distinct) << "no job was published twice";
  EXPECT_EQ(counts.distinct + counts.dead, jobs) << "none was lost";
  EXPECT_GT(kills, 5);
  EXPECT_TRUE(database->check());
}

}  // namespace
}  // namespace vedette::jobs
