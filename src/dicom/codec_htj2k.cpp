// High-Throughput JPEG 2000 (ISO/IEC 15444-15) by OpenJPH.
#include <openjph/ojph_arch.h>
#include <openjph/ojph_codestream.h>
#include <openjph/ojph_file.h>
#include <openjph/ojph_mem.h>
#include <openjph/ojph_message.h>
#include <openjph/ojph_params.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "dicom/codec.hpp"

namespace vedette::dicom::codec {
namespace {

Result<void> check(ojph::param_siz siz, const ImageLayout& layout) {
  const ojph::point extent = siz.get_image_extent();
  const ojph::point offset = siz.get_image_offset();
  if (extent.x < offset.x || extent.y < offset.y) return damaged("HTJ2K", "its size is negative");
  VEDETTE_TRY(same_size("HTJ2K", layout, extent.y - offset.y, extent.x - offset.x, siz.get_num_components(), 1));
  for (ojph::ui32 c = 0; c < siz.get_num_components(); ++c) {
    const ojph::point step = siz.get_downsampling(c);
    if (step.x != 1 || step.y != 1) return damaged("HTJ2K", "its components are subsampled");
    if (siz.get_bit_depth(c) > layout.bits_allocated)
      return damaged("HTJ2K", "its samples need more bits than are allocated");
  }
  return {};
}

/// OpenJPH writes its messages to a stream of its own; what matters comes as an exception.
void quiet_messages_once() {
  static const bool done = [] {
    if (std::FILE* nowhere = std::fopen("/dev/null", "w")) {
      ojph::set_info_stream(nowhere);
      ojph::set_warning_stream(nowhere);
      ojph::set_error_stream(nowhere);
    }
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace

Result<std::string> decode_htj2k(std::string_view stream, ImageLayout& layout) {
  if (layout.bits_allocated < 8) return damaged("HTJ2K", "single bits are not coded in it");
  VEDETTE_TRY(check_stream(stream, layout));
  quiet_messages_once();
  try {
    ojph::mem_infile input;
    input.open(reinterpret_cast<const ojph::ui8*>(stream.data()), stream.size());
    ojph::codestream codestream;
    codestream.read_headers(&input);
    VEDETTE_TRY(check(codestream.access_siz(), layout));
    codestream.set_planar(false);
    codestream.create();
    const std::size_t width = layout.bits_allocated / 8;
    const std::size_t stride = width * layout.samples;
    std::string out(layout.pixels() * stride, '\0');
    ojph::param_siz siz = codestream.access_siz();
    for (std::size_t row = 0; row < layout.rows; ++row) {
      for (std::size_t c = 0; c < layout.samples; ++c) {
        ojph::ui32 component = 0;
        const ojph::line_buf* line = codestream.pull(component);
        if (line == nullptr || component >= layout.samples || line->size < layout.columns)
          return damaged("HTJ2K", "a line is missing");
        const auto bits = siz.get_bit_depth(component);
        const bool is_signed = siz.is_signed(component);
        const std::int64_t most = (std::int64_t{1} << (is_signed ? bits - 1 : bits)) - 1;
        const std::int64_t least = is_signed ? -most - 1 : 0;
        for (std::size_t x = 0; x < layout.columns; ++x) {
          const std::int64_t value = std::clamp<std::int64_t>(line->i32[x], least, most);
          std::memcpy(out.data() + (row * layout.columns + x) * stride + component * width, &value, width);
        }
      }
    }
    codestream.close();
    if (layout.photometric == "YBR_ICT" || layout.photometric == "YBR_RCT") layout.photometric = "RGB";
    layout.planar = false;
    return out;
  } catch (const std::exception& error) {
    return damaged("HTJ2K", error.what());
  }
}

}  // namespace vedette::dicom::codec
