#include "analysis/images.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "base/digest.hpp"

namespace vedette::analysis {

namespace {

namespace fs = std::filesystem;
namespace tags = dicom::tags;

Result<std::string> bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{Fault::not_found, "input.file", "A file of the input cannot be read", path.filename().string()};
  return std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

Result<FolderStudies> read_folder(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::recursive_directory_iterator it(folder, error), end; it != end && !error; it.increment(error)) {
    if (it->is_regular_file()) paths.push_back(it->path());
  }
  if (error) {
    return Error{Fault::not_found, "input.folder", "The input folder cannot be read", folder,
                 "Name a folder of DICOM files."};
  }
  std::sort(paths.begin(), paths.end());
  FolderStudies out;
  std::map<std::string, std::map<std::string, ImageSeries>> studies;
  dicom::ReadLimits limits;
  limits.skip_pixel_data = true;
  for (const fs::path& path : paths) {
    const std::string bytes = VEDETTE_TRY(bytes_of(path));
    auto file = dicom::read_file(as_bytes(bytes), limits);
    if (!file || !file->data.has_value(tags::sop_instance_uid) || !file->data.has_value(tags::rows)) {
      ++out.left_out;
      continue;
    }
    dicom::DataSet& header = file->data;
    ImageSeries& series = studies[header.text(tags::study_instance_uid)][header.text(tags::series_instance_uid)];
    series.uid = header.text(tags::series_instance_uid);
    series.modality = header.text(tags::modality);
    series.number = header.integer(tags::series_number);
    series.images.push_back({std::move(header), sha256(as_bytes(bytes)).hex(), [path] { return bytes_of(path); }});
  }
  for (auto& [uid, series] : studies) {
    ImageStudy study{uid, {}};
    for (auto& [series_uid, each] : series) study.series.push_back(std::move(each));
    out.studies.push_back(std::move(study));
  }
  return out;
}

}  // namespace vedette::analysis
