#include "dicom/inflate.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>

namespace vedette::dicom {

Result<std::string> inflate_raw(Bytes bytes, std::uint64_t most) {
  constexpr std::uint64_t harmless = 256ULL << 20;
  constexpr std::uint64_t ratio = 200;
  const std::uint64_t cap = std::min(most, std::max(harmless, bytes.size() * ratio));
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return Error{Fault::exhausted, "dicom.inflate", "no memory to inflate the data set"};
  const auto end = [](z_stream* open) { inflateEnd(open); };
  const std::unique_ptr<z_stream, decltype(end)> guard(&stream, end);

  std::string out;
  std::array<char, 1 << 16> chunk{};
  std::size_t taken = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    if (stream.avail_in == 0 && taken < bytes.size()) {
      const std::size_t step = std::min<std::size_t>(bytes.size() - taken, 1U << 30);
      stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data() + taken));
      stream.avail_in = static_cast<uInt>(step);
      taken += step;
    }
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(chunk.data(), chunk.size() - stream.avail_out);
    if (out.size() > cap) {
      return Error{Fault::too_large, "dicom.inflated", fmt::format("the deflated data set grows over {} bytes", cap),
                   fmt::format("{} bytes deflated", bytes.size()), "Send it in Explicit VR Little Endian."};
    }
  }
  if (state != Z_STREAM_END) {
    return Error{Fault::malformed, "dicom.inflate", "the deflated data set is damaged or cut short",
                 fmt::format("byte {} of the deflated stream", taken - stream.avail_in), "Send the object again."};
  }
  return out;
}

}  // namespace vedette::dicom
