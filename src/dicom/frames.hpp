#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "dicom/data_set.hpp"

namespace vedette::dicom {

enum class SampleKind : std::uint8_t { integer, float32, float64 };

/// How the pixels of an image lie in memory (PS3.3 section C.7.6.3, PS3.5 section 8).
struct ImageLayout {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t samples = 1;         ///< per pixel
  std::uint32_t bits_allocated = 8;  ///< 1, 8, 16, 32 or 64
  std::uint32_t bits_stored = 8;
  std::uint32_t high_bit = 7;
  bool is_signed = false;
  bool planar = false;      ///< colour planes one after another
  std::string photometric;  ///< MONOCHROME1, MONOCHROME2, RGB, YBR_FULL, PALETTE COLOR …
  std::uint32_t frames = 1;
  SampleKind kind = SampleKind::integer;

  std::uint64_t pixels() const { return static_cast<std::uint64_t>(rows) * columns; }
  /// Bytes of one frame when it stands for itself, rounded up for single bits; YBR_FULL_422 counted as it is stored.
  std::uint64_t frame_bytes() const;
};

/// Largest native frame that is decoded.
inline constexpr std::uint64_t largest_frame = 1ULL << 30;

/// Reads and checks the Image Pixel module. Refused with "dicom.image" and the tag: absent, of a wrong VR,
/// contradicting, or over 1 GiB a frame.
Result<ImageLayout> image_layout(const DataSet& data);

/// The coded bytes of frame `frame` (from 0) of encapsulated pixel data: its fragments joined, found by the extended or
/// basic offset table, by count, or by the start of each code stream (PS3.5 section A.4). Refused with "dicom.frame"
/// where frames can't be told apart.
Result<std::string> encapsulated_frame(const DataSet& data, std::uint32_t frame);

/// One frame as plain numbers: rows × columns × samples, colour by pixel, little endian, masked to the stored bits and
/// sign-extended to bits_allocated (bits of 1-bit images become bytes 0 and 1). `layout.frames` is 1;
/// `layout.photometric` says what the samples mean now.
struct DecodedFrame {
  ImageLayout layout;
  std::string pixels;
};

/// Decodes frame `frame` (from 0) of a data set read from `transfer_syntax`. Native in every endianness, RLE, JPEG (.50
/// .51 .57 .70), JPEG-LS, JPEG 2000, HTJ2K, deflated frames. Fails "dicom.frame" for no such frame, "dicom.codec" for a
/// damaged or contradicting stream, unsupported "dicom.transfer_syntax" for a syntax without decoder here.
Result<DecodedFrame> decode_frame(const DataSet& data, std::string_view transfer_syntax, std::uint32_t frame);

/// True where decode_frame has a decoder for the syntax.
bool can_decode(std::string_view transfer_syntax);

/// YBR_FULL, YBR_FULL_422 (already spread) to RGB (PS3.3 section C.7.6.3.1.2); others stay. 8 bit only.
void to_rgb(DecodedFrame& frame);

}  // namespace vedette::dicom
