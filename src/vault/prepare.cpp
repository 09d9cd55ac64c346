#include <chrono>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "vault/folder.hpp"

namespace vedette::vault {

namespace {

constexpr milliseconds quiet{200};      // without a new writer, before the disk is used for this
constexpr std::int64_t step = 2 << 20;  // a writer that comes meanwhile waits for one step at most
constexpr int prepared_segments = 4;    // each one gets half of what the one before it gets
constexpr std::int64_t plenty = 4;      // times what is written ahead must be free above the reserve

}  // namespace

std::pair<Folder::Slot*, std::int64_t> Folder::unprepared() {
  std::int64_t ahead = options_.ahead_bytes;
  int looked_at = 0;
  for (const std::int64_t number : open_) {
    Slot& slot = slots_.at(number);
    if (slot.use != Use::free) continue;
    if (++looked_at > prepared_segments) break;
    const std::int64_t room = std::min(ahead, options_.segment_bytes - slot.segment->end());
    if (room > 0 && !slot.segment->prepared(room)) return {&slot, room};
    ahead /= 2;
  }
  return {nullptr, 0};
}

void Folder::prepare(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (!changed_.wait(lock, stop, [&] { return may_prepare_; })) return;
    const std::uint64_t seen = begun_;
    changed_.wait_for(lock, stop, quiet, [] { return false; });  // no wake-up for each blob: that would cost the senders
    if (begun_ != seen || any(Use::busy)) continue;
    if (!may_grow(plenty * options_.ahead_bytes, options_.reserve_bytes) || (open_.empty() && !add_segment())) {
      may_prepare_ = false;
      continue;
    }
    while (begun_ == seen && !stop.stop_requested()) {
      const auto [slot, ahead] = unprepared();
      may_prepare_ = slot != nullptr;
      if (slot == nullptr) break;
      slot->use = Use::preparing;
      lock.unlock();
      const auto done = slot->segment->prepare(
          ahead, step, [&](std::int64_t more) { return may_grow(more, options_.reserve_bytes); });
      lock.lock();
      slot->use = done || done.error().fault == Fault::exhausted ? Use::free : Use::refused;
      changed_.notify_all();
      if (!done) {
        log::failure("vault.prepare", done.error());
        may_prepare_ = false;
        break;
      }
    }
  }
}

}  // namespace vedette::vault
