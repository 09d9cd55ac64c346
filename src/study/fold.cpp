#include "study/fold.hpp"

#include <cstdint>

#include "base/text.hpp"

namespace vedette::study {

namespace {

// Two-byte UTF-8 covers Latin-1, Latin Extended-A, Greek and Cyrillic: the scripts of European names.
std::uint32_t lower(std::uint32_t c) {
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 0x20;
  if (c == 0x130) return 'i';
  if (c == 0x178) return 0xFF;
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c | 1U;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c % 2 == 1 ? c + 1 : c;
  if (c >= 0x391 && c <= 0x3AB && c != 0x3A2) return c + 0x20;
  if (c == 0x386) return 0x3AC;
  if (c >= 0x388 && c <= 0x38A) return c + 0x25;
  if (c == 0x38C) return 0x3CC;
  if (c == 0x38E || c == 0x38F) return c + 0x3F;
  if (c >= 0x400 && c <= 0x40F) return c + 0x50;
  if (c >= 0x410 && c <= 0x42F) return c + 0x20;
  return c;
}

std::string_view without_trailing(std::string_view text) {
  while (!text.empty() && (text.back() == '^' || text.back() == ' ' || text.back() == '=')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string folded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 'A' && byte <= 'Z') {
      out += static_cast<char>(byte + 0x20);
    } else if (byte >= 0xC3 && byte <= 0xD1 && i + 1 < text.size()) {
      const auto next = static_cast<unsigned char>(text[i + 1]);
      const std::uint32_t small = lower((byte & 0x1FU) << 6U | (next & 0x3FU));
      if (small < 0x80) {
        out += static_cast<char>(small);
      } else {
        out += static_cast<char>(0xC0U | small >> 6U);
        out += static_cast<char>(0x80U | (small & 0x3FU));
      }
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

FoldedName folded_name(std::string_view name) {
  const std::size_t equals = name.find('=');
  FoldedName out;
  out.alphabetic = folded(without_trailing(name.substr(0, equals)));
  if (equals != std::string_view::npos) out.other = folded(without_trailing(name.substr(equals + 1)));
  return out;
}

}  // namespace vedette::study
