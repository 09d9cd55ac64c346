#include "dicomweb/picture.hpp"

#include <gtest/gtest.h>

namespace vedette::dicomweb {
namespace {

dicom::Rendered ramp(std::uint32_t rows, std::uint32_t columns, std::uint32_t samples = 1) {
  dicom::Rendered out{rows, columns, samples, {}};
  for (std::uint32_t y = 0; y < rows; ++y) {
    for (std::uint32_t x = 0; x < columns * samples; ++x) out.pixels += static_cast<char>(x * 4 / samples);
  }
  return out;
}

TEST(Picture, TheSameSizeChangesNothing) {
  const dicom::Rendered image = ramp(10, 20, 3);
  EXPECT_EQ(scaled(image, {0, 0, 20, 10}, 20, 10).pixels, image.pixels);
}

TEST(Picture, SmallerKeepsTheMeanAndLargerTheRange) {
  const dicom::Rendered image = ramp(32, 32);
  const dicom::Rendered small = scaled(image, {0, 0, 32, 32}, 8, 8);
  EXPECT_EQ(small.columns, 8U);
  EXPECT_NEAR(static_cast<unsigned char>(small.pixels[4]), 4 * 17.5, 2);
  const dicom::Rendered large = scaled(image, {8, 8, 8, 8}, 64, 64);
  EXPECT_NEAR(static_cast<unsigned char>(large.pixels[0]), 32, 3);
  EXPECT_NEAR(static_cast<unsigned char>(large.pixels[63]), 60, 4);
}

TEST(Picture, JpegAndPngBeginAsTheyMust) {
  for (const std::uint32_t samples : {1U, 3U}) {
    EXPECT_EQ(to_jpeg(ramp(16, 16, samples), 80).value().substr(0, 2), "\xFF\xD8");
    EXPECT_EQ(to_png(ramp(16, 16, samples)).value().substr(1, 3), "PNG");
  }
  EXPECT_LT(to_jpeg(ramp(64, 64), 10).value().size(), to_jpeg(ramp(64, 64), 100).value().size());
}

}  // namespace
}  // namespace vedette::dicomweb
