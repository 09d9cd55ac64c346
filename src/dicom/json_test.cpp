#include "dicom/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "dicom/uids.hpp"

namespace vedette::dicom {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Json, FollowsTheModelOfTheStandard) {
  DataSet set;
  set.set_text(tags::sop_class_uid, uids::ct_image_storage);
  set.set_text(tags::patient_name, "Yamada^Tarou=山田^太郎=やまだ^たろう");
  set.set_empty(tags::patient_birth_date);
  set.set_bytes(tags::image_type, Vr::CS, "ORIGINAL\\\\AXIAL");
  set.set_bytes(tags::rescale_slope, Vr::DS, "+1.50");
  set.set_bytes(tags::image_position_patient, Vr::DS, "-1.50\\.5\\abc");
  set.set_integer(tags::rows, 512);
  set.set_bytes(tags::frame_increment_pointer, Vr::AT, std::string("\x18\x00\x63\x10", 4));
  set.add_item(tags::content_sequence).set_text(tags::value_type, "NUM");
  set.add_item(tags::content_sequence);
  set.set_bytes(tags::icc_profile, Vr::OB, "abc");
  EXPECT_EQ(
      to_json(set),
      R"({"00080008":{"vr":"CS","Value":["ORIGINAL",null,"AXIAL"]},)"
      R"("00080016":{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.2"]},)"
      R"("00100010":{"vr":"PN","Value":[{"Alphabetic":"Yamada^Tarou","Ideographic":"山田^太郎","Phonetic":"やまだ^たろう"}]},)"
      R"("00100030":{"vr":"DA"},)"
      R"("00200032":{"vr":"DS","Value":[-1.50,0.5,"abc"]},)"
      R"("00280009":{"vr":"AT","Value":["00181063"]},)"
      R"("00280010":{"vr":"US","Value":[512]},)"
      R"("00281053":{"vr":"DS","Value":[1.5]},)"
      R"("00282000":{"vr":"OB","InlineBinary":"YWJj"},)"
      R"("0040A730":{"vr":"SQ","Value":[{"0040A040":{"vr":"CS","Value":["NUM"]}},{}]}})");
}

TEST(Json, BulkDataIsReferredToAndPixelDataNeverInline) {
  DataSet set;
  set.set_bytes(tags::pixel_data, Vr::OW, "abcd");
  set.set_bytes(tags::icc_profile, Vr::OB, std::string(100, 'x'));
  EXPECT_THAT(to_json(set), Not(HasSubstr("7FE00010")));
  JsonOptions options;
  options.inline_bytes = 10;
  options.bulk_data_uri = [](const Element&, const std::string& path) { return "../bulkdata/" + path; };
  DataSet outer;
  outer.set_items(tags::icon_image_sequence, {set});
  const std::string json = to_json(outer, options);
  EXPECT_THAT(json, HasSubstr(R"("7FE00010":{"vr":"OW","BulkDataURI":"../bulkdata/00880200/0/7FE00010"})"));
  EXPECT_THAT(json, HasSubstr(R"("00282000":{"vr":"OB","BulkDataURI":"../bulkdata/00880200/0/00282000"})"));
  const auto back = from_json(json);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_TRUE(back->item(tags::icon_image_sequence)->find(tags::pixel_data)->skipped);
}

TEST(Json, ComesBackAsItWent) {
  DataSet set;
  set.set_text(tags::specific_character_set, "ISO_IR 100");
  set.set_bytes(tags::patient_name, Vr::PN, "M\xFCller^J\xFCrgen");
  set.set_bytes(tags::image_position_patient, Vr::DS, "-1.5\\20\\3");
  set.set_number(tags::real_world_value_slope, 0.1);
  set.set_integer(tags::rows, 65535);
  set.set_bytes(Tag{0x0009, 0x1001}, Vr::UV, std::string(8, '\xFF'));
  set.set_bytes(Tag{0x0009, 0x1002}, Vr::FL, std::string("\0\0\xC0\x7F", 4));
  set.set_bytes(tags::icc_profile, Vr::OB, "abc");
  set.add_item(tags::content_sequence).set_text(tags::text_value, "Größe");
  const std::string json = to_json(set);
  const auto back = from_json(json);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(to_json(*back), json);
  EXPECT_EQ(back->text(tags::patient_name), "Müller^Jürgen");
  EXPECT_EQ(back->text(tags::specific_character_set), "ISO_IR 192");
  const auto bytes = write_data_set(*back, uids::explicit_vr_little_endian);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(read_data_set(as_bytes(*bytes), uids::explicit_vr_little_endian)->text(tags::patient_name),
            "Müller^Jürgen");
}

TEST(Json, WrongJsonIsRefusedWithItsPath) {
  struct Case {
    std::string_view json;
    std::string_view where;
  };
  const Case cases[] = {
      {"", ""},
      {"[]", ""},
      {R"({"PatientID":{"vr":"LO"}})", "PatientID"},
      {R"({"00100020":{"Value":["1"]}})", "00100020"},
      {R"({"00100020":{"vr":"ZZ"}})", "00100020"},
      {R"({"00100020":{"vr":"LO","Value":"1"}})", "00100020"},
      {R"({"00100020":{"vr":"LO","Value":[{}]}})", "00100020"},
      {R"({"00280010":{"vr":"US","Value":[65536]}})", "00280010"},
      {R"({"00280010":{"vr":"US","Value":["512"]}})", "00280010"},
      {R"({"0040A730":{"vr":"SQ","Value":[{"00280010":{"vr":"US","Value":[-1]}}]}})", "0040A730/0/00280010"},
      {R"({"00282000":{"vr":"OB","InlineBinary":"%%"}})", "00282000"},
      {R"({"00081115":{"vr":"UT","InlineBinary":"AAAA"}})", "00081115"},
      // What separates values and groups of a name cannot stand inside one.
      {R"({"00100020":{"vr":"LO","Value":["a\\b"]}})", "00100020"},
      {R"({"00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B","Ideographic":"="}]}})", "00100010"},
      {R"({"00100010":{"vr":"PN","Value":[{"Alphabetic":"A\\B"}]}})", "00100010"},
  };
  for (const Case& one : cases) {
    const auto set = from_json(one.json);
    ASSERT_FALSE(set) << one.json;
    EXPECT_EQ(set.error().code, "dicom.json");
    EXPECT_EQ(set.error().where, one.where);
  }
  EXPECT_TRUE(from_json(R"({"00081115":{"vr":"LT","Value":["a\\b"]}})"));
  std::string deep = "{}";
  for (int i = 0; i < 100; ++i) deep = R"({"0040A730":{"vr":"SQ","Value":[)" + deep + "]}}";
  EXPECT_FALSE(from_json(deep));
}

TEST(Json, NumbersThatReadersGiveUpOnStayText) {
  DataSet set;
  set.set(Element{
      .tag = tags::rescale_slope, .vr = Vr::DS, .value = "1e999\\" + std::string(40, '9') + "\\+.5\\1e-07\\007"});
  set.set(Element{.tag = tags::instance_number, .vr = Vr::IS, .value = "1e15"});
  set.set(Element{.tag = tags::series_number, .vr = Vr::IS, .value = "1.5"});
  set.set(Element{.tag = tags::number_of_frames, .vr = Vr::IS, .value = "99999999999999999999 "});
  set.set(Element{.tag = tags::acquisition_number, .vr = Vr::IS, .value = "+007"});
  const std::string json = to_json(set);
  EXPECT_THAT(json, testing::HasSubstr(R"("Value":["1e999",")" + std::string(40, '9') + R"(",0.5,1e-07,7])"));
  EXPECT_THAT(json, testing::HasSubstr(R"("Value":["1e15"])"));
  EXPECT_THAT(json, testing::HasSubstr(R"("Value":["1.5"])"));
  EXPECT_THAT(json, testing::HasSubstr(R"("Value":[7])"));
  const auto again = from_json(json);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(to_json(*again), json);
}

TEST(Json, ACharacterSetUnderAWrongRepresentationDoesNotSpoilTheHeader) {
  DataSet set;
  set.set(Element{.tag = tags::specific_character_set, .vr = Vr::SS, .value = "ISO_IR 100"});
  set.set_text(tags::patient_id, "1");
  const auto again = from_json(to_json(set));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->text(tags::patient_id), "1");
}

}  // namespace
}  // namespace vedette::dicom
