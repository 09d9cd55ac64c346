#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/settings.hpp"

namespace vedette {
namespace {

using testing::HasSubstr;

std::string file_with(const std::string& text) {
  const std::string path = testing::TempDir() + "/settings_test.toml";
  std::ofstream(path) << text;
  return path;
}

TEST(Settings, DefaultsAreAllWithinTheirOwnBounds) {
  for (const SettingRow& row : setting_table()) {
    if (row.type == SettingType::secret) continue;
    Settings::Sources sources;
    sources.overrides = {std::string(row.name) + "=" + std::string(row.fallback)};
    EXPECT_TRUE(Settings::load(sources)) << row.name;
  }
}

TEST(Settings, CommandLineBeatsEnvironmentBeatsFile) {
  Settings::Sources sources;
  sources.file = file_with("[http]\nlisten = \"127.0.0.1:1\"\nthreads = 4\n[jobs]\nworkers = 3\n");
  sources.environment = {{"VEDETTE__HTTP__LISTEN", "127.0.0.1:2"}, {"VEDETTE__HTTP__THREADS", "5"}, {"PATH", "x"}};
  sources.overrides = {"http.listen=127.0.0.1:3"};
  const Settings settings = Settings::load(sources).value();
  EXPECT_EQ(settings.endpoint("http.listen").port, 3);
  EXPECT_EQ(settings.integer("http.threads"), 5);
  EXPECT_EQ(settings.integer("jobs.workers"), 3);
  EXPECT_EQ(settings.source("jobs.workers"), "file");
}

TEST(Settings, AnUnknownKeyIsRefusedWithPlaceAndNearestName) {
  Settings::Sources sources;
  sources.file = file_with("[http]\nlisen = \"x\"\n");
  const auto result = Settings::load(sources);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().text(), HasSubstr("line 2"));
  EXPECT_THAT(result.error().text(), HasSubstr("http.listen"));
}

TEST(Settings, ValuesOutsideTheirBoundsAreRefused) {
  for (const char* wrong : {"http.threads=0", "http.threads=many", "log.level=loud", "dicom.ae_title=SEVENTEENLETTERSX",
                            "http.listen=nowhere", "nonsense"}) {
    Settings::Sources sources;
    sources.overrides = {wrong};
    EXPECT_FALSE(Settings::load(sources)) << wrong;
  }
}

TEST(Settings, SecretsComeFromFilesOnly) {
  Settings::Sources sources;
  sources.overrides = {"node.secret=abc"};
  EXPECT_THAT(Settings::load(sources).error().text(), HasSubstr("node.secret_file"));
  sources.overrides = {"node.secret_file=" + file_with("hidden\n")};
  EXPECT_EQ(Settings::load(sources).value().secret("node.secret").value(), "hidden");
}

TEST(Settings, DestinationsAreChecked) {
  Settings::Sources sources;
  sources.file = file_with(
      "[[destination]]\nname=\"pacs\"\nkind=\"dimse\"\nhost=\"127.0.0.1\"\nport=4242\nae_title=\"ORTHANC\"\nsend=["
      "\"proposed\",\"signed\"]\n");
  const auto destinations = Settings::load(sources).value().destinations();
  ASSERT_EQ(destinations.size(), 1U);
  EXPECT_TRUE(destinations[0].proposed && destinations[0].signed_);
  for (const char* wrong : {"name=\"a\"\nkind=\"ftp\"", "kind=\"dimse\"", "name=\"a\"\nkind=\"dimse\"\nprt=1",
                            "name=\"a\"\nkind=\"stow\""}) {
    sources.file = file_with(std::string("[[destination]]\n") + wrong + "\n");
    EXPECT_FALSE(Settings::load(sources)) << wrong;
  }
}

}  // namespace
}  // namespace vedette
