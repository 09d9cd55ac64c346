#include <archive.h>
#include <archive_entry.h>

#include "intake/intake_fixture.hpp"

namespace vedette::intake {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Entry {
  std::string name, bytes;
};

std::string zip_of(const std::vector<Entry>& entries) {
  std::string out(64U << 20U, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (const Entry& one : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, one.name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(one.bytes.size()));
    archive_write_header(writer, entry);
    archive_write_data(writer, one.bytes.data(), one.bytes.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

Intake::Reader reader_of(const std::string& bytes, std::size_t step = 1000) {
  return [&bytes, step, at = std::size_t{0}](std::span<std::byte> buffer) mutable -> Result<std::size_t> {
    const std::size_t count = std::min({step, buffer.size(), bytes.size() - at});
    std::copy_n(as_bytes(bytes).begin() + static_cast<std::ptrdiff_t>(at), count, buffer.begin());
    at += count;
    return count;
  };
}

class ImportTest : public IntakeTest {
 protected:
  static std::string file(int number) {
    const dicom::DataSet data = slice(number);
    return dicom::file_header(data.text(dicom::tags::sop_class_uid), data.text(dicom::tags::sop_instance_uid),
                              explicit_le) +
           bytes_of(data);
  }
  Source upload_{"upload", "", 0};
};

TEST_F(ImportTest, AZipOfFoldersIsTakenAndWhatIsNoInstanceIsNamed) {
  open();
  const std::string zip = zip_of({{"DICOMDIR", "index"},
                                  {"IMAGES/ONE.dcm", file(1)},
                                  {"../../etc/two", file(2)},
                                  {"again", file(1)},
                                  {"readme.txt", "This is no DICOM file, but it lies in the same folder as they do."},
                                  {"__MACOSX/._ONE.dcm", "x"}});
  const auto report = intake_->import(upload_, "disc.zip", reader_of(zip));
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->accepted, 2);
  EXPECT_EQ(report->duplicates, 1);
  EXPECT_THAT(report->studies, ElementsAre("1.2.3"));
  ASSERT_EQ(report->refused.size(), 1U);
  EXPECT_EQ(report->refused[0].name, "readme.txt");
  EXPECT_EQ(report->refused[0].error.code, "dicom.not_dicom");
  ASSERT_TRUE(intake_->settle());
  EXPECT_EQ(study()->instances, 2);
}

TEST_F(ImportTest, SingleFilesWithAndWithoutPreambleAreTaken) {
  open();
  EXPECT_EQ(intake_->import(upload_, "a.dcm", reader_of(file(1)))->accepted, 1);
  EXPECT_EQ(intake_->import(upload_, "bare", reader_of(bytes_of(slice(2))))->accepted, 1);
  const auto refused = intake_->import(upload_, "letter.pdf", reader_of("%PDF-1.4 nothing"));
  ASSERT_TRUE(refused);
  ASSERT_EQ(refused->refused.size(), 1U);
  EXPECT_EQ(refused->refused[0].error.code, "dicom.not_dicom");
  EXPECT_EQ(intake_->import(upload_, "empty", reader_of(""))->refused.size(), 1U);
  EXPECT_EQ(intake_->file(upload_, as_bytes(file(1)))->added, study::Catalogue::Added::duplicate);
}

TEST_F(ImportTest, AZipThatBreaksOffKeepsWhatWasTakenAndSaysSo) {
  open();
  std::string zip = zip_of({{"one", file(1)}, {"two", file(2)}});
  zip.resize(zip.size() / 2);
  const auto report = intake_->import(upload_, "cut.zip", reader_of(zip));
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->accepted, 1);
  EXPECT_FALSE(report->refused.empty());
  const auto nothing = intake_->import(upload_, "bad.zip", reader_of("PK\x03\x04 nonsense nonsense nonsense nonsense"));
  EXPECT_FALSE(nothing && nothing->refused.empty());
}

TEST_F(ImportTest, AnEntryThatGrowsBeyondAllMeasureEndsTheImport) {
  open();
  std::string bomb = bytes_of(slice(1));
  bomb.resize(bomb.size() - 512 - 4);
  bomb += std::string("\xFF\xFF\xFF\x7F", 4) + std::string(40U << 20U, '\0');
  std::vector<Entry> entries;
  for (int i = 0; i < 8; ++i) entries.push_back({"b" + std::to_string(i), bomb});
  const auto report = intake_->import(upload_, "bomb.zip", reader_of(zip_of(entries)));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, "import.ratio");
  EXPECT_EQ(blobs_in_vault(), 0);
}

TEST_F(ImportTest, AnErrorOfTheStreamIsTheErrorOfTheImport) {
  open();
  const std::string zip = zip_of({{"one", file(1)}, {"two", file(2)}});
  std::size_t calls = 0;
  const auto inner = reader_of(zip, 300);
  const auto report = intake_->import(upload_, "x.zip", [&](std::span<std::byte> buffer) -> Result<std::size_t> {
    if (++calls > 2) return Error{Fault::timed_out, "http.idle", "The sender went silent"};
    return inner(buffer);
  });
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, "http.idle");
}

}  // namespace
}  // namespace vedette::intake
