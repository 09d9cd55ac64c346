#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "ledger/ledger.hpp"
#include "study/catalogue.hpp"
#include "upkeep/erase.hpp"
#include "upkeep/holdings.hpp"
#include "upkeep/rebuild.hpp"
#include "upkeep/scrub.hpp"

// The rows of other rooms come in the stories (tests/scenario); here is what needs no node.
namespace vedette::upkeep {
namespace {

using database::Transaction;
using testing::HasSubstr;

constexpr database::Migration rooms[] = {
    {"intake.1", "CREATE TABLE intake_position (id INTEGER PRIMARY KEY, position BIGINT NOT NULL)"},
    {"kept.1", "CREATE TABLE kept (id TEXT PRIMARY KEY, number BIGINT, bytes BLOB, real DOUBLE PRECISION)"}};

class Upkeep : public testing::Test {
 protected:
  Upkeep() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vedette-upkeep-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    blobs_ = vault::open_folder({folder_ + "/vault", 1 << 20, 0, 0}).value();
    index_ = open("/index.sqlite");
  }
  ~Upkeep() override {
    blobs_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::unique_ptr<database::Database> open(const std::string& name, bool with_kept = true) {
    auto database = database::open_sqlite(folder_ + name).value();
    std::vector<database::Migration> steps;
    for (const auto some : {ledger::migrations(), study::migrations(), migrations()}) {
      steps.insert(steps.end(), some.begin(), some.end());
    }
    steps.push_back(rooms[0]);
    if (with_kept) steps.push_back(rooms[1]);
    EXPECT_TRUE(database->migrate(steps));
    return database;
  }
  static std::string pseudonym(std::string_view uid) { return "study-" + std::string(uid); }

  void store(const std::string& study, int count, const std::string& patient = "P1", const std::string& issuer = {}) {
    study::Catalogue catalogue(*index_);
    for (int i = 1; i <= count; ++i) {
      study::InstanceRecord r;
      r.study_uid = "1.2." + study;
      r.series_uid = r.study_uid + ".1";
      r.sop_instance_uid = r.series_uid + "." + std::to_string(i);
      r.sop_class_uid = "1.2.840.10008.5.1.4.1.1.2";
      r.patient_id = patient;
      r.issuer_of_patient_id = issuer;
      r.modality = i % 2 == 0 ? "CT" : "PT";
      r.source = "dimse:CT1";
      r.received_at = 1'000'000 + i;
      r.header_json = "{}";
      const auto stored =
          blobs_->put(as_bytes(std::string(5000, 'x') + r.sop_instance_uid), study::to_label(r)).value();
      const auto added = index_->write([&](Transaction& tx) -> Result<void> {
        const auto record = VEDETTE_TRY(study::from_label(stored.label));
        VEDETTE_TRY(catalogue.add(tx, record, stored, pseudonym(r.study_uid)));
        VEDETTE_TRY(
            tx.run("INSERT INTO intake_position (id, position) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET "
                   "position = excluded.position",
                   {stored.position}));
        return {};
      });
      ASSERT_TRUE(added) << added.error().text() << added.error().detail;
    }
  }
  void run(const std::string& sql) {
    const auto done = index_->write([&](Transaction& tx) -> Result<void> {
      VEDETTE_TRY(tx.run(sql));
      return {};
    });
    ASSERT_TRUE(done) << done.error().text() << done.error().detail;
  }
  Result<RebuildReport> rebuilt(database::Database& fresh) { return rebuild(*index_, fresh, *blobs_, pseudonym); }

  std::string folder_;
  std::unique_ptr<vault::Blobs> blobs_;
  std::unique_ptr<database::Database> index_;
  SystemClock clock_;
};

TEST_F(Upkeep, ARebuiltIndexHasTheSameRowsAndKeepsEveryOtherRow) {
  store("7", 5);
  store("8", 3, "P2");
  run("UPDATE study SET state = 3, version = 2, complete_at = 77 WHERE uid = '1.2.7'");
  run("INSERT INTO kept VALUES ('a', NULL, x'00ff00', 1.5), ('b', -9007199254740993, NULL, NULL)");
  const auto fresh = open("/new.sqlite");
  const auto report = rebuilt(*fresh);
  ASSERT_TRUE(report) << report.error().text() << report.error().detail;
  EXPECT_EQ(report->different, 0) << report->differences.front();
  EXPECT_TRUE(report->compared);
  EXPECT_EQ(report->instances, 8);
  const auto kept =
      fresh->read_for<database::Rows>([](Transaction& tx) { return tx.query("SELECT * FROM kept ORDER BY id"); });
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 2U);
  EXPECT_TRUE((*kept)[0].is_null(1));
  EXPECT_EQ((*kept)[0].text(2), std::string("\0\xff\0", 3));
  EXPECT_EQ((*kept)[1].integer(1), -9007199254740993);
}

TEST_F(Upkeep, ARebuildNamesWhatTheOldIndexHadWrong) {
  store("7", 4);
  run("DELETE FROM instance WHERE uid = '1.2.7.1.2'");
  run("UPDATE series SET modality = 'MR'");
  const auto fresh = open("/new.sqlite");
  const auto report = rebuilt(*fresh);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->different, 2);
  EXPECT_THAT(report->differences, testing::Contains(HasSubstr("instance 1.2.7.1.2: only in the new index")));
}

TEST_F(Upkeep, ATableThatTheNewIndexLacksStopsTheRebuild) {
  store("7", 1);
  const auto fresh = open("/new.sqlite", false);
  EXPECT_EQ(rebuilt(*fresh).error().code, "rebuild.table");
}

TEST_F(Upkeep, ScrubTellsOfAnImageThatTheIndexLostAndNotOfOneThatItHasYetToTake) {
  store("7", 4);
  run("CREATE TABLE finding (id TEXT PRIMARY KEY, study_uid TEXT, document TEXT)");
  const auto look = [&] { return scrub(*index_, {folder_ + "/vault", false, 0, {}}).value(); };
  EXPECT_EQ(look().faults, 0);
  run("DELETE FROM instance WHERE uid = '1.2.7.1.2'");
  const ScrubReport lost = look();
  ASSERT_EQ(lost.faults, 1);
  EXPECT_THAT(lost.first[0].what, HasSubstr("1.2.7.1.2"));
  EXPECT_THAT(lost.first[0].error.text(), HasSubstr("--rebuild-index"));
  run("UPDATE intake_position SET position = 1");
  EXPECT_EQ(look().faults, 0);
  EXPECT_EQ(look().waiting, 1) << "the node brings it up at its start";
}

TEST_F(Upkeep, ScrubNamesARowWhoseObjectIsNotInTheVault) {
  store("7", 2);
  run("CREATE TABLE finding (id TEXT PRIMARY KEY, study_uid TEXT, document TEXT)");
  run("UPDATE instance SET segment_offset = segment_offset + 64 WHERE uid = '1.2.7.1.1'");
  const ScrubReport report = scrub(*index_, {folder_ + "/vault", false, 0, {}}).value();
  ASSERT_EQ(report.faults, 1);
  EXPECT_THAT(report.first[0].what, HasSubstr("instance 1.2.7.1.1 of series 1.2.7.1 of study 1.2.7"));
}

TEST_F(Upkeep, ATableThatNobodySpokeForStopsAnErasure) {
  store("7", 1);
  ledger::Ledger ledger(*index_, clock_);
  const auto refused = plan_erasure({*index_, ledger, clock_, folder_, pseudonym}, {"P1", {}, {}});
  EXPECT_EQ(refused.error().code, "upkeep.table");
  EXPECT_EQ(refused.error().where, "kept");
}

TEST_F(Upkeep, DeletedRowsAreGoneFromTheFilesOnceTheyAreForgotten) {
  run("INSERT INTO kept VALUES ('Mustermann^Erika', 1, NULL, NULL)");
  run("UPDATE kept SET id = 'x'");
  run("DELETE FROM kept");
  const auto hits = [&] {
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (!entry.is_regular_file()) continue;
      std::FILE* file = std::fopen(entry.path().c_str(), "rb");
      std::string bytes(entry.file_size(), '\0');
      bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
      std::fclose(file);
      if (bytes.find("Mustermann") != std::string::npos) ++found;
    }
    return found;
  };
  EXPECT_GT(hits(), 0) << "deleting alone leaves it";
  ASSERT_TRUE(index_->forget_deleted());
  EXPECT_EQ(hits(), 0);
  run("INSERT INTO kept VALUES ('still', 1, NULL, NULL)");
  EXPECT_TRUE(index_->check());
}

}  // namespace
}  // namespace vedette::upkeep
