#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "base/text.hpp"
#include "finding/reasons.hpp"

namespace vedette::finding {
namespace {

TEST(Reasons, EachKindHasSomeAndKeysDoNotRepeat) {
  for (const ReasonKind kind : {ReasonKind::reject, ReasonKind::put_back, ReasonKind::stop}) {
    std::set<std::string_view> keys;
    for (const ReasonRow& row : reasons()) {
      if (row.kind != kind) continue;
      EXPECT_TRUE(keys.insert(row.key).second) << row.code;
    }
    EXPECT_GE(keys.size(), 3U) << name_of(kind);
  }
  ASSERT_NE(reason(ReasonKind::reject, "artefact"), nullptr);
  EXPECT_EQ(reason(ReasonKind::put_back, "artefact"), nullptr);
}

// Second source: HL7's FSH edition of DICOM PS3.16, which this project did not write.
TEST(Concepts, EveryCodeStandsWithThisMeaningInDicomsContextGroups) {
  const char* shared = std::getenv("VEDETTE_SHARED");
  const std::filesystem::path root = shared != nullptr ? std::filesystem::path(shared) : std::filesystem::path(VEDETTE_SOURCE_DIR) / ".." / "shared";
  const auto folder = root / "standards" / "dicom-terminology-fsh";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder << ": set VEDETTE_SHARED";
  std::set<std::string> known;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (!file.path().filename().string().starts_with("ValueSet-")) continue;
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) {
      const auto hash = line.find("http://snomed.info/sct#");
      const auto open = line.find("//\"", hash == std::string::npos ? 0 : hash + 22);
      if (hash == std::string::npos || open == std::string::npos) continue;
      const auto close = line.find('"', open + 3);
      std::istringstream code(line.substr(hash + 23));
      std::string value;
      code >> value;
      known.insert(value + "|" + lower_case(line.substr(open + 3, close - open - 3)));
    }
  }
  ASSERT_GT(known.size(), 1000U);
  for (const ConceptRow& row : concepts()) {
    EXPECT_EQ(row.scheme, "SCT");
    EXPECT_TRUE(known.contains(std::string(row.value) + "|" + lower_case(row.meaning))) << row.value << " " << row.meaning;
  }
}

}  // namespace
}  // namespace vedette::finding
