#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>

namespace vedette::dicomweb {

/// Headers of whole series and studies as they were sent last, ready to be sent again: the least recently used go
/// first. Thread-safe.
class HeaderCache {
 public:
  explicit HeaderCache(std::size_t bytes = 128U << 20U) : bytes_(bytes) {}

  /// The text under `key` when it was made at the same `mark` (what changes with every instance); empty otherwise.
  std::shared_ptr<const std::string> get(const std::string& key, const std::string& mark);
  /// Texts larger than a quarter of the room are not kept.
  void put(const std::string& key, const std::string& mark, std::string text);

 private:
  struct Entry {
    std::string key, mark;
    std::shared_ptr<const std::string> text;  // shared: an answer may still be copying what is dropped here
  };
  std::mutex mutex_;
  std::list<Entry> entries_;  ///< most recent first; a few hundred at most
  std::size_t bytes_, used_ = 0;
};

}  // namespace vedette::dicomweb
