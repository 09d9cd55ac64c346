#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "dicom/reader.hpp"
#include "pipeline/run.hpp"

namespace vedette::pipeline {

/// The series of one input as one volume, values and unit as the row says. Fails refused with the geometry's code where
/// it is no regular volume, "suv.…" where SUV cannot be known, "pipeline.unit" where the unit is not the gate's.
Result<Source> volume_source(const InputRow& row, const std::vector<dicom::File>& files);

/// Every image and frame of the series by itself, in the order of the files. Three channels 0…255 where the row says
/// rgb; grey values otherwise, colour is then refused "pipeline.colour".
Result<std::vector<Source>> image_sources(const InputRow& row, const std::vector<dicom::File>& files);

}  // namespace vedette::pipeline
