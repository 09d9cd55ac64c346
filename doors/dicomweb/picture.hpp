#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "dicom/render.hpp"

namespace vedette::dicomweb {

/// A part of a picture in pixels.
struct Cut {
  double x = 0, y = 0, width = 0, height = 0;
};

/// `cut` of `image` scaled to columns × rows: mean over the covered pixels when smaller, bilinear when larger.
dicom::Rendered scaled(const dicom::Rendered& image, const Cut& cut, std::uint32_t columns, std::uint32_t rows);
/// `quality` 1 to 100.
Result<std::string> to_jpeg(const dicom::Rendered& image, int quality);
Result<std::string> to_png(const dicom::Rendered& image);

}  // namespace vedette::dicomweb
