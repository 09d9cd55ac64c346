#include "voxel/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace vedette::voxel {

void in_pieces(std::size_t items, std::size_t piece, Threads threads,
               const std::function<void(std::size_t begin, std::size_t end)>& work) {
  if (items == 0) return;
  piece = std::max<std::size_t>(piece, 1);
  const std::size_t pieces = (items + piece - 1) / piece;
  std::size_t count = threads.count > 0 ? static_cast<std::size_t>(threads.count)
                                        : std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
  count = std::min(count, pieces);
  std::atomic<std::size_t> next{0};
  const auto take = [&] {
    for (std::size_t at = next++; at < pieces; at = next++) work(at * piece, std::min(items, (at + 1) * piece));
  };
  std::vector<std::jthread> others;
  others.reserve(count - 1);
  for (std::size_t i = 1; i < count; ++i) others.emplace_back(take);
  take();
}

}  // namespace vedette::voxel
