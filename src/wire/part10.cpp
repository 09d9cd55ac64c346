#include "wire/part10.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace vedette::wire {
namespace {

constexpr std::size_t most_meta_bytes = 65536;
constexpr std::string_view long_forms[] = {"OB", "OW", "OF", "OD", "OL", "OV", "SQ",
                                           "UC", "UN", "UR", "UT", "SV", "UV"};

std::uint32_t little(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t out = 0;
  for (std::size_t i = count; i > 0; --i) out = out << 8U | static_cast<unsigned char>(bytes[at + i - 1]);
  return out;
}

}  // namespace

Result<std::int64_t> data_set_offset(const FilePiece& file) {
  const Error bad{Fault::malformed, "dicom.part10", "The file is no DICOM Part 10 file", "File Meta Information"};
  std::string head(
      std::min<std::size_t>(132 + most_meta_bytes, static_cast<std::size_t>(std::max<std::int64_t>(file.length, 0))),
      '\0');
  const ssize_t got = ::pread(file.descriptor, head.data(), head.size(), file.offset);
  if (got < 132) return bad;
  head.resize(static_cast<std::size_t>(got));
  if (std::string_view(head).substr(128, 4) != "DICM") return bad;
  std::size_t at = 132;
  while (at + 8 <= head.size() && little(head, at, 2) == 0x0002) {
    const std::string_view vr = std::string_view(head).substr(at + 4, 2);
    const bool is_long = std::find(std::begin(long_forms), std::end(long_forms), vr) != std::end(long_forms);
    if (is_long && at + 12 > head.size()) return bad;
    const std::size_t length = is_long ? little(head, at + 8, 4) : little(head, at + 6, 2);
    at += (is_long ? 12 : 8) + length;
    if (at > head.size()) return bad;
  }
  if (at == 132) return bad;
  return file.offset + static_cast<std::int64_t>(at);
}

}  // namespace vedette::wire
