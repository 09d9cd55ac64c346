#include "analysis/tool.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace vedette::analysis {
namespace {

namespace fs = std::filesystem;

std::string shipped() {
  std::ifstream in(std::string(VEDETTE_SOURCE_DIR) + "/tools/pet_uptake/tool.toml");
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Reads the shipped card with one place changed.
Result<Tool> with(const std::string& from, const std::string& to) {
  std::string name = testing::TempDir() + "tool-XXXXXX";
  const fs::path folder = mkdtemp(name.data());
  std::string text = shipped();
  if (!from.empty()) {
    EXPECT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), from.size(), to);
  }
  std::ofstream(folder / "tool.toml") << text;
  auto tool = read_tool(folder.string());
  fs::remove_all(folder);
  return tool;
}

TEST(Tool, ShippedCardIsWhole) {
  const auto tool = with("", "");
  ASSERT_TRUE(tool) << tool.error().text();
  EXPECT_EQ(tool->id, "pet_uptake");
  EXPECT_FALSE(tool->demonstrator);
  EXPECT_DOUBLE_EQ(tool->parameters.at("threshold").value, 4.0);
  EXPECT_DOUBLE_EQ(tool->parameters.at("least_volume").value, 1.0);
  EXPECT_EQ(tool->inputs.size(), 1U);
  EXPECT_EQ(tool->digest.size(), 64U);
  EXPECT_FALSE(tool->limits.empty());
  EXPECT_NE(card_of(*tool).find("Not a medical device"), std::string::npos);
}

TEST(Tool, UnknownKeyIsRefusedByNameWithPlaceAndTheNearestKnown) {
  const auto tool = with("least_images", "leest_images");
  ASSERT_FALSE(tool);
  EXPECT_EQ(tool.error().code, "tool.key_unknown");
  EXPECT_NE(tool.error().cause.find("input.leest_images"), std::string::npos);
  EXPECT_NE(tool.error().where.find("tool.toml:"), std::string::npos);
  EXPECT_EQ(tool.error().remedy, "Did you mean 'least_images'?");
}

TEST(Tool, FaultsNameTheKey) {
  EXPECT_EQ(with("version = \"1.0.0\"", "version = \"one\"").error().code, "tool.version");
  EXPECT_EQ(with("licence = \"Apache-2.0\"\n", "").error().code, "tool.key_missing");
  EXPECT_EQ(with("kind = \"builtin\"", "kind = \"magic\"").error().code, "tool.key_choice");
  EXPECT_EQ(with("seconds = 120", "seconds = 0").error().code, "tool.key_range");
  EXPECT_EQ(with("least_images = 3", "least_images = \"three\"").error().code, "tool.key_type");
  EXPECT_EQ(with("[\"soon\", \"urgent\"]", "[\"soon\", \"now\"]").error().code, "tool.urgency");
  EXPECT_EQ(with("format = 1", "format = 1 2").error().code, "tool.toml");
  EXPECT_EQ(with("kind = \"builtin\"", "kind = \"command\"\ncommand = [\"../../bin/sh\"]").error().code,
            "tool.command");
}

TEST(Tool, DigestFollowsTheFolder) {
  EXPECT_NE(with("", "")->digest, with("value = 4.0", "value = 4.1")->digest);
  EXPECT_EQ(with("", "")->digest, with("", "")->digest);
}

TEST(Registry, BrokenAndDoubledToolsAreLeftOutAndNamed) {
  std::string name = testing::TempDir() + "tools-XXXXXX";
  const fs::path folder = mkdtemp(name.data());
  for (const char* each : {"a", "b", "c"}) {
    fs::create_directory(folder / each);
    std::string text = shipped();
    if (std::string_view(each) == "b") text.replace(text.find("pet_uptake"), 10, "other_tool");
    if (std::string_view(each) == "c") text = "format = 2";
    std::ofstream(folder / each / "tool.toml") << text;
  }
  Registry registry = read_registry(folder.string());
  EXPECT_EQ(registry.tools.size(), 2U);
  EXPECT_EQ(registry.faults.size(), 1U);
  EXPECT_NE(registry.find("other_tool"), nullptr);
  fs::copy(folder / "a", folder / "d");
  registry = read_registry(folder.string());
  EXPECT_EQ(registry.find("pet_uptake"), nullptr);
  EXPECT_EQ(registry.tools.size(), 1U);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace vedette::analysis
