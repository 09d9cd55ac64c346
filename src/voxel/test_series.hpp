#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "dicom/data_set.hpp"

/// Headers and files for the tests of this module.
namespace vedette::voxel::test {

namespace tags = dicom::tags;

/// One axial image of `rows` × `columns` at z, all stored values 0 unless `values` are given.
inline dicom::DataSet image(double z, int number, int rows = 4, int columns = 5) {
  dicom::DataSet data;
  data.set_text(tags::sop_class_uid, "1.2.840.10008.5.1.4.1.1.2");
  data.set_text(tags::sop_instance_uid, fmt::format("1.2.3.{}", number));
  data.set_text(tags::series_instance_uid, "1.2.3");
  data.set_text(tags::frame_of_reference_uid, "1.2.4");
  data.set_integer(tags::instance_number, number);
  data.set_numbers(tags::image_position_patient, std::array{-10.0, 20.0, z});
  data.set_numbers(tags::image_orientation_patient, std::array{1.0, 0.0, 0.0, 0.0, 1.0, 0.0});
  data.set_numbers(tags::pixel_spacing, std::array{2.0, 3.0});
  data.set_integer(tags::rows, rows);
  data.set_integer(tags::columns, columns);
  return data;
}

inline void set_pixels(dicom::DataSet& data, const std::vector<std::int16_t>& values) {
  data.set_integer(tags::samples_per_pixel, 1);
  data.set_text(tags::photometric_interpretation, "MONOCHROME2");
  data.set_integer(tags::bits_allocated, 16);
  data.set_integer(tags::bits_stored, 16);
  data.set_integer(tags::high_bit, 15);
  data.set_integer(tags::pixel_representation, 1);
  data.set_bytes(tags::pixel_data, dicom::Vr::OW,
                 std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int16_t)));
}

inline std::vector<const dicom::DataSet*> pointers(const std::vector<dicom::DataSet>& series) {
  std::vector<const dicom::DataSet*> out;
  for (const auto& data : series) out.push_back(&data);
  return out;
}

/// The shared folder of standards and data; nothing where it is absent.
inline std::optional<std::filesystem::path> shared() {
  const char* named = std::getenv("VEDETTE_SHARED");
  const std::filesystem::path folder = named != nullptr ? named : std::string(VEDETTE_SOURCE_DIR) + "/../shared";
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// All files of a folder in the order of their names.
inline std::vector<dicom::File> files_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<dicom::File> files;
  for (const auto& path : paths) {
    const std::string bytes = bytes_of(path);
    auto file = dicom::read_file(as_bytes(bytes));
    if (file) files.push_back(*std::move(file));
  }
  return files;
}

}  // namespace vedette::voxel::test
