#include "voxel/undo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "voxel/blend.hpp"
#include "voxel/lines.hpp"
#include "voxel/turn.hpp"

namespace vedette::voxel {

namespace {

constexpr double snap = 1e-6;

double snapped(double v) {
  const double whole = std::round(v);
  return std::abs(v - whole) < snap ? whole : v;
}

/// Whether a voxel's centre lies in the body of a grid.
bool inside(const std::array<double, 3>& at, const std::array<int, 3>& shape) {
  for (std::size_t a = 0; a < 3; ++a) {
    if (at[a] < -0.5 - snap || at[a] > shape[a] - 0.5 + snap) return false;
  }
  return true;
}

template <typename Kind>
Kind without_values(const Kind& in, const WayBack& way, std::size_t keep) {
  Kind out;
  out.grid = way.to;
  out.channels = in.channels;
  out.placed = in.placed;
  out.steps.assign(in.steps.begin(), in.steps.begin() + static_cast<std::ptrdiff_t>(std::min(keep, in.steps.size())));
  if constexpr (requires { in.unit; }) {
    out.unit = in.unit;
    out.monochrome1 = in.monochrome1;
    out.voi = in.voi;
  }
  out.values.resize(as_size(in.channels) * way.to.size());
  return out;
}

std::array<double, 3> place_of(const WayBack& way, double k, double r, double c) {
  auto at = way.map.at(k, r, c);
  for (std::size_t a = 0; a < 3; ++a) at[a] = std::clamp(snapped(at[a]), way.readable_low[a], way.readable_high[a]);
  return at;
}

/// Sets what no step left known.
template <typename T>
void forget(const WayBack& way, T* values, T fill, Threads threads) {
  for (const Grid& known : way.known) {
    const IndexMap map = index_map(known, way.to);
    const auto shape = shape_of(known);
    in_pieces(as_size(way.to.slices), 1, threads, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) {
        T* to = values + k * as_size(way.to.rows) * as_size(way.to.columns);
        for (int r = 0; r < way.to.rows; ++r) {
          for (int c = 0; c < way.to.columns; ++c, ++to) {
            if (!inside(map.at(static_cast<double>(k), r, c), shape)) *to = fill;
          }
        }
      }
    });
  }
}

template <typename Kind, typename T>
Result<Kind> back(const Kind& in, const UndoOptions& options, int order, T fill) {
  const WayBack way = VEDETTE_TRY(way_back(in.grid, in.steps, options.keep));
  Kind out = without_values(in, way, options.keep);
  const auto from = shape_of(way.from), to = shape_of(way.to);
  if (way.map.axes) {
    Turn turn;
    std::array<Line, 3> lines;
    std::array<int, 3> shape{};
    for (std::size_t s = 0; s < 3; ++s) {
      const std::size_t t = as_size((*way.map.axes)[s]);
      turn.source[t] = static_cast<int>(s);
      shape[t] = from[s];
      std::vector<double> places;
      for (int i = 0; i < to[t]; ++i) {
        places.push_back(
            std::clamp(snapped(way.map.offset[s] + way.map.step[s][t] * i), way.readable_low[s], way.readable_high[s]));
      }
      lines[t] = line_of(places, from[s], order);
    }
    std::vector<T> values(in.grid.size());
    for (int c = 0; c < in.channels; ++c) {
      turn_values(in.channel(c), from, turn, values.data(), options.threads);
      const std::vector<T> result = along_lines(values.data(), shape, lines, options.threads);
      std::copy(result.begin(), result.end(), out.channel(c));
    }
  } else {
    in_pieces(as_size(to[0]), 1, options.threads, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) {
        for (int r = 0; r < to[1]; ++r) {
          for (int c = 0; c < to[2]; ++c) {
            const auto at = place_of(way, static_cast<double>(k), r, c);
            const std::size_t target = way.to.index(static_cast<int>(k), r, c);
            for (int channel = 0; channel < in.channels; ++channel) {
              if constexpr (std::is_floating_point_v<T>) {
                out.channel(channel)[target] = linear_at(in.channel(channel), from, at);
              } else {
                const auto near = [&](std::size_t a) {
                  return std::clamp(static_cast<int>(std::floor(at[a] + 0.5 + snap)), 0, from[a] - 1);
                };
                out.channel(channel)[target] = in.channel(channel)[way.from.index(near(0), near(1), near(2))];
              }
            }
          }
        }
      }
    });
  }
  for (int c = 0; c < in.channels; ++c) forget(way, out.channel(c), fill, options.threads);
  return out;
}

LabelMap empty_labels(const Grid& grid, bool placed, int channels, const DecideOptions& decide) {
  LabelMap out;
  out.grid = grid;
  out.placed = placed;
  out.channels = decide.by == DecideOptions::By::argmax ? 1 : channels;
  out.values.assign(as_size(out.channels) * grid.size(), 0);
  return out;
}

/// A place between two samples of an axis of the result.
struct Between {
  std::size_t low = 0;
  float share = 0;
  bool known = true;
};

}  // namespace

LabelMap decide(const Image& image, const DecideOptions& options, Threads threads) {
  LabelMap out = empty_labels(image.grid, image.placed, image.channels, options);
  out.steps = image.steps;
  const auto at = static_cast<float>(options.at);
  in_pieces(image.voxels(), 1 << 14, threads, [&](std::size_t begin, std::size_t end) {
    if (options.by == DecideOptions::By::threshold) {
      for (int c = 0; c < image.channels; ++c) {
        for (std::size_t i = begin; i < end; ++i) out.channel(c)[i] = image.channel(c)[i] >= at ? 1 : 0;
      }
      return;
    }
    std::vector<float> best(image.channel(0) + begin, image.channel(0) + end);
    for (int c = 1; c < image.channels; ++c) {
      const float* values = image.channel(c) + begin;
      for (std::size_t i = 0; i < best.size(); ++i) {
        if (!(values[i] > best[i])) continue;
        best[i] = values[i];
        out.values[begin + i] = static_cast<std::uint16_t>(c);
      }
    }
  });
  return out;
}

Result<WayBack> way_back(const Grid& grid, const std::vector<Undo>& steps, std::size_t keep) {
  if (keep > steps.size()) {
    return Error{Fault::refused, "operator.invert.keep",
                 fmt::format("{} steps cannot stay: only {} were done.", keep, steps.size()), "keep",
                 "Give a smaller number."};
  }
  WayBack way;
  way.from = grid;
  way.to = keep < steps.size() ? steps[keep].before : grid;
  way.map = index_map(way.from, way.to);
  const auto shape = shape_of(grid);
  for (std::size_t a = 0; a < 3; ++a) {
    way.readable_low[a] = 0;
    way.readable_high[a] = shape[a] - 1;
  }
  for (std::size_t i = keep; i < steps.size(); ++i) {
    const Grid& after = i + 1 < steps.size() ? steps[i + 1].before : grid;
    if (steps[i].kind == Undo::Kind::cropped) way.known.push_back(after);
    if (steps[i].kind != Undo::Kind::padded) continue;
    const Grid& real = steps[i].before;
    const IndexMap map = index_map(grid, real);
    if (!map.axes) continue;  // turned away since: what lies at the edge of the padding cannot be told by axis
    for (std::size_t a = 0; a < 3; ++a) {
      const double last = shape_of(real)[as_size((*map.axes)[a])] - 1;
      const double one = snapped(map.offset[a]);
      const double other = snapped(map.offset[a] + map.step[a][as_size((*map.axes)[a])] * last);
      way.readable_low[a] = std::clamp(std::min(one, other), way.readable_low[a], way.readable_high[a]);
      way.readable_high[a] = std::clamp(std::max(one, other), way.readable_low[a], way.readable_high[a]);
    }
  }
  return way;
}

Result<Image> to_source(const Image& image, const UndoOptions& options) {
  return back(image, options, 1, options.fill);
}
Result<LabelMap> to_source(const LabelMap& labels, const UndoOptions& options) {
  return back(labels, options, 0, std::uint16_t{0});
}

Result<Boxes> to_source(const Boxes& boxes, const UndoOptions& options) {
  const WayBack way = VEDETTE_TRY(way_back(boxes.grid, boxes.steps, options.keep));
  const IndexMap map = index_map(way.to, way.from);
  Boxes out = boxes;
  out.grid = way.to;
  out.steps.resize(std::min(options.keep, boxes.steps.size()));
  for (Box& box : out.boxes) {
    const Box old = box;
    box.low.fill(std::numeric_limits<double>::infinity());
    box.high.fill(-std::numeric_limits<double>::infinity());
    for (int corner = 0; corner < 8; ++corner) {
      const auto at = map.at((corner & 1) != 0 ? old.high[0] : old.low[0], (corner & 2) != 0 ? old.high[1] : old.low[1],
                             (corner & 4) != 0 ? old.high[2] : old.low[2]);
      for (std::size_t a = 0; a < 3; ++a) {
        box.low[a] = std::min(box.low[a], at[a]);
        box.high[a] = std::max(box.high[a], at[a]);
      }
    }
  }
  return out;
}

struct LabelsBySlice::State {
  WayBack way;
  DecideOptions decide;
  Threads threads;
  int channels = 0;
  int come = 0;                              ///< slices so far
  std::vector<float> before, now;            ///< two slices of all classes
  std::array<std::vector<Between>, 3> axis;  ///< per axis of the result: places of the source's indices along it
  std::array<std::ptrdiff_t, 3> step{};      ///< in the labels, per axis of the result
  std::vector<std::uint32_t> column_low;
  std::vector<float> column_share;
  LabelMap labels;

  void plane(std::size_t i);
  void row(std::size_t i, std::size_t j, BlendRow& work);
};

LabelsBySlice::LabelsBySlice(std::unique_ptr<State> state) : state_(std::move(state)) {}
LabelsBySlice::LabelsBySlice(LabelsBySlice&&) noexcept = default;
LabelsBySlice& LabelsBySlice::operator=(LabelsBySlice&&) noexcept = default;
LabelsBySlice::~LabelsBySlice() = default;

Result<LabelsBySlice> LabelsBySlice::make(const Grid& grid, const std::vector<Undo>& steps, bool placed, int channels,
                                          const DecideOptions& decide, const UndoOptions& undo) {
  auto state = std::make_unique<State>();
  state->way = VEDETTE_TRY(way_back(grid, steps, undo.keep));
  WayBack& way = state->way;
  bool aligned = way.map.axes.has_value();
  for (const Grid& known : way.known) aligned = aligned && index_map(known, way.to).axes.has_value();
  if (!aligned || channels > 65535) {
    return Error{Fault::refused, "operator.invert.oblique", "The way back cannot be walked slice by slice.", "invert",
                 "Use as many classes as labels have numbers, on a grid along the source's axes."};
  }
  state->decide = decide;
  state->threads = undo.threads;
  state->channels = channels;
  state->labels = empty_labels(way.to, placed, channels, decide);
  state->labels.steps.assign(steps.begin(),
                             steps.begin() + static_cast<std::ptrdiff_t>(std::min(undo.keep, steps.size())));
  const auto to = shape_of(way.to);
  const std::array<std::ptrdiff_t, 3> steps_to{std::ptrdiff_t{to[1]} * to[2], to[2], 1};
  for (std::size_t s = 0; s < 3; ++s) {
    const std::size_t t = as_size((*way.map.axes)[s]);
    state->step[s] = steps_to[t];
    for (int i = 0; i < to[t]; ++i) {
      const double at =
          std::clamp(snapped(way.map.offset[s] + way.map.step[s][t] * i), way.readable_low[s], way.readable_high[s]);
      Between between{static_cast<std::size_t>(at), static_cast<float>(at - std::floor(at)), true};
      if (between.share >= 1) between = {between.low + 1, 0, true};
      for (const Grid& known : way.known) {
        const IndexMap map = index_map(known, way.to);
        const auto axis = as_size(
            static_cast<int>(std::find(map.axes->begin(), map.axes->end(), static_cast<int>(t)) - map.axes->begin()));
        const double place = map.offset[axis] + map.step[axis][t] * i;
        between.known = between.known && place >= -0.5 - snap && place <= shape_of(known)[axis] - 0.5 + snap;
      }
      state->axis[s].push_back(between);
    }
  }
  for (const Between& between : state->axis[2]) {
    state->column_low.push_back(static_cast<std::uint32_t>(between.low));
    state->column_share.push_back(between.share);
  }
  const std::size_t slice = as_size(channels) * as_size(grid.rows) * as_size(grid.columns);
  state->before.resize(slice);
  state->now.resize(slice);
  return LabelsBySlice(std::move(state));
}

void LabelsBySlice::State::row(std::size_t i, std::size_t j, BlendRow& work) {
  const std::size_t columns = as_size(way.from.columns), plane_size = as_size(way.from.rows) * columns;
  const Between &slice = axis[0][i], &line = axis[1][j];
  const bool two_slices = slice.share > 0;
  const float* first = two_slices ? before.data() : now.data();
  const float* second = now.data();
  const std::size_t low = line.low * columns, high = line.share > 0 ? low + columns : low;
  const std::size_t count = column_low.size();
  work.start(count);
  for (int c = 0; c < channels; ++c) {
    const std::size_t at = as_size(c) * plane_size;
    blend_rows(first + at + low, first + at + high, second + at + low, second + at + high, line.share, slice.share,
               columns, work.row.data());
    if (decide.by == DecideOptions::By::argmax) {
      take_greatest(work.row.data(), column_low.data(), column_share.data(), count, c, work.best.data(),
                    work.label.data());
      continue;
    }
    std::uint16_t* to =
        labels.channel(c) + static_cast<std::ptrdiff_t>(i) * step[0] + static_cast<std::ptrdiff_t>(j) * step[1];
    const auto least = static_cast<float>(decide.at);
    for (std::size_t x = 0; x < count; ++x, to += step[2]) {
      const float a = work.row[column_low[x]], b = work.row[column_low[x] + 1];
      *to = axis[2][x].known && a + column_share[x] * (b - a) >= least ? 1 : 0;
    }
  }
  if (decide.by == DecideOptions::By::threshold) return;
  std::uint16_t* to =
      labels.values.data() + static_cast<std::ptrdiff_t>(i) * step[0] + static_cast<std::ptrdiff_t>(j) * step[1];
  for (std::size_t x = 0; x < count; ++x, to += step[2]) {
    *to = axis[2][x].known ? static_cast<std::uint16_t>(work.label[x]) : std::uint16_t{0};
  }
}

void LabelsBySlice::State::plane(std::size_t i) {
  if (!axis[0][i].known) return;
  in_pieces(axis[1].size(), 4, threads, [&](std::size_t begin, std::size_t end) {
    BlendRow work(as_size(way.from.columns));
    for (std::size_t j = begin; j < end; ++j) {
      if (axis[1][j].known) row(i, j, work);
    }
  });
}

void LabelsBySlice::next(const float* slice, std::size_t channel_stride) {
  State& s = *state_;
  if (s.come >= s.way.from.slices) return;
  std::swap(s.before, s.now);
  const std::size_t size = as_size(s.way.from.rows) * as_size(s.way.from.columns);
  for (std::size_t c = 0; c < as_size(s.channels); ++c) {
    std::copy_n(slice + c * channel_stride, size, s.now.data() + c * size);
  }
  const std::size_t here = as_size(s.come++);
  for (std::size_t i = 0; i < s.axis[0].size(); ++i) {
    const Between& between = s.axis[0][i];
    if (here == (between.share > 0 ? between.low + 1 : between.low)) s.plane(i);
  }
}

LabelMap LabelsBySlice::finish() && {
  return std::move(state_->labels);
}

Result<LabelMap> to_source_labels(const Image& image, const DecideOptions& decide_by, const UndoOptions& undo) {
  auto by_slice = LabelsBySlice::make(image.grid, image.steps, image.placed, image.channels, decide_by, undo);
  if (!by_slice) {
    const Image source = VEDETTE_TRY(to_source(image, undo));
    LabelMap labels = decide(source, decide_by, undo.threads);
    const WayBack way = VEDETTE_TRY(way_back(image.grid, image.steps, undo.keep));
    for (int c = 0; c < labels.channels; ++c) forget(way, labels.channel(c), std::uint16_t{0}, undo.threads);
    return labels;
  }
  const std::size_t plane = as_size(image.grid.rows) * as_size(image.grid.columns);
  for (int k = 0; k < image.grid.slices; ++k) by_slice->next(image.values.data() + as_size(k) * plane, image.voxels());
  return std::move(*by_slice).finish();
}

}  // namespace vedette::voxel
