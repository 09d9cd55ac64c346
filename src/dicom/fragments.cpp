// Which fragments are which frame (PS3.5 section A.4).
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "dicom/frames.hpp"

namespace vedette::dicom {
namespace {

Error fault(std::string_view cause) {
  return {Fault::malformed, "dicom.frame", std::string(cause), "(7FE0,0010)",
          "Send the object again, with one fragment a frame."};
}

std::uint64_t little(std::string_view bytes, std::size_t index, std::size_t width) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + index * width, width);
  return value;
}

/// First fragment of each frame by offsets from the first fragment's item tag; empty where an offset hits no fragment.
std::vector<std::size_t> firsts_by_offset(const std::vector<std::string>& fragments, std::string_view table,
                                          std::size_t width, std::uint32_t frames) {
  if (table.size() / width != frames) return {};
  std::vector<std::size_t> firsts;
  std::uint64_t at = 0;
  std::size_t fragment = 1;
  for (std::uint32_t frame = 0; frame < frames; ++frame) {
    const std::uint64_t wanted = little(table, frame, width);
    while (fragment < fragments.size() && at < wanted) at += 8 + fragments[fragment++].size();
    if (fragment == fragments.size() || at != wanted || (!firsts.empty() && firsts.back() == fragment)) return {};
    firsts.push_back(fragment);
  }
  return firsts;
}

/// Frames start where a code stream starts: SOI of JPEG and JPEG-LS, SOC of JPEG 2000.
std::vector<std::size_t> firsts_by_marker(const std::vector<std::string>& fragments, std::uint32_t frames) {
  std::vector<std::size_t> firsts;
  for (std::size_t i = 1; i < fragments.size(); ++i) {
    if (fragments[i].starts_with("\xFF\xD8\xFF") || fragments[i].starts_with("\xFF\x4F\xFF\x51")) firsts.push_back(i);
  }
  return firsts.size() == frames && firsts.front() == 1 ? firsts : std::vector<std::size_t>{};
}

std::vector<std::size_t> frame_starts(const DataSet& data, const std::vector<std::string>& fragments,
                                      std::uint32_t frames) {
  if (frames == 1) return {1};
  if (const Element* table = data.find(tags::extended_offset_table)) {
    std::vector<std::size_t> firsts = firsts_by_offset(fragments, table->value, 8, frames);
    if (!firsts.empty()) return firsts;
  }
  std::vector<std::size_t> firsts = firsts_by_offset(fragments, fragments.front(), 4, frames);
  if (!firsts.empty()) return firsts;
  if (fragments.size() - 1 == frames) {
    firsts.resize(frames);
    std::iota(firsts.begin(), firsts.end(), std::size_t{1});
    return firsts;
  }
  return firsts_by_marker(fragments, frames);
}

}  // namespace

Result<std::string> encapsulated_frame(const DataSet& data, std::uint32_t frame) {
  const Element* pixels = data.find(tags::pixel_data);
  if (pixels == nullptr || !pixels->encapsulated || pixels->skipped)
    return fault("there is no encapsulated pixel data");
  const std::int64_t frames = data.integer(tags::number_of_frames).value_or(1);
  const std::vector<std::string>& fragments = pixels->fragments;
  if (frames < 1 || frame >= frames) {
    return Error{Fault::not_found, "dicom.frame",
                 fmt::format("there is no frame {}; the image has {}", frame + 1, frames), "(0028,0008)"};
  }
  if (static_cast<std::uint64_t>(frames) >= fragments.size())
    return fault(
        fmt::format("{} frames do not fit {} fragments", frames, fragments.empty() ? 0 : fragments.size() - 1));
  const std::vector<std::size_t> firsts = frame_starts(data, fragments, static_cast<std::uint32_t>(frames));
  if (firsts.empty()) return fault("the offset table and the fragments do not tell the frames apart");
  const std::size_t end = frame + 1 < firsts.size() ? firsts[frame + 1] : fragments.size();
  std::string out;
  for (std::size_t i = firsts[frame]; i < end; ++i) out += fragments[i];
  return out;
}

}  // namespace vedette::dicom
