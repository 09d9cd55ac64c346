#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dicom/tag.hpp"
#include "dicom/uids.hpp"

namespace vedette::dicom {
namespace {

TEST(Dictionary, ConstantsCarryTheTagsOfTheirKeywords) {
  EXPECT_EQ(tags::patient_id, (Tag{0x0010, 0x0020}));
  EXPECT_EQ(tags::sop_instance_uid, (Tag{0x0008, 0x0018}));
  EXPECT_EQ(tags::study_instance_uid, (Tag{0x0020, 0x000D}));
  EXPECT_EQ(tags::voi_lut_sequence, (Tag{0x0028, 0x3010}));
  EXPECT_EQ(tags::affected_sop_class_uid, (Tag{0x0000, 0x0002}));
}

TEST(Dictionary, FindsByTagAndByKeyword) {
  const AttributeRow* by_tag = find_attribute(tags::rescale_slope);
  ASSERT_NE(by_tag, nullptr);
  EXPECT_EQ(by_tag->keyword, "RescaleSlope");
  EXPECT_EQ(by_tag->vr, Vr::DS);
  EXPECT_EQ(find_attribute("RescaleSlope"), by_tag);
  EXPECT_EQ(find_attribute("NoSuchKeyword"), nullptr);
  EXPECT_EQ(find_attribute(Tag{0x0009, 0x0010}), nullptr);
}

TEST(Dictionary, RepeatingGroupsAreFoundInEveryRepetition) {
  const AttributeRow* row = find_attribute(Tag{0x6002, 0x3000});
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->keyword, "OverlayData");
  EXPECT_EQ(find_attribute(Tag{0x6001, 0x3000}), nullptr) << "odd groups are private";
}

TEST(Dictionary, TagsAreReadFromDigitsAndKeywordsOnly) {
  EXPECT_EQ(tag_from_text("00100020").value(), tags::patient_id);
  EXPECT_EQ(tag_from_text("7fe00010").value(), tags::pixel_data);
  EXPECT_EQ(tag_from_text("PatientName").value(), tags::patient_name);
  EXPECT_FALSE(tag_from_text("0010002"));
  EXPECT_FALSE(tag_from_text("0010002G"));
  EXPECT_FALSE(tag_from_text(""));
  EXPECT_EQ(tags::patient_id.text(), "(0010,0020)");
  EXPECT_EQ(tags::pixel_data.key(), "7FE00010");
}

TEST(Uids, TransferSyntaxesSayHowTheyEncode) {
  const TransferSyntax* big = find_transfer_syntax(uids::explicit_vr_big_endian);
  ASSERT_NE(big, nullptr);
  EXPECT_FALSE(big->little_endian);
  EXPECT_TRUE(big->explicit_vr);
  EXPECT_TRUE(find_transfer_syntax(uids::deflated_explicit_vr_little_endian)->deflated);
  EXPECT_TRUE(find_transfer_syntax(uids::jpeg_baseline_8_bit)->lossy);
  EXPECT_FALSE(find_transfer_syntax(uids::rle_lossless)->lossy);
  EXPECT_TRUE(find_transfer_syntax(uids::rle_lossless)->encapsulated);
  EXPECT_EQ(find_transfer_syntax("1.2.3"), nullptr);
}

TEST(Uids, StorageClassesSayWhatTheyCarry) {
  EXPECT_EQ(find_storage_class(uids::ct_image_storage)->modality, "CT");
  EXPECT_EQ(find_storage_class(uids::positron_emission_tomography_image_storage)->content, Content::image);
  EXPECT_EQ(find_storage_class(uids::comprehensive_3d_sr_storage)->content, Content::report);
  EXPECT_EQ(find_storage_class(uids::segmentation_storage)->content, Content::segmentation);
  EXPECT_EQ(find_storage_class(uids::verification), nullptr);
  EXPECT_EQ(uid_name("1.2.840.10008.1.1"), "Verification SOP Class");
}

TEST(Uids, RowsAreSortedSoThatNoneIsMissedInTheSearch) {
  for (const TransferSyntax& row : transfer_syntaxes()) EXPECT_EQ(find_transfer_syntax(row.uid), &row);
  for (const StorageClass& row : storage_classes()) EXPECT_EQ(find_storage_class(row.uid), &row);
}

}  // namespace
}  // namespace vedette::dicom
