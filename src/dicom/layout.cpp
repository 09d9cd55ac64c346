// The Image Pixel module, checked.
#include <fmt/format.h>

#include "dicom/frames.hpp"

namespace vedette::dicom {
namespace {

Error fault(Tag tag, std::string_view cause) {
  return {Fault::malformed, "dicom.image", std::string(cause), tag.text(),
          "The image can't be shown or measured as it is."};
}

/// Value of an unsigned short that the module needs.
Result<std::uint32_t> required(const DataSet& data, Tag tag, std::int64_t least, std::int64_t most) {
  const Element* element = data.find(tag);
  if (element == nullptr || element->value.empty()) return fault(tag, "the image lacks a needed attribute");
  if (element->vr != Vr::US)
    return fault(tag,
                 fmt::format("the attribute has the value representation {} in place of US", vr_text(element->vr)));
  const std::int64_t value = data.integer(tag).value_or(-1);
  if (value < least || value > most)
    return fault(tag, fmt::format("the value {} is outside {} to {}", value, least, most));
  return static_cast<std::uint32_t>(value);
}

Result<std::uint32_t> optional_value(const DataSet& data, Tag tag, std::uint32_t otherwise, std::int64_t most) {
  if (!data.has_value(tag)) return otherwise;
  return required(data, tag, 0, most);
}

Result<std::uint32_t> number_of_frames(const DataSet& data) {
  if (!data.has_value(tags::number_of_frames)) return 1U;
  const auto frames = data.integer(tags::number_of_frames);
  if (!frames || *frames < 1 || *frames > 0x7FFFFFFF)
    return fault(tags::number_of_frames, "the number of frames is no number from 1");
  return static_cast<std::uint32_t>(*frames);
}

Result<void> set_bits(const DataSet& data, ImageLayout& layout) {
  layout.bits_allocated = VEDETTE_TRY(required(data, tags::bits_allocated, 1, 64));
  const std::uint32_t bits = layout.bits_allocated;
  if (data.find(tags::float_pixel_data) != nullptr || data.find(tags::double_float_pixel_data) != nullptr) {
    layout.kind = data.find(tags::float_pixel_data) != nullptr ? SampleKind::float32 : SampleKind::float64;
    if (bits != (layout.kind == SampleKind::float32 ? 32U : 64U))
      return fault(tags::bits_allocated, "the bits do not fit pixels of floating point");
    layout.bits_stored = bits;
    layout.high_bit = bits - 1;
    layout.is_signed = true;
    return {};
  }
  if (bits != 1 && bits != 8 && bits != 16 && bits != 32)
    return fault(tags::bits_allocated, "only 1, 8, 16 and 32 bits are understood");
  layout.bits_stored = VEDETTE_TRY(optional_value(data, tags::bits_stored, bits, 64));
  if (layout.bits_stored == 0 || layout.bits_stored > bits)
    return fault(tags::bits_stored, "the stored bits do not fit the allocated ones");
  layout.high_bit = VEDETTE_TRY(optional_value(data, tags::high_bit, layout.bits_stored - 1, 63));
  if (layout.high_bit >= bits || layout.high_bit + 1 < layout.bits_stored)
    return fault(tags::high_bit, "the high bit contradicts the stored bits");
  layout.is_signed = VEDETTE_TRY(optional_value(data, tags::pixel_representation, 0, 1)) == 1;
  return {};
}

}  // namespace

std::uint64_t ImageLayout::frame_bytes() const {
  if (bits_allocated == 1) return (pixels() * samples + 7) / 8;
  if (photometric == "YBR_FULL_422" && !planar && samples == 3) return pixels() * 2 * (bits_allocated / 8);
  return pixels() * samples * (bits_allocated / 8);
}

Result<ImageLayout> image_layout(const DataSet& data) {
  ImageLayout layout;
  layout.rows = VEDETTE_TRY(required(data, tags::rows, 1, 65535));
  layout.columns = VEDETTE_TRY(required(data, tags::columns, 1, 65535));
  layout.samples = VEDETTE_TRY(optional_value(data, tags::samples_per_pixel, 1, 4));
  if (layout.samples != 1 && layout.samples != 3 && layout.samples != 4)
    return fault(tags::samples_per_pixel, "only 1, 3 and 4 samples are understood");
  VEDETTE_TRY(set_bits(data, layout));
  layout.planar = layout.samples > 1 && VEDETTE_TRY(optional_value(data, tags::planar_configuration, 0, 1)) == 1;
  layout.photometric = data.text(tags::photometric_interpretation);
  if (layout.photometric.empty()) return fault(tags::photometric_interpretation, "the image lacks a needed attribute");
  const bool one_sample = layout.photometric.starts_with("MONOCHROME") || layout.photometric == "PALETTE COLOR";
  if (one_sample != (layout.samples == 1))
    return fault(tags::photometric_interpretation, "the samples per pixel do not fit the photometric interpretation");
  layout.frames = VEDETTE_TRY(number_of_frames(data));
  const std::uint64_t spread = layout.pixels() * layout.samples * ((layout.bits_allocated + 7) / 8);
  if (spread > largest_frame) {
    return Error{Fault::too_large, "dicom.image",
                 fmt::format("a frame has {} bytes, {} are decoded at most", spread, largest_frame), tags::rows.text()};
  }
  return layout;
}

}  // namespace vedette::dicom
