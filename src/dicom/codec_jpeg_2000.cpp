// JPEG 2000 part 1 (ISO/IEC 15444-1) by OpenJPEG.
#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>

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

Result<std::string> decode_jpeg_2000(std::string_view stream, ImageLayout& layout) {
  if (layout.bits_allocated < 8) return damaged("JPEG 2000", "single bits are not coded in it");
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
