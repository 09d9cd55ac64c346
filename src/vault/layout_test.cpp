#include "vault/layout.hpp"

#include <gtest/gtest.h>

namespace vedette::vault {
namespace {

std::string text_of(const BlockBytes& bytes) {
  return std::string(as_text(bytes));
}

TEST(Layout, EveryFieldComesBack) {
  Identity identity;
  identity.number = 123'456'789'012;
  identity.salt.fill(std::byte{7});
  const auto same = identity_from(text_of(encode(identity)));
  ASSERT_TRUE(same);
  EXPECT_EQ(same->number, identity.number);
  EXPECT_EQ(same->salt, identity.salt);

  const Checkpoint checkpoint{true, 1LL << 40, 17, 3, 900};
  const auto noted = checkpoint_from(identity, text_of(encode(identity, checkpoint)));
  ASSERT_TRUE(noted);
  EXPECT_TRUE(noted->sealed);
  EXPECT_EQ(noted->end, checkpoint.end);
  EXPECT_EQ(noted->records, 17);
  EXPECT_EQ(noted->first_position, 3);
  EXPECT_EQ(noted->last_position, 900);

  const Head head{false, 4096, 5, 524'288, 900};
  const auto read = head_from(identity, 4096, text_of(encode(identity, head)));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->position, 5);
  EXPECT_EQ(read->next() % block, 0);
  EXPECT_GE(read->next(), read->trailer() + block);

  const Digest digest = sha256(as_bytes("data"));
  EXPECT_EQ(trailer_from(identity, head, "label", text_of(encode_trailer(identity, head, "label", digest))), digest);
}

TEST(Layout, EveryFlippedBitIsNoticed) {
  Identity identity;
  identity.number = 1;
  const Head head{false, 4096, 5, 100, 10};
  const std::string good = text_of(encode(identity, head));
  const std::string end = text_of(encode_trailer(identity, head, "label", sha256(as_bytes("data"))));
  for (std::size_t bit = 0; bit < 64 * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(head_from(identity, 4096, bad)) << bit;
    if (bit / 8 >= 52) continue;  // the rest of a trailer is not used
    std::string bad_end = end;
    bad_end[bit / 8] = static_cast<char>(bad_end[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(trailer_from(identity, head, "label", bad_end)) << bit;
  }
  EXPECT_FALSE(trailer_from(identity, head, "lapel", end));
}

TEST(Layout, ARecordOfAnotherPlaceOrSegmentIsNone) {
  Identity identity;
  identity.number = 1;
  const std::string bytes = text_of(encode(identity, Head{false, 4096, 5, 100, 10}));
  EXPECT_TRUE(head_from(identity, 4096, bytes));
  EXPECT_FALSE(head_from(identity, 8192, bytes));
  Identity other = identity;
  other.salt.fill(std::byte{1});
  EXPECT_FALSE(head_from(other, 4096, bytes)) << "a sender does not know the salt";
}

}  // namespace
}  // namespace vedette::vault
