#include "voxel/blend.hpp"

#include <limits>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VEDETTE_FOR_PROCESSORS __attribute__((target_clones("avx2", "default")))
#else
#define VEDETTE_FOR_PROCESSORS
#endif

namespace vedette::voxel {

void BlendRow::start(std::size_t count) {
  best.assign(count, -std::numeric_limits<float>::infinity());
  label.assign(count, 0);
}

VEDETTE_FOR_PROCESSORS
void blend_rows(const float* a0, const float* a1, const float* b0, const float* b1, float rows, float slices,
                std::size_t count, float* __restrict row) {
  if (!(slices > 0)) {
    for (std::size_t x = 0; x < count; ++x) row[x] = b0[x] + rows * (b1[x] - b0[x]);
  } else {
    for (std::size_t x = 0; x < count; ++x) {
      const float a = a0[x] + rows * (a1[x] - a0[x]);
      const float b = b0[x] + rows * (b1[x] - b0[x]);
      row[x] = a + slices * (b - a);
    }
  }
  row[count] = row[count - 1];
}

VEDETTE_FOR_PROCESSORS
void take_greatest(const float* __restrict row, const std::uint32_t* __restrict low, const float* __restrict share,
                   std::size_t count, int number, float* __restrict best, std::int32_t* __restrict label) {
  for (std::size_t x = 0; x < count; ++x) {
    const auto at = static_cast<std::int32_t>(low[x]);
    const float a = row[at], b = row[at + 1];
    const float value = a + share[x] * (b - a);
    const bool greater = value > best[x];
    best[x] = greater ? value : best[x];
    label[x] = greater ? number : label[x];
  }
}

}  // namespace vedette::voxel
