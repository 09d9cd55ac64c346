#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "dicom/frames.hpp"

/// The decoders behind decode_frame. Each takes one code stream and the layout that the data set declares, compares
/// both before it allocates, and gives samples of `layout.bits_allocated` bits, colour by pixel, little endian; it may
/// change `layout` (photometric, sign).
namespace vedette::dicom::codec {

Result<std::string> decode_rle(std::string_view stream, ImageLayout& layout);
Result<std::string> decode_jpeg(std::string_view stream, ImageLayout& layout, std::string_view transfer_syntax);
Result<std::string> decode_jpeg_ls(std::string_view stream, ImageLayout& layout);
Result<std::string> decode_jpeg_2000(std::string_view stream, ImageLayout& layout);
Result<std::string> decode_htj2k(std::string_view stream, ImageLayout& layout);

/// For JPEG 2000 and HTJ2K: compares the SIZ marker with the layout, bounds the tiles, and refuses a stream that lacks
/// or cuts one. The libraries allocate by tiles before they can be asked, and give missing ones as zeros.
Result<void> check_stream(std::string_view stream, const ImageLayout& layout);

inline Error damaged(std::string_view codec, std::string_view cause) {
  return {Fault::malformed, "dicom.codec", fmt::format("the {} stream can't be decoded: {}", codec, cause),
          "(7FE0,0010)", "Send the object again, or in Explicit VR Little Endian."};
}

/// Fails where the stream's own header contradicts the data set.
inline Result<void> same_size(std::string_view codec, const ImageLayout& layout, std::uint64_t rows,
                              std::uint64_t columns, std::uint64_t samples, std::uint64_t bits) {
  if (rows != layout.rows || columns != layout.columns || samples != layout.samples) {
    return damaged(codec, fmt::format("it has {} x {} pixels of {} samples, the data set says {} x {} of {}", columns,
                                      rows, samples, layout.columns, layout.rows, layout.samples));
  }
  if (bits > layout.bits_allocated)
    return damaged(codec, fmt::format("it has {} bits, {} are allocated", bits, layout.bits_allocated));
  return {};
}

}  // namespace vedette::dicom::codec
