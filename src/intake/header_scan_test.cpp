#include "intake/header_scan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "dicom/data_set.hpp"
#include "dicom/uids.hpp"

namespace vedette::intake {
namespace {

namespace tags = dicom::tags;

dicom::DataSet nested() {
  dicom::DataSet data;
  data.set_text(tags::sop_class_uid, dicom::uids::ct_image_storage);
  data.set_text(tags::sop_instance_uid, "1.2.3.4");
  data.set_text(tags::study_instance_uid, "1.2.3");
  dicom::DataSet& item = data.add_item(tags::request_attributes_sequence);
  item.set_text(tags::requested_procedure_id, "RP");
  item.add_item(tags::procedure_code_sequence).set_text(tags::code_value, "123");
  data.set_bytes(dicom::Tag{0x0009, 0x1001}, dicom::Vr::OB, std::string(100'000, 'p'));
  data.set_bytes(tags::pixel_data, dicom::Vr::OW, std::string(5000, 'x'));
  return data;
}

Result<void> feed(HeaderScan& scan, const std::string& bytes, std::size_t step) {
  for (std::size_t at = 0; at < bytes.size(); at += step)
    VEDETTE_TRY(scan.append(as_bytes(std::string_view(bytes).substr(at, step))));
  return scan.finish();
}

TEST(HeaderScan, KeepsTheHeaderWhateverTheStepAndLeavesBulkOut) {
  for (const std::string_view syntax :
       {dicom::uids::explicit_vr_little_endian, dicom::uids::implicit_vr_little_endian}) {
    const std::string bytes = dicom::write_data_set(nested(), syntax).value();
    for (const std::size_t step : {1U, 3U, 1000U, 1000000U}) {
      HeaderScan scan(syntax == dicom::uids::explicit_vr_little_endian, true, {});
      const auto done = feed(scan, bytes, step);
      ASSERT_TRUE(done) << done.error().text();
      EXPECT_TRUE(scan.done());
      EXPECT_EQ(scan.instance_uid(), "1.2.3.4");
      EXPECT_EQ(scan.class_uid(), dicom::uids::ct_image_storage);
      EXPECT_LT(scan.kept().size(), 1000U);
      ASSERT_EQ(scan.left_out().size(), 2U);
      EXPECT_EQ(scan.left_out()[1].tag, tags::pixel_data);
      EXPECT_EQ(scan.left_out()[1].bytes, 5000U);
      EXPECT_EQ(bytes.substr(scan.left_out()[1].offset, 3), "xxx");
      const auto header = dicom::read_data_set(as_bytes(scan.kept()), syntax);
      ASSERT_TRUE(header) << header.error().text();
      EXPECT_EQ(
          header->item(tags::request_attributes_sequence)->item(tags::procedure_code_sequence)->text(tags::code_value),
          "123");
    }
  }
}

TEST(HeaderScan, PixelDataThatEndsEarlyIsNamed) {
  const std::string bytes = dicom::write_data_set(nested(), dicom::uids::explicit_vr_little_endian).value();
  HeaderScan scan(true, true, {});
  const auto done = feed(scan, bytes.substr(0, bytes.size() - 10), 4096);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "dicom.truncated");
  EXPECT_THAT(done.error().text(), testing::HasSubstr("10 bytes are missing"));
}

TEST(HeaderScan, HeadersAndElementsBeyondTheLimitsAreRefused) {
  dicom::DataSet large;
  large.set_bytes(dicom::Tag{0x0009, 0x1001}, dicom::Vr::OB, std::string(5000, 'p'));
  HeaderScan elements(true, true, {1000, 1U << 20U});
  EXPECT_EQ(
      feed(elements, dicom::write_data_set(large, dicom::uids::explicit_vr_little_endian).value(), 100).error().code,
      "dicom.element");
  HeaderScan headers(true, true, {1U << 20U, 2000});
  EXPECT_EQ(feed(headers, std::string(3000, 'A'), 100).error().code, "dicom.header");
}

TEST(HeaderScan, AgreesWithTheReaderOnRealFilesAndNeverBreaksOnDamagedOnes) {
  const char* shared = std::getenv("VEDETTE_SHARED");
  const std::filesystem::path folder =
      (shared != nullptr ? std::filesystem::path(shared) : std::filesystem::path(VEDETTE_SOURCE_DIR) / "../shared") /
      "data";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no shared data";
  std::mt19937 random(7);
  int read = 0;
  for (const char* name : {"orthanc-transfer-syntaxes", "pydicom-tests", "fuzz-sample"}) {
    if (!std::filesystem::exists(folder / name)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / name)) {
      if (!entry.is_regular_file() || entry.file_size() > (4U << 20U)) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      std::stringstream text;
      text << in.rdbuf();
      std::string bytes = text.str();
      const auto file = dicom::read_file_header(as_bytes(bytes));
      if (!file) continue;
      const auto* syntax = dicom::find_transfer_syntax(file->transfer_syntax);
      if (syntax == nullptr || syntax->deflated) continue;
      std::string data = bytes.substr(file->data_offset);
      HeaderScan scan(syntax->explicit_vr, syntax->little_endian, {});
      const auto done = feed(scan, data, 777);
      const auto whole = dicom::read_data_set(as_bytes(data), file->transfer_syntax);
      if (done && whole && whole->has_value(tags::sop_instance_uid) && !scan.unreadable()) {
        EXPECT_EQ(scan.instance_uid(), whole->text(tags::sop_instance_uid)) << entry.path();
        ++read;
      }
      for (int round = 0; round < 3 && !data.empty(); ++round) {
        data[random() % data.size()] = static_cast<char>(random());
        HeaderScan damaged(syntax->explicit_vr, syntax->little_endian, {});
        static_cast<void>(feed(damaged, data, 4096));  // any answer is right, as long as there is one
      }
    }
  }
  EXPECT_GT(read, 10);
}

}  // namespace
}  // namespace vedette::intake
