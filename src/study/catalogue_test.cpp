#include <unistd.h>

#include <fstream>
#include <sstream>

#include "study/packed.hpp"
#include "study/study_fixture.hpp"

namespace vedette::study {
namespace {

using testing::ElementsAre;

TEST_F(StudyTest, FirstInstanceOpensTheStudyAndTheNextOnesDoNot) {
  EXPECT_TRUE(add(record("1", "1", 1)).study_opened);
  EXPECT_FALSE(add(record("1", "1", 2)).study_opened);
  EXPECT_FALSE(add(record("1", "2", 1, "PT")).study_opened);
  const Study one = study("1.2.3.1");
  EXPECT_EQ(one.instances, 3);
  EXPECT_EQ(one.series, 2);
  EXPECT_EQ(one.received_instances, 3);
  EXPECT_THAT(one.modalities, ElementsAre("CT", "PT"));
  EXPECT_EQ(one.state, State::receiving);
  EXPECT_EQ(one.version, 1);
}

TEST_F(StudyTest, SameBytesAgainAreADuplicateAndCountNothing) {
  add(record("1", "1", 1));
  EXPECT_EQ(add(record("1", "1", 1)).added, Catalogue::Added::duplicate);
  EXPECT_EQ(study("1.2.3.1").instances, 1);
}

TEST_F(StudyTest, OtherBytesUnderTheSameUidAreKeptApartAndNeverReplace) {
  const InstanceRecord r = record("1", "1", 1);
  add(r);
  EXPECT_EQ(add(r, "other bytes").added, Catalogue::Added::conflict);
  EXPECT_EQ(add(r, "other bytes").added, Catalogue::Added::duplicate) << "the same conflict is one row";
  const auto kept =
      read<std::optional<Instance>>([&](auto& tx) { return catalogue_->instance(tx, r.sop_instance_uid); });
  EXPECT_EQ(kept->digest, stored(r).digest);
  const auto conflicts = read<std::vector<Conflict>>([&](auto& tx) { return catalogue_->conflicts(tx, r.study_uid); });
  ASSERT_EQ(conflicts.size(), 1U);
  EXPECT_EQ(conflicts[0].other, stored(r, "other bytes").digest);
  EXPECT_EQ(conflicts[0].kept, stored(r).digest);
  EXPECT_EQ(study(r.study_uid).instances, 1);
}

TEST_F(StudyTest, LateInstanceReopensWithTheNextVersionWhateverTheState) {
  add(record("1", "1", 1));
  for (const State state : {State::complete, State::reading, State::signed_}) {
    const int before = study("1.2.3.1").version;
    ASSERT_TRUE(move("1.2.3.1", State::complete));
    if (state != State::complete) {
      ASSERT_TRUE(move("1.2.3.1", state));
    }
    const auto outcome = add(record("1", "1", 10 + static_cast<int>(state)));
    EXPECT_TRUE(outcome.study_reopened);
    EXPECT_EQ(outcome.version, before + 1);
    EXPECT_EQ(study("1.2.3.1").state, State::receiving);
    EXPECT_FALSE(study("1.2.3.1").complete_at.has_value());
  }
}

TEST_F(StudyTest, ObjectsOfThisNodeNeverOpenNorReopenAStudy) {
  add(record("1", "1", 1));
  ASSERT_TRUE(move("1.2.3.1", State::complete));
  InstanceRecord report = record("1", "9", 1, "SR");
  report.source = "tool:pet_uptake";
  const auto outcome = add(report);
  EXPECT_FALSE(outcome.study_reopened);
  EXPECT_EQ(study("1.2.3.1").state, State::complete);
  EXPECT_EQ(study("1.2.3.1").instances, 2);
  EXPECT_EQ(study("1.2.3.1").received_instances, 1);

  InstanceRecord alone = record("2", "1", 1, "SR");
  alone.source = "review";
  EXPECT_FALSE(add(alone).study_opened);
  EXPECT_EQ(study("1.2.3.2").state, State::complete);
  const auto first_image = add(record("2", "2", 1));
  EXPECT_TRUE(first_image.study_opened);
  EXPECT_FALSE(first_image.study_reopened);
  EXPECT_EQ(study("1.2.3.2").version, 1);
}

TEST_F(StudyTest, OnlyEdgesOfTheLifeCanBeWalked) {
  add(record("1", "1", 1));
  const auto refused = move("1.2.3.1", State::signed_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "study.state");
  ASSERT_TRUE(move("1.2.3.1", State::complete));
  EXPECT_EQ(study("1.2.3.1").complete_at, instant_from_row(77));
  EXPECT_TRUE(move("1.2.3.1", State::signed_));
  EXPECT_EQ(study("1.2.3.1").complete_at, instant_from_row(77)) << "signing does not change when it was complete";
  EXPECT_EQ(move("1.2.3.99", State::complete).error().code, "study.not_found");
}

TEST_F(StudyTest, SeriesAndInstancesComeInTheirOrderWithHeaders) {
  InstanceRecord second = record("1", "2", 5);
  second.series_number = 2;
  add(second);
  for (const int number : {3, 1, 2}) add(record("1", "1", number));
  const auto series = read<std::vector<Series>>([&](auto& tx) { return catalogue_->series(tx, "1.2.3.1"); });
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].uid, "1.2.3.1.1");
  EXPECT_EQ(series[0].instances, 3);
  std::vector<std::string> visited;
  const auto done = database_->read([&](database::Transaction& tx) {
    return catalogue_->headers(tx, "1.2.3.1", {}, [&](const Instance& one, const std::string& json) -> Result<void> {
      EXPECT_NE(json.find(one.uid), std::string::npos);
      visited.push_back(one.uid);
      return {};
    });
  });
  ASSERT_TRUE(done) << done.error().detail;
  EXPECT_THAT(visited, ElementsAre("1.2.3.1.1.1", "1.2.3.1.1.2", "1.2.3.1.1.3", "1.2.3.1.2.5"));
  EXPECT_EQ(
      read<std::vector<Instance>>([&](auto& tx) { return catalogue_->instances(tx, "1.2.3.1", "1.2.3.1.1"); }).size(),
      3U);
}

TEST_F(StudyTest, DigestsKnowTheInstanceAndItsConflicts) {
  const InstanceRecord r = record("1", "1", 1);
  add(r);
  add(r, "other bytes");
  const auto digests = read<std::vector<Digest>>([&](auto& tx) { return catalogue_->digests(tx, r.sop_instance_uid); });
  EXPECT_THAT(digests, ElementsAre(stored(r).digest, stored(r, "other bytes").digest));
  EXPECT_TRUE(read<std::vector<Digest>>([&](auto& tx) { return catalogue_->digests(tx, "1.2.3.77"); }).empty());
}

TEST(StudyLife, ThePageInTheDocumentsIsThePrintedOne) {
  std::ifstream file(VEDETTE_SOURCE_DIR "/docs/study-life.md");
  ASSERT_TRUE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), life_page()) << "write this page to docs/study-life.md";
}

TEST(Packed, TextComesBackAndDamageIsNoticed) {
  const std::string text = R"({"00080018":{"vr":"UI","Value":["1.2.3"]},"00280010":{"vr":"US","Value":[512]}})";
  const std::string bytes = packed(text);
  EXPECT_LT(bytes.size(), text.size());
  EXPECT_EQ(unpacked(bytes).value(), text);
  EXPECT_FALSE(unpacked(bytes.substr(0, bytes.size() / 2)));
  EXPECT_FALSE(unpacked("?" + bytes));
}

}  // namespace
}  // namespace vedette::study
