// JPEG 2000 part 1 (ISO/IEC 15444-1) by OpenJPEG.
#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "dicom/codec.hpp"

namespace vedette::dicom::codec {
namespace {

struct Source {
  std::string_view bytes;
  std::size_t at = 0;
};

OPJ_SIZE_T read_bytes(void* buffer, OPJ_SIZE_T count, void* user) {
  auto& source = *static_cast<Source*>(user);
  const std::size_t left = source.bytes.size() - source.at;
  if (left == 0) return static_cast<OPJ_SIZE_T>(-1);
  const std::size_t take = std::min<std::size_t>(count, left);
  std::memcpy(buffer, source.bytes.data() + source.at, take);
  source.at += take;
  return take;
}

OPJ_OFF_T skip_bytes(OPJ_OFF_T count, void* user) {
  auto& source = *static_cast<Source*>(user);
  if (count < 0) return -1;
  source.at += std::min<std::size_t>(static_cast<std::size_t>(count), source.bytes.size() - source.at);
  return count;
}

OPJ_BOOL seek_bytes(OPJ_OFF_T to, void* user) {
  auto& source = *static_cast<Source*>(user);
  if (to < 0 || static_cast<std::size_t>(to) > source.bytes.size()) return OPJ_FALSE;
  source.at = static_cast<std::size_t>(to);
  return OPJ_TRUE;
}

void keep_message(const char* message, void* user) {
  auto& text = *static_cast<std::string*>(user);
  if (text.size() < 200) text += message;
  while (text.ends_with('\n')) text.pop_back();
}
void drop_message(const char*, void*) {}

using Stream = std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)>;
using Codec = std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)>;

struct ImageRelease {
  void operator()(opj_image_t* image) const { opj_image_destroy(image); }
};
using Image = std::unique_ptr<opj_image_t, ImageRelease>;

Result<void> check(const opj_image_t& image, const ImageLayout& layout) {
  VEDETTE_TRY(same_size("JPEG 2000", layout, image.y1 - image.y0, image.x1 - image.x0, image.numcomps, 1));
  for (OPJ_UINT32 c = 0; c < image.numcomps; ++c) {
    const opj_image_comp_t& component = image.comps[c];
    if (component.dx != 1 || component.dy != 1) return damaged("JPEG 2000", "its components are subsampled");
    if (component.prec > layout.bits_allocated)
      return damaged("JPEG 2000",
                     fmt::format("it has {} bits, {} are allocated", component.prec, layout.bits_allocated));
  }
  return {};
}

std::string gathered(const opj_image_t& image, const ImageLayout& layout) {
  const std::size_t width = layout.bits_allocated / 8;
  const std::size_t stride = width * layout.samples;
  std::string out(layout.pixels() * stride, '\0');
  for (std::size_t c = 0; c < layout.samples; ++c) {
    const OPJ_INT32* from = image.comps[c].data;
    for (std::size_t p = 0; p < layout.pixels(); ++p) std::memcpy(out.data() + p * stride + c * width, &from[p], width);
  }
  return out;
}

}  // namespace

namespace {

constexpr std::string_view stream_start("\xFF\x4F\xFF\x51", 4);  // SOC, then SIZ (ISO/IEC 15444-1 annex A)
constexpr std::uint64_t most_tiles = 4096;

std::uint64_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// The number of tiles that SIZ declares, once it agrees with the layout.
Result<std::uint64_t> declared_tiles(std::string_view stream, const ImageLayout& layout) {
  constexpr std::size_t fields = 8;  // after SOC, SIZ, its length and capabilities
  if (stream.size() < fields + 34) return damaged("JPEG 2000", "it has no SIZ marker at its start");
  const auto u32 = [&](std::size_t index) { return big_endian(stream, fields + 4 * index, 4); };
  const std::uint64_t right = u32(0), bottom = u32(1), left = u32(2), top = u32(3);
  const std::uint64_t tile_columns = u32(4), tile_rows = u32(5), tile_left = u32(6), tile_top = u32(7);
  const std::uint64_t samples = u32(8) >> 16;
  if (right < left || bottom < top || tile_columns == 0 || tile_rows == 0 || tile_left > left || tile_top > top) {
    return damaged("JPEG 2000", "its sizes contradict each other");
  }
  VEDETTE_TRY(same_size("JPEG 2000", layout, bottom - top, right - left, samples, 1));
  const std::uint64_t tiles =
      ((right - tile_left + tile_columns - 1) / tile_columns) * ((bottom - tile_top + tile_rows - 1) / tile_rows);
  if (tiles > most_tiles)
    return damaged("JPEG 2000", fmt::format("it has {} tiles, {} are decoded at most", tiles, most_tiles));
  return tiles;
}

}  // namespace

Result<void> check_stream(std::string_view stream, const ImageLayout& layout) {
  const std::size_t start = stream.find(stream_start);
  if (start == std::string_view::npos) return damaged("JPEG 2000", "it has no SIZ marker at its start");
  stream.remove_prefix(start);
  const std::uint64_t tiles = VEDETTE_TRY(declared_tiles(stream, layout));
  std::vector<bool> seen(tiles);
  std::uint64_t whole = 0;
  // The marker segments of the main header, then tile-parts that say their own length (annex A.4.2).
  for (std::size_t at = 2; at + 4 <= stream.size();) {
    const std::uint64_t marker = big_endian(stream, at, 2);
    if (marker == 0xFFD9) break;
    if (marker != 0xFF90) {
      if (marker < 0xFF00 || whole > 0) return damaged("JPEG 2000", fmt::format("no marker at its byte {}", at));
      at += 2 + big_endian(stream, at + 2, 2);
      continue;
    }
    if (at + 12 > stream.size()) break;
    const std::uint64_t tile = big_endian(stream, at + 4, 2);
    const std::uint64_t length = big_endian(stream, at + 6, 4);
    if (tile >= tiles) return damaged("JPEG 2000", fmt::format("it has a tile {} of {}", tile + 1, tiles));
    if (length != 0 && (length < 14 || length > stream.size() - at)) return damaged("JPEG 2000", "a tile is cut short");
    if (!seen[tile]) ++whole;
    seen[tile] = true;
    if (length == 0) break;  // the last one, up to the end of the stream
    at += length;
  }
  if (whole != tiles) return damaged("JPEG 2000", fmt::format("{} of its {} tiles are missing", tiles - whole, tiles));
  return {};
}

Result<std::string> decode_jpeg_2000(std::string_view stream, ImageLayout& layout) {
  if (layout.bits_allocated < 8) return damaged("JPEG 2000", "single bits are not coded in it");
  VEDETTE_TRY(check_stream(stream, layout));
  std::string message;
  Source source{stream};
  const bool boxed = stream.size() > 12 && stream.substr(4, 4) == "jP  ";  // a JP2 file where a code stream belongs
  const Codec codec(opj_create_decompress(boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K), &opj_destroy_codec);
  const Stream input(opj_stream_default_create(OPJ_TRUE), &opj_stream_destroy);
  if (!codec || !input) return damaged("JPEG 2000", "no memory");
  opj_set_error_handler(codec.get(), keep_message, &message);
  opj_set_warning_handler(codec.get(), drop_message, nullptr);
  opj_set_info_handler(codec.get(), drop_message, nullptr);
  opj_stream_set_read_function(input.get(), read_bytes);
  opj_stream_set_skip_function(input.get(), skip_bytes);
  opj_stream_set_seek_function(input.get(), seek_bytes);
  opj_stream_set_user_data(input.get(), &source, nullptr);
  opj_stream_set_user_data_length(input.get(), stream.size());
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  opj_image_t* raw = nullptr;
  if (opj_setup_decoder(codec.get(), &parameters) == OPJ_FALSE ||
      opj_read_header(input.get(), codec.get(), &raw) == OPJ_FALSE) {
    const Image release(raw);
    return damaged("JPEG 2000", message.empty() ? "no header" : message);
  }
  const Image image(raw);
  VEDETTE_TRY(check(*image, layout));
  if (opj_decode(codec.get(), input.get(), image.get()) == OPJ_FALSE)
    return damaged("JPEG 2000", message.empty() ? "cut short" : message);
  for (OPJ_UINT32 c = 0; c < image->numcomps; ++c) {
    const opj_image_comp_t& component = image->comps[c];
    if (component.data == nullptr || component.w != layout.columns || component.h != layout.rows)
      return damaged("JPEG 2000", "a component is missing");
  }
  // The decoder turns the multiple component transform back, so colour is RGB then (PS3.5 section 8.2.4).
  if (layout.photometric == "YBR_ICT" || layout.photometric == "YBR_RCT") layout.photometric = "RGB";
  layout.planar = false;
  return gathered(*image, layout);
}

}  // namespace vedette::dicom::codec
