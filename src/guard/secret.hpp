#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace vedette::guard {

/// A text that cannot be printed, logged or compared by accident; it is wiped when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  ~Secret() { wipe(); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept;

  bool empty() const { return text_.empty(); }
  /// The only way to the text; searched for in reviews.
  const std::string& reveal() const { return text_; }
  /// Same text, in time independent of where they differ.
  bool matches(std::string_view other) const;

  template <typename Stream>
  friend Stream& operator<<(Stream&, const Secret&) = delete;

 private:
  void wipe();
  std::string text_;
};

/// The content of a file without its trailing line end. Fails refused when others than the owner may read it and
/// `strict` is set, not_found, malformed when empty.
Result<Secret> secret_from_file(const std::string& path, bool strict = false);

}  // namespace vedette::guard
