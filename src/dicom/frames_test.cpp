#include "dicom/frames.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "dicom/uids.hpp"

namespace vedette::dicom {
namespace {

using testing::ElementsAre;
using namespace std::string_literals;

DataSet image(std::uint32_t rows, std::uint32_t columns, std::uint32_t bits, std::uint32_t samples = 1) {
  DataSet set;
  set.set_integer(tags::rows, rows);
  set.set_integer(tags::columns, columns);
  set.set_integer(tags::bits_allocated, bits);
  set.set_integer(tags::bits_stored, bits);
  set.set_integer(tags::high_bit, bits - 1);
  set.set_integer(tags::pixel_representation, 0);
  set.set_integer(tags::samples_per_pixel, samples);
  set.set_text(tags::photometric_interpretation, samples == 1 ? "MONOCHROME2" : "RGB");
  return set;
}

void put_fragments(DataSet& set, std::vector<std::string> fragments) {
  set.set(Element{.tag = tags::pixel_data, .vr = Vr::OB, .fragments = std::move(fragments), .encapsulated = true});
}

std::string u32(std::uint32_t value) {
  return {reinterpret_cast<const char*>(&value), 4};
}
std::string u64(std::uint64_t value) {
  return {reinterpret_cast<const char*>(&value), 8};
}

TEST(Layout, WrongOrMissingAttributesAreRefusedWithTheirTag) {
  DataSet set = image(2, 2, 8);
  set.erase(tags::rows);
  EXPECT_EQ(image_layout(set).error().where, "(0028,0010)");
  set.set_bytes(tags::rows, Vr::UL, u32(2));
  EXPECT_EQ(image_layout(set).error().code, "dicom.image") << "UL where US belongs";
  set = image(2, 2, 12);
  EXPECT_EQ(image_layout(set).error().where, "(0028,0100)");
  set = image(2, 2, 8);
  set.set_integer(tags::bits_stored, 9);
  EXPECT_EQ(image_layout(set).error().where, "(0028,0101)");
  set = image(2, 2, 8);
  set.set_bytes(tags::number_of_frames, Vr::IS, "0");
  EXPECT_EQ(image_layout(set).error().where, "(0028,0008)");
  set = image(2, 2, 8, 3);
  set.set_text(tags::photometric_interpretation, "MONOCHROME2");
  EXPECT_EQ(image_layout(set).error().where, "(0028,0004)");
}

TEST(Layout, AFrameOverAGibibyteIsRefusedBeforeAnythingIsAllocated) {
  EXPECT_EQ(image_layout(image(65535, 65535, 32)).error().fault, Fault::too_large);
  DataSet set = image(40000, 40000, 8);
  set.set_bytes(tags::pixel_data, Vr::OB, "abcd");
  EXPECT_EQ(decode_frame(set, uids::explicit_vr_little_endian, 0).error().fault, Fault::too_large);
}

TEST(Frames, NativeFramesAreCutByTheirSize) {
  DataSet set = image(1, 2, 16);
  set.set_text(tags::number_of_frames, "2");
  set.set_bytes(tags::pixel_data, Vr::OW, "aAbBcCdD");
  EXPECT_EQ(decode_frame(set, uids::explicit_vr_little_endian, 0)->pixels, "aAbB");
  EXPECT_EQ(decode_frame(set, uids::explicit_vr_little_endian, 1)->pixels, "cCdD");
  EXPECT_EQ(decode_frame(set, uids::explicit_vr_little_endian, 2).error().code, "dicom.frame");
  set.set_bytes(tags::pixel_data, Vr::OW, "aAbBcC");
  EXPECT_EQ(decode_frame(set, uids::explicit_vr_little_endian, 1).error().code, "dicom.frame") << "cut short";
}

TEST(Frames, UnusedBitsAreMaskedAndSignsExtended) {
  DataSet set = image(1, 2, 16);
  set.set_integer(tags::bits_stored, 12);
  set.set_integer(tags::high_bit, 11);
  set.set_integer(tags::pixel_representation, 1);
  set.set_bytes(tags::pixel_data, Vr::OW, "\xFF\xFF\x00\xF4"s);
  const auto frame = decode_frame(set, uids::explicit_vr_little_endian, 0);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->pixels, "\xFF\xFF\x00\x04"s) << "-1, and 1024 without the overlay bits above it";
}

TEST(Frames, SingleBitFramesContinueWithinAByte) {
  DataSet set = image(1, 3, 1);
  set.set_text(tags::number_of_frames, "2");
  set.set_bytes(tags::pixel_data, Vr::OB, std::string("\x2D\0", 2));  // 101 101
  EXPECT_THAT(decode_frame(set, uids::explicit_vr_little_endian, 0)->pixels, ElementsAre(1, 0, 1));
  EXPECT_THAT(decode_frame(set, uids::explicit_vr_little_endian, 1)->pixels, ElementsAre(1, 0, 1));
}

TEST(Frames, PlanarColourBecomesColourByPixel) {
  DataSet set = image(1, 2, 8, 3);
  set.set_integer(tags::planar_configuration, 1);
  set.set_bytes(tags::pixel_data, Vr::OB, "rRgGbB");
  EXPECT_EQ(decode_frame(set, uids::explicit_vr_little_endian, 0)->pixels, "rgbRGB");
}

TEST(Frames, SubsampledColourIsSpreadAndConverted) {
  DataSet set = image(1, 2, 8, 3);
  set.set_text(tags::photometric_interpretation, "YBR_FULL_422");
  set.set_bytes(tags::pixel_data, Vr::OB, "\x4C\x4C\x55\xFF");  // pure red twice
  auto frame = decode_frame(set, uids::explicit_vr_little_endian, 0);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->layout.photometric, "YBR_FULL");
  to_rgb(*frame);
  EXPECT_EQ(frame->pixels, "\xFE\0\0\xFE\0\0"s);
}

TEST(Fragments, FoundByBasicAndExtendedOffsetTable) {
  DataSet set = image(1, 1, 8);
  set.set_text(tags::number_of_frames, "2");
  put_fragments(set, {u32(0) + u32(20), "aa", "bb", "cccc"});
  EXPECT_EQ(encapsulated_frame(set, 0).value(), "aabb");
  EXPECT_EQ(encapsulated_frame(set, 1).value(), "cccc");
  put_fragments(set, {"", "aa", "bb", "cccc"});
  EXPECT_EQ(encapsulated_frame(set, 0).error().code, "dicom.frame") << "nothing tells them apart";
  set.set_bytes(tags::extended_offset_table, Vr::OV, u64(0) + u64(10));
  EXPECT_EQ(encapsulated_frame(set, 1).value(), "bbcccc");
}

TEST(Fragments, FoundByCountAndByStartOfStream) {
  DataSet set = image(1, 1, 8);
  set.set_text(tags::number_of_frames, "2");
  put_fragments(set, {"", "aa", "bb"});
  EXPECT_EQ(encapsulated_frame(set, 1).value(), "bb");
  put_fragments(set, {"",
                      "\xFF\xD8\xFF"
                      "a",
                      "b",
                      "\xFF\xD8\xFF"
                      "c"});
  EXPECT_EQ(encapsulated_frame(set, 0).value(),
            "\xFF\xD8\xFF"
            "ab");
  put_fragments(set, {u32(0) + u32(999999), "aa", "bb"});
  EXPECT_EQ(encapsulated_frame(set, 1).value(), "bb") << "a wrong table yields to the count";
}

TEST(Fragments, CountsThatDoNotFitAreRefused) {
  DataSet set = image(1, 1, 8);
  set.set_text(tags::number_of_frames, "2000000000");
  put_fragments(set, {"", "aa"});
  EXPECT_EQ(encapsulated_frame(set, 0).error().code, "dicom.frame");
  EXPECT_EQ(encapsulated_frame(set, 2000000000).error().fault, Fault::not_found);
}

std::string rle_header(std::vector<std::uint32_t> offsets) {
  std::string out = u32(static_cast<std::uint32_t>(offsets.size()));
  for (const std::uint32_t offset : offsets) out += u32(offset);
  return out + std::string(64 - out.size(), '\0');
}

TEST(Rle, RunsAndLiteralsUnpackByPlane) {
  DataSet set = image(1, 4, 16);
  const std::string high = "\xFD\x01"s;  // 4 times 1
  const std::string low =
      "\x01"
      "ab\xFF"
      "c"s;  // a, b, twice c
  put_fragments(set, {"", rle_header({64, 66}) + high + low});
  const auto frame = decode_frame(set, uids::rle_lossless, 0);
  ASSERT_TRUE(frame) << frame.error().text();
  EXPECT_EQ(frame->pixels, "a\1b\1c\1c\1"s);
}

TEST(Rle, DamagedStreamsAreRefused) {
  DataSet set = image(1, 4, 16);
  for (const std::string& stream : {""s, rle_header({64}), rle_header({64, 9999}), rle_header({70, 64}) + "abcdefgh",
                                    rle_header({64, 66}) + "\xFD\x01\x7F"
                                                           "a"s}) {
    put_fragments(set, {"", stream});
    EXPECT_EQ(decode_frame(set, uids::rle_lossless, 0).error().code, "dicom.codec") << stream.size();
  }
}

TEST(Codecs, GarbageIsRefusedByEveryCodec) {
  for (const std::string_view syntax : {uids::jpeg_baseline_8_bit, uids::jpeg_extended_12_bit, uids::jpeg_lossless,
                                        uids::jpeg_lossless_sv1, uids::jpeg_ls_lossless, uids::jpeg2000, uids::htj2k,
                                        uids::rle_lossless, uids::deflated_image_frame_compression}) {
    ASSERT_TRUE(can_decode(syntax));
    DataSet set = image(4, 4, 8);
    for (const std::string& stream :
         {"garbage garbage garbage"s, "\xFF\xD8\xFF\xC0\x00\x0B\x08\xFF\xFF\xFF\xFF\x01\x01\x11\x00"s,
          "\xFF\x4F\xFF\x51\0\x29"s}) {
      put_fragments(set, {"", stream});
      EXPECT_FALSE(decode_frame(set, syntax, 0)) << uid_name(syntax);
    }
  }
  EXPECT_FALSE(can_decode(uids::mpeg4_hp41));
  DataSet set = image(4, 4, 8);
  put_fragments(set, {"", "abcd"});
  EXPECT_EQ(decode_frame(set, uids::mpeg4_hp41, 0).error().fault, Fault::unsupported);
}

TEST(Codecs, ATinyStreamMayNotClaimAHugeFrame) {
  DataSet set = image(30000, 30000, 8);
  put_fragments(set, {"", std::string(100, 'x')});
  EXPECT_EQ(decode_frame(set, uids::jpeg2000, 0).error().code, "dicom.codec");
}

TEST(Frames, FloatPixelsStayFloats) {
  DataSet set = image(1, 1, 32);
  set.erase(tags::bits_stored);
  const float value = 1.5F;
  set.set_bytes(tags::float_pixel_data, Vr::OF, std::string(reinterpret_cast<const char*>(&value), 4));
  const auto frame = decode_frame(set, uids::explicit_vr_little_endian, 0);
  ASSERT_TRUE(frame) << frame.error().text();
  EXPECT_EQ(frame->layout.kind, SampleKind::float32);
  float back = 0;
  std::memcpy(&back, frame->pixels.data(), 4);
  EXPECT_EQ(back, 1.5F);
}

}  // namespace
}  // namespace vedette::dicom
