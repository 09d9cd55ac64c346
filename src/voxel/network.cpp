#include "voxel/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "voxel/orient.hpp"

namespace vedette::voxel {

namespace {

using Shape = std::array<int, 3>;

Error refused(std::string code, std::string cause, std::string remedy) {
  return {Fault::refused, std::move(code), std::move(cause), "sliding_window", std::move(remedy)};
}

std::string text_of(const Shape& shape) {
  return fmt::format("{} × {} × {}", shape[0], shape[1], shape[2]);
}

/// Sums of the slices that windows still touch; complete slices are handed on in ascending order.
class Blender {
 public:
  /// Takes [channel,row,column] of one slice of the image, blended.
  using Emit = std::function<void(int slice, const float* values)>;

  Blender(const Image& image, const SlidingOptions& options) : image_(image), options_(options) {
    const Shape size = shape_of(image.grid);
    for (std::size_t a = 0; a < 3; ++a) {
      window_[a] = options.window[a] > 0 ? options.window[a] : size[a];
      wide_[a] = std::max(size[a], window_[a]);
      before_[a] = (wide_[a] - size[a]) / 2;
      places_[a] = window_places(wide_[a], window_[a], options.overlap[a], options.places);
      axis_[a] = window_weights(window_[a], options);
    }
  }

  std::size_t windows() const { return places_[0].size() * places_[1].size() * places_[2].size(); }
  int channels() const { return channels_; }

  /// `ready(channels)` is called once, when the network has shown how many channels it gives.
  Result<void> run(const Network& network, const std::function<Result<void>(int)>& ready, const Emit& emit) {
    std::size_t done = 0;
    for (std::size_t zi = 0; zi < places_[0].size(); ++zi) {
      const int z = places_[0][zi];
      for (const int y : places_[1]) {
        for (const int x : places_[2]) {
          const Tensor given = VEDETTE_TRY(network(cut({z, y, x})));
          VEDETTE_TRY(accepted(given, ready));
          VEDETTE_TRY(add(given, {z, y, x}));
          ++done;
          if (options_.progress) VEDETTE_TRY(options_.progress(done, windows()));
        }
      }
      const int end = zi + 1 < places_[0].size() ? places_[0][zi + 1] : wide_[0];
      for (int k = z; k < end; ++k) finish(k, emit);
    }
    return {};
  }

  std::size_t bytes(int channels) const {
    const std::size_t plane = as_size(wide_[1]) * as_size(wide_[2]);
    const std::size_t one = as_size(window_[0]) * as_size(window_[1]) * as_size(window_[2]);
    return sizeof(float) * ((as_size(channels) + 1) * as_size(window_[0]) * plane + as_size(channels) * plane +
                            (as_size(channels) + as_size(image_.channels) + 1) * one);
  }

 private:
  Tensor cut(const Shape& at) const {
    Tensor out{image_.channels, window_, {}};
    out.values.assign(as_size(image_.channels) * as_size(window_[0]) * as_size(window_[1]) * as_size(window_[2]),
                      options_.fill);
    const Shape size = shape_of(image_.grid);
    const int c0 = at[2] - before_[2];
    const int first = std::max(0, -c0), last = std::min(window_[2], size[2] - c0);
    float* to = out.values.data();
    for (int channel = 0; channel < image_.channels; ++channel) {
      for (int k = 0; k < window_[0]; ++k) {
        for (int r = 0; r < window_[1]; ++r, to += window_[2]) {
          const int slice = at[0] + k - before_[0], row = at[1] + r - before_[1];
          if (slice < 0 || row < 0 || slice >= size[0] || row >= size[1]) continue;
          std::copy_n(image_.channel(channel) + image_.grid.index(slice, row, c0 + first), last - first, to + first);
        }
      }
    }
    return out;
  }

  Result<void> accepted(const Tensor& given, const std::function<Result<void>(int)>& ready) {
    const std::size_t needed =
        as_size(given.channels) * as_size(window_[0]) * as_size(window_[1]) * as_size(window_[2]);
    if (given.shape != window_ || given.channels <= 0 || given.values.size() != needed) {
      return refused("operator.sliding_window.shape",
                     fmt::format("For a window of {} the network gave {} channels of {}.", text_of(window_),
                                 given.channels, text_of(given.shape)),
                     "A sliding window needs a network that keeps the size of its input.");
    }
    if (channels_ == 0) {
      channels_ = given.channels;
      VEDETTE_TRY(ready(channels_));
      plane_ = as_size(wide_[1]) * as_size(wide_[2]);
      sums_.assign(as_size(channels_) * as_size(window_[0]) * plane_, 0.0F);
      weights_.assign(as_size(window_[0]) * plane_, 0.0F);
      slice_.resize(as_size(channels_) * as_size(image_.grid.rows) * as_size(image_.grid.columns));
      make_map();
    }
    if (given.channels != channels_) {
      return refused("operator.sliding_window.channels",
                     fmt::format("The network gave {} channels and then {}.", channels_, given.channels),
                     "Check the network.");
    }
    return {};
  }

  /// Weights of one window, at least 1e-3 (as MONAI), so that a corner seen once is not lost.
  void make_map() {
    map_.reserve(as_size(window_[0]) * as_size(window_[1]) * as_size(window_[2]));
    for (const double z : axis_[0]) {
      for (const double y : axis_[1]) {
        for (const double x : axis_[2]) map_.push_back(static_cast<float>(std::max(z * y * x, 1e-3)));
      }
    }
  }

  Result<void> add(const Tensor& given, const Shape& at) {
    const std::size_t wz = as_size(window_[0]), wy = as_size(window_[1]), wx = as_size(window_[2]);
    std::atomic<bool> finite{true};
    // One more "channel" adds the weights themselves.
    in_pieces((as_size(channels_) + 1) * wz, 4, options_.threads, [&](std::size_t begin, std::size_t end) {
      bool good = true;
      for (std::size_t item = begin; item < end; ++item) {
        const std::size_t channel = item / wz, k = item % wz;
        const bool values = channel < as_size(channels_);
        const std::size_t slot = (as_size(at[0]) + k) % wz;
        float* sum = values ? sums_.data() + (channel * wz + slot) * plane_ : weights_.data() + slot * plane_;
        for (std::size_t r = 0; r < wy; ++r) {
          const float* weight = map_.data() + (k * wy + r) * wx;
          float* to = sum + (as_size(at[1]) + r) * as_size(wide_[2]) + as_size(at[2]);
          if (!values) {
            for (std::size_t c = 0; c < wx; ++c) to[c] += weight[c];
            continue;
          }
          const float* from = given.values.data() + item * wy * wx + r * wx;
          float check = 0;
          for (std::size_t c = 0; c < wx; ++c) {
            to[c] += weight[c] * from[c];
            check += from[c] * 0.0F;
          }
          good = good && !std::isnan(check);
        }
      }
      if (!good) finite = false;
    });
    if (finite) return {};
    return refused("operator.sliding_window.not_finite", "The network gave a value that is no finite number.",
                   "Check the network and the range of its input.");
  }

  void finish(int wide_slice, const Emit& emit) {
    const std::size_t wz = as_size(window_[0]), slot = as_size(wide_slice) % wz;
    const int slice = wide_slice - before_[0];
    const std::size_t rows = as_size(image_.grid.rows), columns = as_size(image_.grid.columns);
    const bool real = slice >= 0 && slice < image_.grid.slices;
    in_pieces(as_size(channels_), 1, options_.threads, [&](std::size_t begin, std::size_t end) {
      for (std::size_t channel = begin; channel < end; ++channel) {
        float* sums = sums_.data() + (channel * wz + slot) * plane_;
        for (std::size_t r = 0; r < rows && real; ++r) {
          const std::size_t at = (r + as_size(before_[1])) * as_size(wide_[2]) + as_size(before_[2]);
          const float* weight = weights_.data() + slot * plane_ + at;
          float* to = slice_.data() + (channel * rows + r) * columns;
          for (std::size_t c = 0; c < columns; ++c) to[c] = sums[at + c] / weight[c];
        }
        std::fill_n(sums, plane_, 0.0F);
      }
    });
    if (real) emit(slice, slice_.data());
    std::fill_n(weights_.data() + slot * plane_, plane_, 0.0F);
  }

  const Image& image_;
  const SlidingOptions& options_;
  Shape window_{}, wide_{}, before_{};
  std::array<std::vector<int>, 3> places_;
  std::array<std::vector<double>, 3> axis_;
  int channels_ = 0;
  std::size_t plane_ = 0;
  std::vector<float> map_, sums_, weights_, slice_;
};

Result<void> checked_options(const SlidingOptions& options, const Network& network) {
  if (!network) return refused("operator.sliding_window.network", "There is no network to run.", "");
  for (const double overlap : options.overlap) {
    if (!(overlap >= 0 && overlap < 1)) {
      return refused("operator.sliding_window.overlap", fmt::format("Windows cannot overlap by {}.", overlap),
                     "Give a share from 0 to below 1.");
    }
  }
  return {};
}

Result<void> fits(std::size_t bytes, std::size_t most) {
  if (bytes <= most) return {};
  return Error{Fault::too_large, "operator.sliding_window.memory",
               fmt::format("Blending needs {:.1f} GiB, {:.1f} are allowed.", static_cast<double>(bytes) / (1 << 30),
                           static_cast<double>(most) / (1 << 30)),
               "sliding_window",
               "Use a smaller window along slices, or decide while blending (sliding_window_labels)."};
}

}  // namespace

std::vector<int> window_places(int size, int window, double overlap, SlidingOptions::Places places) {
  if (window >= size) return {0};
  std::vector<int> out;
  if (places == SlidingOptions::Places::stepped) {
    const int step = std::max(1, static_cast<int>(window * (1 - overlap)));
    for (int at = 0;; at += step) {
      out.push_back(std::min(at, size - window));
      if (at + window >= size) return out;
    }
  }
  const double wanted = window * (1 - overlap);
  const int steps = static_cast<int>(std::ceil((size - window) / wanted - 1e-9)) + 1;
  const double step = steps > 1 ? static_cast<double>(size - window) / (steps - 1) : 0;
  for (int i = 0; i < steps; ++i) out.push_back(static_cast<int>(std::nearbyint(step * i)));
  return out;
}

std::vector<double> window_weights(int window, const SlidingOptions& options) {
  std::vector<double> out(as_size(window), 1.0);
  if (options.weights == SlidingOptions::Weights::constant) return out;
  const double sigma = options.sigma * window, middle = (window - 1) / 2.0;
  for (int i = 0; i < window; ++i) {
    out[as_size(i)] = std::exp((i - middle) * (i - middle) / (-2 * sigma * sigma));
  }
  return out;
}

Result<Image> slide(const Image& image, const SlidingOptions& options, const Network& network) {
  VEDETTE_TRY(checked_options(options, network));
  Blender blender(image, options);
  Image out;
  out.grid = image.grid;
  out.placed = image.placed;
  out.steps = image.steps;
  const std::size_t plane = as_size(image.grid.rows) * as_size(image.grid.columns);
  const auto ready = [&](int channels) -> Result<void> {
    VEDETTE_TRY(fits(blender.bytes(channels) + sizeof(float) * as_size(channels) * image.voxels(), options.most_bytes));
    out.channels = channels;
    out.values.resize(as_size(channels) * image.voxels());
    return {};
  };
  const auto emit = [&](int slice, const float* values) {
    for (int c = 0; c < out.channels; ++c) {
      std::copy_n(values + as_size(c) * plane, plane, out.channel(c) + as_size(slice) * plane);
    }
  };
  VEDETTE_TRY(blender.run(mirrored(network, options.mirror), ready, emit));
  return out;
}

Result<LabelMap> slide_to_labels(const Image& image, const SlidingOptions& options, const Network& network,
                                 const DecideOptions& decide, const UndoOptions& undo) {
  VEDETTE_TRY(checked_options(options, network));
  if (!LabelsBySlice::make(image.grid, image.steps, image.placed, 1, decide, undo)) {
    return to_source_labels(VEDETTE_TRY(slide(image, options, network)), decide, undo);
  }
  Blender blender(image, options);
  std::optional<LabelsBySlice> labels;
  const std::size_t plane = as_size(image.grid.rows) * as_size(image.grid.columns);
  const auto ready = [&](int channels) -> Result<void> {
    const std::size_t maps = decide.by == DecideOptions::By::argmax ? 1 : as_size(channels);
    const std::size_t voxels = VEDETTE_TRY(way_back(image.grid, image.steps, undo.keep)).to.size();
    VEDETTE_TRY(fits(
        blender.bytes(channels) + 2 * sizeof(float) * as_size(channels) * plane + sizeof(std::uint16_t) * maps * voxels,
        options.most_bytes));
    labels = VEDETTE_TRY(LabelsBySlice::make(image.grid, image.steps, image.placed, channels, decide, undo));
    return {};
  };
  const auto emit = [&](int, const float* values) { labels->next(values, plane); };
  VEDETTE_TRY(blender.run(mirrored(network, options.mirror), ready, emit));
  return std::move(*labels).finish();
}

Network mirrored(Network network, std::array<bool, 3> axes) {
  if (!axes[0] && !axes[1] && !axes[2]) return network;
  return [network = std::move(network), axes](const Tensor& window) -> Result<Tensor> {
    Tensor sum;
    int runs = 0;
    for (unsigned which = 0; which < 8; ++which) {
      const std::array<bool, 3> flips{(which & 1U) != 0, (which & 2U) != 0, (which & 4U) != 0};
      if ((flips[0] && !axes[0]) || (flips[1] && !axes[1]) || (flips[2] && !axes[2])) continue;
      Tensor turned = window;
      flip_values(turned.values.data(), turned.channels, turned.shape, flips);
      Tensor given = VEDETTE_TRY(network(turned));
      if (given.values.size() !=
          as_size(given.channels) * as_size(given.shape[0]) * as_size(given.shape[1]) * as_size(given.shape[2])) {
        return refused("operator.sliding_window.shape", "The network's values do not fill its shape.", "");
      }
      flip_values(given.values.data(), given.channels, given.shape, flips);
      if (runs++ == 0) {
        sum = std::move(given);
        continue;
      }
      if (given.values.size() != sum.values.size()) {
        return refused("operator.sliding_window.channels", "The network changed its shape between flips.", "");
      }
      for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += given.values[i];
    }
    for (float& value : sum.values) value /= static_cast<float>(runs);
    return sum;
  };
}

Network ensemble(std::vector<Network> networks) {
  return [networks = std::move(networks)](const Tensor& window) -> Result<Tensor> {
    Tensor sum;
    for (std::size_t n = 0; n < networks.size(); ++n) {
      Tensor given = VEDETTE_TRY(networks[n](window));
      if (n == 0) {
        sum = std::move(given);
        continue;
      }
      if (given.values.size() != sum.values.size() || given.channels != sum.channels) {
        return refused("operator.ensemble.shape", "The networks of an ensemble give different shapes.", "");
      }
      for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += given.values[i];
    }
    for (float& value : sum.values) value /= static_cast<float>(networks.size());
    return sum;
  };
}

}  // namespace vedette::voxel
