#include "database/database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "database/migration.hpp"
#include "database/sqlite_connection.hpp"

// What only SQLite promises. What every database promises stands in tests/contract.
namespace vedette::database {
namespace {

class Sqlite : public testing::Test {
 protected:
  Sqlite() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vedette-db-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/index.db";
  }
  ~Sqlite() override { std::filesystem::remove_all(folder_); }
  std::string folder_, path_;
};

TEST_F(Sqlite, FilesAreReadableByTheOwnerOnly) {
  auto database = open_sqlite(path_).value();
  const Migration steps[] = {{"a.1", "CREATE TABLE a (id BIGINT)"}};
  ASSERT_TRUE(database->migrate(steps));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct ::stat status {};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << suffix;
  }
}

TEST_F(Sqlite, EveryCommitIsFlushedInWalMode) {
  auto connection = SqliteConnection::open(path_, SqliteConnection::Use::reading);
  ASSERT_FALSE(connection) << "a reader alone makes no file";
  auto database = open_sqlite(path_).value();
  ASSERT_TRUE(database->read([](Transaction& tx) -> Result<void> {
    EXPECT_EQ(VEDETTE_TRY(tx.query("PRAGMA journal_mode"))[0].text(0), "wal");
    EXPECT_EQ(VEDETTE_TRY(tx.query("PRAGMA synchronous"))[0].integer(0), 2);  // FULL
    EXPECT_EQ(VEDETTE_TRY(tx.query("PRAGMA foreign_keys"))[0].integer(0), 1);
    return {};
  }));
}

TEST_F(Sqlite, AMissingFolderIsNamed) {
  const auto opened = open_sqlite(folder_ + "/no/such/index.db");
  EXPECT_EQ(opened.error().code, "database.cannot_open");
  EXPECT_THAT(opened.error().text(), testing::HasSubstr("/no/such/"));
}

TEST_F(Sqlite, AFileThatIsNoDatabaseIsRefusedWithTheWayOut) {
  std::ofstream(path_) << std::string(8192, 'x');
  const auto opened = open_sqlite(path_);
  EXPECT_EQ(opened.error().code, "database.corrupt");
  EXPECT_EQ(opened.error().fault, Fault::internal);
  EXPECT_THAT(opened.error().text(), testing::HasSubstr("vedette doctor"));
}

TEST_F(Sqlite, CheckNamesDamageInsideTheFile) {
  {
    auto database = open_sqlite(path_).value();
    const Migration steps[] = {{"a.1", "CREATE TABLE a (id BIGINT PRIMARY KEY, text TEXT)"}};
    ASSERT_TRUE(database->migrate(steps));
    ASSERT_TRUE(database->write([](Transaction& tx) -> Result<void> {
      for (std::int64_t i = 0; i < 2000; ++i) {
        VEDETTE_TRY(tx.run("INSERT INTO a (id, text) VALUES (?, ?)", {i, std::string(100, 'y')}));
      }
      return {};
    }));
    ASSERT_TRUE(database->check());
  }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 10);
    file << std::string(4096, '\x7f');
  }
  auto database = open_sqlite(path_).value();
  const auto checked = database->check();
  EXPECT_EQ(checked.error().code, "database.corrupt");
  EXPECT_FALSE(checked.error().detail.empty());
}

TEST_F(Sqlite, ManyDifferentStatementsDoNotPileUp) {
  auto database = open_sqlite(path_).value();
  ASSERT_TRUE(database->read([](Transaction& tx) -> Result<void> {
    for (int i = 0; i < 2000; ++i) {
      EXPECT_EQ(VEDETTE_TRY(tx.query("SELECT " + std::to_string(i)))[0].integer(0), i);
    }
    return {};
  }));
}

TEST(SqliteErrors, ReadAsPeopleNeedThem) {
  EXPECT_EQ(sqlite_error(SQLITE_FULL, "", "").fault, Fault::exhausted);
  EXPECT_EQ(sqlite_error(SQLITE_CONSTRAINT_UNIQUE, "", "").fault, Fault::conflict);
  EXPECT_EQ(sqlite_error(SQLITE_CONSTRAINT_PRIMARYKEY, "", "").fault, Fault::conflict);
  EXPECT_EQ(sqlite_error(SQLITE_CONSTRAINT_NOTNULL, "", "").fault, Fault::internal);
  EXPECT_EQ(sqlite_error(SQLITE_BUSY, "", "").fault, Fault::unavailable);
  EXPECT_EQ(sqlite_error(SQLITE_IOERR_READ, "", "").code, "database.io");
}

TEST(Row, AWrongColumnIsAFaultOfTheProgram) {
  const Row row({Value(std::string("x")), Value(std::int64_t{3})});
  EXPECT_THROW((void)row.integer(0), std::logic_error);
  EXPECT_THROW((void)row.text(1), std::logic_error);
  EXPECT_THROW((void)row.text(2), std::out_of_range);
  EXPECT_EQ(row.number(1), 3.0);
}

TEST(Steps, AGapBelowAnAppliedStepIsRefused) {
  const Migration steps[] = {{"a.1", "X"}, {"a.2", "Y"}};
  const AppliedStep applied[] = {{"a.2", checksum_of(steps[1])}};
  EXPECT_EQ(steps_to_run(steps, applied).error().code, "database.step_missing");
  EXPECT_EQ(steps_to_run(steps, {}).value().size(), 2U);
}

}  // namespace
}  // namespace vedette::database
