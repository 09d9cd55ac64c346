#include "voxel/suv.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "voxel/suv_times.hpp"
#include "voxel/test_series.hpp"
#include "voxel/volume.hpp"

namespace vedette::voxel {
namespace {

namespace tags = dicom::tags;

constexpr double f18 = 6586.2;

/// An image of a PET series: 370 MBq of F-18 at 10:00, scanned at 11:00, 80 kg, 1.80 m, male.
dicom::DataSet pet() {
  dicom::DataSet data = test::image(0, 1);
  data.set_text(tags::sop_class_uid, "1.2.840.10008.5.1.4.1.1.128");
  data.set_text(tags::modality, "PT");
  data.set_text(tags::units, "BQML");
  data.set_text(tags::decay_correction, "START");
  data.set_text(tags::corrected_image, "DECY\\ATTN\\SCAT");
  data.set_text(tags::series_type, "WHOLE BODY\\IMAGE");
  data.set_text(tags::series_date, "20260110");
  data.set_text(tags::series_time, "110000");
  data.set_text(tags::acquisition_date, "20260110");
  data.set_text(tags::acquisition_time, "110000");
  data.set_number(tags::frame_reference_time, 89858);
  data.set_integer(tags::actual_frame_duration, 180000);
  data.set_number(tags::patient_weight, 80);
  data.set_number(tags::patient_size, 1.8);
  data.set_text(tags::patient_sex, "M");
  dicom::DataSet& dose = data.add_item(tags::radiopharmaceutical_information_sequence);
  dose.set_text(tags::radiopharmaceutical_start_time, "100000");
  dose.set_text(tags::radiopharmaceutical_start_date_time, "20260110100000");
  dose.set_number(tags::radionuclide_total_dose, 370e6);
  dose.set_number(tags::radionuclide_half_life, f18);
  return data;
}
dicom::DataSet& dose_of(dicom::DataSet& data) {
  return data.find(tags::radiopharmaceutical_information_sequence) != nullptr
             ? const_cast<dicom::DataSet&>(*data.item(tags::radiopharmaceutical_information_sequence))
             : data.add_item(tags::radiopharmaceutical_information_sequence);
}

Result<Suv> suv(const dicom::DataSet& data, SuvKind kind = SuvKind::bw) {
  const dicom::DataSet* one = &data;
  return suv_of(std::span(&one, 1), kind);
}
double factor(const dicom::DataSet& data, SuvKind kind = SuvKind::bw) {
  const auto result = suv(data, kind);
  EXPECT_TRUE(result) << (result ? "" : result.error().text());
  return result && result->factor ? *result->factor : std::nan("");
}
std::string refusal(const std::function<void(dicom::DataSet&)>& change) {
  dicom::DataSet data = pet();
  change(data);
  const auto result = suv(data);
  if (result) return "accepted";
  EXPECT_EQ(result.error().fault, Fault::refused);
  EXPECT_FALSE(result.error().where.empty()) << result.error().code;
  EXPECT_FALSE(result.error().remedy.empty()) << result.error().code;
  return result.error().code;
}

const double one_hour = 80e3 / (370e6 * std::exp2(-3600 / f18));

TEST(Suv, NormsHaveTheirWorkedValues) {
  const Body man{80, 1.8, "M"}, woman{80, 1.8, "F"};
  EXPECT_NEAR(*norm_of(SuvKind::bw, man), 80000, 1e-9);
  EXPECT_NEAR(*norm_of(SuvKind::lbm_james128, man), 62716, 0.5);
  EXPECT_NEAR(*norm_of(SuvKind::lbm_james128, woman), 56365, 0.5);
  EXPECT_NEAR(*norm_of(SuvKind::lbm_janma, man), 61731, 0.5);
  EXPECT_NEAR(*norm_of(SuvKind::lbm_janma, woman), 50092, 0.5);
  EXPECT_NEAR(*norm_of(SuvKind::ibw, man), 77680, 0.5);
  EXPECT_NEAR(*norm_of(SuvKind::ibw, woman), 70980, 0.5);
  EXPECT_NEAR(*norm_of(SuvKind::bsa, man), 19964, 0.5);
  EXPECT_NEAR(*norm_of(SuvKind::lbm_janma, Body{80, 1.8, "O"}), (61731 + 50092) / 2.0, 0.5);
  EXPECT_EQ(norm_of(SuvKind::bsa, Body{80, std::nullopt, "M"}).error().code, "suv.size");
}

TEST(Suv, MeanCountTimeHasItsWorkedValues) {
  EXPECT_NEAR(mean_count_time(180, f18), 89.858, 5e-4);
  EXPECT_NEAR(mean_count_time(300, f18), 149.605, 5e-4);
  EXPECT_NEAR(mean_count_time(120, 4057.7), 59.898, 5e-4);
  EXPECT_NEAR(mean_count_time(300, 4057.7), 149.359, 5e-4);
}

TEST(Suv, BecquerelsCorrectedToStartDecayTheDose) {
  const auto result = suv(pet());
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_NEAR(*result->factor, one_hour, 1e-9 * one_hour);
  EXPECT_EQ(result->rule, "bqml.start.series_time");
  EXPECT_NEAR(*result->uptake_s, 3600, 1e-6);
  EXPECT_TRUE(result->notes.empty());
}

TEST(Suv, OtherKindsAreRatiosOfNorms) {
  const auto data = pet();
  EXPECT_NEAR(factor(data, SuvKind::lbm_janma) / one_hour, 61.731 / 80, 1e-5);
  EXPECT_NEAR(factor(data, SuvKind::bsa) / one_hour, 19964 / 80e3, 1e-5);
}

TEST(Suv, CorrectedToAdministrationUsesTheDoseAsItStands) {
  auto data = pet();
  data.set_text(tags::decay_correction, "ADMIN");
  dose_of(data).erase(tags::radionuclide_half_life);
  dose_of(data).erase(tags::radiopharmaceutical_start_time);
  dose_of(data).erase(tags::radiopharmaceutical_start_date_time);
  EXPECT_NEAR(factor(data), 80e3 / 370e6, 1e-12);
}

TEST(Suv, WithoutDecayCorrectionEachImageHasItsOwnFactor) {
  auto a = pet(), b = pet();
  for (auto* data : {&a, &b}) {
    data->set_text(tags::decay_correction, "NONE");
    data->set_text(tags::corrected_image, "ATTN\\SCAT");
  }
  b.set_text(tags::acquisition_time, "111000");
  const std::vector<const dicom::DataSet*> both{&a, &b};
  const auto result = suv_of(both);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_FALSE(result->factor);
  EXPECT_NEAR(result->factors[1] / result->factors[0], std::exp2(600 / f18), 1e-9);
  EXPECT_NEAR(result->factors[0], 80e3 / (370e6 * std::exp2(-(3600 + 89.858) / f18)), 1e-8);
}

TEST(Suv, ValuesThatAreSuvAreNotConvertedAgain) {
  auto data = pet();
  data.set_text(tags::units, "GML");
  EXPECT_DOUBLE_EQ(factor(data), 1);
  data.set_text(tags::suv_type, "BW");
  EXPECT_DOUBLE_EQ(factor(data), 1);
  data.set_text(tags::suv_type, "LBMJAMES128");
  EXPECT_NEAR(factor(data), 80 / 62.716, 1e-4);
  data.set_text(tags::suv_type, "LBMJANMA");
  EXPECT_NEAR(factor(data), 80 / 61.731, 1e-4);
  data.set_text(tags::suv_type, "IBW");
  EXPECT_NEAR(factor(data), 80 / 77.68, 1e-4);
  data.set_text(tags::suv_type, "LBM");
  EXPECT_NEAR(factor(data), 80 / (88 - 120 * (80.0 / 180) * (80.0 / 180)), 1e-4);
  data.set_text(tags::units, "CM2ML");
  data.set_text(tags::suv_type, "BSA");
  EXPECT_NEAR(factor(data), 80e3 / 19964, 1e-3);
  data.erase(tags::suv_type);
  EXPECT_NEAR(factor(data), 80e3 / 19964, 1e-3);
  data.set_text(tags::suv_type, "BW");
  EXPECT_EQ(suv(data).error().code, "suv.type");
}

TEST(Suv, SuvValuesNeedNoDose) {
  auto data = pet();
  data.set_text(tags::units, "GML");
  data.erase(tags::radiopharmaceutical_information_sequence);
  data.erase(tags::patient_weight);
  EXPECT_DOUBLE_EQ(factor(data), 1);
}

TEST(Suv, OtherSexUsesTheMeanAndSaysSo) {
  auto data = pet();
  data.set_text(tags::units, "GML");
  data.set_text(tags::suv_type, "IBW");
  data.set_text(tags::patient_sex, "O");
  const auto result = suv(data);
  ASSERT_TRUE(result);
  EXPECT_NEAR(*result->factor, 80 / ((77.68 + 70.98) / 2), 1e-4);
  ASSERT_EQ(result->notes.size(), 1U);
}

TEST(Suv, PhilipsSuvFactorIsUsed) {
  auto data = pet();
  data.set_text(tags::units, "CNTS");
  data.set_text({0x7053, 0x0010}, dicom::Vr::LO, "Philips PET Private Group");
  data.set_text({0x7053, 0x1000}, dicom::Vr::DS, "0.000551");
  data.set_text({0x7053, 0x1009}, dicom::Vr::DS, "2.5");
  EXPECT_NEAR(factor(data), 0.000551, 1e-12);
  data.erase({0x7053, 0x1000});
  EXPECT_NEAR(factor(data), 2.5 * one_hour, 1e-8);
  EXPECT_EQ(suv(data)->rule, "cnts.philips_activity.start.series_time");
  data.erase({0x7053, 0x1009});
  EXPECT_EQ(suv(data).error().code, "suv.units");
}

TEST(Suv, PhilipsFactorIsFoundInAnotherBlockAndNotUnderAnotherCreator) {
  auto data = pet();
  data.set_text(tags::units, "CNTS");
  data.set_text({0x7053, 0x0010}, dicom::Vr::LO, "SOMEBODY ELSE");
  data.set_text({0x7053, 0x1000}, dicom::Vr::DS, "99");
  EXPECT_EQ(suv(data).error().code, "suv.units");
  data.set_text({0x7053, 0x0011}, dicom::Vr::LO, "Philips PET Private Group");
  data.set_text({0x7053, 0x1100}, dicom::Vr::DS, "0.5");
  EXPECT_NEAR(factor(data), 0.5, 1e-12);
}

TEST(Suv, PrivateValuesOfUnknownRepresentationAreRead) {
  auto data = pet();
  data.set_text(tags::units, "CNTS");
  data.set_bytes({0x7053, 0x0010}, dicom::Vr::UN, "Philips PET Private Group ");
  data.set_bytes({0x7053, 0x1000}, dicom::Vr::UN, "0.25");
  EXPECT_NEAR(factor(data), 0.25, 1e-12);
}

TEST(Suv, DoseInMegabecquerelsIsNoticed) {
  auto data = pet();
  dose_of(data).set_number(tags::radionuclide_total_dose, 370);
  EXPECT_NEAR(factor(data), one_hour, 1e-9 * one_hour);
  EXPECT_EQ(suv(data)->notes.size(), 1U);
}

TEST(Suv, SeriesMadeLaterFallsBackToScannersTimeThenToFrameReference) {
  auto data = pet();
  data.set_text(tags::series_time, "153000");
  EXPECT_NEAR(factor(data), one_hour, 1e-6 * one_hour);
  EXPECT_EQ(suv(data)->rule, "bqml.start.frame_reference_time");
  data.set_text({0x0009, 0x0010}, dicom::Vr::LO, "GEMS_PETD_01");
  data.set_text({0x0009, 0x100d}, dicom::Vr::DT, "20260110110500.00");
  EXPECT_NEAR(factor(data), one_hour * std::exp2(300 / f18), 1e-6 * one_hour);
  EXPECT_EQ(suv(data)->rule, "bqml.start.ge_scan_time");
}

TEST(Suv, LaterBedsOfAWholeBodyScanKeepTheSeriesTime) {
  auto a = pet(), b = pet();
  b.set_text(tags::acquisition_time, "112000");
  const std::vector<const dicom::DataSet*> both{&a, &b};
  const auto result = suv_of(both);
  ASSERT_TRUE(result);
  EXPECT_NEAR(*result->factor, one_hour, 1e-9 * one_hour);
}

TEST(Suv, InjectionBeforeMidnightBelongsToTheDayBefore) {
  auto data = pet();
  for (const auto tag : {tags::series_time, tags::acquisition_time}) data.set_text(tag, "003000");
  dose_of(data).erase(tags::radiopharmaceutical_start_date_time);
  dose_of(data).set_text(tags::radiopharmaceutical_start_time, "233000");
  EXPECT_NEAR(factor(data), one_hour, 1e-9 * one_hour);
  dose_of(data).set_text(tags::radiopharmaceutical_start_date_time, "20260109233000");
  EXPECT_NEAR(factor(data), one_hour, 1e-9 * one_hour);
  dose_of(data).set_text(tags::radiopharmaceutical_start_date_time, "20260110233000");
  EXPECT_NEAR(factor(data), one_hour, 1e-9 * one_hour);
}

TEST(Suv, MissingStartTimeUsesTheDateTimeAndTheOtherWayRound) {
  auto data = pet();
  dose_of(data).erase(tags::radiopharmaceutical_start_time);
  EXPECT_NEAR(factor(data), one_hour, 1e-9 * one_hour);
  data = pet();
  dose_of(data).erase(tags::radiopharmaceutical_start_date_time);
  EXPECT_NEAR(factor(data), one_hour, 1e-9 * one_hour);
  dose_of(data).erase(tags::radiopharmaceutical_start_time);
  EXPECT_EQ(suv(data).error().code, "suv.injection_time");
  data.set_text({0x0009, 0x0010}, dicom::Vr::LO, "GEMS_PETD_01");
  data.set_text({0x0009, 0x103b}, dicom::Vr::DT, "20260110100000.00");
  EXPECT_NEAR(factor(data), one_hour, 1e-9 * one_hour);
}

TEST(Suv, ZonesOfTheTwoTimesAreBroughtTogether) {
  auto data = pet();
  data.set_text(tags::timezone_offset_from_utc, "+0200");
  dose_of(data).set_text(tags::radiopharmaceutical_start_date_time, "20260110080000+0000");
  EXPECT_NEAR(factor(data), one_hour, 1e-9 * one_hour);
}

TEST(Suv, GalliumUsesItsOwnHalfLife) {
  auto data = pet();
  dose_of(data).set_number(tags::radionuclide_half_life, 4057.7);
  EXPECT_NEAR(factor(data), 80e3 / (370e6 * std::exp2(-3600 / 4057.7)), 1e-9);
}

TEST(Suv, WhatCannotBeKnownIsRefusedWithPlaceAndWayOut) {
  EXPECT_EQ(refusal([](auto& d) { d.set_number(tags::patient_weight, 0); }), "suv.weight");
  EXPECT_EQ(refusal([](auto& d) { d.erase(tags::patient_weight); }), "suv.weight");
  EXPECT_EQ(refusal([](auto& d) { d.set_number(tags::patient_weight, 80000); }), "suv.weight");
  EXPECT_EQ(refusal([](auto& d) { dose_of(d).set_number(tags::radionuclide_total_dose, 0); }), "suv.dose");
  EXPECT_EQ(refusal([](auto& d) { dose_of(d).erase(tags::radionuclide_total_dose); }), "suv.dose");
  EXPECT_EQ(refusal([](auto& d) { dose_of(d).set_number(tags::radionuclide_total_dose, 37000); }), "suv.dose");
  EXPECT_EQ(refusal([](auto& d) { dose_of(d).erase(tags::radionuclide_half_life); }), "suv.half_life");
  EXPECT_EQ(refusal([](auto& d) { dose_of(d).set_number(tags::radionuclide_half_life, 109.77); }), "suv.half_life");
  EXPECT_EQ(refusal([](auto& d) { d.erase(tags::units); }), "suv.units");
  EXPECT_EQ(refusal([](auto& d) { d.set_text(tags::units, "PROPCPS"); }), "suv.units");
  EXPECT_EQ(refusal([](auto& d) { d.set_text(tags::corrected_image, "DECY\\SCAT"); }), "suv.attenuation");
  EXPECT_EQ(refusal([](auto& d) { d.set_text(tags::corrected_image, "ATTN\\SCAT"); }), "suv.decay_correction");
  EXPECT_EQ(refusal([](auto& d) { d.erase(tags::decay_correction); }), "suv.decay_correction");
  EXPECT_EQ(refusal([](auto& d) { d.set_text(tags::decay_correction, "NONE"); }), "suv.decay_correction");
  EXPECT_EQ(refusal([](auto& d) { d.erase(tags::acquisition_time); }), "suv.acquisition_time");
  EXPECT_EQ(refusal([](auto& d) {
              d.set_text(tags::series_time, "153000");
              d.erase(tags::frame_reference_time);
            }),
            "suv.reference_time");
  EXPECT_EQ(refusal([](auto& d) { dose_of(d).set_text(tags::radiopharmaceutical_start_date_time, "20250110100000"); }),
            "suv.injection_time");
  EXPECT_EQ(refusal([](auto& d) { d.erase(tags::radiopharmaceutical_information_sequence); }), "suv.dose");
}

TEST(Suv, ContradictingImagesAreRefused) {
  auto a = pet(), b = pet();
  b.set_number(tags::patient_weight, 60);
  const std::vector<const dicom::DataSet*> both{&a, &b};
  EXPECT_EQ(suv_of(both).error().code, "suv.mixed");
}

TEST(SuvTimes, TimesOfAllLengthsAreReadAndNonsenseIsNot) {
  EXPECT_DOUBLE_EQ(*seconds_of_time("10"), 36000);
  EXPECT_DOUBLE_EQ(*seconds_of_time("1005"), 36300);
  EXPECT_NEAR(*seconds_of_time("100500.250"), 36300.25, 1e-9);
  EXPECT_DOUBLE_EQ(*seconds_of_time("10:05:00"), 36300);
  for (const char* bad : {"", "1", "2500", "10a5", "100560.1234567", "-1"}) EXPECT_FALSE(seconds_of_time(bad)) << bad;
  EXPECT_DOUBLE_EQ(*seconds_of_date("19700102"), 86400);
  EXPECT_FALSE(seconds_of_date("20260230"));
  EXPECT_NEAR(datetime_of("19700102100000.5+0100")->seconds, 86400 + 36000.5, 1e-9);
  EXPECT_DOUBLE_EQ(*datetime_of("19700102100000.5+0100")->offset, 3600);
  EXPECT_FALSE(datetime_of("19700102"));
}

// -- digital reference objects (published values: 0.20, 1.00, 4.00 in the mask) --

std::vector<std::uint8_t> mask_of(const std::filesystem::path& path, std::size_t voxels) {
  gzFile in = gzopen(path.c_str(), "rb");
  std::string bytes(352 + 2 * voxels, '\0');
  const int got = gzread(in, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(in);
  std::vector<std::uint8_t> mask;
  if (got != static_cast<int>(bytes.size())) return mask;
  for (std::size_t i = 0; i < voxels; ++i) mask.push_back(bytes[352 + 2 * i] != 0 || bytes[353 + 2 * i] != 0);
  return mask;
}

void expect_published_values(const std::filesystem::path& folder) {
  SCOPED_TRACE(folder.filename().string());
  const auto files = test::files_of(folder / "PT");
  ASSERT_EQ(files.size(), 20U);
  std::vector<const dicom::DataSet*> headers;
  std::vector<ImageSource> images;
  for (const auto& file : files) {
    headers.push_back(&file.data);
    images.push_back({&file.data, file.transfer_syntax});
  }
  const auto suv = suv_of(headers);
  ASSERT_TRUE(suv) << suv.error().text();
  VolumeOptions options;
  options.factor = [&](std::size_t i) { return suv->factors[i]; };
  const auto volume = volume_of(images, options);
  ASSERT_TRUE(volume) << volume.error().text();
  const auto mask = mask_of(folder / "mask/DRO_mask.nii.gz", volume->values.size());
  ASSERT_EQ(mask.size(), volume->values.size());
  std::vector<double> inside;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] != 0) inside.push_back(static_cast<double>(volume->values[i]));
  }
  std::sort(inside.begin(), inside.end());
  EXPECT_NEAR(inside.front(), 0.20, 0.002);
  EXPECT_NEAR(inside[inside.size() / 2], 1.00, 0.01);
  EXPECT_NEAR(inside.back(), 4.00, 0.04);
}

TEST(Suv, PublishedValuesOfTheReferenceObjectsHold) {
  const auto shared = test::shared();
  if (!shared) GTEST_SKIP() << "the shared data are absent";
  int objects = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*shared / "standards/suv-dro")) {
    if (!entry.is_directory()) continue;
    expect_published_values(entry.path());
    ++objects;
  }
  EXPECT_GE(objects, 4);
}

TEST(Suv, RealSeriesThatIsSuvIsTakenAsItIs) {
  const auto shared = test::shared();
  if (!shared) GTEST_SKIP() << "the shared data are absent";
  const auto files = test::files_of(*shared / "data/ibsi-pet-ct-mr/dicom/STS_025/PET/image");
  ASSERT_EQ(files.size(), 47U);
  std::vector<const dicom::DataSet*> headers;
  for (const auto& file : files) headers.push_back(&file.data);
  const auto suv = suv_of(headers);
  ASSERT_TRUE(suv) << suv.error().text();
  EXPECT_DOUBLE_EQ(*suv->factor, 1);
}

}  // namespace
}  // namespace vedette::voxel
