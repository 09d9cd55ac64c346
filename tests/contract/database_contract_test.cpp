// What every Database must do, whatever it is built on. A second implementation joins by one line in `implementations`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "base/crash_point.hpp"
#include "database/database.hpp"
#include "scratch.hpp"

namespace vedette::database {
namespace {

using contract::Scratch;

struct Implementation {
  std::string name;
  /// The same place gives the same database.
  std::function<Result<std::unique_ptr<Database>>(const std::string& place)> open;
};

const Implementation implementations[] = {
    {"Sqlite", [](const std::string& place) { return open_sqlite(place + "/index.db"); }},
};

constexpr Migration first_steps[] = {
    {"test.1",
     "CREATE TABLE t (k TEXT PRIMARY KEY, n BIGINT NOT NULL, x DOUBLE PRECISION, b BLOB);"
     "CREATE TABLE child (id BIGINT PRIMARY KEY, k TEXT NOT NULL REFERENCES t(k))"},
    {"test.2", "CREATE INDEX t_n ON t (n)"},
};

class DatabaseContract : public testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override {
    database_ = open();
    ASSERT_TRUE(database_->migrate(first_steps));
  }
  std::unique_ptr<Database> open() { return GetParam().open(scratch_.path()).value(); }
  Result<void> put(const std::string& key, std::int64_t n) {
    return database_->write([&](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(tx.run("INSERT INTO t (k, n) VALUES (?, ?)", {key, n}));
      return {};
    });
  }
  static Result<std::int64_t> count(Transaction& tx) {
    const Rows rows = VEDETTE_TRY(tx.query("SELECT count(*) FROM t"));
    return rows[0].integer(0);
  }
  std::int64_t count() {
    return database_->read_for<std::int64_t>([](Transaction& tx) { return count(tx); }).value();
  }

  Scratch scratch_;
  std::unique_ptr<Database> database_;
};

TEST_P(DatabaseContract, WhatWasWrittenIsThereAfterOpeningAgain) {
  ASSERT_TRUE(put("a", 1));
  database_ = open();
  ASSERT_TRUE(database_->migrate(first_steps));
  EXPECT_EQ(count(), 1);
}

TEST_P(DatabaseContract, AnErrorUndoesTheWholeTransaction) {
  const auto done = database_->write([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(tx.run("INSERT INTO t (k, n) VALUES (?, ?)", {"a", std::int64_t{1}}));
    return Error{Fault::refused, "test.no", "No"};
  });
  EXPECT_EQ(done.error().code, "test.no");
  EXPECT_EQ(count(), 0);
}

TEST_P(DatabaseContract, AnExceptionUndoesTheWholeTransactionAndStaysInside) {
  const auto done = database_->write([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(tx.run("INSERT INTO t (k, n) VALUES (?, ?)", {"a", std::int64_t{1}}));
    throw std::runtime_error("boom");
  });
  EXPECT_EQ(done.error().code, "database.work");
  EXPECT_EQ(count(), 0);
}

TEST_P(DatabaseContract, EveryKindOfValueComesBack) {
  const std::string bytes("\0\xff\x01z", 4);
  ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(tx.run("INSERT INTO t (k, n, x, b) VALUES (?, ?, ?, ?)",
                       {"Łódź 'x'; ?", std::int64_t{-9'223'372'036'854'775'807}, 0.1, Blob{bytes}}));
    VEDETTE_TRY(tx.run("INSERT INTO t (k, n, x, b) VALUES (?, ?, ?, ?)",
                       {"", std::int64_t{0}, value_of(std::optional<double>()), Blob{}}));
    return {};
  }));
  const Rows rows =
      database_->read_for<Rows>([](Transaction& tx) { return tx.query("SELECT k, n, x, b FROM t ORDER BY n"); })
          .value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].text(0), "Łódź 'x'; ?");
  EXPECT_EQ(rows[0].integer(1), -9'223'372'036'854'775'807);
  EXPECT_EQ(rows[0].number(2), 0.1);
  EXPECT_EQ(rows[0].text(3), bytes);
  EXPECT_EQ(rows[1].text(0), "");
  EXPECT_TRUE(rows[1].is_null(2));
  EXPECT_FALSE(rows[1].is_null(3));
}

TEST_P(DatabaseContract, ASecondRowOfOneKeyIsAConflict) {
  ASSERT_TRUE(put("a", 1));
  const auto again = put("a", 2);
  EXPECT_EQ(again.error().fault, Fault::conflict);
  EXPECT_EQ(count(), 1);
}

TEST_P(DatabaseContract, ARowWithoutItsParentIsRefused) {
  const auto done = database_->write([](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(tx.run("INSERT INTO child (id, k) VALUES (1, 'nobody')"));
    return {};
  });
  EXPECT_FALSE(done);
}

TEST_P(DatabaseContract, RunAnswersHowManyRowsChanged) {
  ASSERT_TRUE(put("a", 1));
  ASSERT_TRUE(put("b", 1));
  ASSERT_TRUE(database_->write([](Transaction& tx) -> Result<void> {
    EXPECT_EQ(VEDETTE_TRY(tx.run("UPDATE t SET n = 2 WHERE n = 1")), 2);
    EXPECT_EQ(VEDETTE_TRY(tx.run("UPDATE t SET n = 3 WHERE n = 1")), 0);
    return {};
  }));
}

TEST_P(DatabaseContract, ReadersCannotWrite) {
  const auto done = database_->read([](Transaction& tx) -> Result<void> {
    VEDETTE_TRY(tx.run("INSERT INTO t (k, n) VALUES ('a', 1)"));
    return {};
  });
  EXPECT_FALSE(done);
  EXPECT_EQ(count(), 0);
}

TEST_P(DatabaseContract, AReaderSeesOneMomentWhileOthersWrite) {
  ASSERT_TRUE(put("a", 1));
  ASSERT_TRUE(database_->read([&](Transaction& tx) -> Result<void> {
    EXPECT_EQ(VEDETTE_TRY(count(tx)), 1);
    EXPECT_TRUE(put("b", 2));
    EXPECT_EQ(VEDETTE_TRY(count(tx)), 1);
    return {};
  }));
  EXPECT_EQ(count(), 2);
}

TEST_P(DatabaseContract, AWriteInsideAWriteIsRefusedInsteadOfWaitingForItself) {
  ASSERT_TRUE(database_->write([&](Transaction&) -> Result<void> {
    EXPECT_EQ(put("a", 1).error().code, "database.nested");
    return {};
  }));
  EXPECT_TRUE(put("a", 1));
}

TEST_P(DatabaseContract, WrongNumberOfValuesOrTwoStatementsAreRefused) {
  ASSERT_TRUE(database_->read([](Transaction& tx) -> Result<void> {
    EXPECT_FALSE(tx.query("SELECT ?, ?", {std::int64_t{1}}));
    EXPECT_FALSE(tx.query("SELECT 1; SELECT 2"));
    EXPECT_TRUE(tx.query("SELECT ?", {std::int64_t{1}}));
    return {};
  }));
}

TEST_P(DatabaseContract, ManyThreadsLoseNoUpdate) {
  ASSERT_TRUE(put("counter", 0));
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 25; ++k) {
          const auto done = database_->write([](Transaction& tx) -> Result<void> {
            const Rows rows = VEDETTE_TRY(tx.query("SELECT n FROM t WHERE k = 'counter'"));
            VEDETTE_TRY(tx.run("UPDATE t SET n = ? WHERE k = 'counter'", {rows[0].integer(0) + 1}));
            return {};
          });
          if (!done || count() != 1) ++failures;
        }
      });
    }
  }
  EXPECT_EQ(failures, 0);
  const Rows rows = database_->read_for<Rows>([](Transaction& tx) { return tx.query("SELECT n FROM t"); }).value();
  EXPECT_EQ(rows[0].integer(0), 200);
}

TEST_P(DatabaseContract, AnotherProcessWritesAtTheSameTime) {
  ASSERT_TRUE(put("counter", 0));
  database_.reset();  // no connection crosses the fork
  const auto add = [&] {
    auto opened = GetParam().open(scratch_.path());
    if (!opened) return 1;
    for (int k = 0; k < 100; ++k) {
      const auto done = (*opened)->write([](Transaction& tx) -> Result<void> {
        VEDETTE_TRY(tx.run("UPDATE t SET n = n + 1 WHERE k = 'counter'"));
        return {};
      });
      if (!done) return 2;
    }
    return 0;
  };
  std::vector<::pid_t> children;
  for (int i = 0; i < 3; ++i) children.push_back(contract::in_child(add));
  for (const ::pid_t child : children) EXPECT_EQ(contract::wait_for_child(child), 0);
  database_ = open();
  const Rows rows = database_->read_for<Rows>([](Transaction& tx) { return tx.query("SELECT n FROM t"); }).value();
  EXPECT_EQ(rows[0].integer(0), 300);
}

TEST_P(DatabaseContract, AProcessKilledInItsTransactionLeavesNothingHalf) {
  database_.reset();
  for (const char* point : {"database.before_commit", "database.after_commit"}) {
    const ::pid_t child = contract::in_child([&] {
      auto opened = GetParam().open(scratch_.path());
      crash_target().set(point);
      (void)(*opened)->write([&](Transaction& tx) -> Result<void> {
        VEDETTE_TRY(tx.run("INSERT INTO t (k, n) VALUES (?, 1)", {std::string(point) + "1"}));
        VEDETTE_TRY(tx.run("INSERT INTO t (k, n) VALUES (?, 1)", {std::string(point) + "2"}));
        return {};
      });
      return 0;
    });
    EXPECT_EQ(contract::wait_for_child(child), 128 + SIGKILL);
  }
  database_ = open();
  EXPECT_EQ(count(), 2) << "nothing of the transaction before its commit, all of the one after it";
  EXPECT_TRUE(database_->check());
}

TEST_P(DatabaseContract, StepsRunOnceAndMoreMayFollow) {
  ASSERT_TRUE(put("a", 1));
  ASSERT_TRUE(database_->migrate(first_steps));
  const Migration more[] = {first_steps[0], first_steps[1], {"test.3", "ALTER TABLE t ADD COLUMN extra TEXT"}};
  ASSERT_TRUE(database_->migrate(more));
  const Migration other[] = {{"other.1", "CREATE TABLE o (id BIGINT PRIMARY KEY)"}};
  ASSERT_TRUE(database_->migrate(other)) << "another module's steps do not count as unknown";
  ASSERT_TRUE(database_->migrate(more));
  EXPECT_EQ(count(), 1);
}

TEST_P(DatabaseContract, AChangedStepIsRefused) {
  const Migration changed[] = {first_steps[0], {"test.2", "CREATE INDEX t_n ON t (n, k)"}};
  const auto done = database_->migrate(changed);
  EXPECT_EQ(done.error().code, "database.step_changed");
  EXPECT_THAT(done.error().text(), testing::HasSubstr("test.2"));
}

TEST_P(DatabaseContract, ADatabaseOfANewerProgramIsRefused) {
  const auto done = database_->migrate(std::span(first_steps, 1));
  EXPECT_EQ(done.error().code, "database.newer");
  EXPECT_THAT(done.error().text(), testing::HasSubstr("test.2"));
}

TEST_P(DatabaseContract, AStepThatFailsIsUndoneAndNamed) {
  const Migration wrong[] = {first_steps[0], first_steps[1], {"test.3", "CREATE TABLE u (id BIGINT); BOGUS"}};
  const auto done = database_->migrate(wrong);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().where, "test.3");
  const Migration right[] = {first_steps[0], first_steps[1], {"test.3", "CREATE TABLE u (id BIGINT)"}};
  EXPECT_TRUE(database_->migrate(right));
}

INSTANTIATE_TEST_SUITE_P(Databases, DatabaseContract, testing::ValuesIn(implementations),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace vedette::database
