// For the judges of tests/tables: prints what the reader and the decoders make of files, one JSON object a line. Not
// part of the product.
//   vedette_dicom_dump PIXELS-FILE FILE…
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>

#include "base/text.hpp"
#include "dicom/frames.hpp"
#include "dicom/json.hpp"

namespace {

using namespace vedette;
using namespace vedette::dicom;

/// First, second and last frame: their place in the pixels file and what they are.
std::string frames_json(const File& file, std::ofstream& pixels) {
  const auto layout = image_layout(file.data);
  if (!layout) return fmt::format(R"([{{"error":{}}}])", json_string(layout.error().code));
  std::string out = "[";
  const std::set<std::uint32_t> chosen{0, std::min(1U, layout->frames - 1), layout->frames - 1};
  for (const std::uint32_t index : chosen) {
    auto frame = decode_frame(file.data, file.transfer_syntax, index);
    if (out.size() > 1) out += ',';
    if (!frame) {
      out += fmt::format(R"({{"frame":{},"error":{}}})", index, json_string(frame.error().code));
      continue;
    }
    to_rgb(*frame);
    const ImageLayout& is = frame->layout;
    out += fmt::format(
        R"({{"frame":{},"at":{},"bytes":{},"rows":{},"columns":{},"samples":{},"bits":{},"signed":{},"float":{}}})",
        index, static_cast<long long>(pixels.tellp()), frame->pixels.size(), is.rows, is.columns, is.samples,
        is.bits_allocated, is.is_signed, is.kind != SampleKind::integer);
    pixels << frame->pixels;
  }
  return out + "]";
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) return 2;
  std::ofstream pixels(words[1], std::ios::binary);
  for (int i = 2; i < count; ++i) {
    std::ifstream stream(words[i], std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    const auto file = read_file(as_bytes(bytes));
    if (!file) {
      std::cout << fmt::format(R"({{"path":{},"error":{},"text":{}}})", json_string(words[i]),
                               json_string(file.error().code), json_string(file.error().text()))
                << '\n';
      continue;
    }
    const bool image = file->data.find(tags::rows) != nullptr;
    std::cout << fmt::format(R"({{"path":{},"syntax":{},"json":{},"frames":{}}})", json_string(words[i]),
                             json_string(file->transfer_syntax), to_json(file->data),
                             image ? frames_json(*file, pixels) : "[]")
              << '\n';
  }
  return 0;
}
