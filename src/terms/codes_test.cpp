#include "terms/codes.hpp"

#include <gtest/gtest.h>

namespace vedette::terms {
namespace {

TEST(Codes, AreFoundBySchemeAndValueAndByKey) {
  const Code* suv = find("DCM", "126401");
  ASSERT_NE(suv, nullptr);
  EXPECT_EQ(suv, &codes::suvbw);
  EXPECT_EQ(suv->meaning, "SUVbw");
  EXPECT_EQ(find_key("suvbw"), suv);
  EXPECT_EQ(find("SCT", "126401"), nullptr) << "the same digits in another scheme are another concept";
  EXPECT_EQ(find_key("no_such_key"), nullptr);
}

TEST(Codes, EveryRowFindsItself) {
  for (const codes::Named& row : codes::all) {
    EXPECT_EQ(find(row.code->scheme, row.code->value), row.code) << row.key;
    EXPECT_EQ(find_key(row.key), row.code);
  }
}

TEST(Codes, UnitsOfUptakeAreUcum) {
  EXPECT_EQ(codes::suvbw_unit.value, "g/ml{SUVbw}");
  EXPECT_EQ(codes::suvbsa_unit.value, "cm2/ml{SUVbsa}");
  EXPECT_EQ(codes::suvlbm_unit.scheme, "UCUM");
}

}  // namespace
}  // namespace vedette::terms
