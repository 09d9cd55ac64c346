#include "wire/associate_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "wire/dimse_testing.hpp"

namespace vedette::wire {
namespace {

using ::testing::HasSubstr;
using testing_::ct_class;
using testing_::explicit_little;
using testing_::RawPeer;

constexpr std::size_t most = 128;

std::string request(std::size_t contexts = 1) {
  return RawPeer::associate("VEDETTE", std::string(ct_class), std::string(explicit_little), contexts);
}
Result<AssociateRequest> read(const std::string& pdu, std::size_t contexts = most) {
  return read_associate_request(as_bytes(pdu), contexts);
}
/// The fixed part, then these items.
std::string with_items(const std::string& items) {
  return RawPeer::pdu(1, request().substr(6, 68) + items);
}

TEST(AssociateRequest, TitlesAndContextsAreRead) {
  const auto found = read(request(3));
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->called_title, "VEDETTE");
  EXPECT_EQ(found->calling_title, "RAW");
  EXPECT_EQ(found->contexts, 3U);
}

TEST(AssociateRequest, WhatThisNodeHasNoUseForIsKeptFromDcmtk) {
  const std::string name = "1.2.840.10008.5.1.4.1.1.2";
  const std::string window = RawPeer::item(0x53, RawPeer::big(8, 2) + RawPeer::big(8, 2));
  const std::string unused = RawPeer::item(0x54, RawPeer::big(name.size(), 2) + name + "\1\1") +
                             RawPeer::item(0x56, RawPeer::big(name.size(), 2) + name + "abc") +
                             RawPeer::item(0x58, std::string("\1\0\xA4\2me", 6));  // a length beyond its item
  const std::string items = RawPeer::item(0x10, "1.2.840.10008.3.1.1.1") +
                            RawPeer::item(0x20, std::string("\1\0\0\0", 4) + RawPeer::item(0x30, name) +
                                                    RawPeer::item(0x40, std::string(explicit_little)));
  const std::string used = RawPeer::item(0x51, RawPeer::big(16384, 4)) + RawPeer::item(0x52, "1.2.3.9");
  const auto found =
      read(with_items(items + RawPeer::item(0x7F, "later") + RawPeer::item(0x50, used + unused + window)));
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->plain, with_items(items + RawPeer::item(0x50, used + window)));
  EXPECT_EQ(read(found->plain)->plain, found->plain);
}

TEST(AssociateRequest, DcmtkSeesTitlesAsTheyWereRead) {
  std::string pdu = request();
  pdu.replace(26, 16, std::string(8, '\0') + "CT1     ");  // DCMTK 3.6.7 leaks a request whose title begins with a zero
  EXPECT_EQ(read(pdu)->plain.substr(26, 16), "CT1             ");
  pdu[7] = '\2';
  EXPECT_THAT(read(pdu).error().cause, HasSubstr("version"));
}

TEST(AssociateRequest, ATitleIsReadToItsEndNotToAZeroByte) {
  std::string pdu = request();
  pdu.replace(26, 16, std::string("CT1\0EVIL\0\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(read(pdu)->calling_title, std::string("CT1\0EVIL", 8));
  pdu.replace(26, 16, std::string("CT1", 3) + std::string(13, '\0'));
  EXPECT_EQ(read(pdu)->calling_title, "CT1") << "filled up with zeros instead of spaces";
}

TEST(AssociateRequest, AsManyContextsAsAllowedPassAndOneMoreIsRefusedByTheSettingsName) {
  EXPECT_TRUE(read(request(128)));
  EXPECT_TRUE(read(request(5), 5));
  const auto refused = read(request(6), 5);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "dimse.contexts");
  EXPECT_EQ(refused.error().fault, Fault::too_large);
  EXPECT_THAT(refused.error().remedy, HasSubstr("dicom.contexts"));
}

TEST(AssociateRequest, EveryShorteningIsRefusedWithItsByte) {
  const std::string whole = request(2);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    std::string cut = whole.substr(0, length);
    EXPECT_FALSE(read(cut)) << length;
    if (length < 6) continue;
    cut.replace(2, 4, RawPeer::big(length - 6, 4));  // its own length is right, those inside are not
    const auto refused = read(cut);
    ASSERT_FALSE(refused) << length;
    EXPECT_EQ(refused.error().code, "dimse.associate");
    EXPECT_THAT(refused.error().where, HasSubstr("at byte")) << length;
  }
}

TEST(AssociateRequest, ForgedLengthsAreRefusedAtTheirItem) {
  const std::string application = RawPeer::item(0x10, "1.2.840.10008.3.1.1.1");
  const std::string user = RawPeer::item(0x50, RawPeer::item(0x51, RawPeer::big(16384, 4)));
  const auto context = [](const std::string& parts) { return RawPeer::item(0x20, std::string("\1\0\0\0", 4) + parts); };
  const std::string abstract = RawPeer::item(0x30, std::string(ct_class));
  const std::string transfer = RawPeer::item(0x40, std::string(explicit_little));
  ASSERT_TRUE(read(with_items(application + context(abstract + transfer) + user)));
  const std::string beyond(
      "\x40\0\xFF\xFF"
      "1.2",
      7);
  for (const auto& [items, cause] :
       {std::pair(application + context(abstract + beyond) + user, "an item says 65535 bytes"),
        std::pair(application + context(abstract + RawPeer::item(0x40, std::string(65, '1'))) + user, "longer than 64"),
        std::pair(RawPeer::item(0x10, std::string(3000, '1')) + context(abstract + transfer) + user, "longer than 64"),
        std::pair(application + RawPeer::item(0x20, "\1") + user, "too short"),
        std::pair(application + context(abstract) + user, "at least one transfer syntax"),
        std::pair(application + context(abstract + abstract + transfer) + user, "not one abstract syntax"),
        std::pair(application + context(abstract + transfer) + context(abstract + transfer) + user, "stands twice"),
        std::pair(application + context(abstract + transfer), "no user information"),
        std::pair(context(abstract + transfer) + user, "no application context"),
        std::pair(application + user, "no presentation context"),
        std::pair(application + context(abstract + transfer) + RawPeer::item(0x50, RawPeer::item(0x51, "\1\2")),
                  "not of four bytes"),
        std::pair(application + context(abstract + transfer) + RawPeer::item(0x50, "\x52"), "breaks off")}) {
    const auto refused = read(with_items(items));
    ASSERT_FALSE(refused) << cause;
    EXPECT_THAT(refused.error().cause, HasSubstr(cause));
  }
}

TEST(AssociateRequest, MutatedRequestsEndWithAValueOrAnError) {
  std::mt19937 random(7);
  const auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random); };
  int read_ones = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string pdu = request(1 + below(4));
    for (std::size_t flips = 1 + below(3); flips > 0; --flips)
      pdu[6 + below(pdu.size() - 6)] = static_cast<char>(below(256));
    if (below(4) == 0) pdu.resize(below(pdu.size()));
    const auto found = read(pdu);
    if (!found) continue;
    ++read_ones;
    ASSERT_LE(found->contexts, 4U);
  }
  EXPECT_GT(read_ones, 0);
}

}  // namespace
}  // namespace vedette::wire
