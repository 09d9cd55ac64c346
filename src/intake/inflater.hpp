#pragma once

#include <array>
#include <functional>
#include <memory>

#include "base/digest.hpp"
#include "base/result.hpp"

struct z_stream_s;

namespace vedette::intake {

/// Inflates raw deflate (PS3.5 section A.5) as it comes, in constant memory.
class Inflater {
 public:
  explicit Inflater(std::uint64_t most);
  ~Inflater();
  /// Hands out what becomes readable. Fails malformed "dicom.inflate", too_large
  /// "dicom.inflated".
  Result<void> append(Bytes bytes, const std::function<Result<void>(Bytes)>& sink);

 private:
  std::unique_ptr<z_stream_s> stream_;
  std::array<char, 65536> buffer_{};
  std::uint64_t most_;
  std::uint64_t given_ = 0;
  bool ended_ = false;
};

}  // namespace vedette::intake
