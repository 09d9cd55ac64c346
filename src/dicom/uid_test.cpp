#include "dicom/uid.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/id.hpp"

namespace vedette::dicom {
namespace {

TEST(Uid, NewOnesAreValidAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uid = make_uid();
    EXPECT_TRUE(is_uid(uid)) << uid;
    EXPECT_TRUE(uid.starts_with("2.25."));
    EXPECT_LE(uid.size(), 44) << "39 digits at most";
    EXPECT_TRUE(seen.insert(uid).second);
  }
}

TEST(Uid, TheSameNameGivesTheSameUidOnEveryBuild) {
  EXPECT_EQ(derived_uid("study 1"), derived_uid("study 1"));
  EXPECT_NE(derived_uid("study 1"), derived_uid("study 2"));
  EXPECT_TRUE(is_uid(derived_uid("")));
  // SHA-256 of nothing is e3b0c442 98fc1c14 9afbf4c8 996fb924 …; with version 8 and variant:
  // e3b0c442-98fc-8c14-9afb-f4c8996fb924.
  EXPECT_EQ(derived_uid(""), "2.25.302652579918966106791432553938847512868");
}

}  // namespace
}  // namespace vedette::dicom
