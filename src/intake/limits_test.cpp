// The limits of intake are settings: each bites where it is set, names itself, and lets pass what is just below it.
#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <zlib.h>

#include "intake/intake_fixture.hpp"

namespace vedette::intake {
namespace {

using ::testing::HasSubstr;
namespace tags = dicom::tags;

class Limits : public IntakeTest {
 protected:
  void open_with(const std::string& setting) {
    auto settings = Settings::load({std::nullopt, {}, {setting}});
    ASSERT_TRUE(settings) << settings.error().text();
    settings_ = *std::move(settings);
    open();
  }
  void passes(const dicom::DataSet& data, std::string_view syntax = explicit_le) {
    const auto taken = send(stow_, bytes_of(data, syntax), 4096, syntax);
    EXPECT_TRUE(taken) << taken.error().text();
  }
  void refused(const dicom::DataSet& data, std::string_view code, std::string_view word) {
    const auto before = blobs_in_vault();
    const auto taken = send(stow_, bytes_of(data));
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, code) << taken.error().text();
    EXPECT_THAT(taken.error().cause + taken.error().where + taken.error().remedy, HasSubstr(std::string(word)));
    EXPECT_EQ(blobs_in_vault(), before);
  }
  static dicom::DataSet with_items(int number, int items) {
    dicom::DataSet data = slice(number);
    for (int i = 0; i < items; ++i) data.add_item(tags::content_sequence);
    return data;
  }
  static dicom::DataSet nested(int number, int depth) {
    dicom::DataSet inner;
    inner.set_text(tags::code_value, "T1");
    for (int i = 1; i < depth; ++i) {
      dicom::DataSet outer;
      outer.set_items(tags::content_sequence, {inner});
      inner = std::move(outer);
    }
    dicom::DataSet data = slice(number);
    data.set_items(tags::content_sequence, {inner});
    return data;
  }
  static std::string deflated(const std::string& bytes) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
    std::string out(bytes.size() / 2 + 1024, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
  }
};

TEST_F(Limits, NumberOfElements) {
  open_with("dicom.elements=1000");
  const auto own = static_cast<int>(slice(1).elements().size()) - 1;  // pixel data is not read
  passes(with_items(1, 1000 - own - 1));
  refused(with_items(2, 1000 - own), "dicom.elements", "(0040,A730)");
}

TEST_F(Limits, DepthOfSequences) {
  open_with("dicom.nesting=5");
  passes(nested(1, 5));
  refused(nested(2, 6), "dicom.nesting", "(0040,A730)");
}

TEST_F(Limits, LengthOfAnElement) {
  open_with("dicom.element_bytes=65536");
  dicom::DataSet fits = slice(1);
  fits.set_bytes(tags::text_value, dicom::Vr::UT, std::string(65536, 'x'));
  passes(fits);
  dicom::DataSet larger = slice(2);
  larger.set_bytes(tags::text_value, dicom::Vr::UT, std::string(65538, 'x'));
  refused(larger, "dicom.element", "dicom.element_bytes");
}

TEST_F(Limits, BytesOfTheHeader) {
  open_with("dicom.header_bytes=65536");
  dicom::DataSet fits = slice(1);
  fits.set_bytes(tags::text_value, dicom::Vr::UT, std::string(60'000, 'x'));
  passes(fits);
  dicom::DataSet larger = slice(2);
  larger.set_bytes(tags::text_value, dicom::Vr::UT, std::string(65'000, 'x'));
  larger.set_text(tags::study_description, std::string(2000, 'x'));
  refused(larger, "dicom.header", "dicom.header_bytes");
}

TEST_F(Limits, BytesOfTheObject) {
  open_with("dicom.object_bytes=1048576");
  dicom::DataSet larger = slice(1);
  larger.set_bytes(tags::pixel_data, dicom::Vr::OW, std::string(1 << 20, 'x'));
  refused(larger, "dicom.object", "dicom.object_bytes");
  dicom::DataSet fits = slice(2);
  const std::size_t others = bytes_of(fits).size() - 512;
  fits.set_bytes(tags::pixel_data, dicom::Vr::OW, std::string((1 << 20) - others, 'x'));
  ASSERT_EQ(bytes_of(fits).size(), 1U << 20U);
  passes(fits);
}

TEST_F(Limits, BytesOfADeflatedDataSet) {
  open_with("dicom.inflated_bytes=1048576");
  constexpr std::string_view syntax = "1.2.840.10008.1.2.1.99";
  const auto of_size = [](int number, std::size_t size) {
    dicom::DataSet data = slice(number);
    const std::size_t others = bytes_of(data).size() - 512;
    data.set_bytes(tags::pixel_data, dicom::Vr::OW, std::string(size - others, 'x'));
    return deflated(bytes_of(data));
  };
  const auto fits = send(stow_, of_size(1, 1 << 20), 4096, syntax);
  EXPECT_TRUE(fits) << fits.error().text();
  const auto larger = send(stow_, of_size(2, (1 << 20) + 2), 4096, syntax);
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().code, "dicom.inflated");
  EXPECT_THAT(larger.error().remedy, HasSubstr("dicom.inflated_bytes"));
}

TEST_F(Limits, ADeflateBombEndsEarlyWhateverTheSettingAllows) {
  open();
  std::string zeros = deflated(bytes_of(slice(1)));
  // 300 MiB of one element that never ends, in 300 KiB.
  std::string head = bytes_of(slice(1));
  head.resize(head.size() - 512 - 4);
  head += std::string("\xFE\xFF\xFF\x7F", 4);
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string bomb(2U << 20U, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(bomb.data());
  stream.avail_out = static_cast<uInt>(bomb.size());
  stream.next_in = reinterpret_cast<Bytef*>(head.data());
  stream.avail_in = static_cast<uInt>(head.size());
  deflate(&stream, Z_NO_FLUSH);
  std::string block(1U << 20U, '\0');
  for (int i = 0; i < 300; ++i) {
    stream.next_in = reinterpret_cast<Bytef*>(block.data());
    stream.avail_in = static_cast<uInt>(block.size());
    deflate(&stream, Z_NO_FLUSH);
  }
  deflate(&stream, Z_FINISH);
  bomb.resize(stream.total_out);
  deflateEnd(&stream);
  const auto taken = send(stow_, bomb, 4096, "1.2.840.10008.1.2.1.99");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, "dicom.inflated") << taken.error().text();
  EXPECT_EQ(blobs_in_vault(), 0);
}

std::string zip_of(const std::vector<std::string>& files) {
  std::string out(4U << 20U, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (std::size_t i = 0; i < files.size(); ++i) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, std::to_string(i).c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, static_cast<la_int64_t>(files[i].size()));
    archive_write_header(writer, entry);
    archive_write_data(writer, files[i].data(), files[i].size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

TEST_F(Limits, FilesOfAZip) {
  open_with("intake.zip_entries=3");
  const auto import = [&](int count) {
    std::vector<std::string> files;
    for (int i = 0; i < count; ++i) files.push_back(bytes_of(slice(i + 1)));
    const std::string zip = zip_of(files);
    return intake_->import(stow_, "a.zip", [&, at = std::size_t{0}](std::span<std::byte> buffer) mutable {
      const std::size_t part = std::min(buffer.size(), zip.size() - at);
      std::copy_n(as_bytes(zip).begin() + static_cast<std::ptrdiff_t>(at), part, buffer.begin());
      at += part;
      return Result<std::size_t>(part);
    });
  };
  const auto fits = import(3);
  ASSERT_TRUE(fits) << fits.error().text();
  EXPECT_EQ(fits->accepted, 3);
  EXPECT_TRUE(fits->refused.empty());
  const auto more = import(4);
  ASSERT_TRUE(more) << more.error().text();
  EXPECT_EQ(more->duplicates, 3);
  EXPECT_EQ(more->accepted, 0);
  ASSERT_EQ(more->refused.size(), 1U) << "the fourth is named, not passed over in silence";
  EXPECT_EQ(more->refused[0].error.code, "import.entries");
}

}  // namespace
}  // namespace vedette::intake
