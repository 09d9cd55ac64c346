#include "phantom/phantom.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/digest.hpp"
#include "voxel/suv.hpp"

namespace vedette::phantom {
namespace {

namespace tags = dicom::tags;

struct Made {
  std::vector<dicom::DataSet> pet, ct;
  std::string truth, digest;
};

Made make(std::map<std::string, std::string> options, std::uint64_t seed = 7) {
  Made made;
  Sha256 hash;
  options.emplace("size", "small");
  const auto truth =
      make_study({"pet-ct", seed, options}, [&](const std::string&, const std::string& bytes) -> Result<void> {
        hash.update(as_bytes(bytes));
        dicom::File file = VEDETTE_TRY(dicom::read_file(as_bytes(bytes)));
        (file.data.text(tags::modality) == "PT" ? made.pet : made.ct).push_back(std::move(file.data));
        return {};
      });
  made.truth = truth ? *truth : truth.error().text();
  made.digest = hash.finish().hex();
  return made;
}

/// SUVbw of the hottest voxel, by the rules of voxel/suv.
Result<double> hottest(const Made& made) {
  std::vector<const dicom::DataSet*> headers;
  for (const auto& image : made.pet) headers.push_back(&image);
  const voxel::Suv suv = VEDETTE_TRY(voxel::suv_of(headers));
  double best = 0;
  for (std::size_t i = 0; i < made.pet.size(); ++i) {
    const std::string& pixels = made.pet[i].find(tags::pixel_data)->value;
    const double slope = made.pet[i].number(tags::rescale_slope).value();
    for (std::size_t p = 0; p + 1 < pixels.size(); p += 2) {
      const int stored = static_cast<unsigned char>(pixels[p]) + 256 * static_cast<unsigned char>(pixels[p + 1]);
      best = std::max(best, stored * slope * suv.factors[i]);
    }
  }
  return best;
}

TEST(Phantom, TheSameSeedGivesTheSameBytes) {
  EXPECT_EQ(make({}).digest, make({}).digest);
  EXPECT_NE(make({}).digest, make({}, 8).digest);
}

TEST(Phantom, EveryHeaderPathGivesTheSameSuv) {
  const double plain = hottest(make({})).value();
  EXPECT_GT(plain, 8.5);
  const std::map<std::string, std::string> paths[] = {
      {{"units", "GML"}},   {{"units", "CNTS-SUV"}},  {{"units", "CNTS-BQ"}},  {{"units", "CM2ML"}},
      {{"decay", "ADMIN"}}, {{"decay", "NONE"}},      {{"injection", "time"}}, {{"injection", "midnight"}},
      {{"dose", "MBQ"}},    {{"slope", "per-slice"}}, {{"nuclide", "GA68"}},   {{"nuclide", "GA68"}, {"decay", "NONE"}},
  };
  for (const auto& path : paths) {
    const auto found = hottest(make(path));
    ASSERT_TRUE(found) << path.begin()->second << ": " << found.error().text();
    EXPECT_NEAR(*found, plain, plain * 0.002) << path.begin()->first << "=" << path.begin()->second;
  }
}

TEST(Phantom, WhatCannotBeKnownIsRefusedByTheTool) {
  for (const std::map<std::string, std::string>& path : {std::map<std::string, std::string>{{"weight", "0"}},
                                                         {{"weight", "missing"}},
                                                         {{"injection", "missing"}},
                                                         {{"dose", "missing"}}}) {
    const auto found = hottest(make(path));
    ASSERT_FALSE(found) << path.begin()->first;
    EXPECT_THAT(found.error().code, testing::StartsWith("suv."));
  }
}

TEST(Phantom, EveryImageIsMarkedSynthetic) {
  for (const auto& image : make({}).ct) {
    EXPECT_EQ(image.text(tags::quality_control_image), "YES");
    EXPECT_THAT(image.text(tags::series_description), testing::HasSubstr("SYNTHETIC"));
  }
}

TEST(Phantom, UnknownKindsAndOptionsAreRefusedWithTheNearestName) {
  const Write nothing = [](const std::string&, const std::string&) -> Result<void> { return {}; };
  EXPECT_THAT(make_study({"pet-tc", 1, {}}, nothing).error().text(), testing::HasSubstr("pet-ct"));
  EXPECT_THAT(make_study({"pet-ct", 1, {{"unit", "GML"}}}, nothing).error().text(), testing::HasSubstr("units"));
  EXPECT_THAT(make_study({"pet-ct", 1, {{"units", "MBQ"}}}, nothing).error().text(), testing::HasSubstr("BQML"));
}

}  // namespace
}  // namespace vedette::phantom
