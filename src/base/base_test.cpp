#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/id.hpp"
#include "base/text.hpp"

namespace vedette {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error{Fault::refused, "odd", "The number is odd", "n", "Give an even one."};
  return n / 2;
}

Result<int> quarter(int n) {
  return VEDETTE_TRY(half(VEDETTE_TRY(half(n))));
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().code, "odd");
  EXPECT_EQ(quarter(6).error().text(), "The number is odd (n). Give an even one.");
}

TEST(Fault, EveryFaultHasARowInTheTable) {
  for (int i = 0; i <= static_cast<int>(Fault::internal); ++i) {
    EXPECT_EQ(row_of(static_cast<Fault>(i)).fault, static_cast<Fault>(i));
  }
}

TEST(Id, UidsAreCheckedByPs35) {
  EXPECT_TRUE(StudyUid::make("1.2.840.10008.1.2"));
  for (const char* wrong : {"", ".", "1.", ".1", "1..2", "1.2a", "../../etc", "1.2 ",
                            "1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6"}) {
    EXPECT_FALSE(StudyUid::make(wrong)) << wrong;
  }
  EXPECT_TRUE(StudyUid::make("0.0"));
  EXPECT_TRUE(StudyUid::make("1.02")) << "not valid by the standard, and written by real devices";
}

TEST(Id, KindsDoNotMix) {
  static_assert(!std::is_convertible_v<StudyUid, SeriesUid>);
  static_assert(!std::is_constructible_v<StudyUid, std::string>);
}

TEST(Clock, TimesSurviveText) {
  const Instant when = instant_from_text("2026-11-23T10:42:46.123Z").value();
  EXPECT_EQ(to_text(when), "2026-11-23T10:42:46.123Z");
  EXPECT_EQ(instant_from_text("2026-11-23T12:42:46.123+02:00").value(), when);
  for (const char* wrong : {"", "2026-13-01T00:00:00Z", "2026-11-23", "2026-11-23T10:42:46", "2026-11-23T10:42:46+2"}) {
    EXPECT_FALSE(instant_from_text(wrong)) << wrong;
  }
}

TEST(Digest, KnownAnswers) {
  EXPECT_EQ(sha256(as_bytes("abc")).hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?")).hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");  // RFC 4231 case 2
  EXPECT_EQ(Digest::from_hex(sha256(as_bytes("x")).hex()).value(), sha256(as_bytes("x")));
  EXPECT_FALSE(Digest::from_hex("zz"));
}

TEST(Digest, Base64GoesBothWays) {
  for (const std::string text : {"", "f", "fo", "foo", "foob"})
    EXPECT_EQ(from_base64(to_base64(as_bytes(text))).value(), text);
  EXPECT_FALSE(from_base64("a"));
  EXPECT_FALSE(from_base64("????"));
}

TEST(Text, JsonStringsAreAlwaysValid) {
  EXPECT_EQ(json_string("a\"b\\c\n"), "\"a\\\"b\\\\c\\n\"");
  EXPECT_EQ(json_string("\xff"), "\"\xEF\xBF\xBD\"");
  EXPECT_FALSE(is_utf8("\xC0\x80"));
  EXPECT_TRUE(is_utf8("Łódź Αθήνα"));
}

TEST(Text, NearestNamesTheLikelyKey) {
  EXPECT_EQ(nearest("lisen", {"listen", "folder"}).value(), "listen");
  EXPECT_FALSE(nearest("zzzzzzzz", {"listen", "folder"}));
}

}  // namespace
}  // namespace vedette
