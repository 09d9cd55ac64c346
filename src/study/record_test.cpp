#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "study/catalogue.hpp"
#include "study/packed.hpp"

namespace vedette::study {
namespace {

namespace tags = dicom::tags;
using testing::HasSubstr;
using testing::Not;

dicom::DataSet header() {
  dicom::DataSet data;
  data.set_text(tags::sop_class_uid, "1.2.840.10008.5.1.4.1.1.128");
  data.set_text(tags::sop_instance_uid, "1.2.3.4");
  data.set_text(tags::study_instance_uid, "1.2.3");
  data.set_text(tags::series_instance_uid, "1.2.3.1");
  data.set_text(tags::patient_name, "Müller^Jürgen");
  data.set_text(tags::patient_id, "4711");
  data.set_text(tags::study_date, "20260102");
  data.set_text(tags::modality, "PT");
  data.set_integer(tags::instance_number, -7);
  data.set_integer(tags::rows, 128);
  data.set_integer(tags::number_of_study_related_instances, 300);
  data.add_item(tags::request_attributes_sequence).set_text(tags::requested_procedure_id, "RP-1");
  return data;
}

TEST(Record, TakesWhatTheIndexNeedsFromTheHeader) {
  const auto r = record_of(header(), "1.2.840.10008.1.2.1");
  ASSERT_TRUE(r) << r.error().text();
  EXPECT_EQ(r->study_uid, "1.2.3");
  EXPECT_EQ(r->patient_name, "Müller^Jürgen");
  EXPECT_EQ(r->modality, "PT");
  EXPECT_EQ(r->instance_number, -7);
  EXPECT_EQ(r->related_in_study, 300);
  EXPECT_EQ(r->procedure_id, "RP-1");
  EXPECT_FALSE(r->frames.has_value());
  EXPECT_THAT(r->header_json, HasSubstr("\"00100020\""));
}

TEST(Record, EachUidMustBeThereAndValidAndIsNamedByItsTag) {
  for (const dicom::Tag tag :
       {tags::sop_class_uid, tags::sop_instance_uid, tags::study_instance_uid, tags::series_instance_uid}) {
    for (const char* wrong : {"", "1.2..3", "../../etc/passwd", "MUSTER^ANNA"}) {
      dicom::DataSet data = header();
      data.set_text(tag, dicom::Vr::UI, wrong);
      const auto r = record_of(data, "1.2.840.10008.1.2.1");
      ASSERT_FALSE(r);
      EXPECT_EQ(r.error().code, "instance.uid");
      EXPECT_EQ(r.error().where, tag.text());
      EXPECT_THAT(r.error().text(), Not(HasSubstr("MUSTER"))) << "what stood there may be a person's name";
    }
  }
}

TEST(Record, ALabelGivesTheRecordBack) {
  InstanceRecord r = record_of(header(), "1.2.840.10008.1.2.1").value();
  r.source = "dimse:PET1";
  r.data_offset = 348;
  r.received_at = 1'790'000'000'123'456;
  const auto back = from_label(to_label(r));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->patient_name, r.patient_name);
  EXPECT_EQ(back->instance_number, -7);
  EXPECT_FALSE(back->frames.has_value());
  EXPECT_EQ(back->received_at, r.received_at);
  EXPECT_EQ(back->data_offset, 348);
  EXPECT_EQ(back->source, "dimse:PET1");
  EXPECT_EQ(unpacked(back->header_packed).value(), r.header_json);
}

TEST(Record, ADamagedLabelIsRefusedNotGuessed) {
  const std::string label = to_label(record_of(header(), "1.2.840.10008.1.2.1").value());
  for (std::size_t size = 0; size < label.size(); ++size) EXPECT_FALSE(from_label(label.substr(0, size))) << size;
  EXPECT_FALSE(from_label("XX" + label));
}

TEST(Record, OverlongTextIsCutBetweenCharacters) {
  dicom::DataSet data = header();
  std::string text;
  for (int i = 0; i < 400; ++i) text += "ü";
  data.set_text(tags::study_description, text);
  const auto r = record_of(data, "1.2.840.10008.1.2.1");
  ASSERT_TRUE(r);
  EXPECT_LE(r->study_description.size(), 256U);
  EXPECT_EQ(r->study_description.size() % 2, 0U);
}

}  // namespace
}  // namespace vedette::study
