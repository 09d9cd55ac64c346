// The example tools of docs/tools with the real networks, where the shared data are there. Expected numbers were
// measured with ONNX Runtime on the same pre-processing (bilinear resize between pixel centres), not with the engine in
// use.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "analysis/check.hpp"
#include "analysis/golden.hpp"
#include "analysis/run.hpp"
#include "dicom/data_set.hpp"

namespace vedette::analysis {
namespace {

namespace fs = std::filesystem;
namespace tags = dicom::tags;

constexpr std::size_t edge = 256;

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class Example : public testing::Test {
 protected:
  void SetUp() override {
    const char* named = std::getenv("VEDETTE_SHARED");
    data_ = fs::path(named != nullptr ? named : std::string(VEDETTE_SOURCE_DIR) + "/../shared") / "data";
    if (!fs::is_directory(data_ / "models-meshnet-onnx")) GTEST_SKIP() << "the shared data are absent";
    std::string name = testing::TempDir() + "examples-XXXXXX";
    root_ = mkdtemp(name.data());
    chmod(root_.c_str(), 0755);
  }
  void TearDown() override {
    std::error_code error;
    if (!root_.empty()) fs::remove_all(root_, error);
  }

  /// The example's tool.toml with the model beside it, as a researcher would have it.
  Result<Tool> example(const std::string& name, const fs::path& model) {
    const fs::path folder = root_ / name;
    fs::create_directory(folder);
    chmod(folder.c_str(), 0755);
    fs::copy_file(fs::path(VEDETTE_SOURCE_DIR) / "docs/tools" / name / "tool.toml", folder / "tool.toml");
    fs::copy_file(data_ / model, folder / model.filename());
    return read_tool(folder.string());
  }
  void expect_checked(const Tool& tool) {
    const CheckReport report = check_tool(tool);
    for (const Remark& remark : report.remarks)
      EXPECT_FALSE(remark.error) << remark.text << " " << remark.where << " " << remark.remedy;
  }

  dicom::DataSet image(const std::string& series, int number, std::string_view modality, std::string_view sop_class,
                       int rows, int columns) {
    dicom::DataSet data;
    data.set_text(tags::sop_class_uid, sop_class);
    data.set_text(tags::sop_instance_uid, series + "." + std::to_string(number));
    data.set_text(tags::study_instance_uid, "1.2.3");
    data.set_text(tags::series_instance_uid, series);
    data.set_text(tags::modality, modality);
    data.set_integer(tags::instance_number, number);
    data.set_integer(tags::rows, rows);
    data.set_integer(tags::columns, columns);
    data.set_integer(tags::samples_per_pixel, 1);
    data.set_text(tags::photometric_interpretation, "MONOCHROME2");
    data.set_integer(tags::bits_allocated, 8);
    data.set_integer(tags::bits_stored, 8);
    data.set_integer(tags::high_bit, 7);
    data.set_integer(tags::pixel_representation, 0);
    return data;
  }
  void save(const dicom::DataSet& data, const fs::path& path, std::string_view syntax = "1.2.840.10008.1.2.1") {
    fs::create_directories(path.parent_path());
    const auto bytes = dicom::write_file(data, syntax);
    ASSERT_TRUE(bytes) << bytes.error().text();
    std::ofstream(path, std::ios::binary) << *bytes;
  }

  /// Values of the T1 volume in file order: [k,j,i], axes towards anterior, inferior, left.
  std::vector<std::uint8_t> volume() {
    std::vector<std::uint8_t> bytes(352 + edge * edge * edge);
    gzFile file = gzopen((data_ / "models-meshnet-brain-mr/t1_crop.nii.gz").c_str(), "rb");
    EXPECT_EQ(gzread(file, bytes.data(), static_cast<unsigned>(bytes.size())), static_cast<int>(bytes.size()));
    gzclose(file);
    bytes.erase(bytes.begin(), bytes.begin() + 352);
    return bytes;
  }

  /// A JPEG file as the pixels of an image, as a capture of a screen would be sent.
  void save_jpeg(const fs::path& jpeg, const fs::path& folder, std::string_view modality, bool colour) {
    const std::string stream = bytes_of(jpeg);
    const auto [rows, columns] = size_of(stream);
    dicom::DataSet data =
        image("1.2.8", 1, modality, modality == "DX" ? "1.2.840.10008.5.1.4.1.1.1.1" : "1.2.840.10008.5.1.4.1.1.7",
              rows, columns);
    if (modality == "DX") {
      data.set_text(tags::view_position, "PA");
      data.set_text(tags::body_part_examined, "CHEST");
      data.set_text(tags::patient_age, "055Y");
      data.set_numbers(tags::window_center, std::array{127.5});
      data.set_numbers(tags::window_width, std::array{255.0});
      data.set_text(tags::voi_lut_function, "LINEAR_EXACT");
    }
    if (colour) {
      data.set_integer(tags::samples_per_pixel, 3);
      data.set_text(tags::photometric_interpretation, "YBR_FULL_422");
      data.set_integer(tags::planar_configuration, 0);
    }
    dicom::Element pixels;
    pixels.tag = tags::pixel_data;
    pixels.vr = dicom::Vr::OB;
    pixels.encapsulated = true;
    pixels.fragments = {"", stream.size() % 2 == 0 ? stream : stream + '\0'};
    data.set(std::move(pixels));
    save(data, folder / "1.dcm", "1.2.840.10008.1.2.4.50");
  }
  /// Rows and columns of a baseline or progressive JPEG: its frame header.
  static std::pair<int, int> size_of(const std::string& jpeg) {
    const auto byte = [&](std::size_t at) { return static_cast<int>(static_cast<unsigned char>(jpeg[at])); };
    for (std::size_t at = 2; at + 9 < jpeg.size();) {
      const int marker = byte(at + 1);
      if (marker >= 0xC0 && marker <= 0xC2)
        return {byte(at + 5) * 256 + byte(at + 6), byte(at + 7) * 256 + byte(at + 8)};
      at += 2 + static_cast<std::size_t>(byte(at + 2) * 256 + byte(at + 3));
    }
    return {0, 0};
  }

  fs::path data_, root_;
};

TEST_F(Example, MeshNetGivesTheGoldenVoxelCountsFromDicom) {
  const std::vector<std::uint8_t> voxels = volume();
  for (std::size_t k = 0; k < edge; ++k) {
    dicom::DataSet data = image("1.2.7", static_cast<int>(k) + 1, "MR", "1.2.840.10008.5.1.4.1.1.4", edge, edge);
    data.set_text(tags::frame_of_reference_uid, "1.2.9");
    data.set_text(tags::body_part_examined, "HEAD");
    // Columns to the left, rows downwards, slices to the front: LPS +x, -z, -y.
    data.set_numbers(tags::image_position_patient, std::array{-127.6, 134.5 - static_cast<double>(k), 133.5});
    data.set_numbers(tags::image_orientation_patient, std::array{1.0, 0.0, 0.0, 0.0, 0.0, -1.0});
    data.set_numbers(tags::pixel_spacing, std::array{1.0, 1.0});
    data.set_bytes(tags::pixel_data, dicom::Vr::OB,
                   std::string(voxels.begin() + static_cast<std::ptrdiff_t>(k * edge * edge),
                               voxels.begin() + static_cast<std::ptrdiff_t>((k + 1) * edge * edge)));
    save(data, root_ / "golden/t1" / (std::to_string(k) + ".dcm"));
  }
  const auto tool = example("meshnet_tissue", "models-meshnet-onnx/model.onnx");
  ASSERT_TRUE(tool) << tool.error().text();
  expect_checked(*tool);
  setenv("VEDETTE_GOLDEN", (root_ / "golden").c_str(), 1);
  const auto result = run_golden(*tool, tool->golden.at(0), {});
  ASSERT_TRUE(result) << result.error().text() << result.error().detail;
  for (const std::string& line : result->lines) std::cout << line << "\n";
  std::cout << result->seconds << " s\n";
  EXPECT_EQ(result->state, GoldenResult::State::passed);
}

TEST_F(Example, MultiAxialSeesImageAndPlaceSliceBySlice) {
  const std::vector<std::uint8_t> voxels = volume();
  for (int z = 0; z < 6; ++z) {
    dicom::DataSet data = image("1.2.7", z + 1, "MR", "1.2.840.10008.5.1.4.1.1.4", edge, edge);
    data.set_text(tags::frame_of_reference_uid, "1.2.9");
    data.set_text(tags::body_part_examined, "HEAD");
    data.set_numbers(tags::image_position_patient, std::array{-128.0, -128.0, static_cast<double>(z)});
    data.set_numbers(tags::image_orientation_patient, std::array{1.0, 0.0, 0.0, 0.0, 1.0, 0.0});
    data.set_numbers(tags::pixel_spacing, std::array{1.0, 1.0});
    std::string pixels;
    for (std::size_t y = 0; y < edge; ++y) {
      for (std::size_t x = 0; x < edge; ++x)
        pixels += static_cast<char>(
            voxels[((edge - 1 - y) * edge + (edge - 1 - 120 - static_cast<std::size_t>(z))) * edge + x]);
    }
    data.set_bytes(tags::pixel_data, dicom::Vr::OB, std::move(pixels));
    save(data, root_ / "images" / (std::to_string(z) + ".dcm"));
  }
  const auto tool = example("multiaxial_axial", "models-multiaxial-onnx/multiaxial/axial_model.onnx");
  ASSERT_TRUE(tool) << tool.error().text();
  expect_checked(*tool);
  const auto run = run_folder(*tool, (root_ / "images").string(), {});
  ASSERT_TRUE(run) << run.error().text();
  ASSERT_EQ(run->outcome.state, Outcome::State::done) << run->outcome.text;
  ASSERT_EQ(run->findings.size(), 3U);
  const std::array<long, 3> expected = {55'801, 40'631, 14'703};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string& mask = run->outcome.proposals[i].mask;
    const auto count = std::count(mask.begin(), mask.end(), '\1');
    std::cout << run->findings[i].text << ": " << count << " voxels, " << expected[i] << " expected\n";
    EXPECT_NEAR(static_cast<double>(count), static_cast<double>(expected[i]), 0.001 * static_cast<double>(expected[i]));
  }
}

TEST_F(Example, ChestXRayScoresAreThoseOfTheOtherEngine) {
  const auto tool = example("cxr_nih14", "models-cxr-int8-onnx/model_int8.onnx");
  ASSERT_TRUE(tool) << tool.error().text();
  expect_checked(*tool);
  struct Case {
    const char* file;
    const char* text;
    double score;
  };
  // Weights are 8 bit: another engine rounds activations at other places, so scores agree only about.
  for (const Case& each : {Case{"00001182_004.jpg", "Pneumonia, proposed by score, for review", 0.99999},
                           {"00001362_004.jpg", "Atelectasis, proposed by score, for review", 0.9528},
                           {"00001373_010.jpg", "Cardiomegaly, proposed by score, for review", 0.99985},
                           {"00000150_002.jpg", "", 0}}) {
    const fs::path folder = root_ / each.file;
    save_jpeg(data_ / "labelled-cxr-nih/images" / each.file, folder, "DX", false);
    const auto run = run_folder(*tool, folder.string(), {});
    ASSERT_TRUE(run) << run.error().text();
    ASSERT_EQ(run->outcome.state, Outcome::State::done) << run->outcome.text;
    for (const finding::Finding& f : run->findings) std::cout << each.file << ": " << f.text << " " << *f.score << "\n";
    ASSERT_EQ(run->findings.size(), each.score > 0 ? 1U : 0U) << each.file;
    if (each.score == 0) continue;
    EXPECT_EQ(run->findings[0].text, each.text);
    EXPECT_NEAR(*run->findings[0].score, each.score, 0.02) << each.file;
  }
}

TEST_F(Example, BrainTumourPicturesAreScoredInColour) {
  const auto tool = example("brain_tumour", "models-braintumour-onnx/model.onnx");
  ASSERT_TRUE(tool) << tool.error().text();
  expect_checked(*tool);
  struct Case {
    const char* file;
    const char* text;
    double score;
  };
  for (const Case& each : {Case{"glioma_tumor/gg (227).jpg", "Glioma, proposed by score, for review", 0.996},
                           {"meningioma_tumor/m (37).jpg", "Meningioma, proposed by score, for review", 0.929},
                           {"pituitary_tumor/p (6).jpg", "Pituitary mass, proposed by score, for review", 0.996},
                           {"no_tumor/image(322).jpg", "", 0}}) {
    const fs::path folder = root_ / std::to_string(std::hash<std::string_view>{}(each.file));
    save_jpeg(data_ / "labelled-brain-mr-tumour/Training" / each.file, folder, "MR", true);
    const auto run = run_folder(*tool, folder.string(), {});
    ASSERT_TRUE(run) << run.error().text();
    ASSERT_EQ(run->outcome.state, Outcome::State::done) << run->outcome.text;
    for (const finding::Finding& f : run->findings) std::cout << each.file << ": " << f.text << " " << *f.score << "\n";
    ASSERT_EQ(run->findings.size(), each.score > 0 ? 1U : 0U) << each.file;
    if (each.score == 0) continue;
    EXPECT_EQ(run->findings[0].text, each.text);
    EXPECT_NEAR(*run->findings[0].score, each.score, 0.05) << each.file;
  }
}

}  // namespace
}  // namespace vedette::analysis
