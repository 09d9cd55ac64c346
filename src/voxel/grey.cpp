#include "voxel/grey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace vedette::voxel {

namespace {

/// Size of the pieces that sums are made of; never by the number of threads.
constexpr std::size_t piece = std::size_t{1} << 16;

template <typename Change>
void change(std::span<float> values, Threads threads, const Change& each) {
  in_pieces(values.size(), piece, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) values[i] = each(values[i]);
  });
}

/// Sum of each(value) over all values, added piece by piece in order.
template <typename Each>
double sum_of(std::span<const float> values, Threads threads, const Each& each) {
  std::vector<double> sums((values.size() + piece - 1) / piece);
  in_pieces(values.size(), piece, threads, [&](std::size_t begin, std::size_t end) {
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += each(values[i]);
    sums[begin / piece] = sum;
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

bool is_zero(float v) {
  return !(v < 0) && !(v > 0) && !std::isnan(v);
}

Error refused(std::string code, std::string cause, std::string where, std::string remedy) {
  return {Fault::refused, std::move(code), std::move(cause), std::move(where), std::move(remedy)};
}

void z_score(std::span<float> values, const ZScoreOptions& options) {
  const bool all = !options.not_zero;
  double mean = 0, sd = 1;
  if (options.mean && options.sd) {
    mean = *options.mean;
    sd = *options.sd;
  } else {
    const double n = sum_of(values, options.threads, [&](float v) { return all || !is_zero(v) ? 1.0 : 0.0; });
    if (n < 1) return;
    mean = sum_of(values, options.threads, [](float v) { return static_cast<double>(v); }) / n;
    sd = std::sqrt(sum_of(values, options.threads,
                          [&](float v) {
                            const double away = static_cast<double>(v) - mean;
                            return all || !is_zero(v) ? away * away : 0.0;
                          }) /
                   n);
    if (options.mean) mean = *options.mean;
    if (options.sd) sd = *options.sd;
  }
  if (!(sd > 0)) sd = 1;
  change(values, options.threads,
         [&](float v) { return all || !is_zero(v) ? static_cast<float>((static_cast<double>(v) - mean) / sd) : v; });
}

}  // namespace

void clip(Image& image, double low, double high, Threads threads) {
  const auto l = static_cast<float>(low), h = static_cast<float>(high);
  change(image.values, threads, [&](float v) { return v < l ? l : v > h ? h : v; });
}

Result<void> scale(Image& image, const ScaleOptions& options) {
  for (int c = 0; c < image.channels; ++c) {
    const std::span<float> values(image.channel(c), image.voxels());
    double low = options.from_low, high = options.from_high;
    if (options.from_data) {
      const auto [least, most] = std::minmax_element(values.begin(), values.end());
      low = static_cast<double>(*least);
      high = static_cast<double>(*most);
    }
    if (!(std::abs(high - low) > 0)) {
      return refused("operator.scale.range", "The range that is scaled from is empty.", "from_low, from_high",
                     options.from_data ? "The image holds one value only." : "Give two different numbers.");
    }
    const double factor = (options.to_high - options.to_low) / (high - low);
    const double least = std::min(options.to_low, options.to_high), most = std::max(options.to_low, options.to_high);
    change(values, options.threads, [&](float v) {
      double out = (static_cast<double>(v) - low) * factor + options.to_low;
      if (options.clip) out = std::clamp(out, least, most);
      return static_cast<float>(out);
    });
  }
  image.unit = options.unit;
  return {};
}

Result<std::pair<double, double>> percentiles(std::span<const float> values, double low, double high, bool not_zero) {
  std::vector<float> sorted;
  sorted.reserve(values.size());
  for (const float v : values) {
    if (!std::isnan(v) && !(not_zero && is_zero(v))) sorted.push_back(v);
  }
  if (sorted.empty()) {
    return refused("operator.percentile_clip.none", "No voxel counts for the percentiles.", "percentile_clip",
                   "Check the image, or count voxels of 0 too.");
  }
  const auto at = [&](double percent) {
    const double place = percent / 100 * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::ptrdiff_t>(std::floor(place));
    std::nth_element(sorted.begin(), sorted.begin() + below, sorted.end());
    const double a = static_cast<double>(sorted[static_cast<std::size_t>(below)]);
    const double share = place - static_cast<double>(below);
    if (!(share > 0)) return a;
    const double b = static_cast<double>(*std::min_element(sorted.begin() + below + 1, sorted.end()));
    return a + (b - a) * share;
  };
  const double first = at(low);
  return std::pair{first, at(high)};
}

Result<void> percentile_clip(Image& image, double low, double high, bool not_zero) {
  for (int c = 0; c < image.channels; ++c) {
    const std::span<float> values(image.channel(c), image.voxels());
    const auto [least, most] = VEDETTE_TRY(percentiles(values, low, high, not_zero));
    const auto l = static_cast<float>(least), h = static_cast<float>(most);
    change(values, {}, [&](float v) { return not_zero && is_zero(v) ? v : v < l ? l : v > h ? h : v; });
  }
  return {};
}

Result<void> z_score(Image& image, const ZScoreOptions& options) {
  if (options.sd && !(*options.sd > 0)) {
    return refused("operator.z_score.sd", "A standard deviation must be above 0.", "sd", "Give the one of training.");
  }
  if (!options.per_channel) {
    z_score(std::span<float>(image.values), options);
  } else {
    for (int c = 0; c < image.channels; ++c) z_score({image.channel(c), image.voxels()}, options);
  }
  image.unit = "1";
  return {};
}

Result<void> window(Image& image, const WindowOptions& options) {
  const bool linear = options.function == WindowFunction::linear;
  if (!(options.width > 0) || (linear && options.width < 1)) {
    return refused("operator.window.width", fmt::format("A window of width {} cannot be shown.", options.width),
                   "width",
                   linear ? "LINEAR needs a width of at least 1 (PS3.3 C.11.2.1.2)." : "Give a width above 0.");
  }
  const double range = options.high - options.low;
  const double centre = linear ? options.centre - 0.5 : options.centre;
  const double width = linear ? options.width - 1 : options.width;
  change(image.values, options.threads, [&](float value) {
    const double x = static_cast<double>(value);
    if (options.function == WindowFunction::sigmoid) {
      return static_cast<float>(options.low + range / (1 + std::exp(-4 * (x - options.centre) / options.width)));
    }
    if (x <= centre - width / 2) return static_cast<float>(options.low);
    if (x > centre + width / 2) return static_cast<float>(options.high);
    return static_cast<float>(((x - centre) / width + 0.5) * range + options.low);
  });
  image.unit = "1";
  return {};
}

void invert_monochrome1(Image& image, double low, double high, Threads threads) {
  if (!image.monochrome1) return;
  change(image.values, threads, [&](float v) { return static_cast<float>(low + high - static_cast<double>(v)); });
  image.monochrome1 = false;
}

Result<Image> stack_channels(std::span<const Image> images) {
  if (images.empty()) return refused("operator.stack.none", "There is no image to stack.", "stack_channels", "");
  Image out = images[0];
  for (std::size_t i = 1; i < images.size(); ++i) {
    if (!same_grid(images[i].grid, out.grid)) {
      return refused("operator.stack.grid", fmt::format("Image {} lies on another grid than image 1.", i + 1),
                     "stack_channels", "Bring the images onto one grid with resample_to first.");
    }
    if (!same_unit(images[i].unit, out.unit)) {
      return refused("operator.stack.unit",
                     fmt::format("Image {} is in \"{}\", image 1 in \"{}\".", i + 1, images[i].unit, out.unit),
                     "stack_channels", "Normalise each image before stacking.");
    }
    out.values.insert(out.values.end(), images[i].values.begin(), images[i].values.end());
    out.channels += images[i].channels;
  }
  return out;
}

Result<Image> repeat_channel(const Image& image, int channels) {
  if (image.channels != 1 || channels < 1) {
    return refused("operator.repeat_channel.channels",
                   fmt::format("Only an image of one channel can be repeated, this one has {}.", image.channels),
                   "repeat_channel", "");
  }
  Image out = image;
  out.channels = channels;
  out.values.reserve(image.voxels() * as_size(channels));
  for (int c = 1; c < channels; ++c) out.values.insert(out.values.end(), image.values.begin(), image.values.end());
  return out;
}

void softmax(Image& image, Threads threads) {
  const std::size_t voxels = image.voxels();
  in_pieces(voxels, 4096, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<float> most(end - begin, -std::numeric_limits<float>::infinity());
    std::vector<double> sum(end - begin, 0.0);
    for (int c = 0; c < image.channels; ++c) {
      const float* values = image.channel(c);
      for (std::size_t i = begin; i < end; ++i) most[i - begin] = std::max(most[i - begin], values[i]);
    }
    for (int c = 0; c < image.channels; ++c) {
      float* values = image.channel(c);
      for (std::size_t i = begin; i < end; ++i) {
        values[i] = std::exp(values[i] - most[i - begin]);
        sum[i - begin] += static_cast<double>(values[i]);
      }
    }
    for (int c = 0; c < image.channels; ++c) {
      float* values = image.channel(c);
      for (std::size_t i = begin; i < end; ++i) {
        values[i] = static_cast<float>(static_cast<double>(values[i]) / sum[i - begin]);
      }
    }
  });
  image.unit = "1";
}

void sigmoid(Image& image, Threads threads) {
  change(image.values, threads, [](float v) {
    const double x = static_cast<double>(v);
    return static_cast<float>(x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)));
  });
  image.unit = "1";
}

}  // namespace vedette::voxel
