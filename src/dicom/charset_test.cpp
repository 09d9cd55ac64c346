#include <gtest/gtest.h>

#include "dicom/charset.hpp"
#include "dicom/data_set.hpp"
#include "dicom/uids.hpp"

namespace vedette::dicom {
namespace {

// Examples of PS3.5 annexes H, I, J and K.
TEST(CharacterSets, ExamplesOfTheStandard) {
  EXPECT_EQ(to_utf8("Buc^J\xE9r\xF4me", "ISO_IR 100", true), "Buc^Jérôme");
  EXPECT_EQ(to_utf8("\xC4\xE9\xEF\xED\xF5\xF3\xE9\xEF\xF2", "ISO_IR 126", true), "Διονυσιος");
  EXPECT_EQ(to_utf8("\xBB\xEE\xDA^\xB8\xD2\xD0\xDD", "ISO_IR 144", true), "Люк^Иван");
  EXPECT_EQ(to_utf8("Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B=\x1B$B$d$^$@\x1B(B^\x1B$B$?$m$&\x1B(B",
                    "\\ISO 2022 IR 87", true),
            "Yamada^Tarou=山田^太郎=やまだ^たろう");
  EXPECT_EQ(to_utf8("\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=\x1B$B;3ED\x1B(J^\x1B$BB@O:\x1B(J", "ISO 2022 IR 13\\ISO 2022 IR 87",
                    true),
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎");
  EXPECT_EQ(to_utf8("Hong^Gildong=\x1B$)C\xFB\xF3^\x1B$)C\xD1\xCE\xD4\xD7", "\\ISO 2022 IR 149", true),
            "Hong^Gildong=洪^吉洞");
  EXPECT_EQ(to_utf8("Wang^XiaoDong=\xE7\x8E\x8B^\xE5\xB0\x8F\xE6\x9D\xB1", "ISO_IR 192", true),
            "Wang^XiaoDong=王^小東");
  EXPECT_EQ(to_utf8("Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB", "GB18030", true), "Wang^XiaoDong=王^小东");
  EXPECT_EQ(to_utf8("Zhang^XiaoDong=\x1B$)A\xD5\xC5^\x1B$)A\xD0\xA1\xB6\xAB", "\\ISO 2022 IR 58", true),
            "Zhang^XiaoDong=张^小东");
}

TEST(CharacterSets, GreekAndRussianInOneValueByEscapes) {
  EXPECT_EQ(to_utf8("Dionysios is \x1B-F\xC4\xE9\xEF\xED\xF5\xF3\xE9\xEF\xF2 \x1B-L\xBB\xEE\xDA",
                    "ISO 2022 IR 100\\ISO 2022 IR 126\\ISO 2022 IR 144"),
            "Dionysios is Διονυσιος Люк");
}

TEST(CharacterSets, DelimitersResetTheSets) {
  EXPECT_EQ(to_utf8("\x1B-F\xC4\\\xC4", "ISO 2022 IR 100\\ISO 2022 IR 126"), "Δ\\Ä");
  EXPECT_EQ(to_utf8("\x1B-F\xC4^\xC4", "ISO 2022 IR 100\\ISO 2022 IR 126", true), "Δ^Ä");
  EXPECT_EQ(to_utf8("\x1B-F\xC4^\xC4", "ISO 2022 IR 100\\ISO 2022 IR 126", false), "Δ^Δ");
}

TEST(CharacterSets, BackslashInsideAWideCharacterIsNoSeparator) {
  DataSet set;
  set.set_text(tags::specific_character_set, "GBK");
  set.set_bytes(tags::institution_name, Vr::LO,
                "\x81\x5C"
                "A\\B");
  EXPECT_EQ(set.texts(tags::institution_name).size(), 2);
}

TEST(CharacterSets, WrongBytesBecomeReplacementCharacters) {
  EXPECT_EQ(to_utf8("A\xE9"
                    "B",
                    ""),
            "A\uFFFDB")
      << "default repertoire";
  EXPECT_EQ(to_utf8("A\xE9"
                    "B",
                    "ISO_IR 192"),
            "A\uFFFDB");
  EXPECT_EQ(to_utf8("A\xE9"
                    "B",
                    "KLINGON"),
            "A\uFFFDB");
  EXPECT_EQ(to_utf8("A\x1B%Q", ""), "A\uFFFD%Q") << "unknown escape";
  EXPECT_EQ(to_utf8("\x1B$)C\xFB", "\\ISO 2022 IR 149"), "\uFFFD") << "half a character";
}

TEST(CharacterSets, MisspelledNamesAreUnderstood) {
  EXPECT_EQ(to_utf8("\xE9", "ISO-IR 100"), "é");
  EXPECT_EQ(to_utf8("\xE9", "ISO_IR_100"), "é");
  EXPECT_EQ(to_utf8("\xE9", "ISO 2022 IR 100"), "é");
}

TEST(CharacterSets, ItemsInheritAndMayDeclareTheirOwn) {
  DataSet own;
  own.set_text(tags::specific_character_set, "ISO_IR 144");
  own.set_bytes(tags::text_value, Vr::UT, "\xBB\xEE\xDA ");
  DataSet plain;
  plain.set_bytes(tags::text_value, Vr::UT, "J\xE9r\xF4me");
  plain.inherit_character_set("ISO_IR 100");
  DataSet root;
  root.set_text(tags::specific_character_set, "ISO_IR 100");
  root.set_items(tags::content_sequence, {own, plain});
  const auto read = read_data_set(as_bytes(write_data_set(root, uids::explicit_vr_little_endian).value()),
                                  uids::explicit_vr_little_endian);
  EXPECT_EQ(read->items(tags::content_sequence)[0].text(tags::text_value), "Люк");
  EXPECT_EQ(read->items(tags::content_sequence)[1].text(tags::text_value), "Jérôme");
}

}  // namespace
}  // namespace vedette::dicom
