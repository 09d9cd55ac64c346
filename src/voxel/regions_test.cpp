#include "voxel/regions.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstring>

#include "voxel/test_series.hpp"

namespace vedette::voxel {
namespace {

Volume cube(int n, double mm = 2) {
  Volume volume;
  volume.grid = {n, n, n, {0, 0, 0}, {0, 0, mm}, {0, mm, 0}, {mm, 0, 0}};
  volume.values.assign(volume.grid.size(), 0);
  return volume;
}

TEST(Regions, CornersJoinOnlyUnder26Neighbours) {
  Volume volume = cube(4);
  const std::size_t a = volume.grid.index(0, 0, 0), b = volume.grid.index(1, 1, 1), c = volume.grid.index(1, 2, 2);
  for (const std::size_t at : {a, b, c}) volume.values[at] = 1;
  const auto inside = [&](std::size_t at) { return volume.values[at] > 0; };
  EXPECT_EQ(components(volume.grid, inside, Neighbours::faces6).size(), 3U);
  EXPECT_EQ(components(volume.grid, inside, Neighbours::edges18).size(), 2U);
  EXPECT_EQ(components(volume.grid, inside, Neighbours::corners26).size(), 1U);
  EXPECT_EQ(component_at(volume.grid, a, inside, Neighbours::faces6), Region{a});
  EXPECT_TRUE(component_at(volume.grid, a + 1, inside, Neighbours::faces6).empty());
}

TEST(Regions, StatisticsAreOfTheVoxelsInMillimetres) {
  Volume volume = cube(4);
  const std::size_t a = volume.grid.index(1, 1, 1), b = volume.grid.index(1, 1, 2);
  volume.values[a] = 2;
  volume.values[b] = 4;
  const Statistics s = statistics_of(volume, {a, b});
  EXPECT_DOUBLE_EQ(s.mean, 3);
  EXPECT_DOUBLE_EQ(s.sd, 1);
  EXPECT_DOUBLE_EQ(s.maximum, 4);
  EXPECT_EQ(s.maximum_at, b);
  EXPECT_DOUBLE_EQ(s.volume_ml, 0.016);
  EXPECT_DOUBLE_EQ(s.centre_mm.x, 3);
  EXPECT_DOUBLE_EQ(s.bounds_min_mm.x, 1);
  EXPECT_DOUBLE_EQ(s.bounds_max_mm.x, 5);
}

TEST(Regions, PeakSphereOfOneMillilitreHasItsVolume) {
  Volume volume = cube(31, 1);
  for (float& value : volume.values) value = 1;
  const Peak peak = peak_at(volume, volume.grid.index(15, 15, 15));
  EXPECT_DOUBLE_EQ(peak.value, 1);
  EXPECT_NEAR(static_cast<double>(peak.voxels) * volume.grid.voxel_ml(), 1.0, 0.04);
}

TEST(Regions, PeakLooksBeyondTheRegionAndStopsAtTheImage) {
  Volume volume = cube(9, 4);
  const std::size_t middle = volume.grid.index(4, 4, 4);
  volume.values[middle] = 7;
  // Radius 6.2 mm over 4 mm voxels: centre, 6 at 4 mm, 12 at 5.66 mm.
  EXPECT_EQ(peak_at(volume, middle).voxels, 19U);
  EXPECT_NEAR(peak_at(volume, middle).value, 7.0 / 19, 1e-12);
  EXPECT_EQ(peak_at(volume, 0).voxels, 7U);
}

TEST(Regions, ObliqueStepsKeepTheSphereRound) {
  const double a = 0.5;
  Volume volume;
  volume.grid = {41, 41, 41, {}, {0, -std::sin(a), std::cos(a)}, {0, std::cos(a), std::sin(a)}, {1, 0, 0}};
  volume.values.assign(volume.grid.size(), 1);
  EXPECT_NEAR(static_cast<double>(peak_at(volume, volume.grid.index(20, 20, 20)).voxels) / 1000, 1.0, 0.04);
}

TEST(Outline, SquareHasItsEdgesInMillimetres) {
  Mask mask{1, 4, 5, std::vector<std::uint8_t>(20, 0)};
  for (const std::size_t at : {6U, 7U, 11U, 12U}) mask.voxels[at] = 1;  // rows 1..2, columns 1..2
  const auto header = test::image(100, 1);
  const auto planes = planes_of(header);
  const auto outlines = outline_of(mask, planes);
  ASSERT_TRUE(outlines);
  ASSERT_EQ(outlines->size(), 1U);
  ASSERT_EQ((*outlines)[0].polygons.size(), 1U);
  const auto& polygon = (*outlines)[0].polygons[0];
  ASSERT_EQ(polygon.size(), 4U);  // straight edges have no points in between
  double area = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const Vec3 p = polygon[i], q = polygon[(i + 1) % 4];
    area += p.x * q.y - q.x * p.y;
    EXPECT_DOUBLE_EQ(p.z, 100);
  }
  EXPECT_NEAR(std::abs(area) / 2, 4 * 2 * 3, 1e-9);  // four voxels of 2 mm × 3 mm
  EXPECT_DOUBLE_EQ(std::min_element(polygon.begin(), polygon.end(), [](Vec3 a, Vec3 b) { return a.x < b.x; })->x, -8.5);
}

TEST(Outline, HolesAndCornersAreOutlinedApart) {
  Mask ring{1, 5, 5, std::vector<std::uint8_t>(25, 1)};
  ring.voxels[12] = 0;
  const auto five = test::image(0, 1, 5, 5);
  auto outlines = outline_of(ring, planes_of(five));
  ASSERT_TRUE(outlines);
  EXPECT_EQ((*outlines)[0].polygons.size(), 2U);
  Mask corner{1, 2, 2, {1, 0, 0, 1}};
  const auto two = test::image(0, 1, 2, 2);
  outlines = outline_of(corner, planes_of(two));
  ASSERT_TRUE(outlines);
  EXPECT_EQ((*outlines)[0].polygons.size(), 2U);
}

TEST(Outline, WrongShapeIsRefused) {
  const auto header = test::image(0, 1);
  EXPECT_EQ(outline_of(Mask{1, 4, 4, std::vector<std::uint8_t>(16, 1)}, planes_of(header)).error().code, "mask.grid");
  EXPECT_EQ(outline_of(Mask{2, 4, 5, std::vector<std::uint8_t>(20, 1)}, planes_of(header)).error().code, "mask.shape");
}

/// Values of a small NIfTI file [slice,row,column].
std::vector<double> nifti(const std::filesystem::path& path, std::array<int, 3>& size) {
  gzFile in = gzopen(path.c_str(), "rb");
  std::string bytes(65536, '\0');
  bytes.resize(static_cast<std::size_t>(std::max(0, gzread(in, bytes.data(), 65536))));
  gzclose(in);
  std::int16_t dim[8], type = 0;
  float offset = 0;
  std::memcpy(dim, bytes.data() + 40, sizeof dim);
  std::memcpy(&type, bytes.data() + 70, sizeof type);
  std::memcpy(&offset, bytes.data() + 108, sizeof offset);
  size = {dim[3], dim[2], dim[1]};
  std::vector<double> values;
  const auto start = static_cast<std::size_t>(offset < 352 ? 352 : offset);
  const std::size_t count =
      static_cast<std::size_t>(dim[1]) * static_cast<std::size_t>(dim[2]) * static_cast<std::size_t>(dim[3]);
  for (std::size_t i = 0; i < count; ++i) {
    if (type == 2) {
      values.push_back(static_cast<unsigned char>(bytes[start + i]));
    } else if (type == 4) {
      std::int16_t v = 0;
      std::memcpy(&v, bytes.data() + start + 2 * i, 2);
      values.push_back(v);
    } else {
      std::int32_t v = 0;
      std::memcpy(&v, bytes.data() + start + 4 * i, 4);
      values.push_back(v);
    }
  }
  return values;
}

TEST(Regions, IntensityPeaksOfTheIbsiPhantomHold) {
  const auto shared = test::shared();
  if (!shared) GTEST_SKIP() << "the shared data are absent";
  const auto folder = *shared / "data/ibsi-ct-phantom/ibsi_1_digital_phantom/nifti";
  std::array<int, 3> size{};
  const auto image = nifti(folder / "image/phantom.nii.gz", size);
  const auto mask = nifti(folder / "mask/mask.nii.gz", size);
  Volume volume;
  volume.grid = {size[0], size[1], size[2], {}, {0, 0, 2}, {0, 2, 0}, {2, 0, 0}};
  volume.values.assign(image.begin(), image.end());
  Region region;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] > 0) region.push_back(i);
  }
  ASSERT_EQ(region.size(), 74U);
  const Statistics s = statistics_of(volume, region);
  EXPECT_NEAR(s.mean, 2.15, 0.01);
  EXPECT_NEAR(s.volume_ml * 1000, 592, 1e-6);
  // Reference values 2.6 (local) and 3.1 (global). Several voxels hold the maximum: the local peak is the largest
  // there.
  double local = 0;
  for (const std::size_t at : region) {
    if (static_cast<double>(volume.values[at]) == s.maximum) local = std::max(local, peak_at(volume, at).value);
  }
  EXPECT_NEAR(local, 2.6, 0.05);
  EXPECT_NEAR(peak_of(volume, region).value, 3.1, 0.05);
}

}  // namespace
}  // namespace vedette::voxel
