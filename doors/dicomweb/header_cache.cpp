#include "dicomweb/header_cache.hpp"

#include <algorithm>

namespace vedette::dicomweb {

namespace {
constexpr std::size_t most_entries = 512;
}

std::shared_ptr<const std::string> HeaderCache::get(const std::string& key, const std::string& mark) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.key == key; });
  if (found == entries_.end() || found->mark != mark) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return entries_.front().text;
}

void HeaderCache::put(const std::string& key, const std::string& mark, std::string text) {
  if (text.size() > bytes_ / 4) return;
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.key == key; });
  if (found != entries_.end()) {
    used_ -= found->text->size();
    entries_.erase(found);
  }
  used_ += text.size();
  entries_.push_front({key, mark, std::make_shared<const std::string>(std::move(text))});
  while (used_ > bytes_ || entries_.size() > most_entries) {
    used_ -= entries_.back().text->size();
    entries_.pop_back();
  }
}

}  // namespace vedette::dicomweb
