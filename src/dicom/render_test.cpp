#include "dicom/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "dicom/uids.hpp"

namespace vedette::dicom {
namespace {

using testing::ElementsAre;

DataSet ramp() {
  DataSet set;
  set.set_integer(tags::rows, 1);
  set.set_integer(tags::columns, 4);
  set.set_integer(tags::bits_allocated, 8);
  set.set_integer(tags::samples_per_pixel, 1);
  set.set_text(tags::photometric_interpretation, "MONOCHROME2");
  set.set_bytes(tags::pixel_data, Vr::OB, std::string("\0\x14\x28\x3C", 4));  // 0 20 40 60
  return set;
}

std::vector<int> shown(const DataSet& set, const std::optional<Window>& window = {}) {
  const auto frame = decode_frame(set, uids::explicit_vr_little_endian, 0);
  const auto out = render(set, *frame, 0, window);
  EXPECT_TRUE(out) << (out ? "" : out.error().text());
  std::vector<int> values;
  for (const char c : out->pixels) values.push_back(static_cast<unsigned char>(c));
  return values;
}

// PS3.3 section C.11.2.1.2.1: the example of a window of width 100 and 1.
TEST(Window, FollowsTheFormulasOfTheStandard) {
  EXPECT_EQ(windowed(-50, {0, 100}), 0);
  EXPECT_EQ(windowed(50, {0, 100}), 1);
  EXPECT_NEAR(windowed(-0.5, {0, 100}), 0.5, 1e-12);
  EXPECT_EQ(windowed(-0.5, {0, 1}), 0) << "a threshold";
  EXPECT_EQ(windowed(0, {0, 1}), 1);
  EXPECT_NEAR(windowed(25, {0, 100, WindowFunction::linear_exact}), 0.75, 1e-12);
  EXPECT_EQ(windowed(0, {0, 100, WindowFunction::sigmoid}), 0.5);
  EXPECT_NEAR(windowed(25, {0, 100, WindowFunction::sigmoid}), 1 / (1 + std::exp(-1)), 1e-12);
}

TEST(Render, WithoutWindowTheWholeRangeIsShown) {
  EXPECT_THAT(shown(ramp()), ElementsAre(0, 85, 170, 255));
}

TEST(Render, TheImagesWindowIsUsedAfterRescale) {
  DataSet set = ramp();
  set.set_number(tags::rescale_slope, 2);
  set.set_number(tags::rescale_intercept, -10);
  set.set_number(tags::window_center, 50);
  set.set_number(tags::window_width, 80);
  set.set_text(tags::voi_lut_function, "LINEAR_EXACT");
  EXPECT_THAT(shown(set), ElementsAre(0, 64, 191, 255));  // -10 30 70 110
  EXPECT_THAT(shown(set, Window{30, 2, WindowFunction::linear_exact}), ElementsAre(0, 128, 255, 255))
      << "the caller's window wins";
}

TEST(Render, Monochrome1AndInverseShapeAreTurnedOnce) {
  DataSet set = ramp();
  set.set_text(tags::photometric_interpretation, "MONOCHROME1");
  EXPECT_THAT(shown(set), ElementsAre(255, 170, 85, 0));
  set.set_text(tags::presentation_lut_shape, "INVERSE");
  EXPECT_THAT(shown(set), ElementsAre(255, 170, 85, 0)) << "INVERSE is what MONOCHROME1 means already";
  set.set_text(tags::photometric_interpretation, "MONOCHROME2");
  EXPECT_THAT(shown(set), ElementsAre(255, 170, 85, 0));
}

TEST(Render, EnhancedImagesWindowByFrame) {
  DataSet set = ramp();
  DataSet voi;
  voi.set_number(tags::window_center, 20);
  voi.set_number(tags::window_width, 40);
  voi.set_text(tags::voi_lut_function, "LINEAR_EXACT");
  set.add_item(tags::per_frame_functional_groups_sequence).set_items(tags::frame_voi_lut_sequence, {voi});
  EXPECT_THAT(shown(set), ElementsAre(0, 128, 255, 255));
}

TEST(Render, VoiLutIsLookedUpAndClamped) {
  DataSet set = ramp();
  DataSet lut;
  lut.set_bytes(tags::lut_descriptor, Vr::US, std::string("\x03\0\x14\0\x08\0", 6));  // 3 entries from 20, 8 bits
  lut.set_bytes(tags::lut_data, Vr::OW, std::string("\x0A\0\x0B\0\xFF\0", 6));
  set.set_items(tags::voi_lut_sequence, {lut});
  EXPECT_THAT(shown(set), ElementsAre(10, 10, 255, 255));
}

TEST(Render, PaletteGivesColour) {
  DataSet set = ramp();
  set.set_text(tags::photometric_interpretation, "PALETTE COLOR");
  const std::string descriptor("\x02\0\0\0\x10\0", 6);
  for (const Tag tag :
       {tags::red_palette_color_lookup_table_descriptor, tags::green_palette_color_lookup_table_descriptor,
        tags::blue_palette_color_lookup_table_descriptor}) {
    set.set_bytes(tag, Vr::US, descriptor);
  }
  set.set_bytes(tags::red_palette_color_lookup_table_data, Vr::OW, std::string("\0\0\xFF\xFF", 4));
  set.set_bytes(tags::green_palette_color_lookup_table_data, Vr::OW, std::string("\0\x80\0\x40", 4));
  set.set_bytes(tags::blue_palette_color_lookup_table_data, Vr::OW, std::string(4, '\0'));
  EXPECT_THAT(shown(set), ElementsAre(0, 128, 0, 255, 64, 0, 255, 64, 0, 255, 64, 0));
  set.set_bytes(tags::blue_palette_color_lookup_table_data, Vr::OW, "");
  EXPECT_FALSE(render(set, *decode_frame(set, uids::explicit_vr_little_endian, 0), 0));
}

TEST(Render, WindowsWithoutWidthAreRefused) {
  const DataSet set = ramp();
  EXPECT_EQ(render(set, *decode_frame(set, uids::explicit_vr_little_endian, 0), 0, Window{0, 0}).error().code,
            "dicom.window");
}

}  // namespace
}  // namespace vedette::dicom
