#include "dicom/render.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace vedette::dicom {
namespace {

/// A lookup table of PS3.3 section C.11.1.1.1 or C.7.6.3.1.5.
struct Lut {
  std::vector<std::uint16_t> entries;
  std::int64_t first = 0;  ///< value that maps to the first entry
  std::uint32_t bits = 16;

  std::uint16_t at(double value) const {
    const double index = std::round(value) - static_cast<double>(first);
    if (!(index > 0)) return entries.front();
    const auto last = static_cast<double>(entries.size() - 1);
    return entries[static_cast<std::size_t>(std::min(index, last))];
  }
};

Error fault(Tag tag, std::string_view cause) {
  return {Fault::malformed, "dicom.lut", std::string(cause), tag.text(), "The image can't be shown as it is."};
}

Result<Lut> read_lut(const DataSet& set, Tag descriptor, Tag data_tag, bool is_signed) {
  const Element* about = set.find(descriptor);
  const Element* data = set.find(data_tag);
  if (about == nullptr || about->value.size() < 6 || data == nullptr)
    return fault(descriptor, "the lookup table is incomplete");
  std::uint16_t words[3];
  std::memcpy(words, about->value.data(), sizeof words);
  Lut lut;
  const std::size_t count = words[0] == 0 ? 65536 : words[0];
  lut.first = is_signed ? static_cast<std::int16_t>(words[1]) : words[1];
  lut.bits = words[2];
  if (lut.bits < 8 || lut.bits > 16) return fault(descriptor, "the lookup table has neither 8 nor 16 bits");
  lut.entries.resize(count);
  if (data->value.size() >= 2 * count) {
    std::memcpy(lut.entries.data(), data->value.data(), 2 * count);
  } else if (data->value.size() >= count && lut.bits == 8) {
    for (std::size_t i = 0; i < count; ++i) lut.entries[i] = static_cast<unsigned char>(data->value[i]);
  } else {
    return fault(data_tag, "the lookup table is shorter than its descriptor says");
  }
  return lut;
}

/// Stored values to the units of the image.
struct Modality {
  double slope = 1;
  double intercept = 0;
  std::optional<Lut> lut;

  double operator()(double stored) const {
    return lut ? static_cast<double>(lut->at(stored)) : stored * slope + intercept;
  }
};

Result<Modality> modality_of(const DataSet& data, std::uint32_t frame, bool is_signed) {
  Modality out;
  if (const DataSet* lut = data.item(tags::modality_lut_sequence)) {
    out.lut = VEDETTE_TRY(read_lut(*lut, tags::lut_descriptor, tags::lut_data, is_signed));
    return out;
  }
  const DataSet* group = functional_group(data, frame, tags::pixel_value_transformation_sequence);
  out.slope = group->number(tags::rescale_slope).value_or(1);
  out.intercept = group->number(tags::rescale_intercept).value_or(0);
  return out;
}

/// Values of interest to 0..1.
struct Voi {
  Window window;
  std::optional<Lut> lut;

  double operator()(double value) const {
    if (!lut) return windowed(value, window);
    return static_cast<double>(lut->at(value)) / ((1U << lut->bits) - 1);
  }
};

double sample(const DecodedFrame& frame, std::size_t index) {
  const char* at = frame.pixels.data() + index * (frame.layout.bits_allocated / 8);
  const auto read = [&]<typename T>(T value) {
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  };
  if (frame.layout.kind == SampleKind::float32) return read(float{});
  if (frame.layout.kind == SampleKind::float64) return read(double{});
  switch (frame.layout.bits_allocated) {
    case 8:
      return frame.layout.is_signed ? read(std::int8_t{}) : read(std::uint8_t{});
    case 16:
      return frame.layout.is_signed ? read(std::int16_t{}) : read(std::uint16_t{});
    default:
      return frame.layout.is_signed ? read(std::int32_t{}) : read(std::uint32_t{});
  }
}

Window whole_range(const DataSet& data, const DecodedFrame& frame, const Modality& modality) {
  const auto padding = data.number(tags::pixel_padding_value);
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  for (std::size_t i = 0; i < frame.layout.pixels(); ++i) {
    const double stored = sample(frame, i);
    if (!std::isfinite(stored) || (padding && stored == *padding)) continue;
    const double value = modality(stored);
    least = std::min(least, value);
    most = std::max(most, value);
  }
  if (!(most > least)) return {std::isfinite(least) ? least : 0, 1, WindowFunction::linear_exact};
  return {(least + most) / 2, most - least, WindowFunction::linear_exact};
}

Result<Voi> voi_of(const DataSet& data, const DecodedFrame& decoded, std::uint32_t frame, const Modality& modality,
                   const std::optional<Window>& window) {
  Voi out;
  if (window) {
    if (!(window->width > 0))
      return Error{Fault::malformed, "dicom.window", "a window needs a width above 0", "", "Give centre and width."};
    out.window = *window;
    return out;
  }
  const std::vector<Window> offered = windows_of(data, frame);
  if (!offered.empty()) {
    out.window = offered.front();
    return out;
  }
  const DataSet* group = functional_group(data, frame, tags::frame_voi_lut_sequence);
  if (const DataSet* lut = group->item(tags::voi_lut_sequence)) {
    const bool is_signed = decoded.layout.is_signed || modality(0) < 0;
    out.lut = VEDETTE_TRY(read_lut(*lut, tags::lut_descriptor, tags::lut_data, is_signed));
    return out;
  }
  out.window = whole_range(data, decoded, modality);
  return out;
}

char to_byte(double share) {
  return static_cast<char>(static_cast<unsigned char>(std::lround(std::clamp(share, 0.0, 1.0) * 255.0)));
}

std::string render_grey(const DecodedFrame& frame, const Modality& modality, const Voi& voi, bool inverse) {
  const auto shown = [&](double stored) {
    if (!std::isfinite(stored)) return '\0';
    const double share = voi(modality(stored));
    return to_byte(inverse ? 1 - share : share);
  };
  std::string out(frame.layout.pixels(), '\0');
  if (frame.layout.bits_allocated > 16) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = shown(sample(frame, i));
    return out;
  }
  // Up to 16 bits: each stored value once.
  const std::size_t range = std::size_t{1} << frame.layout.bits_allocated;
  const double offset = frame.layout.is_signed ? static_cast<double>(range) / 2 : 0;
  std::string table(range, '\0');
  for (std::size_t i = 0; i < range; ++i) table[i] = shown(static_cast<double>(i) - offset);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = table[static_cast<std::size_t>(sample(frame, i) + offset)];
  return out;
}

Result<Rendered> render_palette(const DataSet& data, const DecodedFrame& frame) {
  constexpr Tag tables[][2] = {
      {tags::red_palette_color_lookup_table_descriptor, tags::red_palette_color_lookup_table_data},
      {tags::green_palette_color_lookup_table_descriptor, tags::green_palette_color_lookup_table_data},
      {tags::blue_palette_color_lookup_table_descriptor, tags::blue_palette_color_lookup_table_data}};
  if (data.find(tags::segmented_red_palette_color_lookup_table_data) != nullptr && data.find(tables[0][1]) == nullptr) {
    return Error{Fault::unsupported, "dicom.lut", "segmented palettes are not understood",
                 tags::segmented_red_palette_color_lookup_table_data.text()};
  }
  Rendered out{frame.layout.rows, frame.layout.columns, 3, std::string(frame.layout.pixels() * 3, '\0')};
  for (std::size_t colour = 0; colour < 3; ++colour) {
    const Lut lut = VEDETTE_TRY(read_lut(data, tables[colour][0], tables[colour][1], frame.layout.is_signed));
    // Writers that put 8-bit values into 16-bit entries are common: the entries themselves tell.
    const bool wide = lut.bits > 8 && *std::max_element(lut.entries.begin(), lut.entries.end()) > 255;
    for (std::size_t i = 0; i < frame.layout.pixels(); ++i) {
      const std::uint16_t entry = lut.at(sample(frame, i));
      out.pixels[i * 3 + colour] = static_cast<char>(wide ? entry >> 8 : entry);
    }
  }
  return out;
}

/// Colour with more than 8 bits loses its lowest bits for the screen.
Rendered render_colour(DecodedFrame frame) {
  to_rgb(frame);
  const ImageLayout& layout = frame.layout;
  Rendered out{layout.rows, layout.columns, 3, std::string(layout.pixels() * 3, '\0')};
  const std::size_t width = layout.bits_allocated / 8;
  const unsigned drop = layout.bits_stored > 8 ? layout.bits_stored - 8 : 0;
  for (std::size_t p = 0; p < layout.pixels(); ++p) {
    for (std::size_t s = 0; s < 3; ++s) {
      std::uint32_t value = 0;
      std::memcpy(&value, frame.pixels.data() + (p * layout.samples + s) * width, width);
      out.pixels[p * 3 + s] = static_cast<char>(value >> drop & 0xFF);
    }
  }
  return out;
}

}  // namespace

double windowed(double value, const Window& window) {
  switch (window.function) {
    case WindowFunction::sigmoid:
      return 1 / (1 + std::exp(-4 * (value - window.centre) / window.width));
    case WindowFunction::linear_exact:
      return std::clamp((value - window.centre) / window.width + 0.5, 0.0, 1.0);
    case WindowFunction::linear:
      break;
  }
  const double centre = window.centre - 0.5;
  const double width = window.width - 1;
  if (value <= centre - width / 2) return 0;
  if (value > centre + width / 2) return 1;
  return (value - centre) / width + 0.5;
}

const DataSet* functional_group(const DataSet& data, std::uint32_t frame, Tag sequence) {
  const std::vector<DataSet>& per_frame = data.items(tags::per_frame_functional_groups_sequence);
  if (frame < per_frame.size()) {
    if (const DataSet* group = per_frame[frame].item(sequence)) return group;
  }
  if (const DataSet* shared = data.item(tags::shared_functional_groups_sequence)) {
    if (const DataSet* group = shared->item(sequence)) return group;
  }
  return &data;
}

std::vector<Window> windows_of(const DataSet& data, std::uint32_t frame) {
  const DataSet* group = functional_group(data, frame, tags::frame_voi_lut_sequence);
  const std::vector<double> centres = group->numbers(tags::window_center);
  const std::vector<double> widths = group->numbers(tags::window_width);
  const std::string name = group->text(tags::voi_lut_function);
  const WindowFunction function = name == "SIGMOID"        ? WindowFunction::sigmoid
                                  : name == "LINEAR_EXACT" ? WindowFunction::linear_exact
                                                           : WindowFunction::linear;
  std::vector<Window> out;
  for (std::size_t i = 0; i < std::min(centres.size(), widths.size()); ++i) {
    if (widths[i] >= 1 || (function != WindowFunction::linear && widths[i] > 0))
      out.push_back({centres[i], widths[i], function});
  }
  return out;
}

Result<Rendered> render(const DataSet& data, const DecodedFrame& decoded, std::uint32_t frame,
                        const std::optional<Window>& window) {
  const ImageLayout& layout = decoded.layout;
  if (layout.photometric == "PALETTE COLOR") return render_palette(data, decoded);
  if (layout.samples >= 3) return render_colour(decoded);
  const Modality modality = VEDETTE_TRY(modality_of(data, frame, layout.is_signed));
  const Voi voi = VEDETTE_TRY(voi_of(data, decoded, frame, modality, window));
  const bool inverse = (layout.photometric == "MONOCHROME1") !=
                       (data.text(tags::presentation_lut_shape) == "INVERSE" && layout.photometric != "MONOCHROME1");
  return Rendered{layout.rows, layout.columns, 1, render_grey(decoded, modality, voi, inverse)};
}

}  // namespace vedette::dicom
