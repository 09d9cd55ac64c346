// JPEG baseline, extended and lossless (ISO/IEC 10918-1) by DCMTK's copies of libjpeg for 8, 12 and 16 bits.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include <cstring>
#include <memory>

#include "dicom/codec.hpp"
#include "dicom/uids.hpp"

namespace vedette::dicom::codec {
namespace {

/// What the stream itself says, before a decoder allocates for it.
struct JpegHeader {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t samples = 0;
  std::uint32_t bits = 0;
  bool lossless = false;
  bool jfif = false;
  int adobe_transform = -1;  ///< of an APP14 marker; -1 where there is none
};

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}
unsigned word_at(std::string_view text, std::size_t at) {
  return byte_at(text, at) << 8 | byte_at(text, at + 1);
}

Result<JpegHeader> read_jpeg_header(std::string_view stream) {
  JpegHeader header;
  if (stream.size() < 4 || word_at(stream, 0) != 0xFFD8) return damaged("JPEG", "it does not start with SOI");
  for (std::size_t at = 2; at + 4 <= stream.size();) {
    if (byte_at(stream, at) != 0xFF) return damaged("JPEG", fmt::format("no marker at its byte {}", at));
    const unsigned marker = byte_at(stream, at + 1);
    if (marker == 0xFF) {  // fill byte
      ++at;
      continue;
    }
    const std::size_t length = word_at(stream, at + 2);
    if (length < 2 || at + 2 + length > stream.size())
      return damaged("JPEG", fmt::format("the segment at its byte {} is cut short", at));
    const std::string_view body = stream.substr(at + 4, length - 2);
    if (marker == 0xE0 && body.starts_with("JFIF")) header.jfif = true;
    if (marker == 0xEE && body.starts_with("Adobe") && body.size() >= 12)
      header.adobe_transform = static_cast<int>(byte_at(body, 11));
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame && body.size() >= 6) {
      header.bits = byte_at(body, 0);
      header.rows = word_at(body, 1);
      header.columns = word_at(body, 3);
      header.samples = byte_at(body, 5);
      header.lossless = marker == 0xC3 || marker == 0xC7 || marker == 0xCB || marker == 0xCF;
      return header;
    }
    if (marker == 0xDA) break;
    at += 2 + length;
  }
  return damaged("JPEG", "it has no frame header");
}

/// What three samples mean: the stream's own markers are believed before the data set, as every viewer does.
std::string photometric_of(const JpegHeader& header, const std::string& declared) {
  if (header.samples != 3) return declared;
  if (header.lossless) return declared == "YBR_FULL_422" ? "YBR_FULL" : declared;
  if (header.adobe_transform == 0) return "RGB";
  if (header.adobe_transform == 1 || header.jfif) return "YBR_FULL";
  return declared.starts_with("YBR") ? "YBR_FULL" : declared;
}

void register_codecs_once() {
  static const bool done = [] {
    DJDecoderRegistration::registerCodecs(EDC_never, EUC_default, EPC_colorByPixel);
    dcmtk::log4cplus::Logger::getInstance("dcmtk.dcmjpeg").setLogLevel(dcmtk::log4cplus::OFF_LOG_LEVEL);
    dcmtk::log4cplus::Logger::getInstance("dcmtk.dcmdata").setLogLevel(dcmtk::log4cplus::OFF_LOG_LEVEL);
    return true;
  }();
  static_cast<void>(done);
}

void describe(DcmDataset& set, const ImageLayout& layout, const JpegHeader& header) {
  const auto put = [&](const DcmTagKey& key, std::uint32_t value) {
    set.putAndInsertUint16(key, static_cast<Uint16>(value));
  };
  const std::uint32_t allocated = header.bits > 8 ? 16 : 8;
  put(DCM_SamplesPerPixel, layout.samples);
  put(DCM_Rows, layout.rows);
  put(DCM_Columns, layout.columns);
  put(DCM_BitsAllocated, allocated);
  put(DCM_BitsStored, header.bits);
  put(DCM_HighBit, header.bits - 1);
  put(DCM_PixelRepresentation, 0);
  if (layout.samples > 1) put(DCM_PlanarConfiguration, 0);
  set.putAndInsertString(DCM_PhotometricInterpretation, layout.samples == 1 ? "MONOCHROME2" : "RGB");
}

/// The pixels that DCMTK unpacks; empty when it fails.
std::string unpacked(std::string_view stream, E_TransferSyntax syntax, const ImageLayout& layout,
                     const JpegHeader& header, std::string& cause) {
  DcmDataset set;
  describe(set, layout, header);
  auto item = std::make_unique<DcmPixelItem>(DCM_PixelItemTag);
  if (item->putUint8Array(reinterpret_cast<const Uint8*>(stream.data()), static_cast<unsigned long>(stream.size()))
          .bad())
    return {};
  auto sequence = std::make_unique<DcmPixelSequence>(DCM_PixelSequenceTag);
  sequence->insert(new DcmPixelItem(DCM_PixelItemTag));
  sequence->insert(item.release());
  auto pixels = std::make_unique<DcmPixelData>(DCM_PixelData);
  pixels->putOriginalRepresentation(syntax, nullptr, sequence.release());
  if (set.insert(pixels.get(), OFTrue).bad()) return {};
  DcmPixelData* owned = pixels.release();
  const OFCondition done = set.chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
  if (done.bad()) {
    cause = done.text();
    return {};
  }
  const std::size_t size = layout.pixels() * layout.samples * (header.bits > 8 ? 2 : 1);
  if (owned->getLength(EXS_LittleEndianExplicit) < size) {
    cause = "fewer pixels than its header says";
    return {};
  }
  if (header.bits > 8) {
    Uint16* words = nullptr;
    if (owned->getUint16Array(words).bad() || words == nullptr) return {};
    return {reinterpret_cast<const char*>(words), size};
  }
  Uint8* bytes = nullptr;
  if (owned->getUint8Array(bytes).good() && bytes != nullptr) return {reinterpret_cast<const char*>(bytes), size};
  Uint16* words = nullptr;
  if (owned->getUint16Array(words).bad() || words == nullptr) return {};
  return {reinterpret_cast<const char*>(words), size};
}

}  // namespace

Result<std::string> decode_jpeg(std::string_view stream, ImageLayout& layout, std::string_view transfer_syntax) {
  const JpegHeader header = VEDETTE_TRY(read_jpeg_header(stream));
  VEDETTE_TRY(same_size("JPEG", layout, header.rows, header.columns, header.samples, header.bits));
  if (header.bits < 2 || header.bits > 16 || layout.bits_allocated > 16)
    return damaged("JPEG", fmt::format("{} bits are not understood", header.bits));
  register_codecs_once();
  E_TransferSyntax syntax = EXS_JPEGProcess1;
  if (transfer_syntax == uids::jpeg_extended_12_bit) syntax = EXS_JPEGProcess2_4;
  if (transfer_syntax == uids::jpeg_lossless) syntax = EXS_JPEGProcess14;
  if (transfer_syntax == uids::jpeg_lossless_sv1) syntax = EXS_JPEGProcess14SV1;
  std::string cause = "unknown to the decoder";
  std::string out;
  try {
    out = unpacked(stream, syntax, layout, header, cause);
  } catch (const std::exception& error) {
    return damaged("JPEG", error.what());
  }
  if (out.empty()) return damaged("JPEG", cause);
  layout.photometric = photometric_of(header, layout.photometric);
  layout.planar = false;
  if (header.bits > 8 || layout.bits_allocated == 8) return out;
  std::string wide(out.size() * 2, '\0');
  for (std::size_t i = 0; i < out.size(); ++i) wide[2 * i] = out[i];
  return wide;
}

}  // namespace vedette::dicom::codec
