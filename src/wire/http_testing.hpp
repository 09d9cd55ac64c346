#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "wire/http.hpp"

namespace vedette::wire {

/// The body of a request in a test: what it says, at most `piece` bytes at a time.
class TextPieces final : public Body {
 public:
  explicit TextPieces(std::string text, std::size_t piece = std::numeric_limits<std::size_t>::max())
      : text_(std::move(text)), piece_(piece) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({buffer.size(), piece_, text_.size() - at_});
    std::copy_n(text_.data() + at_, count, reinterpret_cast<char*>(buffer.data()));
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t piece_, at_ = 0;
};

}  // namespace vedette::wire
