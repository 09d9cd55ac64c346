#include "vault/layout.hpp"

#include <algorithm>
#include <cstring>

namespace vedette::vault {

namespace {

constexpr std::string_view identity_magic = "VEDETTE VAULT\n";
constexpr std::string_view checkpoint_magic = "VCHK";
constexpr std::string_view head_magic = "VREC";
constexpr std::string_view trailer_magic = "VEND";
constexpr std::size_t tag_size = 16;
constexpr std::size_t tag_place = 48;  // in identity, checkpoint and head

void put_number(BlockBytes& out, std::size_t at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out[at + i] = static_cast<std::byte>((value >> (8 * i)) & 0xFFU);
}
void put_number(BlockBytes& out, std::size_t at, std::int64_t value) {
  put_number(out, at, static_cast<std::uint64_t>(value), 8);
}
void put_text(BlockBytes& out, std::size_t at, std::string_view text) {
  std::memcpy(out.data() + at, text.data(), text.size());
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = (value << 8U) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}
std::int64_t signed_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::int64_t>(number_at(bytes, at, 8));
}

using Tag = std::array<std::byte, tag_size>;

Tag tag_of(const Identity& identity, std::initializer_list<Bytes> parts) {
  Sha256 hash;
  hash.update(identity.salt);
  for (const Bytes part : parts) hash.update(part);
  const Digest digest = hash.finish();
  Tag tag;
  std::copy_n(digest.bytes.begin(), tag_size, tag.begin());
  return tag;
}

void put_tag(BlockBytes& out, const Tag& tag, std::size_t at = tag_place) {
  std::copy(tag.begin(), tag.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
}

bool has_tag(std::string_view bytes, const Tag& tag, std::size_t at = tag_place) {
  return std::memcmp(bytes.data() + at, tag.data(), tag_size) == 0;
}

void seal(const Identity& identity, BlockBytes& out) {
  put_tag(out, tag_of(identity, {Bytes(out).first(tag_place)}));
}
bool sealed(const Identity& identity, std::string_view bytes, std::string_view magic) {
  return bytes.size() >= sizeof(BlockBytes) && bytes.starts_with(magic) &&
         has_tag(bytes, tag_of(identity, {as_bytes(bytes.substr(0, tag_place))}));
}

}  // namespace

BlockBytes encode(const Identity& identity) {
  BlockBytes out{};
  put_text(out, 0, identity_magic);
  put_number(out, 16, identity.version, 4);
  put_number(out, 20, static_cast<std::uint64_t>(identity.number), 8);
  std::copy(identity.salt.begin(), identity.salt.end(), out.begin() + 32);
  seal(identity, out);
  return out;
}

std::optional<Identity> identity_from(std::string_view bytes) {
  if (bytes.size() < sizeof(BlockBytes)) return std::nullopt;
  Identity identity;
  identity.version = static_cast<std::uint32_t>(number_at(bytes, 16, 4));
  identity.number = signed_at(bytes, 20);
  std::memcpy(identity.salt.data(), bytes.data() + 32, identity.salt.size());
  if (!sealed(identity, bytes, identity_magic)) return std::nullopt;
  return identity;
}

BlockBytes encode(const Identity& identity, const Checkpoint& checkpoint) {
  BlockBytes out{};
  put_text(out, 0, checkpoint_magic);
  put_number(out, 4, checkpoint.sealed ? 1U : 0U, 4);
  put_number(out, 8, checkpoint.end);
  put_number(out, 16, checkpoint.records);
  put_number(out, 24, checkpoint.first_position);
  put_number(out, 32, checkpoint.last_position);
  seal(identity, out);
  return out;
}

std::optional<Checkpoint> checkpoint_from(const Identity& identity, std::string_view bytes) {
  if (!sealed(identity, bytes, checkpoint_magic)) return std::nullopt;
  return Checkpoint{number_at(bytes, 4, 4) == 1, signed_at(bytes, 8), signed_at(bytes, 16), signed_at(bytes, 24),
                    signed_at(bytes, 32)};
}

BlockBytes encode(const Identity& identity, const Head& head) {
  BlockBytes out{};
  put_text(out, 0, head_magic);
  put_number(out, 4, head.dead ? 1U : 0U, 4);
  put_number(out, 8, head.start);
  put_number(out, 16, head.position);
  put_number(out, 24, head.data_length);
  put_number(out, 32, head.label_length);
  seal(identity, out);
  return out;
}

std::optional<Head> head_from(const Identity& identity, std::int64_t start, std::string_view bytes) {
  if (!bytes.starts_with(head_magic) || !sealed(identity, bytes, head_magic)) return std::nullopt;
  const Head head{number_at(bytes, 4, 4) == 1, signed_at(bytes, 8), signed_at(bytes, 16), signed_at(bytes, 24),
                  signed_at(bytes, 32)};
  if (head.start != start || head.data_length < 0 || head.label_length < 0) return std::nullopt;
  return head;
}

BlockBytes encode_trailer(const Identity& identity, const Head& head, std::string_view label, const Digest& digest) {
  BlockBytes out{};
  std::copy(digest.bytes.begin(), digest.bytes.end(), out.begin());
  const BlockBytes head_bytes = encode(identity, head);
  put_tag(out, tag_of(identity, {head_bytes, as_bytes(label), digest.bytes}), 32);
  put_text(out, 48, trailer_magic);
  return out;
}

std::optional<Digest> trailer_from(const Identity& identity, const Head& head, std::string_view label,
                                   std::string_view bytes) {
  if (bytes.size() < sizeof(BlockBytes) || !bytes.substr(48).starts_with(trailer_magic)) return std::nullopt;
  Digest digest;
  std::memcpy(digest.bytes.data(), bytes.data(), digest.bytes.size());
  const BlockBytes head_bytes = encode(identity, head);
  if (!has_tag(bytes, tag_of(identity, {head_bytes, as_bytes(label), digest.bytes}), 32)) return std::nullopt;
  return digest;
}

}  // namespace vedette::vault
