#include "pipeline/sources.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "dicom/frames.hpp"
#include "dicom/render.hpp"
#include "voxel/geometry.hpp"
#include "voxel/suv.hpp"
#include "voxel/volume.hpp"

namespace vedette::pipeline {

namespace tags = dicom::tags;

namespace {

Result<void> check_unit(const InputRow& row, const voxel::Image& image) {
  if (row.unit.empty() || image.unit.empty() || voxel::same_unit(row.unit, image.unit)) return {};
  return Error{Fault::refused,
               "pipeline.unit",
               fmt::format("The values of input '{}' are in {}, not in {}", row.name, image.unit, row.unit),
               {},
               "The tool does not take this series."};
}

void set_voi(const dicom::DataSet& data, std::uint32_t frame, voxel::Image& image) {
  image.monochrome1 = data.text(tags::photometric_interpretation) == "MONOCHROME1";
  const auto windows = dicom::windows_of(data, frame);
  if (windows.empty()) return;
  const auto& first = windows.front();
  image.voi = voxel::Image::Voi{first.centre, first.width,
                                first.function == dicom::WindowFunction::sigmoid        ? "SIGMOID"
                                : first.function == dicom::WindowFunction::linear_exact ? "LINEAR_EXACT"
                                                                                        : "LINEAR"};
}

/// The image as a screen shows it: grey or red, green, blue, 0…255.
Result<voxel::Image> displayed(const InputRow& row, const dicom::File& file, std::uint32_t frame) {
  const dicom::DecodedFrame decoded = VEDETTE_TRY(dicom::decode_frame(file.data, file.transfer_syntax, frame));
  const dicom::Rendered shown = VEDETTE_TRY(dicom::render(file.data, decoded, frame));
  if (shown.samples == 3 && !row.rgb) {
    return Error{Fault::refused,
                 "pipeline.colour",
                 "The image has colours, and the tool takes grey values",
                 {},
                 "Set colour = \"rgb\" at the input if the network was trained with colour."};
  }
  const std::size_t pixels = static_cast<std::size_t>(shown.rows) * shown.columns;
  std::vector<float> values(pixels);
  voxel::Image image =
      voxel::picture_of(std::move(values), static_cast<int>(shown.rows), static_cast<int>(shown.columns), "1");
  image.channels = row.rgb ? 3 : 1;
  image.values.resize(pixels * static_cast<std::size_t>(image.channels));
  for (int c = 0; c < image.channels; ++c) {
    const std::size_t sample = shown.samples == 3 ? static_cast<std::size_t>(c) : 0;
    for (std::size_t i = 0; i < pixels; ++i)
      image.channel(c)[i] = static_cast<float>(static_cast<unsigned char>(shown.pixels[i * shown.samples + sample]));
  }
  return image;
}

Result<voxel::Image> rescaled(const dicom::File& file, std::uint32_t frame) {
  auto values = voxel::values_of({&file.data, file.transfer_syntax}, frame);
  if (!values) {
    Error error = std::move(values).error();
    if (error.code == "volume.colour") {
      error.code = "pipeline.colour";
      error.remedy = "Set colour = \"rgb\" at the input if the network was trained with colour.";
    }
    return error;
  }
  voxel::Image image =
      voxel::picture_of(*std::move(values), static_cast<int>(file.data.integer(tags::rows).value_or(0)),
                        static_cast<int>(file.data.integer(tags::columns).value_or(0)), voxel::unit_of(file.data));
  set_voi(file.data, frame, image);
  return image;
}

/// Where the image lies, if it says so.
void set_place(const voxel::Plane& plane, const dicom::DataSet& data, voxel::Image& image) {
  if (plane.placed) {
    const double thickness = data.number(tags::slice_thickness).value_or(0);
    image.placed = true;
    image.grid.origin = plane.position;
    image.grid.row = plane.along_column * plane.row_spacing;
    image.grid.column = plane.along_row * plane.column_spacing;
    // A single image says nothing of its extent across but its thickness; volumes need one.
    image.grid.slice = plane.normal() * (thickness > 0 ? thickness : 1.0);
    return;
  }
  image.placed = false;
}

}  // namespace

Result<Source> volume_source(const InputRow& row, const std::vector<dicom::File>& files) {
  std::vector<voxel::ImageSource> images;
  std::vector<const dicom::DataSet*> headers;
  for (const dicom::File& file : files) {
    images.push_back({&file.data, file.transfer_syntax});
    headers.push_back(&file.data);
  }
  voxel::VolumeOptions options;
  std::vector<double> factors;
  if (row.values == "suv_bw") {
    voxel::Suv suv = VEDETTE_TRY(voxel::suv_of(headers, voxel::SuvKind::bw));
    factors = std::move(suv.factors);
    options.factor = [&factors](std::size_t image) { return factors[image]; };
    options.unit = std::string(voxel::unit_of(voxel::SuvKind::bw));
  }
  voxel::Volume volume = VEDETTE_TRY(voxel::volume_of(images, options));
  Source out;
  out.series_uid = volume.series_uid;
  out.frame_of_reference_uid = volume.frame_of_reference_uid;
  for (const voxel::SliceSource& slice : volume.sources) out.instances.push_back(slice.sop_instance_uid);
  out.image = voxel::image_of(std::move(volume));
  set_voi(files.front().data, 0, out.image);
  VEDETTE_TRY(check_unit(row, out.image));
  return out;
}

Result<std::vector<Source>> image_sources(const InputRow& row, const std::vector<dicom::File>& files) {
  std::vector<Source> out;
  for (const dicom::File& file : files) {
    for (const voxel::Plane& plane : voxel::planes_of(file.data)) {
      const auto frame = static_cast<std::uint32_t>(plane.frame);
      Source source;
      source.image = row.values == "display" || row.rgb ? VEDETTE_TRY(displayed(row, file, frame))
                                                        : VEDETTE_TRY(rescaled(file, frame));
      set_place(plane, file.data, source.image);
      VEDETTE_TRY(check_unit(row, source.image));
      source.series_uid = file.data.text(tags::series_instance_uid);
      source.frame_of_reference_uid = file.data.text(tags::frame_of_reference_uid);
      source.instances = {plane.sop_instance_uid};
      out.push_back(std::move(source));
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i) out[i].words = fmt::format("Image {} of {}", i + 1, out.size());
  return out;
}

}  // namespace vedette::pipeline
