#include "pipeline/run.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "pipeline/forms.hpp"

namespace vedette::pipeline {
namespace {

/// A network whose answer is written down here: what is tested is what stands around it. The real engine computes the
/// same kinds of networks in analysis/onnx_test.cpp.
class Written : public engine::Network {
 public:
  using Answer = std::function<std::vector<engine::Tensor>(std::span<const engine::Tensor>)>;
  Written(engine::Description description, Answer answer)
      : description_(std::move(description)), answer_(std::move(answer)) {}
  const engine::Description& description() const override { return description_; }
  Result<std::vector<engine::Tensor>> infer(std::span<const engine::Tensor> inputs,
                                            const engine::InferOptions&) override {
    VEDETTE_TRY(engine::check_inputs(description_.inputs, inputs));
    return answer_(inputs);
  }

 private:
  engine::Description description_;
  Answer answer_;
};

engine::Tensor tensor(std::string name, engine::Shape shape, const std::vector<float>& values) {
  engine::Tensor out = *engine::Tensor::make<float>(std::move(name), std::move(shape));
  std::copy(values.begin(), values.end(), out.as<float>().begin());
  return out;
}

/// Logits of two classes: the second wins where the value is above a half.
Written halves() {
  engine::Description description;
  description.inputs = {{"x", engine::Element::f32, {1, 1, -1, -1, -1}}};
  description.outputs = {{"y", engine::Element::f32, {1, 2, -1, -1, -1}}};
  return {description, [](std::span<const engine::Tensor> inputs) {
            engine::Shape shape = inputs[0].shape;
            shape[1] = 2;
            engine::Tensor out = *engine::Tensor::make<float>("y", shape);
            const auto in = inputs[0].as<float>();
            for (std::size_t i = 0; i < in.size(); ++i) {
              out.as<float>()[i] = 0.5F - in[i];
              out.as<float>()[in.size() + i] = in[i] - 0.5F;
            }
            std::vector<engine::Tensor> all;
            all.push_back(std::move(out));
            return all;
          }};
}

/// 10 × 12 × 14 voxels of 2 × 1 × 1 mm, a block of 100 HU in air.
Source block() {
  Source out;
  voxel::Volume volume;
  volume.grid = {10, 12, 14, {-5, 3, 20}, {0, 0, 2}, {0, 1, 0}, {1, 0, 0}};
  volume.values.assign(volume.grid.size(), -1000.0F);
  for (int k = 2; k < 5; ++k) {
    for (int r = 3; r < 9; ++r) {
      for (int c = 4; c < 8; ++c) volume.values[volume.grid.index(k, r, c)] = 100.0F;
    }
  }
  volume.unit = "HU";
  out.image = voxel::image_of(volume);
  out.series_uid = "1.2.3";
  out.frame_of_reference_uid = "1.2.4";
  for (int k = 0; k < 10; ++k) out.instances.push_back("1.2.3." + std::to_string(k));
  return out;
}

StepRow step(std::string use, voxel::Values values = {}, std::vector<std::string> of = {}, std::string name = {}) {
  return {std::move(use), std::move(of), std::move(name), std::move(values), ""};
}

Declaration declaration_of(std::vector<StepRow> steps) {
  Declaration out;
  out.inputs = {{"ct", false, "modality", false, "HU"}};
  out.models = {{"", "model.onnx"}};
  out.steps = std::move(steps);
  OutputRow row;
  row.name = "lesion";
  row.code = {"52988006", "SCT", "Lesion"};
  row.text = "Lesion, for review";
  row.urgency = {"routine"};
  row.region = "mask";
  row.label = 1;
  row.measurements = {{"volume", {"118565006", "SCT", "Volume"}, "ml"}, {"mean", {"373098007", "SCT", "Mean"}, "HU"}};
  row.escalations = {{"volume", 0.1, "soon"}, {"volume", 5, "urgent"}};
  out.outputs = {row};
  return out;
}

Result<Ran> run(const Declaration& declaration, std::vector<Source> sources, engine::Network& network,
                bool images = false) {
  const Face face{"", network.description().inputs, network.description().outputs};
  const Plan plan = VEDETTE_TRY(make_plan(declaration, promised(declaration), std::span(&face, 1)));
  std::vector<engine::Network*> networks{&network};
  RunSurroundings with{networks};
  return images ? run_images(plan, sources, with) : run_plan(plan, sources, with);
}

voxel::Values to_unit() {
  return {{"from_low", -1000.0}, {"from_high", 1000.0}, {"unit", std::string("HU")}};
}

TEST(Run, ARegionComesBackToTheImagesItWasFoundOn) {
  Written network = halves();
  for (const char* code : {"RAS", "SPL", "AIL", "LPI"}) {
    const auto ran = run(declaration_of({step("reorient", {{"code", std::string(code)}}), step("scale", to_unit()),
                                         step("network"), step("argmax")}),
                         {block()}, network);
    ASSERT_TRUE(ran) << ran.error().text();
    ASSERT_EQ(ran->found.size(), 1U) << code;
    const Found& found = ran->found[0];
    EXPECT_EQ(std::count(found.mask.begin(), found.mask.end(), 1), 3 * 6 * 4);
    EXPECT_EQ(found.instances, (std::vector<std::string>{"1.2.3.2", "1.2.3.3", "1.2.3.4"}));
    EXPECT_EQ(found.mask[3U * 14 + 4], 1);  // row 3, column 4 of the first slice, as painted
    EXPECT_NEAR(found.volume_ml, 72 * 2 / 1000.0, 1e-9);
    EXPECT_NEAR(found.measurements[1].value, 100, 1e-3);  // of the source image, in HU
    EXPECT_EQ(found.urgency, "soon");
    EXPECT_NEAR(found.centre.x, -5 + 5.5, 1e-6);
    EXPECT_NEAR(found.low.z, 20 + 2 * 2 - 1, 1e-6);
    EXPECT_GT(*found.measurements[0].uncertainty, 0);
  }
}

TEST(Run, WindowsAndStreamedLabelsGiveWhatTheWholeGives) {
  Written network = halves();
  const voxel::Values window{
      {"window", std::vector<double>{4, 6, 6}}, {"overlap", 0.5}, {"weights", std::string("gaussian")}};
  voxel::Values streamed = window;
  streamed["decide"] = std::string("argmax");
  const auto apart = run(declaration_of({step("reorient", {{"code", std::string("RAS")}}), step("scale", to_unit()),
                                         step("network", window), step("argmax")}),
                         {block()}, network);
  const auto together = run(declaration_of({step("reorient", {{"code", std::string("RAS")}}), step("scale", to_unit()),
                                            step("network", streamed)}),
                            {block()}, network);
  ASSERT_TRUE(apart) << apart.error().text();
  ASSERT_TRUE(together) << together.error().text();
  EXPECT_EQ(apart->found[0].mask, together->found[0].mask);
  EXPECT_GT(apart->network_calls, 4U);
}

TEST(Run, ViewsAreCombinedByTheirMean) {
  Written network = halves();
  const auto ran = run(declaration_of({step("scale", to_unit(), {"ct"}, "unit"),
                                       step("reorient", {{"code", std::string("SRA")}}, {"unit"}, "axial"),
                                       step("network", {}, {"axial"}, "a"), step("invert", {}, {"a"}, "a_back"),
                                       step("reorient", {{"code", std::string("RAS")}}, {"unit"}, "sagittal"),
                                       step("network", {}, {"sagittal"}, "s"), step("invert", {}, {"s"}, "s_back"),
                                       step("mean", {}, {"a_back", "s_back"}), step("argmax")}),
                       {block()}, network);
  ASSERT_TRUE(ran) << ran.error().text();
  ASSERT_EQ(ran->found.size(), 1U);
  EXPECT_EQ(std::count(ran->found[0].mask.begin(), ran->found[0].mask.end(), 1), 72);
}

TEST(Run, PositionsCountAlongThePatientWhateverTheTensorsAxes) {
  engine::Description description;
  description.inputs = {{"x", engine::Element::f32, {1, 3, -1, -1, -1}}};
  description.outputs = {{"y", engine::Element::f32, {1, 1, -1, -1, -1}}};
  std::vector<float> seen;
  Written network(description, [&](std::span<const engine::Tensor> inputs) {
    const auto in = inputs[0].as<float>();
    seen.assign(in.begin(), in.end());
    engine::Shape shape = inputs[0].shape;
    shape[1] = 1;
    std::vector<engine::Tensor> all;
    all.push_back(*engine::Tensor::make<float>("y", shape));
    return all;
  });
  const auto ran = run(declaration_of({step("reorient", {{"code", std::string("SRA")}}),
                                       step("positions", {{"toward", std::string("RAS")}, {"divide", 2.0}}),
                                       step("network"), step("threshold")}),
                       {block()}, network);
  ASSERT_TRUE(ran) << ran.error().text();
  // Axes S (10), R (14), A (12): the first voxel is the lowest, leftmost, hindmost.
  ASSERT_EQ(seen.size(), 3U * 10 * 14 * 12);
  EXPECT_FLOAT_EQ(seen[0], (0 - 7) / 2.0F);
  EXPECT_FLOAT_EQ(seen[12], (1 - 7) / 2.0F);                  // one row on: towards the right
  EXPECT_FLOAT_EQ(seen[1680 + 1], (1 - 6) / 2.0F);            // one column on: forwards
  EXPECT_FLOAT_EQ(seen[2 * 1680 + 14 * 12], (1 - 5) / 2.0F);  // one slice on: upwards
}

Source picture(float level, const std::string& uid) {
  Source out;
  out.image = voxel::picture_of(std::vector<float>(16, level), 4, 4, "1");
  out.series_uid = "1.2.3";
  out.instances = {uid};
  out.words = "Image " + uid;
  return out;
}

TEST(Run, OfSeveralImagesTheOneWithTheGreatestScoreSpeaks) {
  engine::Description description;
  description.inputs = {{"x", engine::Element::f32, {1, 1, 4, 4}}};
  description.outputs = {{"y", engine::Element::f32, {1, 2}}};
  Written network(description, [](std::span<const engine::Tensor> inputs) {
    const float level = inputs[0].as<float>()[0];
    std::vector<engine::Tensor> all;
    all.push_back(tensor("y", {1, 2}, {1 - level, level}));
    return all;
  });
  Declaration declaration = declaration_of(
      {step("resize", {{"shape", std::vector<double>{0, 4, 4}}}), step("network", {{"gives", std::string("scores")}})});
  declaration.inputs = {{"image", true, "display", false, ""}};
  declaration.outputs[0].region = "none";
  declaration.outputs[0].threshold = 0.5;
  declaration.outputs[0].measurements.clear();
  declaration.outputs[0].escalations = {{"score", 0.8, "urgent"}};
  const auto ran = run(declaration, {picture(0.6F, "1"), picture(0.9F, "2"), picture(0.2F, "3")}, network, true);
  ASSERT_TRUE(ran) << ran.error().text();
  ASSERT_EQ(ran->found.size(), 1U);
  EXPECT_NEAR(*ran->found[0].score, 0.9, 1e-6);
  EXPECT_EQ(ran->found[0].urgency, "urgent");
  EXPECT_EQ(ran->found[0].why.substr(0, 7), "Image 2");
  EXPECT_EQ(ran->limits.size(), 1U);  // scores are not calibrated: said once
  // Raw logits are no scores.
  Written raw(description, [](std::span<const engine::Tensor>) {
    std::vector<engine::Tensor> all;
    all.push_back(tensor("y", {1, 2}, {-3, 7}));
    return all;
  });
  const auto refused = run(declaration, {picture(0.6F, "1")}, raw, true);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().remedy.find("softmax"), std::string::npos);
}

TEST(Run, BoxesOfEveryFormatComeBackToTheImage) {
  engine::Description description;
  description.inputs = {{"x", engine::Element::f32, {1, 1, 8, 8}}};
  description.outputs = {{"y", engine::Element::f32, {1, 6, 7}}};
  // Centre x 4, y 2, width 4, height 2 in the network's 8 × 8; two classes; the others score nothing.
  Written network(description, [](std::span<const engine::Tensor>) {
    std::vector<float> values(42, 0.0F);
    const float box[6] = {4, 2, 4, 2, 0.1F, 0.9F};
    for (std::size_t i = 0; i < 6; ++i) values[i * 7 + 3] = box[i];
    std::vector<engine::Tensor> all;
    all.push_back(tensor("y", {1, 6, 7}, values));
    return all;
  });
  Declaration declaration =
      declaration_of({step("resize", {{"shape", std::vector<double>{0, 8, 8}}}),
                      step("network", {{"gives", std::string("boxes")}, {"box_format", std::string("yolo")}})});
  declaration.inputs = {{"image", true, "display", false, ""}};
  declaration.outputs[0].threshold = 0.5;
  declaration.outputs[0].measurements.clear();
  declaration.outputs[0].escalations.clear();
  Source source = picture(1, "1");  // 4 × 4: half the network's size
  const auto ran = run(declaration, {source}, network, true);
  ASSERT_TRUE(ran) << ran.error().text();
  ASSERT_EQ(ran->found.size(), 1U);
  // Columns 2…6 and rows 1…3 of 8 are columns 1, 2 and rows 0.5 to 1.5 of 4.
  const std::vector<std::uint8_t> mask = ran->found[0].mask;
  ASSERT_EQ(mask.size(), 16U);
  EXPECT_EQ(mask[4 + 1], 1);
  EXPECT_EQ(mask[4 + 2], 1);
  EXPECT_EQ(mask[4 + 3], 0);
  EXPECT_EQ(mask[2 * 4 + 1], 0);
}

}  // namespace
}  // namespace vedette::pipeline
