#include "dimse/callers.hpp"

#include <gtest/gtest.h>

namespace vedette::dimse {
namespace {

bool admits(const std::vector<std::string>& rules, const char* title, const char* address) {
  const auto callers = Callers::parse(rules);
  EXPECT_TRUE(callers);
  return callers && callers->admit(title, address).has_value();
}

TEST(Callers, WithoutRulesOnlyLoopbackMaySend) {
  EXPECT_TRUE(admits({}, "ANY", "127.0.0.1"));
  EXPECT_TRUE(admits({""}, "ANY", "127.3.2.1"));
  EXPECT_TRUE(admits({}, "ANY", "::1"));
  EXPECT_FALSE(admits({}, "ANY", "10.0.0.1"));
  EXPECT_FALSE(admits({}, "ANY", "fe80::1"));
  EXPECT_FALSE(admits({}, "ANY", "not an address"));
}

TEST(Callers, WithRulesOnlyWhoMeetsOneMaySend) {
  const std::vector<std::string> rules = {"CT1@10.2.3.4", "MR1@*", "*@192.168.7.0/24", " PET @ 2001:db8::/32 "};
  EXPECT_TRUE(admits(rules, "CT1", "10.2.3.4"));
  EXPECT_TRUE(admits(rules, "CT1 ", "10.2.3.4"));
  EXPECT_FALSE(admits(rules, "CT1", "10.2.3.5"));
  EXPECT_FALSE(admits(rules, "ct1", "10.2.3.4"));
  EXPECT_FALSE(admits(rules, "CT2", "10.2.3.4"));
  EXPECT_TRUE(admits(rules, "MR1", "8.8.8.8"));
  EXPECT_TRUE(admits(rules, "ANY", "192.168.7.255"));
  EXPECT_FALSE(admits(rules, "ANY", "192.168.8.0"));
  EXPECT_TRUE(admits(rules, "PET", "2001:db8:1::5"));
  EXPECT_FALSE(admits(rules, "PET", "2001:db9::5"));
  EXPECT_FALSE(admits(rules, "ANY", "127.0.0.1"));
  EXPECT_TRUE(admits({"A@B@10.0.0.1"}, "A@B", "10.0.0.1"));
  EXPECT_TRUE(admits({"*@0.0.0.0/0"}, "X", "1.2.3.4"));
  EXPECT_FALSE(admits({"*@0.0.0.0/0"}, "X", "2001::1"));
}

TEST(Callers, BadRulesAreNamed) {
  for (const char* rule : {"CT1", "CT1@", "@10.0.0.1", "CT1@host.example", "CT1@10.0.0.0/33", "CT1@10.0.0.0/x",
                           "A23456789012345678@*", "A\\B@*", "*@10.0.0"}) {
    const auto callers = Callers::parse({rule});
    ASSERT_FALSE(callers) << rule;
    EXPECT_EQ(callers.error().code, "dicom.callers");
    EXPECT_NE(callers.error().where.find(rule), std::string::npos);
  }
}

}  // namespace
}  // namespace vedette::dimse
