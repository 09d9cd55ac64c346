#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "voxel/regions.hpp"
#include "voxel/suv.hpp"
#include "voxel/volume.hpp"

namespace vedette::pet_uptake {

/// The numbers of tool.toml; none has a default here.
struct Parameters {
  double threshold = 0;           ///< SUVbw, g/ml
  double least_volume = 0;        ///< ml
  double share_of_maximum = 0;    ///< 0…1
  double peak_volume = 0;         ///< ml
  double urgent_suv_max = 0;      ///< g/ml
  double urgent_volume = 0;       ///< ml
  double relative_variation = 0;  ///< of SUV
  std::size_t most_regions = 0;
};

/// A volume at a threshold, with the change when the threshold moves by 10 %.
struct MetabolicVolume {
  double threshold = 0;  ///< g/ml
  double ml = 0;
  double mean = 0;  ///< SUVbw inside
  double uncertainty_ml = 0;
};

struct Candidate {
  voxel::Region region;
  voxel::Statistics statistics;  ///< SUVbw
  voxel::Peak peak;
  MetabolicVolume fixed;  ///< at the fixed threshold: the region itself
  MetabolicVolume share;  ///< at a share of its maximum, connected to it
  bool urgent = false;

  double glycolysis() const { return fixed.ml * fixed.mean; }  ///< g
  double glycolysis_uncertainty(double relative_variation) const;
};

struct Found {
  voxel::Suv suv;
  voxel::Volume volume;               ///< SUVbw, g/ml
  std::vector<Candidate> candidates;  ///< by falling SUVmax
  std::size_t left_out = 0;           ///< beyond Parameters::most_regions
};

/// Candidates in one PET series. Fails refused with the code of voxel::suv_of or voxel::volume_of.
Result<Found> find_candidates(std::span<const voxel::ImageSource> images, const Parameters& parameters,
                              const std::function<void(double, std::string_view)>& progress);

/// The tool as a child process: reads `input`/study.json and its files, writes `output`/output.json and masks. Answers
/// the exit status. Progress goes to standard output as JSON lines.
int run_as_child(const std::string& tool, const std::string& input, const std::string& output);

}  // namespace vedette::pet_uptake
