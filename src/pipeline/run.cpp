#include "pipeline/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pipeline/emit.hpp"
#include "pipeline/network_step.hpp"

namespace vedette::pipeline {

namespace {

Error refuse(std::string code, std::string cause, std::string remedy = {}) {
  return Error{Fault::refused, "pipeline." + std::move(code), std::move(cause), {}, std::move(remedy)};
}

std::optional<voxel::Operand> operand_of(Item item) {
  return std::visit(
      [](auto&& each) -> std::optional<voxel::Operand> {
        using Each = std::remove_cvref_t<decltype(each)>;
        if constexpr (std::is_same_v<Each, Scores>) {
          return std::nullopt;
        } else {
          return voxel::Operand(std::move(each));
        }
      },
      std::move(item));
}
Item item_of(voxel::Operand operand) {
  return std::visit([](auto&& each) { return Item(std::move(each)); }, std::move(operand));
}

Result<Item> mean_of(const std::vector<const Item*>& items) {
  if (const auto* first = std::get_if<Scores>(items[0])) {
    Scores out = *first;
    for (std::size_t i = 1; i < items.size(); ++i) {
      const auto* other = std::get_if<Scores>(items[i]);
      if (other == nullptr || other->values.size() != out.values.size())
        return refuse("mean", "The scores have another number of classes");
      for (std::size_t v = 0; v < out.values.size(); ++v) out.values[v] += other->values[v];
    }
    for (double& v : out.values) v /= static_cast<double>(items.size());
    return Item(std::move(out));
  }
  const auto* first = std::get_if<voxel::Image>(items[0]);
  if (first == nullptr) return refuse("mean", "Only images and scores have a mean");
  voxel::Image out = *first;
  for (std::size_t i = 1; i < items.size(); ++i) {
    const auto* other = std::get_if<voxel::Image>(items[i]);
    if (other == nullptr || other->channels != out.channels || !voxel::same_grid(out.grid, other->grid)) {
      return refuse("mean", "The images lie on different grids or have another number of channels",
                    "Add a step \"to_source\" to each of them first.");
    }
    for (std::size_t v = 0; v < out.values.size(); ++v) out.values[v] += other->values[v];
  }
  const auto share = 1.0F / static_cast<float>(items.size());
  for (float& v : out.values) v *= share;
  return Item(std::move(out));
}

Result<Item> channels_of(const Item& item, const voxel::Values& values) {
  const auto keep = voxel::numbers(values, "keep");
  if (const auto* scores = std::get_if<Scores>(&item)) {
    Scores out{{}, scores->probabilities};
    for (const double index : keep) {
      if (index >= static_cast<double>(scores->values.size()))
        return refuse("channels", fmt::format("There is no score {}", index));
      out.values.push_back(scores->values[static_cast<std::size_t>(index)]);
    }
    return Item(std::move(out));
  }
  const auto* image = std::get_if<voxel::Image>(&item);
  if (image == nullptr) return refuse("channels", "Only images and scores have channels to keep");
  voxel::Image out = *image;
  out.values.clear();
  out.channels = static_cast<int>(keep.size());
  for (const double index : keep) {
    if (index >= image->channels) return refuse("channels", fmt::format("There is no channel {}", index));
    const float* from = image->channel(static_cast<int>(index));
    out.values.insert(out.values.end(), from, from + image->voxels());
  }
  return Item(std::move(out));
}

/// Index of each voxel along directions of the patient, counted from the end that lies opposite of the letter.
Result<Item> positions_of(const Item& item, const voxel::Values& values) {
  const auto* image = std::get_if<voxel::Image>(&item);
  if (image == nullptr || !image->placed)
    return refuse("positions", "The image has no place in the patient", "Leave the step out.");
  const std::string own = voxel::code_of(image->grid), &toward = voxel::text(values, "toward");
  const auto shape = voxel::shape_of(image->grid);
  const auto centre = voxel::numbers(values, "centre");
  const double divide = voxel::number(values, "divide");
  voxel::Image out = *image;
  out.channels = static_cast<int>(toward.size());
  out.unit = "1";
  out.values.resize(toward.size() * image->voxels());
  constexpr std::string_view opposites = "RLAPSI";
  for (std::size_t i = 0; i < toward.size(); ++i) {
    const auto at = opposites.find(toward[i]);
    if (at == std::string_view::npos)
      return refuse("positions", fmt::format("'{}' is no direction of the patient", toward[i]),
                    "Use R, L, A, P, S, I.");
    const char other = opposites[at ^ 1U];
    std::size_t axis = 0;
    while (axis < 3 && own[axis] != toward[i] && own[axis] != other) ++axis;
    if (axis == 3) return refuse("positions", "The image's directions are not known");
    const bool turned = own[axis] == other;
    const double zero = centre.size() == 3 && i < 3 ? centre[i] : shape[axis] / 2.0;
    float* to = out.channel(static_cast<int>(i));
    for (int k = 0; k < shape[0]; ++k) {
      for (int r = 0; r < shape[1]; ++r) {
        for (int c = 0; c < shape[2]; ++c) {
          const int index = axis == 0 ? k : axis == 1 ? r : c;
          *to++ = static_cast<float>(((turned ? shape[axis] - 1 - index : index) - zero) / divide);
        }
      }
    }
  }
  return Item(std::move(out));
}

Result<Item> calibrated(const Item& item, const voxel::Values& values) {
  const auto* scores = std::get_if<Scores>(&item);
  if (scores == nullptr) return refuse("calibrate", "Only scores are calibrated");
  Scores out{scores->values, true};
  const auto of = [&](std::string_view name, std::size_t i, double absent) {
    const auto list = voxel::numbers(values, name);
    return list.empty() ? absent : list[std::min(i, list.size() - 1)];
  };
  const std::string& by = voxel::text(values, "by");
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    double& p = out.values[i];
    const double t = of("t", i, by == "temperature" ? 1 : 0.5);
    if (by == "operating_points") p = p < t ? p / (2 * t) : 1 - (1 - p) / (2 * (1 - t));
    if (by == "platt") p = 1 / (1 + std::exp(-(of("a", i, 1) * p + of("b", i, 0))));
    if (by == "temperature") p /= t;
  }
  if (by == "temperature") out.probabilities = false;
  return Item(std::move(out));
}

Result<Item> activated(const Scores& scores, bool softmax) {
  Scores out{scores.values, true};
  if (!softmax) {
    for (double& v : out.values) v = 1 / (1 + std::exp(-v));
    return Item(std::move(out));
  }
  const double most = *std::max_element(out.values.begin(), out.values.end());
  double sum = 0;
  for (double& v : out.values) sum += v = std::exp(v - most);
  for (double& v : out.values) v /= sum;
  return Item(std::move(out));
}

class Runner {
 public:
  Runner(const Plan& plan, std::span<const Source> sources, const RunSurroundings& with)
      : plan_(plan),
        sources_(sources),
        with_(with),
        items_(sources.size() + plan.steps.size()),
        last_use_(items_.size(), 0) {
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      for (const std::size_t of : plan.steps[i].of) last_use_[of] = i;
    }
    for (std::size_t i = 0; i < sources.size(); ++i) items_[i] = sources[i].image;
    for (const PlannedStep& step : plan.steps) all_weight_ += weight_of(step);
  }

  Result<Ran> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const PlannedStep& step = plan_.steps[i];
      const auto start = std::chrono::steady_clock::now();
      if (with_.progress) VEDETTE_TRY(with_.progress(done_weight_ / all_weight_, words_of(step)));
      auto result = step.own != nullptr ? run_own(step) : run_operator(step, i);
      if (!result) return at_step(std::move(result).error(), step, i);
      items_[sources_.size() + i] = *std::move(result);
      for (const std::size_t of : step.of) {
        if (last_use_[of] == i) items_[of].reset();
      }
      done_weight_ += weight_of(step);
      ran_.steps.push_back(
          {std::string(step.use), std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()});
    }
    ran_.network_seconds = spent_.seconds;
    ran_.network_calls = spent_.calls;
    return std::move(ran_);
  }

 private:
  static bool is_network(const PlannedStep& step) { return step.wiring.has_value(); }
  static double weight_of(const PlannedStep& step) { return is_network(step) ? 20 : 1; }
  static std::string words_of(const PlannedStep& step) {
    return is_network(step) ? std::string("Computing the network") : step.use;
  }

  static Error at_step(Error error, const PlannedStep& step, std::size_t number) {
    const std::string place = fmt::format("step {} '{}'", number + 1, step.use);
    error.where = error.where.empty() ? place : place + ", " + error.where;
    return error;
  }

  Result<std::optional<Item>> run_operator(const PlannedStep& step, std::size_t number) {
    if (const auto* scores = std::get_if<Scores>(&*items_[step.of[0]]))
      return std::optional<Item>(VEDETTE_TRY(activated(*scores, step.use == "softmax")));
    voxel::Surroundings with;
    std::size_t taken = step.of.size();
    if (step.use == "resample_to") {
      with.reference = std::get_if<voxel::Image>(&*items_[step.of[1]]);
      taken = 1;
    }
    std::vector<voxel::Operand> operands;
    for (std::size_t i = 0; i < taken; ++i) {
      std::optional<Item>& item = items_[step.of[i]];
      const bool again =
          std::find(step.of.begin() + static_cast<std::ptrdiff_t>(i) + 1, step.of.end(), step.of[i]) != step.of.end();
      // The last reader may have the values themselves: volumes are large.
      auto operand = last_use_[step.of[i]] == number && !again ? operand_of(std::move(*item)) : operand_of(*item);
      if (!operand) return refuse("kind", "The step takes no scores");
      operands.push_back(*std::move(operand));
    }
    return std::optional<Item>(item_of(VEDETTE_TRY(step.op->run(std::move(operands), step.values, with))));
  }

  Result<std::optional<Item>> run_own(const PlannedStep& step) {
    std::vector<const Item*> items;
    for (const std::size_t of : step.of) items.push_back(&*items_[of]);
    switch (step.own->kind) {
      case OwnStep::Kind::network:
        return std::optional<Item>(VEDETTE_TRY(network(step, items)));
      case OwnStep::Kind::mean:
        return std::optional<Item>(VEDETTE_TRY(mean_of(items)));
      case OwnStep::Kind::channels:
        return std::optional<Item>(VEDETTE_TRY(channels_of(*items[0], step.values)));
      case OwnStep::Kind::positions:
        return std::optional<Item>(VEDETTE_TRY(positions_of(*items[0], step.values)));
      case OwnStep::Kind::calibrate:
        return std::optional<Item>(VEDETTE_TRY(calibrated(*items[0], step.values)));
      case OwnStep::Kind::emit:
        VEDETTE_TRY(emit(plan_, step, items, sources_, ran_));
        return std::optional<Item>();
    }
    return std::optional<Item>();
  }

  Result<Item> network(const PlannedStep& step, const std::vector<const Item*>& items) {
    std::vector<const voxel::Image*> images;
    for (const Item* item : items) {
      images.push_back(std::get_if<voxel::Image>(item));
      if (images.back() == nullptr) return refuse("kind", "A network takes images");
    }
    const bool slices = step.wiring->window[0] == 1;
    const double base = done_weight_ / all_weight_, share = weight_of(step) / all_weight_;
    const auto progress = [&](std::size_t done, std::size_t all) -> Result<void> {
      if (!with_.progress) return {};
      return with_.progress(
          base + share * static_cast<double>(done) / static_cast<double>(std::max<std::size_t>(all, 1)),
          fmt::format("Computing the network: {} {} of {}", slices ? "slice" : "patch", done, all));
    };
    return run_network(step, images, *with_.networks[step.wiring->model], with_.call_deadline, progress, spent_);
  }

  const Plan& plan_;
  std::span<const Source> sources_;
  const RunSurroundings& with_;
  std::vector<std::optional<Item>> items_;
  std::vector<std::size_t> last_use_;
  Ran ran_;
  Spent spent_;
  double all_weight_ = 0, done_weight_ = 0;
};

void add_times(std::vector<Timed>& all, const std::vector<Timed>& more) {
  for (std::size_t i = 0; i < more.size(); ++i) {
    if (i < all.size()) {
      all[i].seconds += more[i].seconds;
    } else {
      all.push_back(more[i]);
    }
  }
}

/// At most `most` of each output, the greatest first; what is left out is counted.
void cut(const Plan& plan, Ran& ran) {
  std::stable_sort(ran.found.begin(), ran.found.end(), [](const Found& a, const Found& b) {
    return a.output != b.output ? a.output < b.output : a.weight > b.weight;
  });
  std::vector<Found> kept;
  std::map<std::size_t, std::size_t> counts;
  for (Found& found : ran.found) {
    if (++counts[found.output] <= plan.declaration.outputs[found.output].most) kept.push_back(std::move(found));
  }
  for (const auto& [output, count] : counts) {
    const OutputRow& row = plan.declaration.outputs[output];
    if (count > row.most)
      ran.limits.push_back(fmt::format("{} more of '{}' are not listed: at most {} are, the greatest first.",
                                       count - row.most, row.name, row.most));
  }
  ran.found = std::move(kept);
}

}  // namespace

Result<Ran> run_plan(const Plan& plan, std::span<const Source> sources, const RunSurroundings& with) {
  if (sources.size() != plan.inputs.size()) return refuse("inputs", "Another number of inputs was given than declared");
  Ran ran = VEDETTE_TRY(Runner(plan, sources, with).run());
  cut(plan, ran);
  return ran;
}

Result<Ran> run_images(const Plan& plan, std::span<const Source> images, const RunSurroundings& with) {
  Ran all;
  std::map<std::size_t, std::size_t> best;  // output → place in all.found, of findings without region
  for (std::size_t i = 0; i < images.size(); ++i) {
    RunSurroundings each = with;
    if (with.progress) {
      each.progress = [&, i](double share, const std::string& text) {
        return with.progress((static_cast<double>(i) + share) / static_cast<double>(images.size()),
                             fmt::format("{}: {}", images[i].words, text));
      };
    }
    Ran ran = VEDETTE_TRY(Runner(plan, images.subspan(i, 1), each).run());
    add_times(all.steps, ran.steps);
    all.network_seconds += ran.network_seconds;
    all.network_calls += ran.network_calls;
    for (std::string& limit : ran.limits) {
      if (std::find(all.limits.begin(), all.limits.end(), limit) == all.limits.end())
        all.limits.push_back(std::move(limit));
    }
    for (Found& found : ran.found) {
      if (images.size() > 1) found.why = images[i].words + ". " + found.why;
      if (found.region == "none") {
        const auto [place, fresh] = best.emplace(found.output, all.found.size());
        if (!fresh) {
          if (found.weight > all.found[place->second].weight) all.found[place->second] = std::move(found);
          continue;
        }
      }
      all.found.push_back(std::move(found));
    }
  }
  cut(plan, all);
  return all;
}

}  // namespace vedette::pipeline
