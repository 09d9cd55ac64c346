#include "analysis/run.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

namespace vedette::analysis {
namespace {

std::optional<std::filesystem::path> shared() {
  const char* named = std::getenv("VEDETTE_SHARED");
  const std::filesystem::path folder = named != nullptr ? named : std::string(VEDETTE_SOURCE_DIR) + "/../shared";
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

Tool pet_uptake() {
  auto tool = read_tool(std::string(VEDETTE_SOURCE_DIR) + "/tools/pet_uptake");
  EXPECT_TRUE(tool) << (tool ? "" : tool.error().text());
  return tool ? *tool : Tool{};
}

TEST(Run, RealPatientGivesOneProposalWithItsValues) {
  const auto folder = shared();
  if (!folder) GTEST_SKIP() << "the shared data are absent";
  const Tool tool = pet_uptake();
  RunOptions options;
  double last = 0;
  options.progress = [&](double share, std::string_view) { last = share; };
  const auto run = run_folder(tool, (*folder / "data/ibsi-pet-ct-mr/dicom/STS_025").string(), options);
  ASSERT_TRUE(run) << run.error().text() << run.error().detail;
  ASSERT_EQ(run->outcome.state, Outcome::State::done) << run->outcome.text;
  ASSERT_EQ(run->findings.size(), 1U);
  EXPECT_EQ(last, 1);
  const finding::Finding& f = run->findings[0];
  EXPECT_NEAR(f.measurements[0].value, 6.376, 0.0005);
  EXPECT_NEAR(f.region.volume_ml, 4.39, 0.005);
  EXPECT_EQ(f.urgency, finding::Urgency::soon);
  std::size_t voxels = 0;
  for (const char c : run->outcome.proposals[0].mask) voxels += c == 1 ? 1U : 0U;
  EXPECT_EQ(run->outcome.proposals[0].mask.size(), f.region.mask_instances.size() * 34 * 37);
  EXPECT_NEAR(static_cast<double>(voxels) * 3.90625 * 3.90625 * 3.27 / 1000, 4.39, 0.005);

  const auto json = nlohmann::json::parse(findings_json(tool, *run));
  EXPECT_EQ(json["state"], "done");
  EXPECT_EQ(json["tool"]["id"], "pet_uptake");
  EXPECT_TRUE(json["reason"].is_null());
  EXPECT_EQ(json["findings"][0]["code"]["value"], "111099");
  EXPECT_EQ(json["findings"][0]["measurements"].size(), 6U);
}

TEST(Run, FolderWithoutPetIsRefusedWithTheReason) {
  const auto folder = shared();
  if (!folder) GTEST_SKIP() << "the shared data are absent";
  const Tool tool = pet_uptake();
  const auto run = run_folder(tool, (*folder / "data/ibsi-pet-ct-mr/dicom/STS_025/CT").string(), {});
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->outcome.state, Outcome::State::not_applicable);
  const auto json = nlohmann::json::parse(findings_json(tool, *run));
  EXPECT_EQ(json["state"], "refused");
  EXPECT_EQ(json["reason"]["code"], "gate.modality");
}

TEST(Run, FolderWithoutImagesIsAnError) {
  EXPECT_EQ(run_folder(pet_uptake(), std::string(VEDETTE_SOURCE_DIR) + "/tools", {}).error().code, "input.empty");
  EXPECT_EQ(run_folder(pet_uptake(), "/nowhere", {}).error().code, "input.folder");
}

}  // namespace
}  // namespace vedette::analysis
