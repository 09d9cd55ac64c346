// The real models, where the shared data are there: the numbers are those of data/README.md section 3, measured with
// another engine.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <array>

#include "engine/warm_fixture.hpp"

namespace vedette::engine {
namespace {

constexpr std::size_t voxels = 256UL * 256 * 256;

/// [1,1,256,256,256] in file order, scaled to 0..1.
Result<Tensor> brain(const std::filesystem::path& data) {
  Tensor out = VEDETTE_TRY(Tensor::make<float>("input", {1, 1, 256, 256, 256}));
  std::vector<std::uint8_t> bytes(352 + voxels);
  gzFile file = gzopen((data / "models-meshnet-brain-mr/t1_crop.nii.gz").c_str(), "rb");
  const int got = gzread(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  EXPECT_EQ(static_cast<std::size_t>(got), bytes.size());
  const auto values = std::span(bytes).subspan(352);
  const auto [least, most] = std::ranges::minmax(values);
  std::ranges::transform(values, out.as<float>().begin(),
                         [low = least, range = static_cast<float>(most - least)](std::uint8_t v) {
                           return static_cast<float>(v - low) / range;
                         });
  return out;
}

std::array<long, 3> counts_of(const Tensor& logits) {
  const auto values = logits.as<float>();
  std::array<long, 3> counts{};
  for (std::size_t i = 0; i < voxels; ++i) {
    std::size_t best = 0;
    for (std::size_t c = 1; c < 3; ++c) {
      if (values[c * voxels + i] > values[best * voxels + i]) best = c;
    }
    ++counts[best];
  }
  return counts;
}

TEST(Golden, MeshNetCountsAreThoseOfTheOtherEngineWithOneAndTwoThreads) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory does not fit inside the walls";
#endif
  const auto data = shared_data();
  if (!data || !std::filesystem::exists(*data / "models-meshnet-onnx/model.onnx"))
    GTEST_SKIP() << "no shared data here";
  const auto input = brain(*data);
  ASSERT_GOOD(input);
  Warm warm({});
  std::string first;
  for (const int threads : {2, 1}) {
    NetworkOrder order = order_of(*data / "models-meshnet-onnx/model.onnx");
    order.threads = threads;
    auto lease = warm.open({order}, Urgency::routine, std::chrono::seconds(60), {});
    ASSERT_GOOD(lease);
    auto network = client_of(*lease);
    ASSERT_GOOD(network);
    for (int run = 0; run < 2; ++run) {
      const auto start = std::chrono::steady_clock::now();
      const auto outputs = (*network)->infer({&*input, 1}, {});
      ASSERT_GOOD(outputs);
      const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      EXPECT_EQ(counts_of((*outputs)[0]), (std::array<long, 3>{15'523'464, 518'540, 735'212}));
      const std::string digest = digest_of((*outputs)[0]);
      if (first.empty()) first = digest;
      EXPECT_EQ(digest, first) << threads << " threads, run " << run;
      RecordProperty("seconds_" + std::to_string(threads) + "_" + std::to_string(run), std::to_string(took));
      std::cout << threads << " threads, run " << run << ": " << took << " s, " << (*network)->description().engine
                << " " << (*network)->description().device << "\n";
    }
  }
}

}  // namespace
}  // namespace vedette::engine
