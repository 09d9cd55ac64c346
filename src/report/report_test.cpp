#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "dicom/uid.hpp"
#include "dicom/uids.hpp"
#include "report/seg.hpp"
#include "report/sr.hpp"
#include "terms/codes.hpp"

namespace vedette::report {
namespace {

namespace tags = dicom::tags;
namespace codes = terms::codes;

finding::Code plain(const Code& code) {
  return {code.value, code.scheme, code.meaning};
}

/// A PET slice of 4 rows × 6 columns at z, axial.
dicom::DataSet slice(int number, double z) {
  dicom::DataSet image;
  image.set_text(tags::sop_class_uid, "1.2.840.10008.5.1.4.1.1.128");
  image.set_text(tags::sop_instance_uid, "1.2.3.4." + std::to_string(number));
  image.set_text(tags::study_instance_uid, "1.2.3");
  image.set_text(tags::series_instance_uid, "1.2.3.4");
  image.set_text(tags::modality, "PT");
  image.set_text(tags::patient_name, "Φάντασμα^Ένα");
  image.set_text(tags::patient_id, "PHANTOM-1");
  image.set_text(tags::frame_of_reference_uid, "1.2.9");
  image.set_numbers(tags::image_position_patient, std::array{-10.0, -20.0, z});
  image.set_numbers(tags::image_orientation_patient, std::array{1.0, 0.0, 0.0, 0.0, 1.0, 0.0});
  image.set_numbers(tags::pixel_spacing, std::array{4.0, 4.0});
  image.set_number(tags::slice_thickness, 3.0);
  return image;
}

finding::Finding uptake() {
  finding::Finding out;
  out.id = "f1";
  out.number = 1;
  out.study_uid = "1.2.3";
  out.code = plain(codes::lesion);
  out.text = "Raised uptake region, for review";
  out.site = plain(codes::lung);
  out.laterality = plain(codes::right);
  out.tracking_uid = "2.25.99";
  out.tool = finding::ToolStamp{"pet_uptake", "0.1.0", "pet_uptake", std::string(64, 'a'), false};
  finding::Measurement maximum;
  maximum.code = plain(codes::suvbw);
  maximum.value = 6.376;
  maximum.unit = plain(codes::suvbw_unit);
  maximum.method = plain(codes::maximum);
  maximum.uncertainty = finding::Uncertainty{0.3, "voxel", "half a voxel"};
  finding::Measurement volume;
  volume.code = plain(codes::volume);
  volume.value = 4.39;
  volume.unit = plain(codes::millilitre);
  out.measurements = {maximum, volume};
  out.region.kind = "mask";
  out.region.frame_of_reference_uid = "1.2.9";
  out.region.series_uid = "1.2.3.4";
  out.region.rows = 4;
  out.region.columns = 6;
  out.region.mask_instances = {"1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"};
  return out;
}

Equipment equipment() {
  return {"Vedette", "Vedette", "0.1.0", "node-1", "Centre"};
}

class Objects : public testing::Test {
 protected:
  Objects() {
    mask[4 * 6 + 8] = 1;  // slice 2, row 1, column 2
    mask[4 * 6 + 9] = 1;
    mask[2 * 4 * 6 + 9] = 1;
  }
  Result<dicom::DataSet> make_segmentation() {
    Segmentation input{images.front(), images, {{found, mask}}, equipment(), when, "2.25.7", "2.25.8"};
    return segmentation(input);
  }
  Result<dicom::DataSet> make_report() {
    std::vector<dicom::DataSet> evidence = images;
    evidence.push_back(make_segmentation_or_slice());
    MeasurementReport input{images.front(),
                            {found},
                            {{"f1", {std::string(dicom::uids::segmentation_storage), "2.25.7", {1}}, "1.2.3.4"}},
                            evidence,
                            equipment(),
                            when,
                            "2.25.5",
                            "2.25.6"};
    return measurement_report(input);
  }
  dicom::DataSet make_segmentation_or_slice() {
    auto made = make_segmentation();
    return made ? *std::move(made) : slice(9, 9);
  }
  Instant when{std::chrono::seconds{1'790'000'000}};
  std::vector<dicom::DataSet> images = {slice(1, 0), slice(2, 3), slice(3, 6)};
  finding::Finding found = uptake();
  std::string mask = std::string(3 * 4 * 6, '\0');
};

TEST_F(Objects, AProposedReportIsPartialAndUnverified) {
  const dicom::DataSet report = make_report().value();
  EXPECT_EQ(report.text(tags::completion_flag), "PARTIAL");
  EXPECT_EQ(report.text(tags::verification_flag), "UNVERIFIED");
  EXPECT_EQ(report.find(tags::verifying_observer_sequence), nullptr);
  EXPECT_EQ(report.text(tags::patient_name), "Φάντασμα^Ένα");
}

TEST_F(Objects, RejectedAndWithdrawnFindingsNeverLeave) {
  for (const finding::State state : {finding::State::rejected, finding::State::withdrawn}) {
    found.state = state;
    const auto report = make_report();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, "report.state");
  }
}

TEST_F(Objects, AReportWithoutFindingsIsNotWritten) {
  MeasurementReport input{images.front(), {}, {}, images, equipment(), when, "2.25.5", "2.25.6"};
  EXPECT_EQ(measurement_report(input).error().code, "report.empty");
}

TEST_F(Objects, SegmentationFramesAreTheSlicesThatAreNotEmptyPackedFromTheLowestBit) {
  const dicom::DataSet seg = make_segmentation().value();
  EXPECT_EQ(seg.integer(tags::number_of_frames), 2);
  const std::string& bits = seg.find(tags::pixel_data)->value;
  ASSERT_EQ(bits.size(), 6U);
  EXPECT_EQ(static_cast<unsigned char>(bits[1]), 0x03);  // pixels 8 and 9 of the first frame
  EXPECT_EQ(static_cast<unsigned char>(bits[4]), 0x02);  // pixel 24 + 9 = 33
  const auto& frames = seg.items(tags::per_frame_functional_groups_sequence);
  EXPECT_EQ(frames[0].item(tags::plane_position_sequence)->numbers(tags::image_position_patient),
            (std::vector<double>{-10, -20, 3}));
}

TEST_F(Objects, MasksThatDoNotFitAreRefused) {
  mask.pop_back();
  EXPECT_EQ(make_segmentation().error().code, "report.mask");
  mask = std::string(3 * 4 * 6, '\0');
  EXPECT_EQ(make_segmentation().error().code, "report.mask");
}

TEST_F(Objects, FilesCanBeWrittenForJudges) {
  // VEDETTE_JUDGED names a folder where dciodvfy, dsrdump and highdicom look at the files.
  const char* folder = std::getenv("VEDETTE_JUDGED");
  const auto report = dicom::write_file(make_report().value());
  const auto seg = dicom::write_file(make_segmentation().value());
  ASSERT_TRUE(report && seg);
  if (folder == nullptr) return;
  std::ofstream(std::filesystem::path(folder) / "sr.dcm", std::ios::binary) << *report;
  std::ofstream(std::filesystem::path(folder) / "seg.dcm", std::ios::binary) << *seg;
}

}  // namespace
}  // namespace vedette::report
