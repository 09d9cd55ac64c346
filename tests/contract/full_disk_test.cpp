// A disk that really runs full, under the index and under the vault.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "database/database.hpp"
#include "scratch.hpp"
#include "vault/vault.hpp"

namespace vedette {
namespace {

using contract::SmallDisk;

/// Takes room away until it is removed.
class Ballast {
 public:
  Ballast(const std::string& folder, std::size_t megabytes) : path_(folder + "/ballast") {
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    const std::string bytes(megabytes << 20, 'b');
    EXPECT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
    std::fclose(file);
  }
  void remove() { std::filesystem::remove(path_); }

 private:
  std::string path_;
};

TEST(FullDisk, TheIndexRefusesKeepsWhatItHasAndGoesOnOnceThereIsRoom) {
  const SmallDisk disk(4);
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  Ballast ballast(disk.path(), 2);
  auto database = database::open_sqlite(disk.path() + "/index.db").value();
  const database::Migration steps[] = {{"a.1", "CREATE TABLE a (id BIGINT PRIMARY KEY, text TEXT)"}};
  ASSERT_TRUE(database->migrate(steps));
  const auto add = [&](std::int64_t id) {
    return database->write([&](database::Transaction& tx) -> Result<void> {
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
        ->read_for<std::int64_t>([](database::Transaction& tx) -> Result<std::int64_t> {
          return VEDETTE_TRY(tx.query("SELECT count(*) FROM a"))[0].integer(0);
        })
        .value();
  };
  EXPECT_EQ(count(), kept) << "what was answered with success is there, what was refused is not";
  ballast.remove();
  EXPECT_TRUE(add(kept)) << "room again: no restart is needed";
  EXPECT_EQ(count(), kept + 1);
  EXPECT_TRUE(database->check());
}

TEST(FullDisk, TheVaultRefusesBeforeTheReserveIsTouchedAndGoesOnOnceThereIsRoom) {
  const SmallDisk disk(64);
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  Ballast ballast(disk.path(), 20);
  constexpr std::int64_t reserve = 8 << 20;
  auto blobs = vault::open_folder({.folder = disk.path(), .segment_bytes = 16 << 20, .reserve_bytes = reserve}).value();
  const std::string bytes(1'000'000, 'v');
  std::vector<vault::Stored> kept;
  Result<vault::Stored> last = blobs->put(as_bytes(bytes), "l");
  while (last && kept.size() < 1000) {
    kept.push_back(*last);
    last = blobs->put(as_bytes(bytes), "l");
  }
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, "vault.full");
  EXPECT_EQ(last.error().fault, Fault::exhausted);
  EXPECT_GT(kept.size(), 20U);
  EXPECT_GE(blobs->space().free, reserve) << "the reserve is whole";
  EXPECT_FALSE(blobs->space().accepting && blobs->space().free < reserve + (1 << 20));
  for (const auto& stored : kept) EXPECT_TRUE(blobs->verify(stored.place, stored.digest)) << "reading goes on";

  ballast.remove();
  EXPECT_TRUE(blobs->put(as_bytes(bytes), "l")) << "room again: no restart is needed";
}

TEST(FullDisk, AnObjectOfUnknownSizeThatDoesNotFitIsRefusedWhileItArrivesAndLeavesNothing) {
  const SmallDisk disk(32);
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  auto blobs = vault::open_folder({.folder = disk.path(), .reserve_bytes = 4 << 20}).value();
  ASSERT_TRUE(blobs->put(as_bytes("small"), "small"));
  {
    auto writer = blobs->begin(0).value();
    const std::string piece(1 << 20, 'p');
    Result<void> done;
    int pieces = 0;
    while ((done = writer->append(as_bytes(piece))) && pieces < 100) ++pieces;
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "vault.full");
    EXPECT_GT(pieces, 10);
    EXPECT_EQ(writer->keep("l").error().code, "vault.full");
  }
  EXPECT_TRUE(blobs->put(as_bytes("after"), "after"));
  EXPECT_FALSE(blobs->begin(100 << 20)) << "known to be too large: refused before the first byte";
}

TEST(FullDisk, ALimitOnTheSizeOfFilesRefusesAndKeepsWhatIsThere) {
  const contract::Scratch scratch;
  const int status = contract::wait_for_child(contract::in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    auto blobs = vault::open_folder({.folder = scratch.path(), .reserve_bytes = 0}).value();
    const std::string bytes(600'000, 'v');
    const vault::Stored first = blobs->put(as_bytes(bytes), "first").value();
    const ::rlimit limit{18 << 20, 18 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Result<vault::Stored> last = blobs->put(as_bytes(bytes), "l");
    for (int i = 0; last && i < 100; ++i) last = blobs->put(as_bytes(bytes), "l");
    if (last || last.error().fault != Fault::exhausted) return 1;
    if (!blobs->verify(first.place, first.digest)) return 2;
    return 0;
  }));
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace vedette
