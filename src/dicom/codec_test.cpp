// Streams made by the encoders of the libraries, decoded through decode_frame; files of other makers:
// tests/tables/test_dicom_judges.py.
#include <charls/charls.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openjpeg.h>
#include <openjph/ojph_arch.h>
#include <openjph/ojph_codestream.h>
#include <openjph/ojph_file.h>
#include <openjph/ojph_mem.h>
#include <openjph/ojph_params.h>

#include <cstdio>
#include <cstring>
// libjpeg's header needs FILE before it.
#include <jpeglib.h>

#include <cstdlib>
#include <memory>

#include "dicom/frames.hpp"
#include "dicom/uids.hpp"

namespace vedette::dicom {
namespace {

constexpr std::uint32_t rows = 16;
constexpr std::uint32_t columns = 24;

/// A smooth 12-bit picture with negative values where they are wanted.
std::vector<std::int16_t> picture(int offset) {
  std::vector<std::int16_t> out;
  for (std::uint32_t y = 0; y < rows; ++y) {
    for (std::uint32_t x = 0; x < columns; ++x)
      out.push_back(static_cast<std::int16_t>(x * 80 + y * 40 + static_cast<std::uint32_t>(offset)));
  }
  return out;
}

std::string bytes_of(const std::vector<std::int16_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * 2};
}

DataSet coded(const std::string& stream, std::uint32_t bits, std::uint32_t stored, bool is_signed,
              std::uint32_t samples = 1) {
  DataSet set;
  set.set_integer(tags::rows, rows);
  set.set_integer(tags::columns, columns);
  set.set_integer(tags::bits_allocated, bits);
  set.set_integer(tags::bits_stored, stored);
  set.set_integer(tags::high_bit, stored - 1);
  set.set_integer(tags::pixel_representation, is_signed ? 1 : 0);
  set.set_integer(tags::samples_per_pixel, samples);
  set.set_text(tags::photometric_interpretation, samples == 1 ? "MONOCHROME2" : "YBR_FULL_422");
  set.set(Element{.tag = tags::pixel_data, .vr = Vr::OB, .fragments = {"", stream}, .encapsulated = true});
  return set;
}

std::string jpeg_ls(const std::vector<std::int16_t>& values) {
  charls::jpegls_encoder encoder;
  encoder.frame_info({columns, rows, 12, 1});
  std::vector<std::uint8_t> out(encoder.estimated_destination_size());
  encoder.destination(out);
  const std::size_t size = encoder.encode(values.data(), values.size() * sizeof(values[0]));
  return {reinterpret_cast<const char*>(out.data()), size};
}

TEST(JpegLs, LosslessComesBackBitForBit) {
  const auto values = picture(0);
  const auto frame = decode_frame(coded(jpeg_ls(values), 16, 12, false), uids::jpeg_ls_lossless, 0);
  ASSERT_TRUE(frame) << frame.error().text();
  EXPECT_EQ(frame->pixels, bytes_of(values));
}

TEST(JpegLs, EveryShorteningIsRefusedOrWhole) {
  const std::string stream = jpeg_ls(picture(0));
  for (std::size_t length = 0; length + 8 < stream.size(); length += 5) {
    EXPECT_FALSE(decode_frame(coded(stream.substr(0, length), 16, 12, false), uids::jpeg_ls_lossless, 0)) << length;
  }
}

std::string jpeg_2000(const std::vector<std::int16_t>& values, bool is_signed) {
  opj_cparameters_t parameters;
  opj_set_default_encoder_parameters(&parameters);
  parameters.numresolution = 3;
  opj_image_cmptparm_t component{};
  component.dx = component.dy = 1;
  component.w = columns;
  component.h = rows;
  component.prec = 12;
  component.sgnd = is_signed ? 1 : 0;
  const std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)> image(
      opj_image_create(1, &component, OPJ_CLRSPC_GRAY), &opj_image_destroy);
  image->x1 = columns;
  image->y1 = rows;
  for (std::size_t i = 0; i < values.size(); ++i) image->comps[0].data[i] = values[i];
  const std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)> codec(opj_create_compress(OPJ_CODEC_J2K),
                                                                         &opj_destroy_codec);
  const std::string path = testing::TempDir() + "/vedette_codec_test.j2k";
  EXPECT_TRUE(opj_setup_encoder(codec.get(), &parameters, image.get()));
  {
    const std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)> stream(
        opj_stream_create_default_file_stream(path.c_str(), OPJ_FALSE), &opj_stream_destroy);
    EXPECT_TRUE(opj_start_compress(codec.get(), image.get(), stream.get()));
    EXPECT_TRUE(opj_encode(codec.get(), stream.get()));
    EXPECT_TRUE(opj_end_compress(codec.get(), stream.get()));
  }
  std::string out(1 << 16, '\0');
  std::FILE* file = std::fopen(path.c_str(), "rb");
  out.resize(std::fread(out.data(), 1, out.size(), file));
  std::fclose(file);
  std::remove(path.c_str());
  return out;
}

std::string htj2k(const std::vector<std::int16_t>& values) {
  ojph::codestream codestream;
  ojph::param_siz siz = codestream.access_siz();
  siz.set_image_extent(ojph::point(columns, rows));
  siz.set_num_components(1);
  siz.set_component(0, ojph::point(1, 1), 12, true);
  codestream.access_cod().set_reversible(true);
  codestream.access_cod().set_num_decomposition(2);
  codestream.set_planar(false);
  ojph::mem_outfile out;
  out.open();
  codestream.write_headers(&out);
  ojph::ui32 next = 0;
  ojph::line_buf* line = codestream.exchange(nullptr, next);
  for (std::uint32_t y = 0; y < rows; ++y) {
    for (std::uint32_t x = 0; x < columns; ++x) line->i32[x] = values[y * columns + x];
    line = codestream.exchange(line, next);
  }
  codestream.flush();
  const std::string stream(reinterpret_cast<const char*>(out.get_data()), static_cast<std::size_t>(out.tell()));
  codestream.close();
  return stream;
}

TEST(Jpeg2000, LosslessComesBackBitForBitWithItsSign) {
  const auto values = picture(-1000);
  const auto frame = decode_frame(coded(jpeg_2000(values, true), 16, 12, true), uids::jpeg2000_lossless, 0);
  ASSERT_TRUE(frame) << frame.error().text();
  EXPECT_EQ(frame->pixels, bytes_of(values));
}

TEST(Jpeg2000, EveryShorteningIsRefused) {
  for (const auto& [stream, syntax] : {std::pair(jpeg_2000(picture(0), false), uids::jpeg2000_lossless),
                                       std::pair(htj2k(picture(0)), uids::htj2k_lossless)}) {
    for (std::size_t length = 0; length + 4 < stream.size(); ++length) {
      EXPECT_FALSE(decode_frame(coded(stream.substr(0, length), 16, 12, false), syntax, 0))
          << length << " of " << stream.size();
    }
  }
}

TEST(Jpeg2000, AnotherSizeThanTheDataSetSaysIsRefused) {
  DataSet set = coded(jpeg_2000(picture(0), false), 16, 12, false);
  set.set_integer(tags::rows, rows + 1);
  const auto frame = decode_frame(set, uids::jpeg2000_lossless, 0);
  EXPECT_EQ(frame.error().code, "dicom.codec");
  EXPECT_THAT(frame.error().cause, testing::HasSubstr("24 x 16"));
}

TEST(Jpeg2000, TooManyTilesAreRefusedBeforeTheyAreAllocated) {
  std::string stream = jpeg_2000(picture(0), false);
  for (const std::size_t tile_size : {24U, 28U})
    stream.replace(tile_size, 4, std::string("\0\0\0\1", 4));  // tiles of one pixel
  DataSet set = coded(stream, 16, 12, false);
  EXPECT_THAT(decode_frame(set, uids::jpeg2000_lossless, 0).error().cause,
              testing::HasSubstr("383 of its 384 tiles are missing"));
  for (const Tag tag : {tags::rows, tags::columns}) set.set_integer(tag, 4000);
  for (const std::size_t extent : {8U, 12U}) stream.replace(extent, 4, std::string("\0\0\x0F\xA0", 4));
  set.set(Element{.tag = tags::pixel_data, .vr = Vr::OB, .fragments = {"", stream}, .encapsulated = true});
  EXPECT_THAT(decode_frame(set, uids::jpeg2000_lossless, 0).error().cause, testing::HasSubstr("16000000 tiles"));
}

TEST(Htj2k, LosslessComesBackBitForBitWithItsSign) {
  const auto values = picture(-1000);
  const auto frame = decode_frame(coded(htj2k(values), 16, 12, true), uids::htj2k_lossless, 0);
  ASSERT_TRUE(frame) << frame.error().text();
  EXPECT_EQ(frame->pixels, bytes_of(values));
}

/// Three components of one colour each; `transform` false says RGB by an Adobe marker.
std::string jpeg(bool transform) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &out, &size);
  info.image_width = columns;
  info.image_height = rows;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, transform ? JCS_YCbCr : JCS_RGB);
  jpeg_set_quality(&info, 100, TRUE);
  jpeg_start_compress(&info, TRUE);
  std::vector<JSAMPLE> line;
  for (std::uint32_t x = 0; x < columns; ++x) line.insert(line.end(), {200, 100, 50});
  JSAMPROW row = line.data();
  while (info.next_scanline < info.image_height) jpeg_write_scanlines(&info, &row, 1);
  jpeg_finish_compress(&info);
  std::string stream(reinterpret_cast<const char*>(out), size);
  jpeg_destroy_compress(&info);
  std::free(out);
  return stream;
}

TEST(Jpeg, ColourIsWhatTheStreamItselfSays) {
  for (const bool transform : {true, false}) {
    auto frame = decode_frame(coded(jpeg(transform), 8, 8, false, 3), uids::jpeg_baseline_8_bit, 0);
    ASSERT_TRUE(frame) << frame.error().text();
    EXPECT_EQ(frame->layout.photometric, transform ? "YBR_FULL" : "RGB");
    to_rgb(*frame);
    ASSERT_EQ(frame->pixels.size(), rows * columns * 3);
    EXPECT_NEAR(static_cast<unsigned char>(frame->pixels[0]), 200, 2);
    EXPECT_NEAR(static_cast<unsigned char>(frame->pixels[1]), 100, 2);
    EXPECT_NEAR(static_cast<unsigned char>(frame->pixels[2]), 50, 2);
  }
}

}  // namespace
}  // namespace vedette::dicom
