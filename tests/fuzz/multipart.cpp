// A multipart body in pieces: first byte the ways of the reader, second the size of a piece, then Content-Type, an
// empty line, and the body.
#include <algorithm>
#include <cstdlib>

#include "wire/media_type.hpp"
#include "wire/multipart.hpp"

namespace {

class Pieces final : public vedette::wire::Body {
 public:
  Pieces(std::string_view text, std::size_t piece) : text_(text), piece_(piece) {}
  vedette::Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({buffer.size(), piece_, text_.size()});
    std::copy_n(text_.data(), count, reinterpret_cast<char*>(buffer.data()));
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
  std::size_t piece_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t end = std::min(rest.find("\n\n"), rest.size());
  const std::string_view type = rest.substr(0, end);
  Pieces body(rest.substr(std::min(end + 2, rest.size())), 1U + data[1]);
  const vedette::wire::MultipartLimits limits{.header_bytes = 4096,
                                              .lone_boundaries = (data[0] & 1U) != 0,
                                              .bare_line_feeds = (data[0] & 2U) != 0,
                                              .odd_header_lines = (data[0] & 4U) != 0};
  static_cast<void>(vedette::wire::accept_leniently(type));
  auto reader = vedette::wire::MultipartReader::open(body, type, limits);
  if (!reader) return 0;
  std::size_t total = 0;
  for (;;) {
    const auto head = reader->next();
    if (!head || !*head) break;
    static_cast<void>(vedette::wire::disposition_of(**head));
    const auto content = reader->all(1U << 20U);
    if (!content) break;
    total += content->size();
  }
  if (total > size) std::abort();
  return 0;
}
