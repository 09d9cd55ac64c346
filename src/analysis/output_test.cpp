#include "analysis/output.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

namespace vedette::analysis {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A folder of output with one good finding on a mask of 2 slices of 3 × 4.
class Output : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "output-XXXXXX";
    folder_ = mkdtemp(name.data());
    tool_ = read_tool(std::string(VEDETTE_SOURCE_DIR) + "/tools/pet_uptake").value();
    GivenSeries series{"1.2.1", "1.2.9", {}};
    for (int k = 0; k < 3; ++k) {
      voxel::Plane plane;
      plane.placed = true;
      plane.rows = 3;
      plane.columns = 4;
      plane.sop_instance_uid = "1.2.1." + std::to_string(k + 1);
      series.planes.push_back(plane);
    }
    given_ = {series};
    mask_ = std::string(24, '\0');
    mask_[5] = 1;
    answer_ = {
        {"state", "done"},
        {"reason", nullptr},
        {"limits", json::array()},
        {"steps", json::array()},
        {"provenance", json::object()},
        {"findings",
         json::array({{
             {"code", {{"value", "111099"}, {"scheme", "DCM"}, {"meaning", "Selected region"}}},
             {"text", "Raised uptake region, for review"},
             {"urgency", "soon"},
             {"score", nullptr},
             {"measurements",
              json::array({{{"code", {{"value", "126401"}, {"scheme", "DCM"}, {"meaning", "SUVbw"}}},
                            {"value", 5.5},
                            {"unit", {{"value", "g/ml{SUVbw}"}, {"scheme", "UCUM"}, {"meaning", "SUVbw"}}}}})},
             {"region",
              {{"kind", "mask"},
               {"series_uid", "1.2.1"},
               {"frame_of_reference_uid", "1.2.9"},
               {"centre_mm", {1, 2, 3}},
               {"bounds_mm", {{0, 0, 0}, {4, 4, 4}}},
               {"volume_ml", 1.5},
               {"mask",
                {{"file", "mask_1.bin"}, {"rows", 3}, {"columns", 4}, {"sop_instance_uids", {"1.2.1.1", "1.2.1.2"}}}}}},
             {"why", "Above the threshold."},
         }})}};
  }
  void TearDown() override { fs::remove_all(folder_); }
  json& finding() { return answer_["findings"][0]; }
  json& region() { return finding()["region"]; }
  Result<Answer> read() {
    std::ofstream(folder_ / "mask_1.bin", std::ios::binary) << mask_;
    std::ofstream(folder_ / "output.json") << answer_.dump();
    return read_answer(folder_.string(), tool_, given_);
  }
  std::string code() {
    const auto answer = read();
    return answer ? "taken" : answer.error().code;
  }

  fs::path folder_;
  Tool tool_;
  std::vector<GivenSeries> given_;
  std::string mask_;
  json answer_;
};

TEST_F(Output, GoodAnswerIsTakenWithItsMaskAndTheToolsLimits) {
  answer_["limits"] = {"One note."};
  const auto answer = read();
  ASSERT_TRUE(answer) << answer.error().text();
  ASSERT_EQ(answer->proposals.size(), 1U);
  const auto& f = answer->proposals[0].finding;
  EXPECT_EQ(answer->proposals[0].mask, mask_);
  EXPECT_EQ(f.region.mask_instances.size(), 2U);
  EXPECT_EQ(f.tool->id, "pet_uptake");
  EXPECT_EQ(f.limits.size(), tool_.limits.size() + 1);
  EXPECT_EQ(f.state, finding::State::proposed);
}

TEST_F(Output, RefusalNeedsACodedReason) {
  answer_["state"] = "refused";
  EXPECT_EQ(code(), "output.reason");
  answer_["reason"] = {{"code", "Not A Slug"}, {"text", "x"}};
  EXPECT_EQ(code(), "output.reason");
  answer_["reason"] = {{"code", "suv.weight"}, {"text", "The weight is missing."}};
  const auto answer = read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->state, Answer::State::refused);
  EXPECT_TRUE(answer->proposals.empty());
}

TEST_F(Output, WhatIsNotInTheContractIsRefused) {
  answer_["verdict"] = "confirmed";
  EXPECT_EQ(code(), "output.key");
  answer_.erase("verdict");
  finding()["state"] = "confirmed";
  EXPECT_EQ(code(), "output.key");
}

TEST_F(Output, CodeAndUrgencyMustBeDeclared) {
  finding()["code"]["value"] = "4147007";
  EXPECT_EQ(code(), "output.code");
  finding()["code"]["value"] = "111099";
  finding()["urgency"] = "immediate";
  EXPECT_EQ(code(), "output.urgency");
  finding().erase("urgency");
  EXPECT_EQ(code(), "output.urgency");
}

TEST_F(Output, NumbersNeedUnitsAndSense) {
  finding()["measurements"][0]["unit"]["scheme"] = "home";
  EXPECT_EQ(code(), "output.unit");
  finding()["measurements"][0].erase("unit");
  EXPECT_EQ(code(), "output.finding");
  finding()["measurements"] = json::array();
  finding()["score"] = 1.5;
  EXPECT_EQ(code(), "output.number");
  finding()["score"] = 0.5;
  region()["volume_ml"] = -1;
  EXPECT_EQ(code(), "output.region");
  region()["volume_ml"] = 1e300;
  EXPECT_EQ(code(), "output.region");
}

TEST_F(Output, RegionLiesInWhatWasGiven) {
  region()["series_uid"] = "1.2.2";
  EXPECT_EQ(code(), "output.reference");
  region()["series_uid"] = "1.2.1";
  region()["frame_of_reference_uid"] = "1.2.8";
  EXPECT_EQ(code(), "output.reference");
  region()["frame_of_reference_uid"] = "1.2.9";
  region()["mask"]["sop_instance_uids"][1] = "9.9";
  EXPECT_EQ(code(), "output.reference");
  region()["mask"]["sop_instance_uids"][1] = "1.2.1.2";
  region()["centre_mm"] = {9, 9, 9};
  EXPECT_EQ(code(), "output.region");
}

TEST_F(Output, MaskHasItsShapeAndOnlyZerosAndOnes) {
  region()["mask"]["rows"] = 4;
  EXPECT_EQ(code(), "output.mask");
  region()["mask"]["rows"] = 3;
  mask_[7] = 2;
  EXPECT_EQ(code(), "output.mask");
  mask_.assign(24, '\0');
  EXPECT_EQ(code(), "output.mask");
  mask_.assign(25, '\1');
  EXPECT_EQ(code(), "output.size");
  region()["mask"]["file"] = "../mask_1.bin";
  EXPECT_EQ(code(), "output.mask");
  region().erase("mask");
  EXPECT_EQ(code(), "output.mask");
}

TEST_F(Output, NothingAndNonsenseAreRefused) {
  EXPECT_EQ(read_answer(folder_.string(), tool_, given_).error().code, "output.file");
  std::ofstream(folder_ / "output.json") << std::string(100'000, '[');
  EXPECT_EQ(read_answer(folder_.string(), tool_, given_).error().code, "output.json");
  std::ofstream(folder_ / "output.json") << "[1,2]";
  EXPECT_EQ(read_answer(folder_.string(), tool_, given_).error().code, "output.json");
  std::ofstream(folder_ / "output.json") << R"({"state": "excellent"})";
  EXPECT_EQ(read_answer(folder_.string(), tool_, given_).error().code, "output.state");
}

TEST_F(Output, WordsOfAPersonAreFoundAsWords) {
  EXPECT_EQ(forbidden_word("Lung is normal."), "normal");
  EXPECT_EQ(forbidden_word("NO CANCER"), "cancer");
  EXPECT_EQ(forbidden_word("Abnormal uptake, for review"), "");
  EXPECT_EQ(forbidden_word("Nuclear medicine"), "");
}

}  // namespace
}  // namespace vedette::analysis
