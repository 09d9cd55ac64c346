#include <map>
#include <utility>

#include "voxel/regions.hpp"

namespace vedette::voxel {

namespace {

/// A corner of the pixel lattice: row and column from 0 to rows and columns.
using Corner = std::pair<int, int>;

/// Boundary edges of a slice, directed with the inside on the right as rows grow downwards.
std::multimap<Corner, Corner> edges_of(const Mask& mask, int k) {
  const auto inside = [&](int r, int c) {
    return r >= 0 && c >= 0 && r < mask.rows && c < mask.columns && mask.inside(k, r, c);
  };
  std::multimap<Corner, Corner> edges;
  for (int r = 0; r < mask.rows; ++r) {
    for (int c = 0; c < mask.columns; ++c) {
      if (!inside(r, c)) continue;
      if (!inside(r - 1, c)) edges.emplace(Corner{r, c}, Corner{r, c + 1});
      if (!inside(r, c + 1)) edges.emplace(Corner{r, c + 1}, Corner{r + 1, c + 1});
      if (!inside(r + 1, c)) edges.emplace(Corner{r + 1, c + 1}, Corner{r + 1, c});
      if (!inside(r, c - 1)) edges.emplace(Corner{r + 1, c}, Corner{r, c});
    }
  }
  return edges;
}

/// Positive when the path a → b → c turns clockwise on the screen (rows downwards), towards the inside.
int turn(Corner a, Corner b, Corner c) {
  const int dr = b.first - a.first, dc = b.second - a.second;
  const int er = c.first - b.first, ec = c.second - b.second;
  return dc * er - dr * ec;
}

std::vector<std::vector<Corner>> loops_of(std::multimap<Corner, Corner> edges) {
  std::vector<std::vector<Corner>> loops;
  while (!edges.empty()) {
    const Corner start = edges.begin()->first;
    Corner before = start, at = edges.begin()->second;
    edges.erase(edges.begin());
    std::vector<Corner> loop{start};
    while (at != start) {
      auto [from, to] = edges.equal_range(at);
      auto chosen = from;
      // Where two voxels touch at a corner, the turn towards the inside keeps them apart.
      for (auto edge = from; edge != to; ++edge) {
        if (turn(before, at, edge->second) > turn(before, at, chosen->second)) chosen = edge;
      }
      if (turn(before, at, chosen->second) != 0) loop.push_back(at);
      before = at;
      at = chosen->second;
      edges.erase(chosen);
    }
    if (loop.size() > 2 && turn(before, start, loop[1]) == 0) loop.erase(loop.begin());
    loops.push_back(std::move(loop));
  }
  return loops;
}

}  // namespace

Result<std::vector<SliceOutline>> outline_of(const Mask& mask, std::span<const Plane> planes) {
  if (planes.size() != static_cast<std::size_t>(mask.slices) ||
      mask.voxels.size() != static_cast<std::size_t>(mask.slices) * static_cast<std::size_t>(mask.rows) *
                                static_cast<std::size_t>(mask.columns)) {
    return Error{Fault::malformed, "mask.shape", "The mask does not have the shape that it states"};
  }
  std::vector<SliceOutline> outlines;
  for (int k = 0; k < mask.slices; ++k) {
    const Plane& plane = planes[static_cast<std::size_t>(k)];
    if (!plane.placed || plane.rows != mask.rows || plane.columns != mask.columns) {
      return Error{Fault::malformed, "mask.grid", "The mask does not lie on the grid of its images"};
    }
    SliceOutline outline;
    outline.sop_instance_uid = plane.sop_instance_uid;
    outline.frame = plane.frame;
    for (const auto& loop : loops_of(edges_of(mask, k))) {
      std::vector<Vec3> polygon;
      for (const auto& [row, column] : loop) polygon.push_back(plane.at(row - 0.5, column - 0.5));
      outline.polygons.push_back(std::move(polygon));
    }
    if (!outline.polygons.empty()) outlines.push_back(std::move(outline));
  }
  return outlines;
}

}  // namespace vedette::voxel
