#pragma once

#include <cstddef>
#include <functional>

namespace vedette::voxel {

/// How many threads an operator may use; 0: as many as the machine has. The results never depend on it: work is cut
/// into pieces by the data, not by the threads, and sums are added in the order of the pieces.
struct Threads {
  int count = 0;
};

/// Calls work(begin, end) for pieces of at most `piece` of 0..items, on up to `threads` threads; returns when all are
/// done. `work` must not throw.
void in_pieces(std::size_t items, std::size_t piece, Threads threads,
               const std::function<void(std::size_t begin, std::size_t end)>& work);

}  // namespace vedette::voxel
