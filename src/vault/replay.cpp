#include <queue>

#include "vault/folder.hpp"
#include "vault/scan.hpp"

namespace vedette::vault {

namespace {

/// One segment's part of a replay. Its file is opened when its turn comes.
struct Lane {
  std::int64_t number = 0;
  Identity identity;
  std::int64_t from = 0, end = 0;
  std::int64_t position = 0;  ///< of `record`, or the first that may come
  std::unique_ptr<Scan> scan;
  std::optional<Record> record;
};

struct Later {
  bool operator()(const Lane* a, const Lane* b) const { return a->position > b->position; }
};

/// Moves the lane to its next living record after `position`; false when there is none.
Result<bool> step(Lane& lane, std::int64_t position) {
  while (true) {
    lane.record = VEDETTE_TRY(lane.scan->next());
    if (!lane.record) return false;
    lane.position = lane.record->head.position;
    if (!lane.record->head.dead && lane.position > position) return true;
  }
}

}  // namespace

Result<void> Folder::replay(std::int64_t position, const std::function<Result<void>(const Stored&)>& visit) const {
  std::vector<std::unique_ptr<Lane>> lanes;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [number, slot] : slots_) {
      if (slot.use == Use::foreign || slot.state.last_position <= position) continue;
      auto lane = std::make_unique<Lane>();
      lane->number = number;
      lane->identity = slot.identity;
      lane->from = !slot.noted.sealed && position >= slot.noted.last_position ? slot.noted.end : first_record;
      lane->end = slot.state.end;
      lane->position = slot.state.first_position;
      lanes.push_back(std::move(lane));
    }
  }
  std::priority_queue<Lane*, std::vector<Lane*>, Later> next;
  for (const auto& lane : lanes) next.push(lane.get());
  while (!next.empty()) {
    Lane& lane = *next.top();
    next.pop();
    if (!lane.scan) {
      lane.scan = std::make_unique<Scan>(VEDETTE_TRY(file_of(lane.number)), path_of(lane.number), lane.identity,
                                         lane.from, lane.end);
    } else if (lane.record) {
      const Head& head = lane.record->head;
      VEDETTE_TRY(visit(Stored{lane.record->digest, Place{lane.number, head.data(), head.data_length},
                               std::move(lane.record->label), head.position}));
    }
    if (VEDETTE_TRY(step(lane, position))) {
      next.push(&lane);
    } else {
      lane.scan.reset();
    }
  }
  return {};
}

}  // namespace vedette::vault
