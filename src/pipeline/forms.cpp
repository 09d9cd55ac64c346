#include "pipeline/forms.hpp"

namespace vedette::pipeline {

std::vector<Known> promised(const Declaration& declaration) {
  std::vector<Known> out;
  for (const InputRow& row : declaration.inputs) {
    Known known;
    known.form.kind = voxel::Form::Kind::image;
    known.form.channels = row.rgb ? 3 : 1;
    if (row.each_image) {
      known.form.shape[0] = 1;
    } else {
      known.form.placed = true;
    }
    if (row.values == "display" || row.rgb) {
      known.form.unit = "1";
      known.form.low = 0;
      known.form.high = 255;
    } else if (row.values == "suv_bw") {
      known.form.unit = "g/ml{SUVbw}";
      known.form.low = 0;
    } else if (!row.unit.empty()) {
      known.form.unit = row.unit;
    }
    out.push_back(std::move(known));
  }
  return out;
}

}  // namespace vedette::pipeline
