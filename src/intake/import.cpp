// Files from people: one DICOM file, or a ZIP of them, as a stream.
#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.hpp"
#include "intake/arrival.hpp"

namespace vedette::intake {

namespace {

constexpr std::size_t chunk = 256U << 10U;
constexpr std::size_t most_refusals = 1000;  // named in the report; the rest is only counted by their absence
constexpr std::uint64_t free_expansion = 256ULL << 20U;  // below this no ratio is looked at

/// What a person may read back as a name: no path, no control characters, no novel.
std::string readable(std::string_view name) {
  const std::size_t slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  std::string out;
  for (const char c : name.substr(0, 120)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  if (!is_utf8(out)) {
    for (char& c : out) {
      if (static_cast<unsigned char>(c) > 0x7E) c = '?';
    }
  }
  return out.empty() ? "file" : out;
}

/// Names that never hold an instance: the index of a medium, leftovers of file managers.
bool is_beside(std::string_view path) {
  const std::string name = lower_case(readable(path));
  return path.find("__MACOSX/") != std::string_view::npos || name == "dicomdir" || name == ".ds_store" ||
         name == "thumbs.db" || name == "desktop.ini" || name.starts_with("._");
}

void note(Intake::ImportReport& report, std::string_view name, const Result<Accepted>& result) {
  if (!result) {
    if (report.refused.size() < most_refusals) report.refused.push_back({readable(name), result.error()});
    return;
  }
  using Added = study::Catalogue::Added;
  (result->added == Added::stored      ? report.accepted
   : result->added == Added::duplicate ? report.duplicates
                                       : report.conflicts) += 1;
  if (std::find(report.studies.begin(), report.studies.end(), result->study_uid) == report.studies.end())
    report.studies.push_back(result->study_uid);
}

/// Feeds libarchive from a Reader; the first bytes were read already, to see what the stream is.
class Zip {
 public:
  Zip(Core& core, const Source& source, const Intake::Reader& reader, std::string first)
      : core_(core), source_(source), reader_(reader), first_(std::move(first)), archive_(archive_read_new()) {
    const Settings& settings = core.parts().settings;
    most_entries_ = settings.integer("intake.zip_entries");
    most_ratio_ = static_cast<std::uint64_t>(settings.integer("intake.zip_ratio"));
  }
  ~Zip() { archive_read_free(archive_); }
  Zip(const Zip&) = delete;
  Zip& operator=(const Zip&) = delete;

  Result<Intake::ImportReport> import();

 private:
  static la_ssize_t on_read(archive*, void* self, const void** buffer);
  Result<void> entry(archive_entry* entry);
  Result<Accepted> file(archive_entry* entry);
  Error broken();

  Core& core_;
  const Source& source_;
  const Intake::Reader& reader_;
  std::string first_;
  bool first_given_ = false;
  std::array<char, chunk> in_{}, out_{};
  std::int64_t most_entries_ = 0;
  std::uint64_t most_ratio_ = 0;
  std::uint64_t consumed_ = 0, given_ = 0;
  std::optional<Error> stream_error_;
  std::optional<Error> fatal_;
  archive* archive_;
  Intake::ImportReport report_;
};

la_ssize_t Zip::on_read(archive* handle, void* self, const void** buffer) {
  Zip& zip = *static_cast<Zip*>(self);
  if (!zip.first_given_) {
    zip.first_given_ = true;
    *buffer = zip.first_.data();
    zip.consumed_ += zip.first_.size();
    return static_cast<la_ssize_t>(zip.first_.size());
  }
  const auto count = zip.reader_(std::as_writable_bytes(std::span(zip.in_)));
  if (!count) {
    zip.stream_error_ = count.error();
    archive_set_error(handle, EIO, "stream");
    return ARCHIVE_FATAL;
  }
  zip.consumed_ += *count;
  *buffer = zip.in_.data();
  return static_cast<la_ssize_t>(*count);
}

Error Zip::broken() {
  if (stream_error_) return *stream_error_;
  return Error{Fault::malformed,
               "import.zip",
               "The ZIP file cannot be read to its end",
               {},
               "Make the ZIP again; files before the break were taken.",
               archive_error_string(archive_) == nullptr ? "" : archive_error_string(archive_)};
}

Result<Accepted> Zip::file(archive_entry* entry) {
  if (archive_entry_is_encrypted(entry) != 0) {
    return Error{Fault::unsupported,
                 "import.encrypted",
                 "The file in the ZIP is encrypted",
                 {},
                 "Make a ZIP without a password."};
  }
  const la_int64_t size = archive_entry_size_is_set(entry) != 0 ? archive_entry_size(entry) : 0;
  const auto arrival =
      VEDETTE_TRY(core_.begin_file(source_, static_cast<std::uint64_t>(std::max<la_int64_t>(size, 0))));
  while (true) {
    const la_ssize_t count = archive_read_data(archive_, out_.data(), out_.size());
    if (count == 0) return arrival->end();
    if (count < 0) {
      if (count == ARCHIVE_FATAL) fatal_ = broken();
      return broken();
    }
    given_ += static_cast<std::uint64_t>(count);
    if (given_ > free_expansion && given_ > most_ratio_ * consumed_) {
      fatal_ = Error{Fault::too_large,
                     "import.ratio",
                     "The ZIP grows to more than " + std::to_string(most_ratio_) + " times its size",
                     {},
                     "Upload the files without packing them, or raise the setting intake.zip_ratio."};
      return *fatal_;
    }
    VEDETTE_TRY(arrival->append(as_bytes(std::string_view(out_.data(), static_cast<std::size_t>(count)))));
  }
}

Result<void> Zip::entry(archive_entry* entry) {
  const char* path = archive_entry_pathname(entry);
  const std::string name = path == nullptr ? "" : path;
  if (archive_entry_filetype(entry) != AE_IFREG || is_beside(name)) return {};
  const auto result = file(entry);
  // Where the node itself cannot take more, the rest cannot be taken either.
  const bool hopeless =
      !result && (result.error().fault == Fault::exhausted || result.error().fault == Fault::unavailable);
  note(report_, name, result);
  if (fatal_) return *fatal_;
  if (hopeless) return result.error();
  return {};
}

Result<Intake::ImportReport> Zip::import() {
  archive_read_support_format_zip_streamable(archive_);
  if (archive_read_open(archive_, this, nullptr, on_read, nullptr) != ARCHIVE_OK) return broken();
  for (std::int64_t entries = 0;; ++entries) {
    archive_entry* found = nullptr;
    const int code = archive_read_next_header(archive_, &found);
    if (code == ARCHIVE_EOF) break;
    std::optional<Error> error;
    if (code < ARCHIVE_WARN) {
      error = broken();
    } else if (entries >= most_entries_) {
      error = Error{Fault::too_large,
                    "import.entries",
                    "The ZIP has more than " + std::to_string(most_entries_) + " entries",
                    {},
                    "Upload it in parts, or raise the setting intake.zip_entries."};
    } else if (auto done = entry(found); !done) {
      error = done.error();
    }
    if (!error) continue;
    // What was taken before stays and is reported; a ZIP of which nothing could be taken is an error as a whole.
    if (stream_error_ || report_.accepted + report_.duplicates + report_.conflicts == 0) return *error;
    // Faults of an entry were noted with its name.
    if (error->code == "import.zip" || error->code == "import.entries") {
      if (!fatal_) report_.refused.push_back({"(rest of the ZIP)", *error});
    }
    break;
  }
  return std::move(report_);
}

}  // namespace

Result<Intake::ImportReport> Core::import(const Source& source, std::string_view name, const Reader& reader) {
  std::string buffer(chunk, '\0');
  const auto read = [&]() -> Result<std::string_view> {
    const std::size_t count = VEDETTE_TRY(reader(std::as_writable_bytes(std::span(buffer))));
    return std::string_view(buffer).substr(0, count);
  };
  std::string first;
  while (first.size() < 4) {
    const std::string_view part = VEDETTE_TRY(read());
    if (part.empty()) break;
    first += part;
  }
  if (first.starts_with("PK\x03\x04") || first.starts_with("PK\x05\x06")) {
    try {
      const auto zip = std::make_unique<Zip>(*this, source, reader, std::move(first));
      return zip->import();
    } catch (const std::bad_alloc&) {
      return Error{Fault::exhausted, "memory", "There is not enough memory for the ZIP"};
    }
  }
  const auto arrival = VEDETTE_TRY(begin_file(source, 0));
  ImportReport report;
  Result<void> taken = arrival->append(as_bytes(first));
  while (true) {  // read to the end even when refused, so that the sender hears the answer
    const std::string_view part = VEDETTE_TRY(read());
    if (part.empty()) break;
    if (taken) taken = arrival->append(as_bytes(part));
  }
  note(report, name, taken ? arrival->end() : Result<Accepted>(taken.error()));
  return report;
}

}  // namespace vedette::intake
