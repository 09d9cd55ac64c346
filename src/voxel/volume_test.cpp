#include "voxel/volume.hpp"

#include <gtest/gtest.h>

#include "voxel/test_series.hpp"

namespace vedette::voxel {
namespace {

namespace tags = dicom::tags;

std::vector<dicom::DataSet> series_of(int slices) {
  std::vector<dicom::DataSet> series;
  for (int k = 0; k < slices; ++k) {
    auto data = test::image(50 + 4.0 * k, k + 1);
    std::vector<std::int16_t> values;
    for (int i = 0; i < 20; ++i) values.push_back(static_cast<std::int16_t>(100 * k + i - 10));
    test::set_pixels(data, values);
    data.set_number(tags::rescale_slope, 1 + k);
    data.set_number(tags::rescale_intercept, 5);
    series.push_back(std::move(data));
  }
  return series;
}

std::vector<ImageSource> sources(const std::vector<dicom::DataSet>& series) {
  std::vector<ImageSource> out;
  for (const auto& data : series) out.push_back({&data, "1.2.840.10008.1.2.1"});
  return out;
}

TEST(Volume, EachSliceHasItsOwnSlopeAndPlace) {
  auto series = series_of(3);
  std::swap(series[0], series[2]);
  const auto volume = volume_of(sources(series));
  ASSERT_TRUE(volume) << volume.error().text();
  EXPECT_EQ(volume->grid.slices, 3);
  EXPECT_FLOAT_EQ(volume->values[volume->grid.index(0, 0, 0)], -10 + 5);
  EXPECT_FLOAT_EQ(volume->values[volume->grid.index(1, 1, 2)], (100 + 7 - 10) * 2 + 5);
  EXPECT_FLOAT_EQ(volume->values[volume->grid.index(2, 3, 4)], (200 + 19 - 10) * 3 + 5);
  EXPECT_EQ(volume->sources[1].sop_instance_uid, "1.2.3.2");
  const Vec3 at = volume->grid.at(2, 3, 4);
  EXPECT_DOUBLE_EQ(at.x, -10 + 4 * 3.0);
  EXPECT_DOUBLE_EQ(at.y, 20 + 3 * 2.0);
  EXPECT_DOUBLE_EQ(at.z, 58);
  EXPECT_DOUBLE_EQ(volume->grid.voxel_ml(), 0.024);
}

TEST(Volume, FactorOfAnImageMultipliesItsRescaledValues) {
  const auto series = series_of(3);
  VolumeOptions options;
  options.factor = [](std::size_t image) { return image == 1 ? 0.5 : 1.0; };
  options.unit = "g/ml";
  const auto volume = volume_of(sources(series), options);
  ASSERT_TRUE(volume);
  EXPECT_FLOAT_EQ(volume->values[volume->grid.index(1, 1, 2)], ((100 + 7 - 10) * 2 + 5) * 0.5F);
  EXPECT_EQ(volume->unit, "g/ml");
}

TEST(Volume, IrregularSeriesIsRefusedWithTheReason) {
  auto series = series_of(6);
  series.erase(series.begin() + 2);
  const auto volume = volume_of(sources(series));
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code, "geometry.gap");
  EXPECT_NE(volume.error().text().find("Image 3 is missing"), std::string::npos);
}

TEST(Volume, ShortPixelDataIsRefused) {
  auto series = series_of(3);
  series[1].set_bytes(tags::pixel_data, dicom::Vr::OW, std::string(6, '\0'));
  ASSERT_FALSE(volume_of(sources(series)));
}

TEST(Volume, SlopeOfZeroIsRefused) {
  auto series = series_of(3);
  series[1].set_number(tags::rescale_slope, 0);
  EXPECT_EQ(volume_of(sources(series)).error().code, "volume.rescale");
}

TEST(Volume, TooManyVoxelsAreRefused) {
  const auto series = series_of(3);
  VolumeOptions options;
  options.most_voxels = 50;
  EXPECT_EQ(volume_of(sources(series), options).error().fault, Fault::too_large);
}

}  // namespace
}  // namespace vedette::voxel
