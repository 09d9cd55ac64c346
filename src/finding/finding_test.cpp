#include "finding/finding.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace vedette::finding {
namespace {

using nlohmann::json;

Finding proposal() {
  Finding f;
  f.study_uid = "1.2.3";
  f.code = {"C0012", "99VEDETTE", "Raised uptake region"};
  f.text = "Raised uptake region, for review";
  f.site = {"39607008", "SCT", "Lung"};
  f.urgency = Urgency::urgent;
  f.score = 0.75;
  Measurement suv;
  suv.code = {"126401", "DCM", "SUVbw"};
  suv.value = 6.376;
  suv.unit = {"g/ml{SUVbw}", "UCUM", "g/ml"};
  suv.method = Code{"56851009", "SCT", "Maximum"};
  suv.uncertainty = Uncertainty{0.4, "noise", "± 0.4"};
  f.measurements = {suv};
  f.region.kind = "mask";
  f.region.frame_of_reference_uid = "1.2.3.4";
  f.region.series_uid = "1.2.3.5";
  f.region.centre_mm = {-12.5, 30.25, 801};
  f.region.bounds_min_mm = {-20, 20, 790};
  f.region.bounds_max_mm = {-5, 40, 810};
  f.region.volume_ml = 4.39;
  f.region.mask_blob = "abcd";
  f.region.mask_place = {3, 77, 1234};
  f.region.rows = 64;
  f.region.columns = 48;
  f.region.mask_instances = {"1.9.1", "1.9.2"};
  f.tracking_uid = "2.25.1";
  f.tool = ToolStamp{"pet_uptake", "0.1.0", "PET uptake", "0f0f", false};
  f.why = "SUVbw of at least 4.0 g/ml in 4.39 ml";
  f.limits = {"physiological uptake can't be told apart"};
  f.run_id = "run-1";
  f.created_at = f.changed_at = instant_from_row(1'790'000'000'123'000);
  return f;
}

class FindingRows : public testing::Test {
 protected:
  void SetUp() override {
    path_ = (std::filesystem::temp_directory_path() / ("finding-" + sortable_id(0) + ".db")).string();
    auto opened = database::open_sqlite(path_);
    ASSERT_TRUE(opened) << opened.error().text();
    database_ = std::move(*opened);
    auto ready = database_->migrate(migrations());
    ASSERT_TRUE(ready) << ready.error().text() << ready.error().detail;
    findings_ = std::make_unique<Findings>(*database_);
  }
  void TearDown() override {
    findings_.reset();
    database_.reset();
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + end);
  }
  std::vector<Finding> propose(std::vector<Finding> list) {
    auto out = database_->write_for<std::vector<Finding>>(
        [&](database::Transaction& tx) { return findings_->propose(tx, list); });
    EXPECT_TRUE(out) << out.error().text();
    return *out;
  }
  std::string path_;
  std::unique_ptr<database::Database> database_;
  std::unique_ptr<Findings> findings_;
};

TEST(FindingJson, SaysWhatTheOuterContractNames) {
  const json out = json::parse(to_json(proposal()));
  EXPECT_EQ(out["state"], "proposed");
  EXPECT_EQ(out["urgency"], "urgent");
  EXPECT_EQ(out["code"]["scheme"], "99VEDETTE");
  EXPECT_EQ(out["region"]["centre_mm"], json::array({-12.5, 30.25, 801.0}));
  EXPECT_EQ(out["measurements"][0]["unit"]["scheme"], "UCUM");
  EXPECT_EQ(out["measurements"][0]["derived_by"]["tool"], "pet_uptake");
  EXPECT_EQ(out["measurements"][0]["gate"]["state"], "passed");
  EXPECT_EQ(out["tool"]["digest"], "0f0f");
  EXPECT_TRUE(out["laterality"].is_null());
  EXPECT_TRUE(out["author"].is_null());
  EXPECT_FALSE(out.contains("mask")) << "the place of a blob must not leave the node";
}

TEST(FindingJson, ReadsBackWhatItWrote) {
  const std::string once = to_json(proposal());
  auto back = from_json(once);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(to_json(*back), once);
}

TEST(FindingJson, RefusesWhatBreaksTheContractAndNamesThePlace) {
  const auto refused = [](auto change) {
    json value = json::parse(to_json(proposal()));
    change(value);
    auto out = from_json(value.dump());
    EXPECT_FALSE(out);
    return out ? std::string() : out.error().where;
  };
  EXPECT_EQ(refused([](json& v) { v.erase("code"); }), "code");
  EXPECT_EQ(refused([](json& v) { v["measurements"][0]["value"] = "6"; }), "measurements[0].value");
  EXPECT_EQ(refused([](json& v) { v["measurements"][0].erase("unit"); }), "measurements[0]");
  EXPECT_EQ(refused([](json& v) { v["urgency"] = "panic"; }), "urgency");
  EXPECT_EQ(refused([](json& v) { v["region"]["centre_mm"] = {1, 2}; }), "region.centre_mm");
  EXPECT_EQ(refused([](json& v) { v["region"]["kind"] = "sphere"; }), "region.kind");
  EXPECT_FALSE(from_json("{"));
  EXPECT_FALSE(from_json("[]"));
}

TEST_F(FindingRows, ProposedFindingsGetNumbersThatAreNeverReused) {
  const auto first = propose({proposal(), proposal()});
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].number, 1);
  EXPECT_EQ(first[1].number, 2);
  auto gone = database_->write_for<std::vector<std::string>>([&](database::Transaction& tx) {
    return findings_->withdraw(tx, "1.2.3", "pet_uptake", "run-2", instant_from_row(1'790'000'001'000'000));
  });
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->size(), 2U);
  EXPECT_EQ(propose({proposal()})[0].number, 3);
}

TEST_F(FindingRows, ARowKeepsEverythingOfItsFinding) {
  const Finding stored = propose({proposal()})[0];
  auto back = database_->read_for<std::optional<Finding>>(
      [&](database::Transaction& tx) { return findings_->find(tx, stored.id); });
  ASSERT_TRUE(back && *back);
  const Finding& f = **back;
  EXPECT_EQ(to_json(f), to_json(stored));
  EXPECT_EQ(f.region.mask_instances, proposal().region.mask_instances);
  EXPECT_EQ(f.region.mask_place.offset, 77);
  EXPECT_EQ(f.run_id, "run-1");
  EXPECT_EQ(f.study_uid, "1.2.3");
}

TEST_F(FindingRows, WithdrawingSparesReviewedFindingsAndTheNewRun) {
  auto list = propose({proposal(), proposal()});
  Finding confirmed = list[0];
  confirmed.state = State::confirmed;
  confirmed.revision += 1;
  ASSERT_TRUE(database_->write([&](database::Transaction& tx) { return findings_->update(tx, confirmed); }));
  Finding fresh = proposal();
  fresh.run_id = "run-2";
  const Finding kept = propose({fresh})[0];
  auto gone = database_->write_for<std::vector<std::string>>([&](database::Transaction& tx) {
    return findings_->withdraw(tx, "1.2.3", "pet_uptake", "run-2", list[0].created_at);
  });
  ASSERT_TRUE(gone);
  EXPECT_EQ(*gone, std::vector<std::string>{list[1].id});
  auto now = database_->read_for<std::vector<Finding>>(
      [&](database::Transaction& tx) { return findings_->of_study(tx, "1.2.3"); });
  ASSERT_TRUE(now);
  EXPECT_EQ((*now)[0].state, State::confirmed);
  EXPECT_EQ((*now)[1].state, State::withdrawn);
  EXPECT_EQ((*now)[2].state, State::proposed);
  EXPECT_EQ((*now)[2].id, kept.id);
}

TEST_F(FindingRows, ASecondWriterWithAnOldRevisionIsToldSo) {
  const Finding stored = propose({proposal()})[0];
  Finding one = stored, two = stored;
  one.revision = two.revision = 2;
  one.state = State::confirmed;
  two.state = State::rejected;
  ASSERT_TRUE(database_->write([&](database::Transaction& tx) { return findings_->update(tx, one); }));
  auto late = database_->write([&](database::Transaction& tx) { return findings_->update(tx, two); });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().fault, Fault::changed);
}

TEST_F(FindingRows, TheTagOfTheSetChangesWithEveryChange) {
  const auto tag = [&] {
    return *database_->read_for<std::string>(
        [&](database::Transaction& tx) { return findings_->set_tag(tx, "1.2.3"); });
  };
  const std::string empty = tag();
  Finding stored = propose({proposal()})[0];
  const std::string one = tag();
  stored.revision += 1;
  ASSERT_TRUE(database_->write([&](database::Transaction& tx) { return findings_->update(tx, stored); }));
  const std::string two = tag();
  EXPECT_NE(empty, one);
  EXPECT_NE(one, two);
}

}  // namespace
}  // namespace vedette::finding
