#include "pet_uptake/pet_uptake.hpp"

#include <algorithm>
#include <cmath>

namespace vedette::pet_uptake {

namespace {

using voxel::Neighbours;
using voxel::Region;
using voxel::Volume;

Region above(const Volume& volume, double threshold, std::size_t seed) {
  const auto inside = [&](std::size_t at) { return static_cast<double>(volume.values[at]) >= threshold; };
  return voxel::component_at(volume.grid, seed, inside, Neighbours::corners26);
}

double mean_of(const Volume& volume, const Region& region) {
  double sum = 0;
  for (const std::size_t at : region) sum += static_cast<double>(volume.values[at]);
  return region.empty() ? 0 : sum / static_cast<double>(region.size());
}

/// Volume of `region`, which is what lies above `threshold` around `seed`.
MetabolicVolume metabolic(const Volume& volume, const Region& region, double threshold, std::size_t seed) {
  const double ml = volume.grid.voxel_ml();
  MetabolicVolume out;
  out.threshold = threshold;
  out.ml = static_cast<double>(region.size()) * ml;
  out.mean = mean_of(volume, region);
  const double more = static_cast<double>(above(volume, 0.9 * threshold, seed).size()) * ml - out.ml;
  const double less = out.ml - static_cast<double>(above(volume, 1.1 * threshold, seed).size()) * ml;
  out.uncertainty_ml = std::max({more, less, ml});
  return out;
}

Candidate measured(const Volume& volume, Region region, const Parameters& p) {
  Candidate out;
  out.statistics = voxel::statistics_of(volume, region);
  const std::size_t seed = out.statistics.maximum_at;
  out.peak = voxel::peak_of(volume, region, p.peak_volume);
  out.fixed = metabolic(volume, region, p.threshold, seed);
  const double threshold = p.share_of_maximum * out.statistics.maximum;
  out.share = metabolic(volume, above(volume, threshold, seed), threshold, seed);
  out.urgent = out.statistics.maximum >= p.urgent_suv_max && out.fixed.ml >= p.urgent_volume;
  out.region = std::move(region);
  return out;
}

}  // namespace

double Candidate::glycolysis_uncertainty(double relative_variation) const {
  const double of_volume = fixed.ml > 0 ? fixed.uncertainty_ml / fixed.ml : 0;
  return glycolysis() * std::sqrt(of_volume * of_volume + relative_variation * relative_variation);
}

Result<Found> find_candidates(std::span<const voxel::ImageSource> images, const Parameters& p,
                              const std::function<void(double, std::string_view)>& progress) {
  Found found;
  std::vector<const dicom::DataSet*> headers;
  for (const auto& image : images) headers.push_back(image.data);
  progress(0.05, "Reading headers");
  found.suv = VEDETTE_TRY(voxel::suv_of(headers, voxel::SuvKind::bw));
  voxel::VolumeOptions options;
  options.factor = [&](std::size_t i) { return found.suv.factors[i]; };
  options.unit = std::string(voxel::unit_of(voxel::SuvKind::bw));
  progress(0.1, "Reading images");
  found.volume = VEDETTE_TRY(voxel::volume_of(images, options));
  progress(0.5, "Looking for regions");
  const Volume& volume = found.volume;
  auto regions = voxel::components(
      volume.grid, [&](std::size_t at) { return static_cast<double>(volume.values[at]) >= p.threshold; },
      Neighbours::corners26);
  // A volume of exactly the least counts, whatever the last bit of the voxel's volume says.
  const double least = p.least_volume * (1 - 1e-9);
  std::erase_if(regions, [&](const Region& region) {
    return static_cast<double>(region.size()) * volume.grid.voxel_ml() < least;
  });
  const auto hottest = [&](const Region& region) {
    float most = -std::numeric_limits<float>::infinity();
    for (const std::size_t at : region) most = std::max(most, volume.values[at]);
    return most;
  };
  std::stable_sort(regions.begin(), regions.end(),
                   [&](const Region& a, const Region& b) { return hottest(a) > hottest(b); });
  if (regions.size() > p.most_regions) {
    found.left_out = regions.size() - p.most_regions;
    regions.resize(p.most_regions);
  }
  for (std::size_t i = 0; i < regions.size(); ++i) {
    progress(0.6 + 0.3 * static_cast<double>(i) / static_cast<double>(regions.size()), "Measuring regions");
    found.candidates.push_back(measured(volume, std::move(regions[i]), p));
  }
  return found;
}

}  // namespace vedette::pet_uptake
