#include "voxel/operator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "voxel/labels.hpp"
#include "voxel/network.hpp"
#include "voxel/resample.hpp"

namespace vedette::voxel {

namespace {

using testing::HasSubstr;

Image ct(std::array<int, 3> shape, int channels = 1) {
  Image image;
  image.grid = grid_of(shape, {-10, 20, 30}, {Vec3{0, 0, 2.5}, Vec3{0, 0.8, 0}, Vec3{0.7, 0, 0}});
  image.channels = channels;
  image.unit = "HU";
  image.values.resize(as_size(channels) * image.grid.size());
  for (std::size_t i = 0; i < image.values.size(); ++i) {
    image.values[i] = static_cast<float>(std::sin(static_cast<double>(i) * 0.37) * 500);
  }
  return image;
}

Result<Form> form_after(const Form& form, std::string_view name, const Values& given, const Surroundings& with = {}) {
  const Operator* op = operator_named(name);
  const Values values = VEDETTE_TRY(read_values(*op, given));
  return op->form(std::span(&form, 1), values, with);
}

/// Scores of `channels` classes that change from place to place, cheap to make.
Network classes(int channels) {
  return [channels](const Tensor& window) -> Result<Tensor> {
    Tensor out{channels, window.shape, {}};
    const std::size_t voxels = window.values.size();
    out.values.resize(as_size(channels) * voxels);
    for (std::size_t c = 0; c < as_size(channels); ++c) {
      for (std::size_t i = 0; i < voxels; ++i) {
        out.values[c * voxels + i] = static_cast<float>((i * 7 + c * 13) % 31) + window.values[i] * 1e-3F;
      }
    }
    return out;
  };
}

}  // namespace

TEST(Operators, EachHasItsWordsAndBothWaysToApplyIt) {
  std::set<std::string_view> names;
  for (const Operator* op : operators()) {
    EXPECT_TRUE(names.insert(op->name).second) << op->name;
    EXPECT_FALSE(op->help.empty()) << op->name;
    EXPECT_FALSE(op->changes.empty()) << op->name;
    EXPECT_NE(op->form, nullptr) << op->name;
    EXPECT_NE(op->run, nullptr) << op->name;
    EXPECT_EQ(operator_named(op->name), op);
    for (const ParameterRule& rule : op->parameters) {
      EXPECT_FALSE(rule.help.empty()) << op->name << "." << rule.name;
      const bool number = rule.type == ParameterRule::Type::number || rule.type == ParameterRule::Type::integer ||
                          rule.type == ParameterRule::Type::numbers;
      EXPECT_EQ(rule.unit.empty(), !number) << op->name << "." << rule.name << ": numbers, and only they, have a unit";
      EXPECT_FALSE(rule.needed && !rule.standard.empty()) << op->name << "." << rule.name;
    }
  }
  EXPECT_EQ(operator_named("sharpen"), nullptr);
}

TEST(Operators, DefaultsAreWithinTheirOwnBounds) {
  for (const Operator* op : operators()) {
    Values given;
    for (const ParameterRule& rule : op->parameters) {
      if (rule.needed) continue;
      const auto alone = read_values(*op, {});
      if (!alone) break;  // something is needed: bounds of the rest are met by the tests of their own
      if (const auto found = alone->find(rule.name); found != alone->end()) given.insert(*found);
    }
    if (given.empty()) continue;
    const auto again = read_values(*op, given);
    EXPECT_TRUE(again.has_value()) << op->name << ": " << (again ? "" : again.error().text());
  }
}

TEST(Operators, ACtWithAClipInSuvDoesNotStart) {
  const Form form = form_of(Operand(ct({4, 5, 6})));
  const auto refused = form_after(form, "clip", {{"low", 0.0}, {"high", 10.0}, {"unit", std::string("g/ml{SUVbw}")}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "operator.clip.unit");
  EXPECT_THAT(refused.error().text(), HasSubstr("The values are in \"HU\""));
  EXPECT_TRUE(form_after(form, "clip", {{"low", -100.0}, {"high", 400.0}, {"unit", std::string("HU")}}).has_value());
}

TEST(Operators, AfterNormalisingAWindowInHounsfieldIsRefused) {
  const Form form = form_of(Operand(ct({4, 5, 6})));
  const auto scaled = form_after(form, "z_score", {});
  ASSERT_TRUE(scaled.has_value());
  const Values window{{"centre", 40.0}, {"width", 400.0}, {"unit", std::string("HU")}};
  const auto refused = form_after(*scaled, "window", window);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "operator.window.unit");
}

TEST(Operators, AChainIsCheckedToItsEndAndTheFaultNamesItsStep) {
  std::vector<Step> steps;
  const auto add = [&](std::string_view name, const Values& given) {
    const Operator* op = operator_named(name);
    auto values = read_values(*op, given);
    ASSERT_TRUE(values.has_value()) << values.error().text();
    steps.push_back({op, *values});
  };
  add("reorient", {{"code", std::string("RAS")}});
  add("resample", {{"spacing", std::vector<double>{1.5, 1.5, 2.0}}});
  add("scale", {{"from_low", -57.0}, {"from_high", 164.0}, {"clip", true}, {"unit", std::string("HU")}});
  add("sliding_window", {{"window", std::vector<double>{96, 96, 96}}, {"overlap", 0.5}});
  add("softmax", {});
  add("labels_to_source", {});
  Surroundings with;
  with.network_channels = 3;
  const Form ct_form = form_of(Operand(ct({40, 64, 48})));
  const auto forms = check_chain(ct_form, steps, with);
  ASSERT_TRUE(forms.has_value()) << forms.error().text();
  EXPECT_EQ(text_of((*forms)[1]), "image, 1 channel, 48 × 64 × 40, 0.7 × 0.8 × 2.5 mm, RAS, HU");
  EXPECT_EQ((*forms)[2].shape[0], 22);
  EXPECT_EQ((*forms)[3].unit, "1");
  EXPECT_EQ((*forms)[4].channels, 3);
  EXPECT_EQ((*forms)[6].shape[0], 40) << "back on the source's grid";
  EXPECT_EQ((*forms)[6].kind, Form::Kind::labels);

  add("argmax", {});  // labels have no classes left
  const auto refused = check_chain(ct_form, steps, with);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "operator.argmax.kind");
  EXPECT_EQ(refused.error().where, "step 7 of 7: argmax");
}

TEST(Operators, WrongParametersAreNamedWithTheWayOut) {
  const Operator& resample = *operator_named("resample");
  const auto message = [&](const Values& given) {
    const auto values = read_values(resample, given);
    return values ? std::string("accepted") : values.error().text();
  };
  EXPECT_THAT(message({}), HasSubstr("\"spacing\" is missing"));
  EXPECT_THAT(message({{"spacing", std::vector<double>{1, 1}}}), HasSubstr("has 2 values"));
  EXPECT_THAT(message({{"spacing", std::vector<double>{1, 1, -1}}}), HasSubstr("\"spacing\" is -1"));
  EXPECT_THAT(message({{"spacing", std::vector<double>{1, 1, NAN}}}), HasSubstr("\"spacing\" is nan"));
  const std::vector<double> good{1, 1, 1};
  EXPECT_THAT(message({{"spacing", good}, {"order", std::string("quintic")}}),
              HasSubstr("Choose from: nearest linear cubic"));
  EXPECT_THAT(message({{"spacing", good}, {"fitt", std::string("extent")}}), HasSubstr("Did you mean \"fit\""));
  EXPECT_THAT(message({{"spacing", good}, {"order", true}}), HasSubstr("is no text"));
  EXPECT_EQ(message({{"spacing", good}}), "accepted");
}

TEST(Operators, APictureWithoutAPlaceIsNotTurnedButMayBeResized) {
  const Image picture = picture_of(std::vector<float>(30, 1.0F), 5, 6, "");
  const Form form = form_of(Operand(picture));
  const auto refused = form_after(form, "reorient", {{"code", std::string("RAS")}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "operator.reorient.not_placed");
  const auto resized = form_after(form, "resize", {{"shape", std::vector<double>{0, 10, 12}}});
  ASSERT_TRUE(resized.has_value());
  EXPECT_EQ(resized->shape[1], 10);
}

TEST(Operators, UnitsHaveSeveralNames) {
  EXPECT_TRUE(same_unit("HU", "[hnsf'U]"));
  EXPECT_TRUE(same_unit("g/ml{SUVbw}", "SUV"));
  EXPECT_FALSE(same_unit("HU", "1"));
  EXPECT_FALSE(same_unit("", "HU"));
}

TEST(SlidingWindow, ANetworkThatChangesTheSizeOrGivesNoNumberIsRefused) {
  const Image image = ct({6, 8, 8});
  SlidingOptions options;
  options.window = {4, 4, 4};
  const auto smaller = slide(image, options, [](const Tensor& window) -> Result<Tensor> {
    return Tensor{1, {2, 2, 2}, std::vector<float>(window.values.size() / 8)};
  });
  ASSERT_FALSE(smaller.has_value());
  EXPECT_EQ(smaller.error().code, "operator.sliding_window.shape");
  const auto broken = slide(image, options, [](const Tensor& window) -> Result<Tensor> {
    Tensor out = window;
    out.values[5] = NAN;
    return out;
  });
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().code, "operator.sliding_window.not_finite");
  int runs = 0;
  const auto changing = slide(image, options, [&](const Tensor& window) -> Result<Tensor> {
    const int channels = ++runs > 1 ? 2 : 1;
    return Tensor{channels, window.shape, std::vector<float>(as_size(channels) * window.values.size())};
  });
  ASSERT_FALSE(changing.has_value());
  EXPECT_EQ(changing.error().code, "operator.sliding_window.channels");
}

TEST(SlidingWindow, MoreMemoryThanAllowedIsRefusedAfterTheFirstWindowAndProgressCanStop) {
  const Image image = ct({16, 64, 64});
  SlidingOptions options;
  options.window = {8, 32, 32};
  options.most_bytes = 1 << 20;
  int runs = 0;
  const Network counting = [&](const Tensor& window) {
    ++runs;
    return classes(9)(window);
  };
  const auto refused = slide(image, options, counting);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().fault, Fault::too_large);
  EXPECT_EQ(runs, 1);
  options.most_bytes = std::size_t{1} << 30;
  options.progress = [](std::size_t done, std::size_t all) -> Result<void> {
    EXPECT_LE(done, all);
    if (done == 3) return Error{Fault::cancelled, "stopped", "Stopped."};
    return {};
  };
  runs = 0;
  const auto stopped = slide(image, options, counting);
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, "stopped");
  EXPECT_EQ(runs, 3);
}

TEST(SlidingWindow, DecidingWhileBlendingNeedsOnlyTheSlicesOfAWindow) {
  const Image image = ct({64, 40, 40});
  SlidingOptions options;
  options.window = {8, 20, 20};
  options.overlap = {0.5, 0.5, 0.5};
  const int channels = 20;
  const auto whole = slide(image, options, classes(channels));
  ASSERT_TRUE(whole.has_value());
  // A third of what the classes of all slices take.
  options.most_bytes = sizeof(float) * channels * image.grid.size() / 3;
  EXPECT_FALSE(slide(image, options, classes(channels)).has_value());
  const auto labels = slide_to_labels(image, options, classes(channels), {});
  ASSERT_TRUE(labels.has_value()) << labels.error().text();
  EXPECT_EQ(labels->values, decide(*whole).values);
}

TEST(Parts, CornersTouchAcrossEndsOfRuns) {
  // Two rows: 1 1 2 / 2 2 1 — the ones touch at a corner, and so do the twos.
  const Grid grid = grid_of({1, 2, 3}, {}, {Vec3{0, 0, 1}, Vec3{0, 1, 0}, Vec3{1, 0, 0}});
  const std::vector<std::uint16_t> labels{1, 1, 2, 2, 2, 1};
  EXPECT_THAT(parts_of(grid, labels, Neighbours::corners26).sizes, testing::ElementsAre(3, 3));
  EXPECT_THAT(parts_of(grid, labels, Neighbours::edges18).sizes, testing::ElementsAre(3, 3));
  EXPECT_THAT(parts_of(grid, labels, Neighbours::faces6).sizes, testing::ElementsAre(2, 1, 2, 1));
}

TEST(Resample, AConstantStaysConstantAndNothingIsReadBeyondTheEdge) {
  Image image = ct({5, 6, 7});
  std::fill(image.values.begin(), image.values.end(), 123.25F);
  for (const int order : {0, 1, 3}) {
    ResampleOptions options;
    options.order = order;
    const auto finer = resample(image, grid_of_spacing(image.grid, {0.9, 0.33, 0.41}, Fit::extent), options);
    ASSERT_TRUE(finer.has_value());
    for (const float value : finer->values) EXPECT_NEAR(value, 123.25F, order == 3 ? 1e-3F : 0.0F);
  }
}

}  // namespace vedette::voxel
