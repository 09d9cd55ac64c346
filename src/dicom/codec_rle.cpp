// RLE (PS3.5 annex G): one PackBits segment per byte plane, most significant first.
#include <cstring>

#include "dicom/codec.hpp"

namespace vedette::dicom::codec {
namespace {

constexpr std::size_t header_bytes = 64;

std::uint32_t u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// Unpacks one segment to every `stride`-th byte from `out`; false when it holds less than `count` bytes.
bool unpack(std::string_view segment, char* out, std::size_t stride, std::uint64_t count) {
  std::uint64_t done = 0;
  std::size_t at = 0;
  while (done < count && at < segment.size()) {
    const auto control = static_cast<signed char>(segment[at++]);
    if (control == -128) continue;
    const auto run = static_cast<std::size_t>(control >= 0 ? control + 1 : 1 - control);
    if (at + (control >= 0 ? run : 1) > segment.size()) return false;
    for (std::size_t i = 0; i < run && done < count; ++i, ++done) {
      out[done * stride] = segment[control >= 0 ? at + i : at];
    }
    at += control >= 0 ? run : 1;
  }
  return done == count;
}

}  // namespace

Result<std::string> decode_rle(std::string_view stream, ImageLayout& layout) {
  if (layout.bits_allocated < 8) return damaged("RLE", "single bits are not coded in RLE");
  const std::size_t width = layout.bits_allocated / 8;
  const std::size_t planes = width * layout.samples;
  if (stream.size() < header_bytes) return damaged("RLE", "its header is cut short");
  if (u32(stream, 0) != planes)
    return damaged("RLE", fmt::format("it has {} segments, {} are needed", u32(stream, 0), planes));
  std::string out(layout.pixels() * planes, '\0');
  for (std::size_t plane = 0; plane < planes; ++plane) {
    const std::size_t start = u32(stream, 4 + 4 * plane);
    const std::size_t end = plane + 1 < planes ? u32(stream, 8 + 4 * plane) : stream.size();
    if (start < header_bytes || start > end || end > stream.size())
      return damaged("RLE", fmt::format("segment {} lies outside", plane + 1));
    const std::size_t sample = plane / width;
    const std::size_t byte = width - 1 - plane % width;
    if (!unpack(stream.substr(start, end - start), out.data() + sample * width + byte, planes, layout.pixels())) {
      return damaged("RLE", fmt::format("segment {} is cut short", plane + 1));
    }
  }
  layout.planar = false;
  return out;
}

}  // namespace vedette::dicom::codec
