#include "pet_uptake/pet_uptake.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

namespace vedette::pet_uptake {
namespace {

namespace tags = dicom::tags;

const Parameters as_in_the_card{4.0, 1.0, 0.41, 1.0, 10.0, 10.0, 0.12, 50};

Result<Found> run(const std::vector<dicom::File>& files, const Parameters& parameters = as_in_the_card) {
  std::vector<voxel::ImageSource> images;
  for (const auto& file : files) images.push_back({&file.data, file.transfer_syntax});
  return find_candidates(images, parameters, [](double, std::string_view) {});
}

/// A PET series of values that are SUV already: 32 slices of 32 × 32, 4 mm, background 1.0, boxes of the given SUV.
struct Box {
  int slice, row, column, size;
  double suv;
};
std::vector<dicom::File> series(const std::vector<Box>& boxes) {
  std::vector<dicom::File> files;
  for (int k = 0; k < 32; ++k) {
    std::vector<std::int16_t> values(32 * 32, 1000);
    for (const Box& box : boxes) {
      if (k < box.slice || k >= box.slice + box.size) continue;
      for (int r = box.row; r < box.row + box.size; ++r) {
        for (int c = box.column; c < box.column + box.size; ++c) {
          values[static_cast<std::size_t>(r * 32 + c)] = static_cast<std::int16_t>(box.suv * 1000);
        }
      }
    }
    dicom::DataSet data;
    data.set_text(tags::sop_class_uid, "1.2.840.10008.5.1.4.1.1.128");
    data.set_text(tags::sop_instance_uid, "1.2.3." + std::to_string(k + 1));
    data.set_text(tags::units, "GML");
    data.set_text(tags::corrected_image, "ATTN\\DECY");
    data.set_numbers(tags::image_position_patient, std::array{0.0, 0.0, 4.0 * k});
    data.set_numbers(tags::image_orientation_patient, std::array{1.0, 0.0, 0.0, 0.0, 1.0, 0.0});
    data.set_numbers(tags::pixel_spacing, std::array{4.0, 4.0});
    for (const auto tag : {tags::rows, tags::columns}) data.set_integer(tag, 32);
    data.set_integer(tags::samples_per_pixel, 1);
    data.set_text(tags::photometric_interpretation, "MONOCHROME2");
    data.set_integer(tags::bits_allocated, 16);
    data.set_integer(tags::bits_stored, 16);
    data.set_integer(tags::high_bit, 15);
    data.set_integer(tags::pixel_representation, 1);
    data.set_number(tags::rescale_slope, 0.001);
    data.set_number(tags::rescale_intercept, 0);
    data.set_bytes(tags::pixel_data, dicom::Vr::OW,
                   std::string(reinterpret_cast<const char*>(values.data()), values.size() * 2));
    files.push_back({{}, "1.2.840.10008.1.2.1", 0, std::move(data)});
  }
  return files;
}

TEST(PetUptake, ProposesWhatIsHotAndLargeEnough) {
  // 0.064 ml a voxel: 16 make more than 1 ml.
  const auto found = run(series({{4, 4, 4, 3, 8.0}, {20, 20, 20, 2, 9.0}, {12, 20, 4, 4, 3.9}}));
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->candidates.size(), 1U);  // the second is too small, the third not hot enough
  const Candidate& c = found->candidates[0];
  EXPECT_NEAR(c.statistics.maximum, 8, 1e-3);
  EXPECT_NEAR(c.fixed.ml, 27 * 0.064, 1e-9);
  EXPECT_NEAR(c.fixed.mean, 8, 1e-3);
  EXPECT_NEAR(c.share.ml, 27 * 0.064, 1e-9);
  EXPECT_NEAR(c.glycolysis(), 8 * 27 * 0.064, 1e-2);
  EXPECT_NEAR(c.statistics.centre_mm.x, 5 * 4.0, 1e-9);
  EXPECT_FALSE(c.urgent);
}

TEST(PetUptake, ThresholdItselfCounts) {
  EXPECT_EQ(run(series({{4, 4, 4, 3, 4.0}}))->candidates.size(), 1U);
}

TEST(PetUptake, RegionsThatTouchAtACornerAreOne) {
  EXPECT_EQ(run(series({{4, 4, 4, 3, 8.0}, {7, 7, 7, 3, 6.0}}))->candidates.size(), 1U);
  EXPECT_EQ(run(series({{4, 4, 4, 3, 8.0}, {8, 8, 8, 3, 6.0}}))->candidates.size(), 2U);
}

TEST(PetUptake, LargeAndVeryHotIsUrgentAndFirst) {
  const auto found = run(series({{4, 4, 4, 3, 8.0}, {16, 16, 16, 6, 12.0}}));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->candidates.size(), 2U);
  EXPECT_TRUE(found->candidates[0].urgent);
  EXPECT_NEAR(found->candidates[0].statistics.maximum, 12, 1e-3);
  EXPECT_FALSE(found->candidates[1].urgent);
}

TEST(PetUptake, OnlyTheHottestAreListedAndTheRestCounted) {
  Parameters few = as_in_the_card;
  few.most_regions = 1;
  const auto found = run(series({{4, 4, 4, 3, 8.0}, {16, 16, 16, 3, 12.0}}), few);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->candidates.size(), 1U);
  EXPECT_EQ(found->left_out, 1U);
}

TEST(PetUptake, WhatIsNotKnownIsRefused) {
  auto files = series({});
  for (auto& file : files) file.data.set_text(tags::units, "BQML");
  EXPECT_EQ(run(files).error().code, "suv.weight");
  files = series({});
  files.erase(files.begin() + 10);
  EXPECT_EQ(run(files).error().code, "geometry.gap");
}

// -- the real patient --

std::optional<std::filesystem::path> shared() {
  const char* named = std::getenv("VEDETTE_SHARED");
  const std::filesystem::path folder = named != nullptr ? named : std::string(VEDETTE_SOURCE_DIR) + "/../shared";
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}
std::vector<dicom::File> files_of(const std::filesystem::path& folder) {
  std::vector<dicom::File> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (auto file = dicom::read_file(as_bytes(bytes))) files.push_back(*std::move(file));
  }
  return files;
}

/// Inside the contour of the slice nearest to `p`, by crossings.
bool inside_contour(const dicom::DataSet& structures, std::string_view name, voxel::Vec3 p) {
  std::string number;
  for (const auto& roi : structures.items(tags::structure_set_roi_sequence)) {
    if (roi.text(tags::roi_name) == name) number = roi.text(tags::roi_number);
  }
  double nearest = 1e9;
  bool inside = false;
  for (const auto& roi : structures.items(tags::roi_contour_sequence)) {
    if (roi.text(tags::referenced_roi_number) != number) continue;
    for (const auto& contour : roi.items(tags::contour_sequence)) {
      const auto xyz = contour.numbers(tags::contour_data);
      const double away = std::abs(xyz[2] - p.z);
      if (away > nearest + 1e-6) continue;
      if (away < nearest - 1e-6) inside = false;
      nearest = away;
      bool odd = false;
      const std::size_t n = xyz.size() / 3;
      for (std::size_t i = 0, j = n - 1; i < n; j = i++) {
        const double yi = xyz[3 * i + 1], yj = xyz[3 * j + 1];
        if ((yi > p.y) != (yj > p.y) && p.x < (xyz[3 * j] - xyz[3 * i]) * (p.y - yi) / (yj - yi) + xyz[3 * i])
          odd = !odd;
      }
      inside = inside != odd;
    }
  }
  return nearest < 4 && inside;
}

TEST(PetUptake, FindsTheOneCandidateOfTheRealPatientInsideItsContour) {
  const auto folder = shared();
  if (!folder) GTEST_SKIP() << "the shared data are absent";
  const auto patient = *folder / "data/ibsi-pet-ct-mr/dicom/STS_025/PET";
  const auto files = files_of(patient / "image");
  ASSERT_EQ(files.size(), 47U);
  const auto found = run(files);
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->candidates.size(), 1U);
  const Candidate& c = found->candidates[0];
  EXPECT_NEAR(c.statistics.maximum, 6.376, 0.0005);
  EXPECT_NEAR(c.fixed.ml, 4.39, 0.005);
  const auto structures = files_of(patient / "mask");
  ASSERT_EQ(structures.size(), 1U);
  EXPECT_TRUE(inside_contour(structures[0].data, "GTV_Mass_PET", c.statistics.centre_mm))
      << c.statistics.centre_mm.x << " " << c.statistics.centre_mm.y << " " << c.statistics.centre_mm.z;
}

}  // namespace
}  // namespace vedette::pet_uptake
