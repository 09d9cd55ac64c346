#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dicom/data_set.hpp"
#include "dicom/uids.hpp"

namespace vedette::dicom {
namespace {

DataSet example() {
  DataSet set;
  set.set_text(tags::sop_class_uid, uids::comprehensive_3d_sr_storage);
  set.set_text(tags::sop_instance_uid, "2.25.12");
  set.set_text(tags::patient_id, "odd");
  DataSet& item = set.add_item(tags::content_sequence);
  item.set_text(tags::value_type, "NUM");
  item.set_number(tags::numeric_value, 6.376);
  set.set_integer(tags::rows, 512);
  return set;
}

TEST(Writer, WhatIsWrittenReadsBackEqualInBothEncodings) {
  for (const std::string_view syntax : {uids::explicit_vr_little_endian, uids::implicit_vr_little_endian}) {
    const std::string bytes = write_data_set(example(), syntax).value();
    EXPECT_EQ(bytes.size() % 2, 0);
    const auto set = read_data_set(as_bytes(bytes), syntax);
    ASSERT_TRUE(set) << set.error().text();
    EXPECT_EQ(set->text(tags::patient_id), "odd");
    EXPECT_EQ(set->item(tags::content_sequence)->number(tags::numeric_value), 6.376);
    EXPECT_EQ(set->integer(tags::rows), 512);
    EXPECT_EQ(write_data_set(*set, syntax).value(), bytes);
  }
}

TEST(Writer, Utf8IsDeclaredOnlyWhereTextNeedsIt) {
  DataSet set = example();
  EXPECT_EQ(read_data_set(as_bytes(write_data_set(set, uids::explicit_vr_little_endian).value()),
                          uids::explicit_vr_little_endian)
                ->find(tags::specific_character_set),
            nullptr);
  set.set_text(tags::patient_name, "Müller^Jürgen");
  const std::string bytes = write_data_set(set, uids::explicit_vr_little_endian).value();
  const auto read = read_data_set(as_bytes(bytes), uids::explicit_vr_little_endian);
  EXPECT_EQ(read->text(tags::specific_character_set), "ISO_IR 192");
  EXPECT_EQ(read->text(tags::patient_name), "Müller^Jürgen");
}

TEST(Writer, Utf8DeepInsideIsDeclaredOnceAtTheTop) {
  DataSet set = example();
  DataSet item;
  item.set_text(tags::text_value, "Größe");
  set.set_items(tags::content_sequence, {item});
  const auto read = read_data_set(as_bytes(write_data_set(set, uids::explicit_vr_little_endian).value()),
                                  uids::explicit_vr_little_endian);
  EXPECT_EQ(read->text(tags::specific_character_set), "ISO_IR 192");
  EXPECT_EQ(read->item(tags::content_sequence)->find(tags::specific_character_set), nullptr);
  EXPECT_EQ(read->item(tags::content_sequence)->text(tags::text_value), "Größe");
}

TEST(Writer, TextSetIntoALatin1ObjectKeepsWhatStoodThere) {
  DataSet set;
  set.set_text(tags::specific_character_set, "ISO_IR 100");
  set.set_bytes(tags::patient_name, Vr::PN, "M\xFCller");
  DataSet item;
  item.inherit_character_set("ISO_IR 100");
  item.set_bytes(tags::text_value, Vr::UT,
                 "Gr\xF6\xDF"
                 "e");
  set.set_items(tags::content_sequence, {item});
  set.set_text(tags::institution_name, "Žilina");
  EXPECT_EQ(set.text(tags::patient_name), "Müller");
  EXPECT_EQ(set.item(tags::content_sequence)->text(tags::text_value), "Größe");
  EXPECT_EQ(set.text(tags::institution_name), "Žilina");
}

TEST(Writer, ItemTakenOutOfItsParentStaysReadable) {
  DataSet item;
  item.inherit_character_set("ISO_IR 100");
  item.set_bytes(tags::text_value, Vr::UT,
                 "Gr\xF6\xDF"
                 "e ");
  DataSet other = example();
  other.set_text(tags::patient_name, "Žižka");
  other.set_items(tags::content_sequence, {item});
  const auto read = read_data_set(as_bytes(write_data_set(other, uids::explicit_vr_little_endian).value()),
                                  uids::explicit_vr_little_endian);
  EXPECT_EQ(read->item(tags::content_sequence)->text(tags::text_value), "Größe");
  EXPECT_EQ(read->text(tags::patient_name), "Žižka");
}

TEST(Writer, HeaderIsAlwaysTheSameBytes) {
  const std::string header = file_header(uids::ct_image_storage, "1.2.3", uids::jpeg_baseline_8_bit);
  EXPECT_EQ(header, file_header(uids::ct_image_storage, "1.2.3", uids::jpeg_baseline_8_bit));
  const auto file = read_file_header(as_bytes(header + std::string("\x08\0\x18\0UI\2\0001 ", 10)));
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->data_offset, header.size());
  EXPECT_EQ(file->meta.integer(tags::file_meta_information_group_length),
            static_cast<std::int64_t>(header.size()) - 144);
}

TEST(Writer, TooLongForItsRepresentationIsWrittenAsUnknown) {
  DataSet set;
  set.set_bytes(tags::contour_data, Vr::DS, std::string(70000, '1'));
  const auto read = read_data_set(as_bytes(write_data_set(set, uids::explicit_vr_little_endian).value()),
                                  uids::explicit_vr_little_endian);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->find(tags::contour_data)->value.size(), 70000);
  EXPECT_EQ(read->find(tags::contour_data)->vr, Vr::DS);
}

TEST(Writer, RefusesWhatTheSyntaxCannotCarry) {
  DataSet set = example();
  EXPECT_EQ(write_data_set(set, uids::explicit_vr_big_endian).error().code, "dicom.transfer_syntax");
  set.set(Element{.tag = tags::pixel_data, .vr = Vr::OB, .fragments = {"", "ab"}, .encapsulated = true});
  EXPECT_EQ(write_data_set(set, uids::explicit_vr_little_endian).error().code, "dicom.encapsulation");
  EXPECT_TRUE(write_data_set(set, uids::jpeg_baseline_8_bit));
  set.set_bytes(tags::pixel_data, Vr::OW, "abcd");
  EXPECT_EQ(write_data_set(set, uids::jpeg_baseline_8_bit).error().code, "dicom.encapsulation");
  set.erase(tags::sop_instance_uid);
  EXPECT_EQ(write_file(set).error().code, "dicom.no_uid");
}

}  // namespace
}  // namespace vedette::dicom
