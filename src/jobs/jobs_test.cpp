#include "jobs/jobs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

namespace vedette::jobs {
namespace {

using database::Transaction;

constexpr seconds lease{30};
const std::vector<std::string> all_kinds = {"tool.run", "delivery.send"};

class JobsTest : public testing::Test {
 protected:
  JobsTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vedette-jobs-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    database_ = database::open_sqlite(folder_ + "/index.db").value();
    EXPECT_TRUE(database_->migrate(migrations()));
    jobs_ = std::make_unique<Jobs>(*database_, clock_);
  }
  ~JobsTest() override { std::filesystem::remove_all(folder_); }

  Result<void> add(const NewJob& job) {
    return database_->write([&](Transaction& tx) { return jobs_->add(tx, job); });
  }
  std::optional<Claim> claim() { return jobs_->claim(all_kinds, "worker", lease).value(); }
  Result<void> finish(const Claim& claim) {
    return database_->write([&](Transaction& tx) { return jobs_->finish(tx, claim); });
  }
  Result<bool> fail(const Claim& claim, int attempts, bool final = false) {
    return database_->write_for<bool>([&](Transaction& tx) {
      return jobs_->fail(tx, claim, Error{Fault::timed_out, "test.slow", "It took too long"}, attempts, seconds(10),
                         final);
    });
  }
  std::string next_key() {
    const auto claimed = claim();
    return claimed ? claimed->key : "-";
  }
  Jobs::Depth depth(std::string_view kind) {
    const auto depths = jobs_->depth().value();
    for (const Jobs::Depth& depth : depths) {
      if (depth.kind == kind) return depth;
    }
    return {};
  }

  std::string folder_;
  TestClock clock_;
  std::unique_ptr<database::Database> database_;
  std::unique_ptr<Jobs> jobs_;
};

TEST_F(JobsTest, TheMostUrgentComesFirstThenTheOldest) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "c", .priority = 3}));
  ASSERT_TRUE(add({.kind = "tool.run", .key = "b", .priority = 1}));
  ASSERT_TRUE(add({.kind = "delivery.send", .key = "a", .priority = 0}));
  ASSERT_TRUE(add({.kind = "tool.run", .key = "d", .priority = 3}));
  ASSERT_TRUE(add({.kind = "report.publish", .key = "nobody asked for this kind", .priority = 0}));
  for (const char* key : {"a", "b", "c", "d", "-"}) EXPECT_EQ(next_key(), key);
}

TEST_F(JobsTest, AJobIsNotStartedBeforeItsTime) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "later", .priority = 0, .not_before = clock_.now() + seconds(60)}));
  ASSERT_TRUE(add({.kind = "tool.run", .key = "now", .priority = 3}));
  EXPECT_EQ(next_key(), "now");
  EXPECT_EQ(next_key(), "-");
  clock_.advance(seconds(61));
  EXPECT_EQ(next_key(), "later");
}

TEST_F(JobsTest, TheSameJobIsQueuedOnceAndBecomesAsUrgentAsAsked) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "other", .priority = 2}));
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x", .priority = 3}));
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x", .priority = 1}));
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x", .priority = 3}));
  EXPECT_EQ(depth("tool.run").queued, 2);
  const auto claimed = claim();
  ASSERT_EQ(claimed->key, "x");
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
  EXPECT_EQ(depth("tool.run").queued, 1) << "a running job is not finished";
  ASSERT_TRUE(finish(*claimed));
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
  EXPECT_EQ(depth("tool.run").queued, 2);
}

TEST_F(JobsTest, UnknownKindsAndPrioritiesAreRefused) {
  EXPECT_EQ(add({.kind = "tool.rum", .key = "x"}).error().code, "jobs.kind");
  EXPECT_EQ(add({.kind = "tool.run", .key = "x", .priority = 4}).error().code, "jobs.priority");
  EXPECT_EQ(add({.kind = "tool.run", .key = "x", .priority = -1}).error().code, "jobs.priority");
}

TEST_F(JobsTest, AWorkerPausedPastItsLeaseCannotPublish) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
  const auto paused = claim();
  EXPECT_FALSE(claim());
  clock_.advance(lease);
  const auto other = claim();
  ASSERT_TRUE(other);
  EXPECT_EQ(other->id, paused->id);
  EXPECT_EQ(other->attempt, 2);
  EXPECT_GT(other->token, paused->token);
  const auto lost = database_->write([&](Transaction& tx) { return jobs_->hold(tx, *paused); });
  EXPECT_EQ(lost.error().code, "jobs.lease_lost");
  EXPECT_EQ(lost.error().fault, Fault::conflict);
  EXPECT_EQ(finish(*paused).error().code, "jobs.lease_lost");
  EXPECT_EQ(fail(*paused, 3).error().code, "jobs.lease_lost");
  EXPECT_EQ(jobs_->renew(*paused, lease).error().code, "jobs.lease_lost");
  EXPECT_EQ(jobs_->hand_back(*paused).error().code, "jobs.lease_lost");
  EXPECT_TRUE(finish(*other));
  EXPECT_EQ(finish(*other).error().code, "jobs.lease_lost") << "finished once";
}

TEST_F(JobsTest, ARenewedLeaseKeepsTheJob) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
  const auto held = claim();
  clock_.advance(seconds(20));
  ASSERT_TRUE(jobs_->renew(*held, lease));
  clock_.advance(seconds(20));
  EXPECT_FALSE(claim());
  EXPECT_TRUE(finish(*held));
}

TEST_F(JobsTest, AFailedJobBacksOffAndThenBecomesADeadLetterWithItsCause) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x", .subject = "study", .payload = R"({"a":1})"}));
  EXPECT_FALSE(fail(*claim(), 2).value());
  EXPECT_FALSE(claim()) << "it backs off";
  clock_.advance(seconds(10));
  const auto second = claim();
  EXPECT_EQ(second->attempt, 2);
  EXPECT_TRUE(fail(*second, 2).value());
  clock_.advance(seconds(3600));
  EXPECT_FALSE(claim());
  const auto dead = jobs_->dead(10).value();
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].key, "x");
  EXPECT_EQ(dead[0].subject, "study");
  EXPECT_EQ(dead[0].payload, R"({"a":1})");
  EXPECT_EQ(dead[0].cause, "It took too long.");
  EXPECT_EQ(dead[0].attempts, 2);
  EXPECT_EQ(depth("tool.run").dead, 1);
}

TEST_F(JobsTest, AFinalFailureNeedsNoMoreAttempts) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
  EXPECT_TRUE(fail(*claim(), 5, true).value());
}

TEST_F(JobsTest, ADeadLetterIsRevivedAsAFreshJob) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
  ASSERT_TRUE(fail(*claim(), 1).value());
  const auto id = jobs_->dead(1).value().at(0).id;
  ASSERT_TRUE(jobs_->revive(id));
  EXPECT_EQ(jobs_->revive(id).error().fault, Fault::not_found);
  const auto again = claim();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempt, 1);
}

TEST_F(JobsTest, ADeadLetterIsRevivedByNameWithItsSubject) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x", .subject = "study"}));
  const auto revive = [&] {
    return database_->write_for<bool>([&](Transaction& tx) { return jobs_->revive(tx, "tool.run", "x"); }).value();
  };
  EXPECT_FALSE(revive()) << "it only waits";
  ASSERT_TRUE(fail(*claim(), 1).value());
  EXPECT_TRUE(revive());
  EXPECT_EQ(claim()->subject, "study");
  EXPECT_EQ(depth("tool.run").dead, 0);
}

TEST_F(JobsTest, ADeadLetterIsNotRevivedBesideItsSuccessor) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
  ASSERT_TRUE(fail(*claim(), 1).value());
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
  EXPECT_EQ(jobs_->revive(jobs_->dead(1).value().at(0).id).error().code, "jobs.queued_again");
}

TEST_F(JobsTest, WorkersThatKeepDyingMakeADeadLetterAndSomebodyIsTold) {
  std::vector<Dead> told;
  jobs_->when_lost([&](Transaction&, const Dead& dead) -> Result<void> {
    told.push_back(dead);
    return {};
  });
  ASSERT_TRUE(add({.kind = "tool.run", .key = "poison", .subject = "study"}));
  ASSERT_TRUE(add({.kind = "tool.run", .key = "healthy", .priority = 3, .not_before = clock_.now() + seconds(500)}));
  for (int i = 1; i <= row_of("tool.run")->attempts; ++i) {
    EXPECT_EQ(claim()->attempt, i);
    clock_.advance(lease);
  }
  EXPECT_FALSE(claim());
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].key, "poison");
  EXPECT_EQ(told[0].subject, "study");
  EXPECT_THAT(jobs_->dead(1).value().at(0).cause, testing::HasSubstr("without an answer"));
  clock_.advance(seconds(500));
  EXPECT_EQ(next_key(), "healthy");
}

TEST_F(JobsTest, AnsweredFailuresAreNotDeathsOfAWorker) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
  for (int i = 1; i <= 6; ++i) {
    const auto claimed = claim();
    ASSERT_TRUE(claimed) << i;
    EXPECT_FALSE(fail(*claimed, 10).value());
    clock_.advance(seconds(10));
  }
}

TEST_F(JobsTest, AJobHandedBackLosesNoAttempt) {
  ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
  ASSERT_TRUE(jobs_->hand_back(*claim()));
  EXPECT_EQ(claim()->attempt, 1);
}

TEST_F(JobsTest, TokensOnlyGrowAndIdsAreNeverUsedTwice) {
  std::int64_t highest = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(add({.kind = "tool.run", .key = "x"}));
    const auto claimed = claim();
    EXPECT_GT(claimed->id, highest);
    EXPECT_GT(claimed->token, claimed->id);
    highest = claimed->token;
    ASSERT_TRUE(finish(*claimed));
  }
}

TEST_F(JobsTest, ManyWaitingForTheirBackOffDoNotSlowTheNext) {
  ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<void> {
    for (int i = 0; i < 20'000; ++i) {
      VEDETTE_TRY(jobs_->add(tx, {.kind = "delivery.send",
                                  .key = std::to_string(i),
                                  .priority = 0,
                                  .not_before = clock_.now() + seconds(1000)}));
    }
    for (int i = 0; i < 100; ++i) VEDETTE_TRY(jobs_->add(tx, {.kind = "tool.run", .key = std::to_string(i)}));
    return {};
  }));
  ASSERT_TRUE(database_->read([](Transaction& tx) -> Result<void> {
    const auto plan = VEDETTE_TRY(
        tx.query("EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE state = 'queued' AND kind = 'x' AND priority = 1 AND "
                 "not_before <= 5 ORDER BY not_before, id LIMIT 1"));
    EXPECT_EQ(plan.size(), 1U) << "no sorting";
    EXPECT_THAT(plan[0].text(3), testing::HasSubstr("jobs_due"));
    return {};
  }));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(next_key(), std::to_string(i));
}

TEST_F(JobsTest, AWakeBetweenAnEmptyClaimAndTheWaitIsHeard) {
  EXPECT_FALSE(jobs_->wait(milliseconds(5), {}));
  jobs_->wake();
  EXPECT_TRUE(jobs_->wait(seconds(20), {}));
  EXPECT_FALSE(jobs_->wait(milliseconds(5), {}));
  std::atomic<int> woken = 0;
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 3; ++i) {
      workers.emplace_back([&] {
        if (jobs_->wait(seconds(20), {})) ++woken;
      });
    }
    std::this_thread::sleep_for(milliseconds(50));
    jobs_->wake();
    jobs_->wake();
    jobs_->wake();
  }
  EXPECT_EQ(woken, 3);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(jobs_->wait(seconds(20), stop.get_token()));
}

}  // namespace
}  // namespace vedette::jobs
