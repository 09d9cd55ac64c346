#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "vault/vault.hpp"

namespace vedette::vault {

/// Hands out positions and tells of kept blobs strictly in their order, whichever flush ends first. Thread-safe.
class Order {
 public:
  /// The first position handed out is `last` + 1.
  void start_after(std::int64_t last) {
    const std::scoped_lock lock(mutex_);
    next_ = last + 1;
  }
  std::int64_t take() {
    const std::scoped_lock lock(mutex_);
    waiting_.emplace(next_, std::nullopt);
    return next_++;
  }
  /// The blob is durable: tells of it once all before it are settled.
  void kept(const Stored& stored, Writer::InOrder in_order) {
    const std::scoped_lock lock(mutex_);
    waiting_[stored.position] = Settled{stored, std::move(in_order)};
    tell();
  }
  /// The position will never be there.
  void dropped(std::int64_t position) {
    const std::scoped_lock lock(mutex_);
    waiting_.erase(position);
    tell();
  }

 private:
  struct Settled {
    Stored stored;
    Writer::InOrder in_order;
  };
  void tell() {
    while (!waiting_.empty() && waiting_.begin()->second) {
      const auto first = waiting_.extract(waiting_.begin());
      if (first.mapped()->in_order) first.mapped()->in_order(first.mapped()->stored);
    }
  }

  std::mutex mutex_;  // held while telling: that is what keeps the order
  std::int64_t next_ = 1;
  std::map<std::int64_t, std::optional<Settled>> waiting_;
};

}  // namespace vedette::vault
