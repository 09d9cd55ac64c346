// One frame as plain numbers, whatever the transfer syntax.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "dicom/codec.hpp"
#include "dicom/frames.hpp"
#include "dicom/inflate.hpp"
#include "dicom/uids.hpp"

namespace vedette::dicom {
namespace {

using Decoder = Result<std::string> (*)(std::string_view stream, ImageLayout& layout, std::string_view syntax);

Result<std::string> keep(std::string_view stream, ImageLayout&, std::string_view) {
  return std::string(stream);
}
Result<std::string> inflate_frame(std::string_view stream, ImageLayout& layout, std::string_view) {
  return inflate_raw(as_bytes(stream), layout.frame_bytes() + 1);
}
template <Result<std::string> (*function)(std::string_view, ImageLayout&)>
Result<std::string> any_syntax(std::string_view stream, ImageLayout& layout, std::string_view) {
  return function(stream, layout);
}

struct DecoderRow {
  std::string_view syntax;
  Decoder decode;
  bool native;  ///< gives the native layout, not colour by pixel
};
constexpr DecoderRow decoders[] = {
    {uids::encapsulated_uncompressed_explicit_vr_little_endian, keep, true},
    {uids::deflated_image_frame_compression, inflate_frame, true},
    {uids::rle_lossless, any_syntax<codec::decode_rle>, false},
    {uids::jpeg_baseline_8_bit, codec::decode_jpeg, false},
    {uids::jpeg_extended_12_bit, codec::decode_jpeg, false},
    {uids::jpeg_lossless, codec::decode_jpeg, false},
    {uids::jpeg_lossless_sv1, codec::decode_jpeg, false},
    {uids::jpeg_ls_lossless, any_syntax<codec::decode_jpeg_ls>, false},
    {uids::jpeg_ls_near_lossless, any_syntax<codec::decode_jpeg_ls>, false},
    {uids::jpeg2000_lossless, any_syntax<codec::decode_jpeg_2000>, false},
    {uids::jpeg2000, any_syntax<codec::decode_jpeg_2000>, false},
    {uids::htj2k_lossless, any_syntax<codec::decode_htj2k>, false},
    {uids::htj2k_lossless_rpcl, any_syntax<codec::decode_htj2k>, false},
    {uids::htj2k, any_syntax<codec::decode_htj2k>, false},
};

const DecoderRow* decoder_of(std::string_view syntax) {
  const auto* row =
      std::find_if(std::begin(decoders), std::end(decoders), [&](const DecoderRow& d) { return d.syntax == syntax; });
  return row != std::end(decoders) ? row : nullptr;
}

Error fault(Fault kind, std::string_view cause) {
  return {kind, "dicom.frame", std::string(cause), "(7FE0,0010)", "Send the object again."};
}

const Element* pixel_element(const DataSet& data, SampleKind kind) {
  return data.find(kind == SampleKind::integer   ? tags::pixel_data
                   : kind == SampleKind::float32 ? tags::float_pixel_data
                                                 : tags::double_float_pixel_data);
}

/// Bits of single-bit images, least significant first (PS3.5 section 8.1.1), as bytes 0 and 1.
std::string spread_bits(std::string_view bytes, std::uint64_t first, std::uint64_t count) {
  std::string out(count, '\0');
  for (std::uint64_t i = 0; i < count; ++i) {
    out[i] = static_cast<char>(static_cast<unsigned char>(bytes[(first + i) / 8]) >> ((first + i) % 8) & 1);
  }
  return out;
}

/// Y0 Y1 Cb Cr for two pixels (PS3.3 section C.7.6.3.1.2) as Y Cb Cr for each.
std::string spread_422(std::string_view bytes, std::uint64_t pixels) {
  std::string out(pixels * 3, '\0');
  for (std::uint64_t p = 0; p < pixels; ++p) {
    const std::size_t pair = p / 2 * 4;
    out[p * 3] = bytes[pair + p % 2];
    out[p * 3 + 1] = bytes[pair + 2];
    out[p * 3 + 2] = bytes[pair + 3];
  }
  return out;
}

std::string by_pixel(const std::string& planes, const ImageLayout& layout) {
  const std::size_t width = layout.bits_allocated / 8;
  const std::size_t pixels = layout.pixels();
  std::string out(planes.size(), '\0');
  for (std::size_t s = 0; s < layout.samples; ++s) {
    for (std::size_t p = 0; p < pixels; ++p)
      std::memcpy(out.data() + (p * layout.samples + s) * width, planes.data() + (s * pixels + p) * width, width);
  }
  return out;
}

/// Native bytes of one frame to colour by pixel; `bytes` holds at least the frame.
std::string plain(std::string_view bytes, ImageLayout& layout) {
  if (layout.bits_allocated == 1) {
    std::string out = spread_bits(bytes, 0, layout.pixels() * layout.samples);
    layout.bits_allocated = 8;
    return out;
  }
  std::string out;
  if (layout.frame_bytes() < layout.pixels() * layout.samples * (layout.bits_allocated / 8) &&
      layout.bits_allocated == 8) {
    out = spread_422(bytes, layout.pixels());
    layout.photometric = "YBR_FULL";
  } else {
    out = bytes.substr(0, layout.frame_bytes());
    if (layout.planar) out = by_pixel(out, layout);
  }
  layout.planar = false;
  return out;
}

Result<std::string> native_frame(const Element& element, ImageLayout& layout, std::uint32_t frame, bool big_endian) {
  const std::string_view value = element.value;
  if (layout.bits_allocated == 1) {
    const std::uint64_t bits = layout.pixels() * layout.samples;
    if ((frame + 1ULL) * bits > value.size() * 8ULL)
      return fault(Fault::malformed, "the pixel data is shorter than its frames");
    std::string out = spread_bits(value, frame * bits, bits);
    layout.bits_allocated = 8;
    return out;
  }
  const std::uint64_t size = layout.frame_bytes();
  if ((frame + 1ULL) * size > value.size()) {
    return fault(Fault::malformed, fmt::format("the pixel data has {} bytes, frame {} needs {}", value.size(),
                                               frame + 1, (frame + 1ULL) * size));
  }
  std::string bytes(value.substr(frame * size, size));
  if (big_endian && layout.bits_allocated == 32 && element.vr == Vr::OW) {
    // OW turns words of 16 bits only; the two words of a pixel still stand the other way.
    for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4)
      std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                       bytes.begin() + static_cast<std::ptrdiff_t>(i + 2),
                       bytes.begin() + static_cast<std::ptrdiff_t>(i + 2));
  }
  return plain(bytes, layout);
}

/// Leaves the stored bits only, sign-extended: overlays and garbage in the unused bits of a cell are no pixels (PS3.5
/// section 8.1.1).
template <typename T>
void mask_samples(std::string& pixels, const ImageLayout& layout) {
  using Unsigned = std::make_unsigned_t<T>;
  const unsigned shift = layout.high_bit + 1 - layout.bits_stored;
  const unsigned spare = layout.bits_allocated - layout.bits_stored;
  for (std::size_t at = 0; at + sizeof(T) <= pixels.size(); at += sizeof(T)) {
    Unsigned raw = 0;
    std::memcpy(&raw, pixels.data() + at, sizeof raw);
    raw = static_cast<Unsigned>(static_cast<Unsigned>(raw >> shift) << spare);
    const T value = layout.is_signed ? static_cast<T>(static_cast<T>(raw) >> spare) : static_cast<T>(raw >> spare);
    std::memcpy(pixels.data() + at, &value, sizeof value);
  }
}

void settle_bits(DecodedFrame& frame) {
  ImageLayout& layout = frame.layout;
  if (layout.kind != SampleKind::integer || layout.bits_stored == layout.bits_allocated || layout.bits_stored == 1)
    return;
  if (layout.bits_allocated == 8) mask_samples<std::int8_t>(frame.pixels, layout);
  if (layout.bits_allocated == 16) mask_samples<std::int16_t>(frame.pixels, layout);
  if (layout.bits_allocated == 32) mask_samples<std::int32_t>(frame.pixels, layout);
  layout.high_bit = layout.bits_stored - 1;
}

Result<std::string> decoded(const DataSet& data, const DecoderRow& row, ImageLayout& layout, std::uint32_t frame) {
  const std::string stream = VEDETTE_TRY(encapsulated_frame(data, frame));
  const std::uint64_t spread = layout.pixels() * layout.samples * ((layout.bits_allocated + 7) / 8);
  constexpr std::uint64_t harmless = 64ULL << 20;
  constexpr std::uint64_t ratio = 2000;
  if (spread > std::max(harmless, stream.size() * ratio)) {
    return Error{Fault::too_large, "dicom.codec",
                 fmt::format("{} bytes of stream say {} bytes of pixels", stream.size(), spread), "(7FE0,0010)"};
  }
  std::string pixels = VEDETTE_TRY(row.decode(stream, layout, row.syntax));
  if (!row.native) return pixels;
  if (pixels.size() < layout.frame_bytes()) return fault(Fault::malformed, "the frame is shorter than its image");
  return plain(pixels, layout);
}

}  // namespace

bool can_decode(std::string_view transfer_syntax) {
  const TransferSyntax* syntax = find_transfer_syntax(transfer_syntax);
  return syntax != nullptr && (!syntax->encapsulated || decoder_of(transfer_syntax) != nullptr);
}

Result<DecodedFrame> decode_frame(const DataSet& data, std::string_view transfer_syntax, std::uint32_t frame) {
  DecodedFrame out{VEDETTE_TRY(image_layout(data)), {}};
  if (frame >= out.layout.frames) {
    return Error{Fault::not_found, "dicom.frame",
                 fmt::format("there is no frame {}; the image has {}", frame + 1, out.layout.frames), "(0028,0008)"};
  }
  out.layout.frames = 1;
  const Element* element = pixel_element(data, out.layout.kind);
  if (element == nullptr || element->skipped) return fault(Fault::malformed, "there is no pixel data");
  if (element->encapsulated) {
    const DecoderRow* row = decoder_of(transfer_syntax);
    if (row == nullptr) {
      return Error{Fault::unsupported, "dicom.transfer_syntax",
                   fmt::format("pixels in {} can't be decoded here", uid_name(transfer_syntax)),
                   std::string(transfer_syntax), "Send it in Explicit VR Little Endian or JPEG 2000."};
    }
    out.pixels = VEDETTE_TRY(decoded(data, *row, out.layout, frame));
  } else {
    const TransferSyntax* syntax = find_transfer_syntax(transfer_syntax);
    const bool big_endian = syntax != nullptr && !syntax->little_endian;
    out.pixels = VEDETTE_TRY(native_frame(*element, out.layout, frame, big_endian));
  }
  settle_bits(out);
  return out;
}

void to_rgb(DecodedFrame& frame) {
  const ImageLayout& layout = frame.layout;
  if (layout.samples != 3 || layout.bits_allocated != 8 || !layout.photometric.starts_with("YBR_FULL")) return;
  const auto clamped = [](double value) {
    return static_cast<char>(static_cast<unsigned char>(std::clamp(value + 0.5, 0.0, 255.0)));
  };
  for (std::size_t at = 0; at + 3 <= frame.pixels.size(); at += 3) {
    const double y = static_cast<unsigned char>(frame.pixels[at]);
    const double cb = static_cast<unsigned char>(frame.pixels[at + 1]) - 128.0;
    const double cr = static_cast<unsigned char>(frame.pixels[at + 2]) - 128.0;
    frame.pixels[at] = clamped(y + 1.402 * cr);
    frame.pixels[at + 1] = clamped(y - 0.344136 * cb - 0.714136 * cr);
    frame.pixels[at + 2] = clamped(y + 1.772 * cb);
  }
  frame.layout.photometric = "RGB";
}

}  // namespace vedette::dicom
