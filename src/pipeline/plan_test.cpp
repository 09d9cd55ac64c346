#include "pipeline/plan.hpp"

#include <gtest/gtest.h>

#include "pipeline/forms.hpp"

namespace vedette::pipeline {
namespace {

Declaration volume(std::string unit = "HU") {
  Declaration out;
  out.inputs = {{"ct", false, "modality", false, std::move(unit)}};
  out.models = {{"", "model.onnx"}};
  OutputRow row;
  row.name = "lesion";
  row.code = {"52988006", "SCT", "Lesion"};
  row.text = "Lesion, for review";
  row.urgency = {"routine"};
  row.region = "mask";
  row.label = 1;
  out.outputs = {row};
  return out;
}
StepRow step(std::string use, voxel::Values values = {}, std::vector<std::string> of = {}, std::string name = {}) {
  return {std::move(use), std::move(of), std::move(name), std::move(values), "tool.toml:1:1"};
}
Face segmenter() {
  return {"", {{"x", engine::Element::f32, {1, 1, -1, -1, -1}}}, {{"y", engine::Element::f32, {1, 2, -1, -1, -1}}}};
}
Face classifier() {
  return {"", {{"x", engine::Element::f32, {1, 1, 64, 64}}}, {{"y", engine::Element::f32, {1, 3}}}};
}
Result<Plan> plan(const Declaration& declaration, const Face& face) {
  return make_plan(declaration, promised(declaration), std::span(&face, 1));
}
std::string code(const Declaration& declaration, const Face& face) {
  const auto made = plan(declaration, face);
  return made ? "" : made.error().code;
}

TEST(Plan, AWholeChainIsCheckedToItsFindings) {
  Declaration declaration = volume();
  declaration.steps = {step("reorient", {{"code", std::string("RAS")}}),
                       step("resample", {{"spacing", std::vector<double>{1.5, 1.5, 2}}}),
                       step("scale", {{"from_low", -57.0}, {"from_high", 164.0}, {"unit", std::string("HU")}}),
                       step("network", {{"window", std::vector<double>{96, 96, 96}}}), step("argmax")};
  const auto made = plan(declaration, segmenter());
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->steps.back().use, "emit");  // added: findings are what a tool is for
  EXPECT_EQ(made->steps[3].known.form.channels, 2);
  EXPECT_EQ(made->steps[4].known.form.kind, voxel::Form::Kind::labels);
}

TEST(Plan, ACtGateWithAnSuvClipDoesNotStart) {
  Declaration declaration = volume();
  declaration.steps = {step("clip", {{"low", 0.0}, {"high", 20.0}, {"unit", std::string("g/ml{SUVbw}")}}),
                       step("network"), step("argmax")};
  const auto made = plan(declaration, segmenter());
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().where.find("step 1 'clip'"), std::string::npos) << made.error().text();
  EXPECT_NE(made.error().where.find("tool.toml:1:1"), std::string::npos);
  EXPECT_NE(made.error().text().find("HU"), std::string::npos) << made.error().text();
}

TEST(Plan, NamesAndOperandsAreKnownOrRefusedWithTheWayOut) {
  Declaration declaration = volume();
  declaration.steps = {step("reorientt")};
  const auto made = plan(declaration, segmenter());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().remedy, "Did you mean 'reorient'?");
  declaration.steps = {step("network", {}, {"mr"})};
  EXPECT_EQ(code(declaration, segmenter()), "pipeline.of");
  declaration.steps = {step("scale", {{"from_data", true}}, {}, "ct"), step("network")};
  EXPECT_EQ(code(declaration, segmenter()), "pipeline.name");
}

TEST(Plan, ChannelsThatTheNetworkDoesNotTakeAreRefused) {
  Declaration declaration = volume();
  declaration.steps = {step("network"), step("argmax")};
  Face face = segmenter();
  face.inputs[0].shape = {1, 4, -1, -1, -1};
  const auto made = make_plan(declaration, promised(declaration), std::span(&face, 1));
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().code == "pipeline.channels" || made.error().code == "pipeline.layout")
      << made.error().text();
}

TEST(Plan, ANetworkOfFixedSizeNeedsAStepThatBringsItThere) {
  Declaration declaration = volume();
  declaration.inputs = {{"image", true, "display", false, ""}};
  declaration.outputs[0].region = "none";
  declaration.outputs[0].threshold = 0.5;
  declaration.steps = {step("network", {{"gives", std::string("scores")}})};
  const auto bare = plan(declaration, classifier());
  ASSERT_FALSE(bare);
  EXPECT_EQ(bare.error().code, "pipeline.shape");
  EXPECT_NE(bare.error().remedy.find("64, 64"), std::string::npos);
  declaration.steps.insert(declaration.steps.begin(), step("resize", {{"shape", std::vector<double>{0, 64, 64}}}));
  const auto whole = plan(declaration, classifier());
  EXPECT_TRUE(whole) << whole.error().text();
}

TEST(Plan, OutputsMustFitWhatIsFound) {
  Declaration declaration = volume();
  declaration.steps = {step("network"), step("argmax")};
  declaration.outputs[0].measurements = {{"volume", {"118565006", "SCT", "Volume"}, "mm"}};
  EXPECT_EQ(code(declaration, segmenter()), "pipeline.output");
  declaration.outputs[0].measurements = {{"mean", {"373098007", "SCT", "Mean"}, "g/ml{SUVbw}"}};
  EXPECT_EQ(code(declaration, segmenter()), "pipeline.output");
  declaration.outputs[0].measurements = {{"mean", {"373098007", "SCT", "Mean"}, "HU"}};
  EXPECT_EQ(code(declaration, segmenter()), "");
  declaration.outputs[0].threshold = 0.5;
  EXPECT_EQ(code(declaration, segmenter()), "pipeline.output");
  declaration.outputs[0].threshold.reset();
  declaration.steps.pop_back();
  EXPECT_EQ(code(declaration, segmenter()), "pipeline.emit");
}

TEST(Plan, EveryInputOfTheNetworkIsFedByName) {
  Declaration declaration = volume("");
  Face face{"",
            {{"image", engine::Element::f32, {-1, 64, 64, 1}}, {"where", engine::Element::f32, {-1, 64, 64, 3}}},
            {{"y", engine::Element::f32, {-1, 64, 64, 7}}}};
  declaration.steps = {step("reorient", {{"code", std::string("SRA")}}, {}, "turned"), step("network"), step("argmax")};
  EXPECT_EQ(code(declaration, face), "pipeline.inputs");
  declaration.steps = {step("reorient", {{"code", std::string("SRA")}}, {}, "turned"),
                       step("positions", {{"divide", 64.0}}, {"turned"}, "at"),
                       step("network", {{"inputs", std::vector<std::string>{"where", "image"}}}, {"at", "turned"}),
                       step("argmax")};
  const auto made = plan(declaration, face);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->steps[2].wiring->window, (std::array<int, 3>{1, 64, 64}));
  EXPECT_EQ(made->steps[2].wiring->feeds[0].port, 1U);
  EXPECT_EQ(made->steps[2].known.form.channels, 7);
}

TEST(Plan, BytesAreNotFedWithFractions) {
  Declaration declaration = volume();
  Face face = segmenter();
  face.inputs[0].element = engine::Element::u8;
  declaration.steps = {
      step("scale", {{"from_low", -57.0}, {"from_high", 164.0}, {"unit", std::string("HU")}, {"clip", true}}),
      step("network"), step("argmax")};
  EXPECT_EQ(code(declaration, face), "pipeline.range");
}

TEST(Declaration, ComesBackFromJsonAsItWent) {
  Declaration declaration = volume();
  declaration.steps = {
      step("clip", {{"low", -1.0}, {"high", 20.0}}, {"ct"}, "a"),
      step("network", {{"window", std::vector<double>{1, 2, 3}}, {"inputs", std::vector<std::string>{"x"}}})};
  declaration.outputs[0].escalations = {{"volume", 10, "urgent"}};
  declaration.outputs[0].measurements = {{"volume", {"118565006", "SCT", "Volume"}, "ml"}};
  const auto back = from_json(to_json(declaration));
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(to_json(*back), to_json(declaration));
  EXPECT_EQ(std::get<std::vector<double>>(back->steps[1].values.at("window")).size(), 3U);
  EXPECT_EQ(from_json("{}").error().code, "pipeline.declaration");
}

}  // namespace
}  // namespace vedette::pipeline
