#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "dicom/data_set.hpp"
#include "dicom/uids.hpp"

namespace vedette::dicom {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

std::string u16(unsigned value) {
  return {static_cast<char>(value & 0xFF), static_cast<char>(value >> 8)};
}
std::string u32(std::uint32_t value) {
  return u16(value & 0xFFFF) + u16(value >> 16);
}
std::string tag(Tag at) {
  return u16(at.group) + u16(at.element);
}
/// An explicit little-endian element with a short or long header.
std::string short_element(Tag at, const std::string& vr, const std::string& value) {
  return tag(at) + vr + u16(static_cast<unsigned>(value.size())) + value;
}
std::string long_element(Tag at, const std::string& vr, const std::string& value, std::uint32_t length) {
  return tag(at) + vr + u16(0) + u32(length) + value;
}
std::string implicit_element(Tag at, const std::string& value) {
  return tag(at) + u32(static_cast<std::uint32_t>(value.size())) + value;
}
std::string item(const std::string& value) {
  return tag({0xFFFE, 0xE000}) + u32(static_cast<std::uint32_t>(value.size())) + value;
}
std::string open_item(const std::string& value) {
  return tag({0xFFFE, 0xE000}) + u32(0xFFFFFFFF) + value + tag({0xFFFE, 0xE00D}) + u32(0);
}
const std::string sequence_end = tag({0xFFFE, 0xE0DD}) + u32(0);
constexpr std::uint32_t open_length = 0xFFFFFFFF;

Result<DataSet> read_explicit(const std::string& bytes, const ReadLimits& limits = {}) {
  return read_data_set(as_bytes(bytes), uids::explicit_vr_little_endian, limits);
}

TEST(Reader, ExplicitAndImplicitGiveTheSameElements) {
  const std::string explicit_bytes =
      short_element(tags::patient_id, "LO", "A1") + short_element(tags::rows, "US", u16(512));
  const std::string implicit_bytes = implicit_element(tags::patient_id, "A1") + implicit_element(tags::rows, u16(512));
  for (const Result<DataSet>& set :
       {read_explicit(explicit_bytes), read_data_set(as_bytes(implicit_bytes), uids::implicit_vr_little_endian)}) {
    ASSERT_TRUE(set);
    EXPECT_EQ(set->text(tags::patient_id), "A1");
    EXPECT_EQ(set->integer(tags::rows), 512);
  }
}

TEST(Reader, BigEndianValuesAreTurnedByTheirRepresentation) {
  const std::string bytes =
      "\x00\x28\x00\x10US\x00\x02\x02\x00"s
      "\x00\x28\x00\x09"
      "AT\x00\x04\x00\x18\x10\x63"s
      "\x7F\xE0\x00\x10OW\x00\x00\x00\x00\x00\x02\x12\x34"s;
  const auto set = read_data_set(as_bytes(bytes), uids::explicit_vr_big_endian);
  ASSERT_TRUE(set) << set.error().text();
  EXPECT_EQ(set->integer(tags::rows), 512);
  EXPECT_EQ(set->text(tags::frame_increment_pointer), "00181063");
  EXPECT_EQ(set->find(tags::pixel_data)->value, "\x34\x12");
}

TEST(Reader, DeflatedIsInflatedAndBounded) {
  const std::string plain =
      short_element(tags::patient_id, "LO", "A1") + long_element(tags::pixel_data, "OW", std::string(4096, '\0'), 4096);
  std::string packed(plain.size() + 100, '\0');
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);

  const auto set = read_data_set(as_bytes(packed), uids::deflated_explicit_vr_little_endian);
  ASSERT_TRUE(set) << set.error().text();
  EXPECT_EQ(set->find(tags::pixel_data)->value.size(), 4096);
  ReadLimits tight;
  tight.inflated_bytes = 100;
  EXPECT_EQ(read_data_set(as_bytes(packed), uids::deflated_explicit_vr_little_endian, tight).error().code,
            "dicom.inflated");
  packed.resize(packed.size() / 2);
  EXPECT_EQ(read_data_set(as_bytes(packed), uids::deflated_explicit_vr_little_endian).error().code, "dicom.inflate");
}

TEST(Reader, SequencesOfDefinedAndUndefinedLengthNest) {
  const std::string leaf = short_element(tags::code_value, "SH", "T1");
  const std::string inner =
      long_element(tags::concept_code_sequence, "SQ", open_item(leaf) + sequence_end, open_length);
  const std::string middle = item(inner) + item("");
  const auto set =
      read_explicit(long_element(tags::content_sequence, "SQ", middle, static_cast<std::uint32_t>(middle.size())));
  ASSERT_TRUE(set) << set.error().text();
  ASSERT_EQ(set->items(tags::content_sequence).size(), 2);
  EXPECT_EQ(set->item(tags::content_sequence)->item(tags::concept_code_sequence)->text(tags::code_value), "T1");
}

TEST(Reader, UnknownOfUndefinedLengthIsAnImplicitSequence) {
  const std::string inside = implicit_element(tags::code_value, "T1");
  const auto set = read_explicit(long_element({0x0011, 0x1001}, "UN", open_item(inside) + sequence_end, open_length) +
                                 short_element({0x0013, 0x0010}, "LO", "X "));
  ASSERT_TRUE(set) << set.error().text();
  EXPECT_EQ(set->item({0x0011, 0x1001})->text(tags::code_value), "T1");
  EXPECT_EQ(set->text({0x0013, 0x0010}), "X") << "explicit again after it";
}

TEST(Reader, UnknownOfAKnownTagGetsTheDictionarysRepresentation) {
  const std::string code = item(implicit_element(tags::code_value, "T1"));
  const auto set =
      read_explicit(long_element(tags::patient_id, "UN", "A1", 2) +
                    long_element(tags::concept_code_sequence, "UN", code, static_cast<std::uint32_t>(code.size())));
  ASSERT_TRUE(set) << set.error().text();
  EXPECT_EQ(set->find(tags::patient_id)->vr, Vr::LO);
  EXPECT_EQ(set->item(tags::concept_code_sequence)->text(tags::code_value), "T1");
}

TEST(Reader, EncapsulatedFragmentsAreKeptApart) {
  const std::string pixels = item("") + item("abcd") + item("ef") + sequence_end;
  const std::string bytes = long_element(tags::pixel_data, "OB", pixels, open_length);
  const auto set = read_data_set(as_bytes(bytes), uids::jpeg_baseline_8_bit);
  ASSERT_TRUE(set) << set.error().text();
  EXPECT_TRUE(set->find(tags::pixel_data)->encapsulated);
  EXPECT_THAT(set->find(tags::pixel_data)->fragments, testing::ElementsAre("", "abcd", "ef"));
}

TEST(Reader, PixelDataCanBeLeftOutButIsMeasured) {
  ReadLimits limits;
  limits.skip_pixel_data = true;
  const auto set = read_explicit(long_element(tags::pixel_data, "OW", "abcdef", 6), limits);
  ASSERT_TRUE(set);
  EXPECT_TRUE(set->find(tags::pixel_data)->skipped);
  EXPECT_EQ(set->find(tags::pixel_data)->skipped_bytes, 6);
  EXPECT_TRUE(set->find(tags::pixel_data)->value.empty());
  EXPECT_FALSE(write_data_set(*set, uids::explicit_vr_little_endian)) << "what was left out can't be written";
}

TEST(Reader, GroupLengthsAreDroppedAndTrailingZerosIgnored) {
  const auto set = read_explicit(short_element({0x0010, 0x0000}, "UL", u32(99)) +
                                 short_element(tags::patient_id, "LO", "A1") + std::string(10, '\0'));
  ASSERT_TRUE(set) << set.error().text();
  EXPECT_EQ(set->elements().size(), 1);
}

TEST(Reader, SignOfAmbiguousValuesFollowsPixelRepresentation) {
  const std::string bytes = implicit_element(tags::pixel_representation, u16(1)) +
                            implicit_element(tags::smallest_image_pixel_value, u16(0xFC18));
  EXPECT_EQ(read_data_set(as_bytes(bytes), uids::implicit_vr_little_endian)->integer(tags::smallest_image_pixel_value),
            -1000);
}

TEST(Reader, EveryErrorNamesTagAndByte) {
  const std::string good = short_element(tags::patient_id, "LO", "A1");
  struct Case {
    std::string bytes;
    std::string code;
    std::string where;
  };
  const Case cases[] = {
      {good + tag(tags::rows) + "US" + u16(2) + "x", "dicom.truncated", "(0028,0010) at byte 10"},
      {good + tag(tags::rows) + "US", "dicom.truncated", "at byte 10"},
      {good + tag(tags::rows) + "\1\2" + u16(2) + "xx", "dicom.vr", "(0028,0010) at byte 10"},
      {long_element(tags::pixel_data, "OB", item("ab"), open_length), "dicom.truncated", "(7FE0,0010) at byte 0"},
      {long_element(tags::content_sequence, "SQ", item("") + "garbage!", open_length), "dicom.item",
       "(0040,A730) at byte 20"},
      {long_element(tags::content_sequence, "SQ", item("ab"), 8), "dicom.truncated", "at byte 20"},
      {long_element(tags::content_sequence, "SQ", open_item(good).substr(0, 18), open_length), "dicom.truncated",
       "at byte 30"},
      {good + short_element(tags::patient_id, "LO", "B2"), "dicom.duplicate", "(0010,0020) at byte 10"},
      {good + tag({0xFFFE, 0xE0DD}) + u32(0), "dicom.delimiter", "(FFFE,E0DD) at byte 10"},
      {long_element(tags::text_value, "UT", "abcd", open_length), "dicom.length", "(0040,A160) at byte 0"},
  };
  for (const Case& one : cases) {
    const auto set = read_explicit(one.bytes);
    ASSERT_FALSE(set) << one.code << one.where;
    EXPECT_EQ(set.error().code, one.code) << set.error().text();
    EXPECT_THAT(set.error().where, HasSubstr(one.where)) << set.error().text();
  }
}

TEST(Reader, LimitsOfNestingCountAndLengthHold) {
  std::string deep = short_element(tags::code_value, "SH", "T1");
  for (int i = 0; i < 100; ++i)
    deep = long_element(tags::content_sequence, "SQ", open_item(deep) + sequence_end, open_length);
  EXPECT_EQ(read_explicit(deep).error().code, "dicom.nesting");

  ReadLimits limits;
  limits.elements = 10;
  std::string many;
  for (int i = 0; i < 11; ++i) many += item("");
  EXPECT_EQ(
      read_explicit(long_element(tags::content_sequence, "SQ", many + sequence_end, open_length), limits).error().code,
      "dicom.elements");

  limits = {};
  limits.element_bytes = 3;
  EXPECT_EQ(read_explicit(long_element(tags::text_value, "UT", "abcd", 4), limits).error().code, "dicom.length");
}

TEST(Reader, ElementsOutOfOrderComeToTheirPlacesAndOneThatStandsTwiceIsRefused) {
  const std::string name = short_element(tags::patient_name, "PN", "A^B ");
  const std::string id = short_element(tags::patient_id, "LO", "47");
  const std::string study = short_element(tags::study_id, "SH", "S1");
  const auto set = read_explicit(study + id + name + id);
  ASSERT_TRUE(set) << set.error().text();
  ASSERT_EQ(set->elements().size(), 3U);
  EXPECT_TRUE(std::is_sorted(set->elements().begin(), set->elements().end(),
                             [](const Element& a, const Element& b) { return a.tag < b.tag; }));
  EXPECT_EQ(set->text(tags::patient_id), "47");
  for (const std::string& twice : {name + id + short_element(tags::patient_id, "LO", "48"),
                                   id + name + short_element(tags::patient_id, "LO", "48")}) {
    const auto refused = read_explicit(twice);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "dicom.duplicate");
    EXPECT_THAT(refused.error().where, HasSubstr("(0010,0020) at byte"));
  }
}

TEST(Reader, AHundredThousandElementsInDescendingOrderTakeNoSquareOfTime) {
  std::string bytes;
  for (unsigned i = 100'000; i > 0; --i)
    bytes += short_element(
        Tag{static_cast<std::uint16_t>(0x1000 + 2 * (i >> 15U)), static_cast<std::uint16_t>(i | 0x8000U)}, "SH", "");
  const auto begun = std::chrono::steady_clock::now();
  const auto set = read_explicit(bytes);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5)) << "one by one it takes minutes";
  ASSERT_TRUE(set) << set.error().text();
  EXPECT_GT(set->elements().size(), 30'000U);
}

TEST(Reader, ACharacterSetThatEveryItemWouldCopyIsBounded) {
  std::string items;
  for (int i = 0; i < 1000; ++i) items += item("");
  const std::string sequence = long_element(tags::content_sequence, "SQ", items + sequence_end, open_length);
  EXPECT_TRUE(read_explicit(short_element(tags::specific_character_set, "CS", std::string(256, 'A')) + sequence));
  const auto refused =
      read_explicit(short_element(tags::specific_character_set, "CS", std::string(258, 'A')) + sequence);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "dicom.length");
  EXPECT_THAT(refused.error().where, HasSubstr("(0008,0005) at byte 0"));
}

TEST(Reader, EveryShorteningOfAnObjectIsAnErrorOrAShorterObject) {
  DataSet set;
  set.set_text(tags::patient_name, "Doe^Jane");
  set.add_item(tags::content_sequence).add_item(tags::concept_code_sequence).set_text(tags::code_value, "T1");
  set.set_bytes(tags::pixel_data, Vr::OW, std::string(64, 'x'));
  const std::string bytes = write_data_set(set, uids::explicit_vr_little_endian).value();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto part = read_explicit(bytes.substr(0, length));
    if (part) {
      EXPECT_LT(part->elements().size(), 3) << length;
    }
  }
}

TEST(File, HeaderIsFoundWithAndWithoutPreambleAndGroupLength) {
  DataSet set;
  set.set_text(tags::sop_class_uid, uids::ct_image_storage);
  set.set_text(tags::sop_instance_uid, "1.2.3");
  const std::string whole = write_file(set).value();
  const std::string without_length = whole.substr(0, 132) + whole.substr(144);
  for (const std::string& bytes : {whole, whole.substr(128), whole.substr(132), without_length}) {
    const auto file = read_file(as_bytes(bytes));
    ASSERT_TRUE(file) << file.error().text();
    EXPECT_EQ(file->transfer_syntax, uids::explicit_vr_little_endian);
    EXPECT_EQ(file->data.text(tags::sop_instance_uid), "1.2.3");
    EXPECT_EQ(read_file_header(as_bytes(bytes))->data_offset, file->data_offset);
  }
}

TEST(File, BareDataSetsAreRecognisedByTheirFirstElement) {
  const std::string implicit_bytes = implicit_element(tags::sop_instance_uid, "1.2.3\0"s);
  EXPECT_EQ(read_file(as_bytes(implicit_bytes))->transfer_syntax, uids::implicit_vr_little_endian);
  const std::string explicit_bytes = short_element(tags::sop_instance_uid, "UI", "1.2.3\0"s);
  EXPECT_EQ(read_file(as_bytes(explicit_bytes))->transfer_syntax, uids::explicit_vr_little_endian);
}

TEST(File, DeclaredExplicitButWrittenImplicitIsStillRead) {
  const std::string bytes = file_header(uids::ct_image_storage, "1.2.3", uids::explicit_vr_little_endian) +
                            implicit_element(tags::patient_id, "A1");
  const auto file = read_file(as_bytes(bytes));
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->data.text(tags::patient_id), "A1");
}

TEST(File, OtherBytesAreRefused) {
  for (const std::string& bytes :
       {""s, "PK\3\4 a zip file that is no DICOM"s, std::string(200, '\0'), "%PDF-1.7 and more of it"s}) {
    EXPECT_EQ(read_file(as_bytes(bytes)).error().code, "dicom.not_dicom") << bytes;
  }
  EXPECT_EQ(read_file(as_bytes(std::string(128, '\0') + "DICM")).error().code, "dicom.truncated");
}

}  // namespace
}  // namespace vedette::dicom
