#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "terms/code.hpp"
#include "voxel/operator.hpp"

namespace vedette::pipeline {

/// How the images of one input of the gate become values.
struct InputRow {
  std::string name;
  bool each_image = false;          ///< the steps run on every image by itself, else on the series as one volume
  std::string values = "modality";  ///< "modality": rescaled; "display": 0…255 as a screen shows it; "suv_bw"
  bool rgb = false;                 ///< three channels 0…255; else one (colour images are then refused)
  std::string unit;                 ///< that the gate promises; empty: not known
};

/// One [[step]].
struct StepRow {
  std::string use;  ///< name of an operator or of a step of this module
  std::vector<std::string>
      of;                ///< names of what it takes; empty: the result before, for the first step the first input
  std::string name;      ///< `as`: what its result is called
  voxel::Values values;  ///< as given; defaults are filled in by the check
  std::string where;     ///< file, line and column, for messages
};

/// One network of the tool.
struct ModelRow {
  std::string name;  ///< empty where there is only one
  std::string file;  ///< in the tool's folder
};

struct MeasurementRow {
  std::string measure;  ///< "volume" "longest" "longest_in_slice" "mean" "sd" "minimum" "maximum" "voxels" "score"
  terms::Code code;
  std::string unit;  ///< UCUM
};
/// A finding gets this urgency where the measure is at least `least`; the last row that holds wins.
struct Escalation {
  std::string measure;
  double least = 0;
  std::string urgency;
};

/// One [[output]]: which label, class or box becomes which proposed finding.
struct OutputRow {
  std::string name;
  terms::Code code;
  terms::Code site, laterality;
  std::string text;
  std::vector<std::string> urgency;  ///< the first is given unless an escalation holds
  std::string region;                ///< "mask", "point", "none"
  std::optional<int> label;          ///< value in the label map, place of the score, class of the box, from 0
  std::optional<double> threshold;   ///< least score that is proposed
  double least_ml = 0;               ///< smaller regions are not proposed
  bool apart = false;                ///< each connected part is a finding of its own
  std::size_t most = 20;             ///< findings of this row; the greatest first, the rest is counted
  std::vector<Escalation> escalations;
  std::vector<MeasurementRow> measurements;
};

struct Declaration {
  std::vector<InputRow> inputs;
  std::vector<ModelRow> models;
  std::vector<StepRow> steps;
  std::vector<OutputRow> outputs;
};

/// For study.json: the tool's process reads no TOML. `from_json` fails malformed on what `to_json` did not write.
std::string to_json(const Declaration& declaration);
Result<Declaration> from_json(std::string_view text);

}  // namespace vedette::pipeline
