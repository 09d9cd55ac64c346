#include "pipeline/layout.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace vedette::pipeline {
namespace {

/// Two channels of 2 × 3 × 4, counted up.
voxel::Tensor window() {
  voxel::Tensor out{2, {2, 3, 4}, std::vector<float>(48)};
  std::iota(out.values.begin(), out.values.end(), 0.0F);
  return out;
}

TEST(Layout, EveryOrderOfAxesComesBackAsItWent) {
  for (const char* letters : {"NCDHW", "NDHWC", "CDHW", "NWHDC", "HWDC"}) {
    const Layout layout = *layout_from(letters);
    engine::Port port{"x", engine::Element::f32, engine::Shape(layout.letters.size(), -1)};
    const auto tensor = to_tensor(window(), 0, 2, port, layout);
    ASSERT_TRUE(tensor) << tensor.error().text();
    const auto back = from_tensor(*tensor, layout);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->values, window().values) << letters;
    EXPECT_EQ(back->shape, window().shape) << letters;
  }
}

TEST(Layout, ChannelsLastInterleavesThem) {
  const auto tensor = to_tensor(window(), 0, 2, {"x", engine::Element::f32, {1, -1, -1, -1, 2}}, *layout_from("NDHWC"));
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->shape, (engine::Shape{1, 2, 3, 4, 2}));
  EXPECT_FLOAT_EQ(tensor->as<float>()[1], 24);  // the second channel of the first voxel
}

TEST(Layout, SomeChannelsGoToOnePortAndOthersToAnother) {
  const auto tensor = to_tensor(window(), 1, 1, {"x", engine::Element::f32, {1, 1, -1, -1, -1}}, *layout_from("NCDHW"));
  ASSERT_TRUE(tensor);
  EXPECT_FLOAT_EQ(tensor->as<float>()[0], 24);
}

TEST(Layout, HalfPrecisionKeepsWhatItCanHold) {
  const auto tensor = to_tensor(window(), 0, 2, {"x", engine::Element::f16, {1, 2, 2, 3, 4}}, *layout_from("NCDHW"));
  ASSERT_TRUE(tensor);
  EXPECT_EQ(from_tensor(*tensor, *layout_from("NCDHW"))->values, window().values);
}

TEST(Layout, NumbersThatTheTypeCannotHoldAreRefused) {
  voxel::Tensor values = window();
  const engine::Port port{"x", engine::Element::u8, {1, 2, 2, 3, 4}};
  EXPECT_TRUE(to_tensor(values, 0, 2, port, *layout_from("NCDHW")));
  values.values[5] = 300;
  EXPECT_EQ(to_tensor(values, 0, 2, port, *layout_from("NCDHW")).error().code, "pipeline.range");
}

TEST(Layout, IsReadFromTheShapeWhereItCan) {
  EXPECT_EQ(likely_layout({1, 1, 256, 256, 256}, 1)->letters, "NCDHW");
  EXPECT_EQ(likely_layout({-1, 256, 256, 256, 1}, 1)->letters, "NDHWC");
  EXPECT_EQ(likely_layout({1, 3, 224, 224}, 3)->letters, "NCHW");
  EXPECT_EQ(likely_layout({-1, 256, 256, 3}, 3)->letters, "NHWC");
  EXPECT_FALSE(likely_layout({1, 256, 256, 256}, 7));
  EXPECT_EQ(layout_from("NCHWW").error().code, "pipeline.layout");
}

}  // namespace
}  // namespace vedette::pipeline
