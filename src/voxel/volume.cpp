#include "voxel/volume.hpp"

#include <fmt/format.h>

#include <cmath>

namespace vedette::voxel {

namespace tags = dicom::tags;

namespace {

struct Rescale {
  double slope = 1, intercept = 0;
};

const dicom::DataSet* transformation_of(const dicom::DataSet& data, std::size_t frame) {
  const auto& per_frame = data.items(tags::per_frame_functional_groups_sequence);
  if (frame < per_frame.size()) {
    if (const auto* found = per_frame[frame].item(tags::pixel_value_transformation_sequence)) return found;
  }
  const dicom::DataSet* shared = data.item(tags::shared_functional_groups_sequence);
  return shared == nullptr ? nullptr : shared->item(tags::pixel_value_transformation_sequence);
}

Result<Rescale> rescale_of(const dicom::DataSet& data, std::size_t frame) {
  const dicom::DataSet* from = transformation_of(data, frame);
  if (from == nullptr) from = &data;
  Rescale out;
  if (from->has_value(tags::rescale_slope)) out.slope = from->number(tags::rescale_slope).value_or(0);
  if (from->has_value(tags::rescale_intercept)) out.intercept = from->number(tags::rescale_intercept).value_or(NAN);
  if (!std::isfinite(out.slope) || out.slope == 0 || !std::isfinite(out.intercept)) {
    return Error{Fault::refused, "volume.rescale", "Rescale Slope or Intercept makes no sense",
                 tags::rescale_slope.text(), "Send the series as the scanner wrote it."};
  }
  return out;
}

std::string unit_of(const dicom::DataSet& data) {
  const std::string units = data.text(tags::units);
  if (!units.empty()) return units;
  const std::string type = data.text(tags::rescale_type);
  if (!type.empty()) return type;
  return data.text(tags::modality) == "CT" ? "HU" : "1";
}

/// Which image and frame a plane came from.
struct Origin {
  std::size_t image = 0, frame = 0;
};

/// Stored values of one native (not encapsulated) frame of 8 or 16 bits, [row,column].
Result<std::vector<std::int32_t>> stored_values(const dicom::DataSet& data, std::string_view, std::size_t frame) {
  const auto broken = [](std::string cause) {
    return Error{Fault::malformed, "volume.pixels", std::move(cause), tags::pixel_data.text(),
                 "Send the series again."};
  };
  if (data.integer(tags::samples_per_pixel).value_or(1) != 1) {
    return Error{Fault::unsupported, "volume.colour", "A volume of colour images is not built",
                 tags::samples_per_pixel.text(), "Choose a series of grey values."};
  }
  const dicom::Element* pixels = data.find(tags::pixel_data);
  if (pixels == nullptr || pixels->skipped) return broken("The image has no pixel data");
  if (pixels->encapsulated) {
    return Error{Fault::unsupported, "volume.compressed", "Compressed pixel data", tags::pixel_data.text()};
  }
  const auto bits = data.integer(tags::bits_allocated).value_or(0),
             stored = data.integer(tags::bits_stored).value_or(0);
  const auto high = data.integer(tags::high_bit).value_or(stored - 1);
  if ((bits != 8 && bits != 16) || stored < 1 || stored > bits || high < stored - 1 || high >= bits) {
    return broken("Bits Allocated, Bits Stored and High Bit make no sense together");
  }
  const bool negative = data.integer(tags::pixel_representation).value_or(0) == 1;
  const auto count =
      static_cast<std::size_t>(data.integer(tags::rows).value_or(0) * data.integer(tags::columns).value_or(0));
  const auto bytes = static_cast<std::size_t>(bits / 8);
  if (count == 0 || pixels->value.size() / bytes / count <= frame) return broken("The pixel data are too short");
  const auto* raw = reinterpret_cast<const unsigned char*>(pixels->value.data()) + frame * count * bytes;
  const int left = static_cast<int>(31 - high), right = static_cast<int>(32 - stored);
  std::vector<std::int32_t> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t word = bytes == 1 ? raw[i] : static_cast<std::uint32_t>(raw[2 * i] | (raw[2 * i + 1] << 8));
    const std::uint32_t shifted = word << left;
    values[i] = negative ? static_cast<std::int32_t>(shifted) >> right : static_cast<std::int32_t>(shifted >> right);
  }
  return values;
}

/// Stored values of one frame, rescaled, into [row,column].
Result<void> read_slice(const ImageSource& source, std::size_t frame, double factor, std::span<float> into) {
  const Rescale rescale = VEDETTE_TRY(rescale_of(*source.data, frame));
  const std::vector<std::int32_t> stored = VEDETTE_TRY(stored_values(*source.data, source.transfer_syntax, frame));
  if (stored.size() != into.size()) {
    return Error{Fault::malformed, "volume.pixels", "The pixel data do not have the size that the header states",
                 tags::pixel_data.text(), "Send the series again."};
  }
  for (std::size_t i = 0; i < stored.size(); ++i) {
    into[i] = static_cast<float>((static_cast<double>(stored[i]) * rescale.slope + rescale.intercept) * factor);
  }
  return {};
}

}  // namespace

Result<Volume> volume_of(std::span<const ImageSource> images, const VolumeOptions& options) {
  std::vector<Plane> planes;
  std::vector<Origin> origins;
  for (std::size_t i = 0; i < images.size(); ++i) {
    for (Plane& plane : planes_of(*images[i].data)) {
      origins.push_back({i, static_cast<std::size_t>(plane.frame)});
      planes.push_back(std::move(plane));
    }
  }
  const Geometry geometry = geometry_of(planes);
  if (!geometry.measurable) {
    return Error{Fault::refused, geometry.code, geometry.text, "", "Send a whole, evenly spaced series."};
  }
  const Plane& first = planes[geometry.order.front()];
  Volume volume;
  volume.grid = {static_cast<int>(planes.size()),
                 first.rows,
                 first.columns,
                 first.position,
                 geometry.slice_step,
                 first.along_column * first.row_spacing,
                 first.along_row * first.column_spacing};
  if (volume.grid.size() == 0 || volume.grid.size() > options.most_voxels) {
    return Error{
        Fault::too_large, "volume.size",
        fmt::format("The series has {} voxels, more than {} are not held", volume.grid.size(), options.most_voxels)};
  }
  const dicom::DataSet& data = *images.front().data;
  volume.unit = options.unit.empty() ? unit_of(data) : options.unit;
  volume.series_uid = data.text(tags::series_instance_uid);
  volume.frame_of_reference_uid = first.frame_of_reference_uid;
  volume.values.resize(volume.grid.size());
  const std::size_t slice = volume.grid.size() / planes.size();
  for (std::size_t k = 0; k < geometry.order.size(); ++k) {
    const Plane& plane = planes[geometry.order[k]];
    const Origin origin = origins[geometry.order[k]];
    const double factor = options.factor ? options.factor(origin.image) : 1.0;
    auto done =
        read_slice(images[origin.image], origin.frame, factor, std::span(volume.values).subspan(k * slice, slice));
    if (!done) return std::move(done).error();
    volume.sources.push_back({plane.sop_instance_uid, plane.frame, plane.number});
  }
  return volume;
}

}  // namespace vedette::voxel
