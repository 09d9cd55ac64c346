#include "voxel/volume.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "dicom/frames.hpp"

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

/// Which image and frame a plane came from.
struct Origin {
  std::size_t image = 0, frame = 0;
};

/// Stored numbers of a decoded frame, each given to `take` in its order.
template <typename Number, typename Take>
void each(const dicom::DecodedFrame& frame, const Take& take) {
  for (std::size_t i = 0; i < frame.pixels.size() / sizeof(Number); ++i) {
    Number value;
    std::memcpy(&value, frame.pixels.data() + i * sizeof(Number), sizeof(Number));
    take(i, static_cast<double>(value));
  }
}

template <typename Take>
bool each_of(const dicom::DecodedFrame& frame, const Take& take) {
  using dicom::SampleKind;
  const auto bits = frame.layout.bits_allocated;
  const bool negative = frame.layout.is_signed;
  if (frame.layout.kind == SampleKind::float32) return each<float>(frame, take), true;
  if (frame.layout.kind == SampleKind::float64) return each<double>(frame, take), true;
  if (bits <= 8) return negative ? each<std::int8_t>(frame, take) : each<std::uint8_t>(frame, take), true;
  if (bits == 16) return negative ? each<std::int16_t>(frame, take) : each<std::uint16_t>(frame, take), true;
  if (bits == 32) return negative ? each<std::int32_t>(frame, take) : each<std::uint32_t>(frame, take), true;
  return false;
}

/// Stored values of one frame, rescaled, into [row,column].
Result<void> read_slice(const ImageSource& source, std::size_t frame, double factor, std::span<float> into) {
  const Rescale rescale = VEDETTE_TRY(rescale_of(*source.data, frame));
  const auto decoded =
      VEDETTE_TRY(dicom::decode_frame(*source.data, source.transfer_syntax, static_cast<std::uint32_t>(frame)));
  if (decoded.layout.samples != 1) {
    return Error{Fault::unsupported, "volume.colour", "A volume of colour images is not built",
                 tags::samples_per_pixel.text(), "Choose a series of grey values."};
  }
  std::size_t taken = 0;
  const bool known = each_of(decoded, [&](std::size_t i, double stored) {
    if (i < into.size()) into[i] = static_cast<float>((stored * rescale.slope + rescale.intercept) * factor);
    taken = i + 1;
  });
  if (!known || taken != into.size()) {
    return Error{Fault::malformed, "volume.pixels", "The pixel data do not have the size that the header states",
                 tags::pixel_data.text(), "Send the series again."};
  }
  return {};
}

}  // namespace

std::string unit_of(const dicom::DataSet& data) {
  const std::string units = data.text(tags::units);
  if (!units.empty()) return units;
  const std::string type = data.text(tags::rescale_type);
  if (!type.empty()) return type;
  return data.text(tags::modality) == "CT" ? "HU" : "1";
}

Result<std::vector<float>> values_of(const ImageSource& image, std::size_t frame) {
  const std::int64_t rows = image.data->integer(tags::rows).value_or(0),
                     columns = image.data->integer(tags::columns).value_or(0);
  if (rows <= 0 || columns <= 0 || rows * columns > (1LL << 30)) {
    return Error{Fault::malformed, "volume.size", "The image has no size that makes sense", tags::rows.text()};
  }
  std::vector<float> out(static_cast<std::size_t>(rows * columns));
  if (auto done = read_slice(image, frame, 1.0, out); !done) return std::move(done).error();
  return out;
}

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
