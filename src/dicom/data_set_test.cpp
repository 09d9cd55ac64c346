#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "dicom/data_set.hpp"

namespace vedette::dicom {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(DataSet, ElementsStayInOrderOfTheirTags) {
  DataSet set;
  set.set_integer(tags::rows, 2);
  set.set_text(tags::patient_id, "A");
  set.set_text(tags::study_instance_uid, "1.2");
  ASSERT_EQ(set.elements().size(), 3);
  EXPECT_LT(set.elements()[0].tag, set.elements()[1].tag);
  EXPECT_LT(set.elements()[1].tag, set.elements()[2].tag);
  set.set_text(tags::patient_id, "B");
  EXPECT_EQ(set.elements().size(), 3);
  EXPECT_EQ(set.text(tags::patient_id), "B");
  set.erase(tags::patient_id);
  EXPECT_EQ(set.find(tags::patient_id), nullptr);
}

TEST(DataSet, PaddingIsTrimmedByRepresentation) {
  DataSet set;
  set.set_bytes(tags::patient_id, Vr::LO, " A 1 ");
  set.set_bytes(tags::sop_instance_uid, Vr::UI, std::string("1.2.3\0", 6));
  set.set_bytes(tags::text_value, Vr::UT, "  indented \\ text  ");
  set.set_bytes(tags::image_type, Vr::CS, "ORIGINAL\\ PRIMARY \\");
  EXPECT_EQ(set.text(tags::patient_id), "A 1");
  EXPECT_EQ(set.text(tags::sop_instance_uid), "1.2.3");
  EXPECT_EQ(set.text(tags::text_value), "  indented \\ text");
  EXPECT_THAT(set.texts(tags::text_value), ElementsAre("  indented \\ text"));
  EXPECT_THAT(set.texts(tags::image_type), ElementsAre("ORIGINAL", "PRIMARY", ""));
  EXPECT_EQ(set.text(tags::patient_name), "");
  EXPECT_THAT(set.texts(tags::patient_name), IsEmpty());
}

TEST(DataSet, BlankIsNoValue) {
  DataSet set;
  set.set_bytes(tags::patient_id, Vr::LO, "  ");
  set.set_empty(tags::patient_name);
  EXPECT_FALSE(set.has_value(tags::patient_id));
  EXPECT_FALSE(set.has_value(tags::patient_name));
  EXPECT_NE(set.find(tags::patient_name), nullptr);
}

TEST(DataSet, NumbersOfEveryRepresentation) {
  DataSet set;
  set.set_bytes(tags::image_position_patient, Vr::DS, "-1.5\\+2e1\\ 3 ");
  EXPECT_THAT(set.numbers(tags::image_position_patient), ElementsAre(-1.5, 20.0, 3.0));
  EXPECT_EQ(set.number(tags::image_position_patient, 3), std::nullopt);
  set.set_bytes(tags::instance_number, Vr::IS, "+7 ");
  EXPECT_EQ(set.integer(tags::instance_number), 7);
  set.set_integer(tags::rows, 65535);
  EXPECT_EQ(set.integer(tags::rows), 65535);
  set.set_number(tags::real_world_value_slope, 0.1);
  EXPECT_EQ(set.number(tags::real_world_value_slope), 0.1);
  EXPECT_EQ(set.integer(tags::real_world_value_slope), std::nullopt);
}

TEST(DataSet, WhatIsNoNumberIsNothing) {
  DataSet set;
  for (const char* text : {"", "abc", "1,5", "nan", "inf", "1 2", "0x10", "1e999"}) {
    set.set_bytes(tags::rescale_slope, Vr::DS, text);
    EXPECT_EQ(set.number(tags::rescale_slope), std::nullopt) << text;
    EXPECT_THAT(set.numbers(tags::rescale_slope), IsEmpty()) << text;
  }
  set.set_bytes(tags::rows, Vr::US, "x");
  EXPECT_EQ(set.integer(tags::rows), std::nullopt);
  set.set_bytes(tags::image_position_patient, Vr::DS, "1\\\\3");
  EXPECT_THAT(set.numbers(tags::image_position_patient), IsEmpty()) << "a list with a hole";
}

TEST(DataSet, DecimalStringsFitSixteenCharactersAndRoundTripCloseBy) {
  DataSet set;
  for (const double value : {1.0 / 3, -1.0 / 3e-7, 123456789.123456789, -1.2345678901234567e-300, 0.1, -0.0, 6.376}) {
    set.set_number(tags::rescale_slope, value);
    EXPECT_LE(set.find(tags::rescale_slope)->value.size(), 16);
    EXPECT_NEAR(set.number(tags::rescale_slope).value(), value, std::abs(value) * 1e-8);
  }
  set.set_number(tags::rescale_slope, std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(set.has_value(tags::rescale_slope)) << "no number is no value";
}

TEST(DataSet, PrivateBlocksAreFoundByTheirCreator) {
  DataSet set;
  set.set_text({0x7053, 0x0010}, Vr::LO, "Other");
  set.set_text({0x7053, 0x0011}, Vr::LO, "Philips PET Private Group");
  EXPECT_EQ(set.private_tag(0x7053, "Philips PET Private Group", 0x00), (Tag{0x7053, 0x1100}));
  EXPECT_EQ(set.private_tag(0x7053, "Nobody", 0x00), std::nullopt);
}

TEST(DataSet, ItemsOfAnAbsentSequenceAreNone) {
  DataSet set;
  EXPECT_THAT(set.items(tags::content_sequence), IsEmpty());
  EXPECT_EQ(set.item(tags::content_sequence), nullptr);
  set.add_item(tags::content_sequence).set_text(tags::value_type, "TEXT");
  set.add_item(tags::content_sequence);
  EXPECT_EQ(set.items(tags::content_sequence).size(), 2);
  EXPECT_EQ(set.item(tags::content_sequence)->text(tags::value_type), "TEXT");
}

}  // namespace
}  // namespace vedette::dicom
