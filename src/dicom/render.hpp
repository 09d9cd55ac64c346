#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "dicom/frames.hpp"

namespace vedette::dicom {

enum class WindowFunction : std::uint8_t { linear, linear_exact, sigmoid };

/// A VOI window in units after the modality transform (PS3.3 section C.11.2.1).
struct Window {
  double centre = 0;
  double width = 1;
  WindowFunction function = WindowFunction::linear;
};

/// 0..1 for `value` in `window` by the formulas of PS3.3 section C.11.2.1.2 and C.11.2.1.3.
double windowed(double value, const Window& window);

/// The functional group `sequence` of `frame` (from 0): per frame, else shared, else the data set itself where it is no
/// enhanced image.
const DataSet* functional_group(const DataSet& data, std::uint32_t frame, Tag sequence);

/// The windows that the image offers for `frame`, the first one being the default; windows of width 0 are left out.
std::vector<Window> windows_of(const DataSet& data, std::uint32_t frame);

/// 8 bits for a screen: rows × columns × samples (1 grey, 3 RGB by pixel).
struct Rendered {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t samples = 1;
  std::string pixels;
};

/// Modality transform (rescale or LUT), VOI (the given window, else the image's first window, else its VOI LUT, else
/// smallest to largest value of the frame), MONOCHROME1 and Presentation LUT Shape INVERSE turned, palette and YBR made
/// RGB. `frame` is the number (from 0) that `decoded` came from.
Result<Rendered> render(const DataSet& data, const DecodedFrame& decoded, std::uint32_t frame,
                        const std::optional<Window>& window = {});

}  // namespace vedette::dicom
