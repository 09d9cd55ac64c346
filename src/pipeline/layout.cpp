#include "pipeline/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace vedette::pipeline {

namespace {

using engine::Element;

/// Sizes and steps (in numbers of the tensor) of channel, slice, row, column.
struct Strides {
  std::array<std::size_t, 4> size{1, 1, 1, 1}, step{0, 0, 0, 0};
};

constexpr std::string_view window_letters = "CDHW";

Strides strides_of(const engine::Shape& shape, const Layout& layout) {
  Strides out;
  std::size_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    const auto at = window_letters.find(layout.letters[i]);
    const auto size = static_cast<std::size_t>(shape[i]);
    if (at != std::string_view::npos) {
      out.size[at] = size;
      out.step[at] = step;
    }
    step *= size;
  }
  return out;
}

template <typename T>
T number_as(float value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    const double rounded = std::nearbyint(static_cast<double>(value));
    const double low = static_cast<double>(std::numeric_limits<T>::min());
    const double high = static_cast<double>(std::numeric_limits<T>::max());
    if (!(rounded > low)) return std::numeric_limits<T>::min();
    return rounded >= high ? std::numeric_limits<T>::max() : static_cast<T>(rounded);
  }
}

/// Whole numbers that a type cannot hold would be cut silently: refused instead.
template <typename T>
bool holds(const float* values, std::size_t count) {
  const double low = static_cast<double>(std::numeric_limits<T>::min()) - 0.5;
  const double high = static_cast<double>(std::numeric_limits<T>::max()) + 0.5;
  return std::all_of(values, values + count, [&](float v) { return v >= low && v <= high; });
}
bool holds(engine::Element element, const float* values, std::size_t count) {
  switch (element) {
    case Element::u8:
      return holds<std::uint8_t>(values, count);
    case Element::i8:
      return holds<std::int8_t>(values, count);
    case Element::u16:
      return holds<std::uint16_t>(values, count);
    case Element::i16:
      return holds<std::int16_t>(values, count);
    default:
      return true;
  }
}

template <typename T>
void fill(std::span<T> out, const float* values, const Strides& to) {
  const auto [channels, slices, rows, columns] = to.size;
  if constexpr (std::is_same_v<T, float>) {
    // The common case is the window's own order.
    if (to.step[3] == 1 && to.step[2] == columns && (slices == 1 || to.step[1] == columns * rows) &&
        (channels == 1 || to.step[0] == columns * rows * slices)) {
      std::memcpy(out.data(), values, out.size() * sizeof(float));
      return;
    }
  }
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t k = 0; k < slices; ++k) {
      for (std::size_t r = 0; r < rows; ++r) {
        T* line = out.data() + c * to.step[0] + k * to.step[1] + r * to.step[2];
        for (std::size_t w = 0; w < columns; ++w) line[w * to.step[3]] = number_as<T>(*values++);
      }
    }
  }
}

template <typename T>
void gather(std::vector<float>& out, std::span<const T> in, const Strides& from) {
  const auto [channels, slices, rows, columns] = from.size;
  out.resize(channels * slices * rows * columns);
  float* to = out.data();
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t k = 0; k < slices; ++k) {
      for (std::size_t r = 0; r < rows; ++r) {
        const T* line = in.data() + c * from.step[0] + k * from.step[1] + r * from.step[2];
        for (std::size_t w = 0; w < columns; ++w) *to++ = static_cast<float>(line[w * from.step[3]]);
      }
    }
  }
}

float from_half(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const double mantissa = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 0) return static_cast<float>(sign * std::ldexp(mantissa, -24));
  if (exponent == 31)
    return mantissa != 0 ? std::numeric_limits<float>::quiet_NaN()
                         : static_cast<float>(sign) * std::numeric_limits<float>::infinity();
  return static_cast<float>(sign * std::ldexp(mantissa + 1024, exponent - 25));
}

/// Nearest, ties to even.
std::uint16_t to_half(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const double size = std::abs(static_cast<double>(value));
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00U);
  if (size == 0) return sign;
  if (size >= 65520) return static_cast<std::uint16_t>(sign | 0x7c00U);
  int exponent = 0;
  std::frexp(size, &exponent);
  const int scale = std::max(exponent - 11, -24);
  const auto whole = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(size, -scale)));
  // Below 1024 the number is subnormal (scale -24); at 2048 the carry moves on by itself.
  if (scale == -24) return static_cast<std::uint16_t>(sign | whole);
  return static_cast<std::uint16_t>(sign | ((static_cast<std::uint32_t>(scale + 24) << 10) + whole));
}

Error axes_error(const engine::Shape& shape, const Layout& layout) {
  return Error{Fault::refused,
               "pipeline.layout",
               fmt::format("The layout {} has {} letters, the tensor {} has {} axes", layout.letters,
                           layout.letters.size(), engine::text_of(shape), shape.size()),
               {},
               "Give one letter for each axis."};
}

}  // namespace

int Layout::place_of(char letter) const {
  const auto at = letters.find(letter);
  return at == std::string::npos ? -1 : static_cast<int>(at);
}

Result<Layout> layout_from(std::string_view letters) {
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (std::string_view("NCDHW").find(letters[i]) == std::string_view::npos ||
        letters.find(letters[i], i + 1) != std::string_view::npos) {
      return Error{Fault::refused,
                   "pipeline.layout",
                   fmt::format("'{}' is no layout", letters),
                   {},
                   "Use each of N batch, C channel, D slice, H row, W column at most once, such as NCDHW or NHWC."};
    }
  }
  if (letters.empty()) return Error{Fault::refused, "pipeline.layout", "A layout is empty", {}, "Write it as NCHW."};
  return Layout{std::string(letters)};
}

Result<Layout> likely_layout(const engine::Shape& shape, std::optional<int> channels) {
  const auto is_channel = [&](std::int64_t size) {
    return channels ? size == *channels || size == -1 : size >= 1 && size <= 4;
  };
  const std::size_t rank = shape.size();
  if (rank == 2) return Layout{"HW"};
  if (rank == 3) {
    if (is_channel(shape[2]) && shape[2] > 0 && !(is_channel(shape[0]) && shape[0] > 0)) return Layout{"HWC"};
    return channels.value_or(1) == 1 && shape[0] <= 1 ? Layout{"NHW"} : Layout{"CHW"};
  }
  if (rank == 4 || rank == 5) {
    const bool first = is_channel(shape[1]), last = is_channel(shape[rank - 1]);
    const bool first_known = first && shape[1] > 0, last_known = last && shape[rank - 1] > 0;
    if (first_known && !last_known) return Layout{rank == 4 ? "NCHW" : "NCDHW"};
    if (last_known && !first_known) return Layout{rank == 4 ? "NHWC" : "NDHWC"};
    if (first_known || first) return Layout{rank == 4 ? "NCHW" : "NCDHW"};
  }
  return Error{Fault::refused,
               "pipeline.layout",
               fmt::format("The axes of {} cannot be told from their sizes{}", engine::text_of(shape),
                           channels ? fmt::format(" for {} channel{}", *channels, *channels == 1 ? "" : "s") : ""),
               {},
               "Say them with layouts = [\"NCDHW\"] (N batch, C channel, D slice, H row, W column), and check the "
               "number of channels."};
}

Result<engine::Tensor> to_tensor(const voxel::Tensor& window, int first, int count, const engine::Port& port,
                                 const Layout& layout) {
  engine::Shape shape;
  if (layout.letters.size() != port.shape.size()) return axes_error(port.shape, layout);
  for (std::size_t i = 0; i < layout.letters.size(); ++i) {
    switch (layout.letters[i]) {
      case 'C':
        shape.push_back(count);
        break;
      case 'D':
        shape.push_back(window.shape[0]);
        break;
      case 'H':
        shape.push_back(window.shape[1]);
        break;
      case 'W':
        shape.push_back(window.shape[2]);
        break;
      default:
        shape.push_back(1);
    }
  }
  engine::Tensor tensor = VEDETTE_TRY(engine::Tensor::make(port.name, port.element, shape));
  const Strides to = strides_of(shape, layout);
  const std::size_t voxels = static_cast<std::size_t>(window.shape[0]) * static_cast<std::size_t>(window.shape[1]) *
                             static_cast<std::size_t>(window.shape[2]);
  if (to.size[0] * to.size[1] * to.size[2] * to.size[3] != voxels * static_cast<std::size_t>(count)) {
    return Error{Fault::refused,
                 "pipeline.layout",
                 fmt::format("The layout {} has no axis for a window of {} × {} × {} with {} channels", layout.letters,
                             window.shape[0], window.shape[1], window.shape[2], count),
                 {},
                 "Give the network step a window that fits, or another layout."};
  }
  const float* values = window.values.data() + static_cast<std::size_t>(first) * voxels;
  if (!holds(port.element, values, voxels * static_cast<std::size_t>(count))) {
    return Error{Fault::refused,
                 "pipeline.range",
                 fmt::format("The network's input '{}' takes {}, and the values leave its range", port.name,
                             engine::name_of(port.element)),
                 {},
                 "Add a step \"clip\" before the network."};
  }
  switch (port.element) {
    case Element::f32:
      fill(tensor.as<float>(), values, to);
      break;
    case Element::f64:
      fill(tensor.as<double>(), values, to);
      break;
    case Element::u8:
      fill(tensor.as<std::uint8_t>(), values, to);
      break;
    case Element::i8:
      fill(tensor.as<std::int8_t>(), values, to);
      break;
    case Element::u16:
      fill(tensor.as<std::uint16_t>(), values, to);
      break;
    case Element::i16:
      fill(tensor.as<std::int16_t>(), values, to);
      break;
    case Element::i32:
      fill(tensor.as<std::int32_t>(), values, to);
      break;
    case Element::i64:
      fill(tensor.as<std::int64_t>(), values, to);
      break;
    case Element::f16: {
      std::vector<float> ordered(tensor.count());
      fill(std::span<float>(ordered), values, to);
      auto* out = reinterpret_cast<std::uint16_t*>(tensor.memory.bytes().data());
      std::transform(ordered.begin(), ordered.end(), out, to_half);
      break;
    }
    default:
      return Error{Fault::unsupported,
                   "pipeline.element",
                   fmt::format("The network's input '{}' takes {}, which images are not turned into", port.name,
                               engine::name_of(port.element)),
                   {},
                   "Export the network with a float or integer input."};
  }
  return tensor;
}

Result<voxel::Tensor> from_tensor(const engine::Tensor& tensor, const Layout& layout) {
  if (layout.letters.size() != tensor.shape.size()) return axes_error(tensor.shape, layout);
  const Strides from = strides_of(tensor.shape, layout);
  voxel::Tensor out;
  out.channels = static_cast<int>(from.size[0]);
  out.shape = {static_cast<int>(from.size[1]), static_cast<int>(from.size[2]), static_cast<int>(from.size[3])};
  if (const int n = layout.place_of('N'); n >= 0 && tensor.shape[static_cast<std::size_t>(n)] != 1) {
    return Error{Fault::malformed, "pipeline.batch",
                 fmt::format("The network gave {} where a batch of 1 went in", engine::text_of(tensor.shape))};
  }
  switch (tensor.element) {
    case Element::f32:
      gather(out.values, tensor.as<float>(), from);
      break;
    case Element::f64:
      gather(out.values, tensor.as<double>(), from);
      break;
    case Element::u8:
      gather(out.values, tensor.as<std::uint8_t>(), from);
      break;
    case Element::i8:
      gather(out.values, tensor.as<std::int8_t>(), from);
      break;
    case Element::u16:
      gather(out.values, tensor.as<std::uint16_t>(), from);
      break;
    case Element::i16:
      gather(out.values, tensor.as<std::int16_t>(), from);
      break;
    case Element::i32:
      gather(out.values, tensor.as<std::int32_t>(), from);
      break;
    case Element::i64:
      gather(out.values, tensor.as<std::int64_t>(), from);
      break;
    case Element::boolean:
      gather(out.values, tensor.as<bool>(), from);
      break;
    case Element::f16: {
      std::vector<float> wide(tensor.count());
      const auto* in = reinterpret_cast<const std::uint16_t*>(tensor.memory.bytes().data());
      std::transform(in, in + wide.size(), wide.begin(), from_half);
      gather(out.values, std::span<const float>(wide), from);
      break;
    }
    default:
      return Error{Fault::unsupported,
                   "pipeline.element",
                   fmt::format("The network's output '{}' gives {}, which is not read", tensor.name,
                               engine::name_of(tensor.element)),
                   {},
                   "Export the network with a float or integer output."};
  }
  return out;
}

Result<std::vector<double>> numbers_of(const engine::Tensor& tensor) {
  // Any shape is one long line here.
  Strides from;
  from.size[3] = tensor.count();
  from.step[3] = 1;
  std::vector<float> values;
  switch (tensor.element) {
    case Element::f64: {
      const auto all = tensor.as<double>();
      return std::vector<double>(all.begin(), all.end());
    }
    case Element::i64: {
      std::vector<double> out;
      for (const std::int64_t v : tensor.as<std::int64_t>()) out.push_back(static_cast<double>(v));
      return out;
    }
    case Element::f32:
      gather(values, tensor.as<float>(), from);
      break;
    case Element::u8:
      gather(values, tensor.as<std::uint8_t>(), from);
      break;
    case Element::i8:
      gather(values, tensor.as<std::int8_t>(), from);
      break;
    case Element::i32:
      gather(values, tensor.as<std::int32_t>(), from);
      break;
    case Element::f16: {
      const auto* in = reinterpret_cast<const std::uint16_t*>(tensor.memory.bytes().data());
      values.resize(tensor.count());
      std::transform(in, in + values.size(), values.begin(), from_half);
      break;
    }
    default:
      return Error{Fault::unsupported,
                   "pipeline.element",
                   fmt::format("The network's output '{}' gives {}, which is not read", tensor.name,
                               engine::name_of(tensor.element)),
                   {},
                   "Export the network with a float or integer output."};
  }
  return std::vector<double>(values.begin(), values.end());
}

}  // namespace vedette::pipeline
