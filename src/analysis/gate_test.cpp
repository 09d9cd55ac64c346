#include "analysis/gate.hpp"

#include <gtest/gtest.h>

#include <array>

namespace vedette::analysis {
namespace {

namespace tags = dicom::tags;

const Tool& tool() {
  static const Tool read = read_tool(std::string(VEDETTE_SOURCE_DIR) + "/tools/pet_uptake").value();
  return read;
}

ImageSeries pet(std::string uid, int images, double distance = 3, std::int64_t number = 1) {
  ImageSeries series{uid, "PT", number, {}};
  for (int k = 0; k < images; ++k) {
    dicom::DataSet data;
    data.set_text(tags::sop_class_uid, "1.2.840.10008.5.1.4.1.1.128");
    data.set_text(tags::sop_instance_uid, uid + "." + std::to_string(k + 1));
    data.set_text(tags::image_type, "ORIGINAL\\PRIMARY");
    data.set_text(tags::units, "BQML");
    data.set_text(tags::corrected_image, "DECY\\ATTN\\SCAT");
    data.set_integer(tags::instance_number, k + 1);
    data.set_numbers(tags::image_position_patient, std::array{0.0, 0.0, distance * k});
    data.set_numbers(tags::image_orientation_patient, std::array{1.0, 0.0, 0.0, 0.0, 1.0, 0.0});
    data.set_numbers(tags::pixel_spacing, std::array{4.0, 4.0});
    for (const auto tag : {tags::rows, tags::columns}) data.set_integer(tag, 16);
    series.images.push_back({std::move(data), "", nullptr});
  }
  return series;
}
void set_all(ImageSeries& series, dicom::Tag tag, std::string_view value) {
  for (Image& image : series.images) image.header.set_text(tag, value);
}
std::string taken(const ImageStudy& study) {
  const Choice choice = choose(tool(), study);
  return choice.taken.empty() ? choice.code : study.series[choice.taken[0].series].uid;
}

TEST(Gate, CorrectedSeriesIsTakenBesideTheUncorrected) {
  ImageSeries uncorrected = pet("1.1", 40);
  set_all(uncorrected, tags::corrected_image, "DECY\\RAN");
  EXPECT_EQ(taken({"1", {uncorrected, pet("1.2", 20)}}), "1.2");
  EXPECT_EQ(taken({"1", {uncorrected}}), "gate.corrected_for");
}

TEST(Gate, OriginalThenMostImagesThenFinestThenLowestNumber) {
  ImageSeries derived = pet("1.1", 60);
  set_all(derived, tags::image_type, "DERIVED\\SECONDARY");
  EXPECT_EQ(taken({"1", {derived, pet("1.2", 20)}}), "1.2");
  EXPECT_EQ(taken({"1", {pet("1.2", 20), pet("1.3", 30)}}), "1.3");
  EXPECT_EQ(taken({"1", {pet("1.2", 20, 5), pet("1.3", 20, 3)}}), "1.3");
  EXPECT_EQ(taken({"1", {pet("1.2", 20, 3, 7), pet("1.3", 20, 3, 4)}}), "1.3");
}

TEST(Gate, StudyWithoutTheModalityIsNotForTheTool) {
  ImageSeries ct = pet("1.1", 20);
  ct.modality = "CT";
  const Choice choice = choose(tool(), {"1", {ct}});
  EXPECT_EQ(choice.answer, Choice::Answer::not_applicable);
  EXPECT_EQ(choice.text, "The study has no PT series.");
}

TEST(Gate, EachMissedLineIsACodedReason) {
  ImageSeries series = pet("1.1", 20);
  set_all(series, tags::sop_class_uid, "1.2.840.10008.5.1.4.1.1.7");
  EXPECT_EQ(taken({"1", {series}}), "gate.sop_class");
  series = pet("1.1", 20);
  set_all(series, tags::units, "PROPCPS");
  EXPECT_EQ(taken({"1", {series}}), "gate.units");
  EXPECT_EQ(taken({"1", {pet("1.1", 2)}}), "gate.images");
  series = pet("1.1", 20);
  series.images.erase(series.images.begin() + 9, series.images.begin() + 11);
  const Choice choice = choose(tool(), {"1", {series}});
  EXPECT_EQ(choice.answer, Choice::Answer::refused);
  EXPECT_EQ(choice.code, "geometry.gap");
  EXPECT_EQ(choice.text, "Shown, not measured. Images 10 to 11 are missing.");
}

TEST(Gate, ReasonIsThatOfTheSeriesWhichCameFarthest) {
  ImageSeries counts = pet("1.1", 20), gap = pet("1.2", 20);
  set_all(counts, tags::units, "PROPCPS");
  gap.images.erase(gap.images.begin() + 5);
  EXPECT_EQ(taken({"1", {counts, gap}}), "geometry.gap");
  EXPECT_EQ(taken({"1", {gap, counts}}), "geometry.gap");
}

TEST(Gate, AgeIsReadFromAgeOrDatesAndUnknownAgeIsRefused) {
  Tool adults = tool();
  adults.inputs[0].least_age = 18;
  ImageSeries series = pet("1.1", 20);
  EXPECT_EQ(choose(adults, {"1", {series}}).code, "gate.age");
  set_all(series, tags::patient_age, "017Y");
  EXPECT_EQ(choose(adults, {"1", {series}}).code, "gate.age");
  set_all(series, tags::patient_age, "018Y");
  EXPECT_EQ(choose(adults, {"1", {series}}).answer, Choice::Answer::applies);
  set_all(series, tags::patient_age, "");
  set_all(series, tags::patient_birth_date, "20000102");
  set_all(series, tags::study_date, "20180101");
  EXPECT_EQ(choose(adults, {"1", {series}}).code, "gate.age");
  set_all(series, tags::study_date, "20180102");
  EXPECT_EQ(choose(adults, {"1", {series}}).answer, Choice::Answer::applies);
}

}  // namespace
}  // namespace vedette::analysis
