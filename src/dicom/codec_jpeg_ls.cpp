// JPEG-LS (ISO/IEC 14495-1) by CharLS.
#include <charls/charls.h>

#include "dicom/codec.hpp"

namespace vedette::dicom::codec {
namespace {

/// Planes one after another to colour by pixel.
std::string interleaved(const std::string& planes, std::size_t pixels, std::size_t samples, std::size_t width) {
  std::string out(planes.size(), '\0');
  for (std::size_t s = 0; s < samples; ++s) {
    for (std::size_t p = 0; p < pixels; ++p) {
      for (std::size_t b = 0; b < width; ++b) out[(p * samples + s) * width + b] = planes[(s * pixels + p) * width + b];
    }
  }
  return out;
}

}  // namespace

Result<std::string> decode_jpeg_ls(std::string_view stream, ImageLayout& layout) {
  try {
    // CharLS 2.4 may count for seconds in a stream that ends without a marker; an end of image after it stops that.
    const std::string ended = std::string(stream) + "\xFF\xD9";
    charls::jpegls_decoder decoder;
    decoder.source(ended.data(), ended.size());
    decoder.read_header();
    const charls::frame_info& info = decoder.frame_info();
    VEDETTE_TRY(same_size("JPEG-LS", layout, info.height, info.width, static_cast<std::uint64_t>(info.component_count),
                          static_cast<std::uint64_t>(info.bits_per_sample)));
    const std::size_t width = info.bits_per_sample > 8 ? 2 : 1;
    if (width > layout.bits_allocated / 8) return damaged("JPEG-LS", "its samples need more bits than are allocated");
    std::string out(layout.pixels() * layout.samples * width, '\0');
    if (decoder.destination_size() > out.size()) return damaged("JPEG-LS", "it says another size than its header");
    decoder.decode(out.data(), out.size());
    if (layout.samples > 1 && decoder.interleave_mode() == charls::interleave_mode::none)
      out = interleaved(out, layout.pixels(), layout.samples, width);
    layout.planar = false;
    if (width == layout.bits_allocated / 8) return out;
    std::string wide(out.size() * (layout.bits_allocated / 8), '\0');  // 8-bit samples in 16 allocated bits
    for (std::size_t i = 0; i < out.size(); ++i) wide[i * (layout.bits_allocated / 8)] = out[i];
    return wide;
  } catch (const std::exception& error) {
    return damaged("JPEG-LS", error.what());
  }
}

}  // namespace vedette::dicom::codec
