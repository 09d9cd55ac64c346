#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"

/// The bytes of a segment file. Numbers are little-endian.
///
///   0     identity   64 bytes: magic, version, segment number, salt, tag; repeated at 2048
///   512   checkpoint 64 bytes: state, end, counts, tag; rewritten now and then, within one sector
///   4096  records, each beginning at a multiple of 64:
///           head     64 bytes: magic, flags, position, lengths, own place, tag
///           data
///           label
///           trailer  64 bytes: SHA-256 of the data, tag over head, label and digest, magic
///           zeros    up to the next multiple of 64, and 64 more where the next head will be
///
/// A tag is the first 16 bytes of SHA-256 over the segment's random salt and the fields: bytes that a sender chose can
/// never be taken for a record, wherever they come to lie. Heads are 64-aligned, so a rewrite never tears over two
/// sectors.
namespace vedette::vault {

inline constexpr std::int64_t block = 64;
inline constexpr std::int64_t first_record = 4096;
inline constexpr std::int64_t identity_copy = 2048;
inline constexpr std::int64_t checkpoint_place = 512;
inline constexpr std::uint32_t layout_version = 1;
using BlockBytes = std::array<std::byte, 64>;

constexpr std::int64_t aligned(std::int64_t offset) {
  return (offset + block - 1) / block * block;
}

/// Who a segment is. The salt never leaves the node.
struct Identity {
  std::uint32_t version = layout_version;
  std::int64_t number = 0;
  std::array<std::byte, 16> salt{};
};

/// How far a segment's records were on stable storage when this was written.
struct Checkpoint {
  bool sealed = false;  ///< nothing is ever appended again
  std::int64_t end = first_record;
  std::int64_t records = 0;
  std::int64_t first_position = 0, last_position = 0;
};

struct Head {
  bool dead = false;  ///< erased, or torn and kept aside
  std::int64_t start = 0;
  std::int64_t position = 0;
  std::int64_t data_length = 0;
  std::int64_t label_length = 0;

  std::int64_t data() const { return start + block; }
  std::int64_t label() const { return data() + data_length; }
  std::int64_t trailer() const { return label() + label_length; }
  std::int64_t next() const { return aligned(trailer() + block); }
};

BlockBytes encode(const Identity& identity);
std::optional<Identity> identity_from(std::string_view bytes);
BlockBytes encode(const Identity& identity, const Checkpoint& checkpoint);
std::optional<Checkpoint> checkpoint_from(const Identity& identity, std::string_view bytes);
BlockBytes encode(const Identity& identity, const Head& head);
/// Nothing where no head of this segment lies that was written for this very place.
std::optional<Head> head_from(const Identity& identity, std::int64_t start, std::string_view bytes);
BlockBytes encode_trailer(const Identity& identity, const Head& head, std::string_view label, const Digest& digest);
std::optional<Digest> trailer_from(const Identity& identity, const Head& head, std::string_view label,
                                   std::string_view bytes);

}  // namespace vedette::vault
