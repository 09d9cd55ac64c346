// A disk that really runs full under the index.
#include <gtest/gtest.h>

#include "database/database.hpp"
#include "scratch.hpp"

namespace vedette::database {
namespace {

TEST(FullDisk, TheIndexRefusesKeepsWhatItHasAndGoesOnOnceThereIsRoom) {
  const contract::SmallDisk disk(4);
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  const std::string ballast = disk.path() + "/ballast";
  {
    std::FILE* file = std::fopen(ballast.c_str(), "wb");
    ASSERT_NE(file, nullptr);
    const std::string megabytes(2 << 20, 'b');
    ASSERT_EQ(std::fwrite(megabytes.data(), 1, megabytes.size(), file), megabytes.size());
    std::fclose(file);
  }
  auto database = open_sqlite(disk.path() + "/index.db").value();
  const Migration steps[] = {{"a.1", "CREATE TABLE a (id BIGINT PRIMARY KEY, text TEXT)"}};
  ASSERT_TRUE(database->migrate(steps));
  const auto add = [&](std::int64_t id) {
    return database->write([&](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(tx.run("INSERT INTO a (id, text) VALUES (?, ?)", {id, std::string(50'000, 'z')}));
      return {};
    });
  };
  std::int64_t kept = 0;
  Result<void> last;
  while ((last = add(kept)) && kept < 1000) ++kept;
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().fault, Fault::exhausted) << last.error().detail;
  EXPECT_GT(kept, 2);

  const auto count = [&] {
    return database
        ->read_for<std::int64_t>([](Transaction& tx) -> Result<std::int64_t> {
          return VEDETTE_TRY(tx.query("SELECT count(*) FROM a"))[0].integer(0);
        })
        .value();
  };
  EXPECT_EQ(count(), kept) << "what was answered with success is there, what was refused is not";
  std::filesystem::remove(ballast);
  EXPECT_TRUE(add(kept)) << "room again: no restart is needed";
  EXPECT_EQ(count(), kept + 1);
  EXPECT_TRUE(database->check());
}

}  // namespace
}  // namespace vedette::database
