#include "dicom/uid.hpp"

#include <algorithm>

#include "base/digest.hpp"

namespace vedette::dicom {
namespace {

__extension__ using Wide = unsigned __int128;

/// 16 bytes as a UUID of `version` with the variant of RFC 9562, written as PS3.5 section B.2 says.
std::string uuid_uid(std::string_view bytes, unsigned version) {
  Wide value = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    unsigned byte = static_cast<unsigned char>(bytes[i]);
    if (i == 6) byte = (byte & 0x0FU) | version << 4;
    if (i == 8) byte = (byte & 0x3FU) | 0x80U;
    value = value << 8 | byte;
  }
  std::string digits;
  for (; value > 0; value /= 10) digits += static_cast<char>('0' + static_cast<int>(value % 10));
  std::reverse(digits.begin(), digits.end());
  return "2.25." + digits;
}

}  // namespace

std::string make_uid() {
  return uuid_uid(random_bytes(16), 4);
}

std::string derived_uid(std::string_view name) {
  const Digest digest = sha256(as_bytes(name));
  return uuid_uid(as_text(digest.bytes).substr(0, 16), 8);
}

}  // namespace vedette::dicom
