#pragma once

#include <cstdint>
#include <optional>

#include "dicom/tag.hpp"

namespace vedette::dicom {

/// How a value representation is encoded and read (PS3.5 Table 6.2-1, section 7.1.2).
struct VrTraits {
  Vr vr;
  bool long_length;    ///< explicit encoding has two reserved bytes and a 32-bit length
  bool text;           ///< a character string
  bool extended_text;  ///< in the Specific Character Set
  bool multiple;       ///< backslash separates values
  bool trim_front;     ///< leading spaces are padding too
  char padding;        ///< for an odd length
  std::uint8_t unit;   ///< bytes that are turned together in big endian; 1 for none
};

/// Nothing for two letters that are no value representation.
const VrTraits* vr_traits(Vr vr);
inline const VrTraits* vr_traits(char first, char second) {
  return vr_traits(static_cast<Vr>(
      static_cast<std::uint16_t>(static_cast<unsigned char>(first) << 8 | static_cast<unsigned char>(second))));
}
/// True for attributes that the dictionary gives as "US or SS": Pixel Representation (0028,0103) decides.
bool is_signed_by_pixels(Tag tag);

}  // namespace vedette::dicom
