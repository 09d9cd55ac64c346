// Tools with networks, whole: a folder of DICOM files in, findings out, the network computed by vedette-engine and the
// images read by vedette-tool, each in its sandbox. The networks are tiny ones with a known answer, written here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "analysis/check.hpp"
#include "analysis/golden.hpp"
#include "analysis/keys.hpp"
#include "analysis/run.hpp"
#include "dicom/data_set.hpp"
#include "dicom/uids.hpp"
#include "engine/onnx_writer.hpp"

namespace vedette::analysis {
namespace {

namespace fs = std::filesystem;
namespace tags = dicom::tags;
namespace onnx = engine::onnx;
using testing::HasSubstr;

/// Logits 0.5 - x and x - 0.5 of two classes: class 1 wins above a half. Channels first, free size.
std::string halves(const std::vector<std::int64_t>& shape) {
  onnx::Graph graph;
  std::vector<std::int64_t> ones(shape.size(), 1), out = shape;
  ones[0] = 2;
  out[1] = 2;
  graph.weights = {onnx::weights("w", ones, {-1, 1}), onnx::weights("b", {2}, {0.5F, -0.5F})};
  graph.nodes = {onnx::node("Conv", {"x", "w", "b"}, {"y"})};
  graph.inputs = {onnx::port("x", shape)};
  graph.outputs = {onnx::port("y", out)};
  return onnx::model(graph);
}

/// Two scores of an image [1,channels,8,8]: a half, and the mean over everything.
std::string mean_score(std::int64_t channels) {
  onnx::Graph graph;
  graph.weights = {onnx::weights("w", {channels, 2}, std::vector<float>(static_cast<std::size_t>(channels) * 2, 0)),
                   onnx::weights("b", {2}, {0.5F, 0})};
  std::vector<float> w;
  for (std::int64_t c = 0; c < channels; ++c) w.insert(w.end(), {0.0F, 1.0F / static_cast<float>(channels)});
  graph.weights[0] = onnx::weights("w", {channels, 2}, w);
  graph.nodes = {onnx::node("GlobalAveragePool", {"x"}, {"p"}), onnx::node("Flatten", {"p"}, {"f"}),
                 onnx::node("Gemm", {"f", "w", "b"}, {"y"})};
  graph.inputs = {onnx::port("x", {1, channels, 8, 8})};
  graph.outputs = {onnx::port("y", {1, 2})};
  return onnx::model(graph);
}

/// Grey [n,8,8,1] and place [n,8,8,3], channels last: class 1 where grey plus the first place is above a half.
std::string two_inputs() {
  onnx::Graph graph;
  graph.weights = {onnx::weights("w", {4, 2}, {-1, 1, -1, 1, 0, 0, 0, 0}), onnx::weights("b", {2}, {0.5F, -0.5F})};
  graph.nodes = {onnx::node("Concat", {"grey", "place"}, {"both"},
                            {onnx::block(1, "axis") + onnx::number(3, 3) + onnx::number(20, 2)}),
                 onnx::node("MatMul", {"both", "w"}, {"m"}), onnx::node("Add", {"m", "b"}, {"y"})};
  graph.inputs = {onnx::port("grey", {-1, 8, 8, 1}), onnx::port("place", {-1, 8, 8, 3})};
  graph.outputs = {onnx::port("y", {-1, 8, 8, 2})};
  return onnx::model(graph);
}

constexpr std::string_view head = R"(format = 1
limits = ["Test."]
[tool]
id = "tiny"
name = "Tiny"
version = "1.0.0"
maker = "Test"
licence = "Apache-2.0"
intended_use = "Test."
regulatory_status = "Test."
population = "Test."
validation = "Test."
demonstrator = true
[engine]
kind = "onnx"
model = "model.onnx"
memory_bytes = 1073741824
network_memory_bytes = 1073741824
seconds = 60
)";
constexpr std::string_view volume_input = R"([[input]]
name = "ct"
modality = ["CT"]
least_images = 3
)";
constexpr std::string_view region_output = R"([[output]]
name = "block"
code = { value = "52988006", scheme = "SCT", meaning = "Lesion" }
text = "Block, for review"
urgency = ["routine"]
label = 1
region = "mask"
measurements = [{ measure = "volume", code = { value = "118565006", scheme = "SCT", meaning = "Volume" }, unit = "ml" },
                { measure = "mean", code = { value = "373098007", scheme = "SCT", meaning = "Mean" }, unit = "HU" }]
)";
constexpr std::string_view score_output = R"([[output]]
name = "bright"
code = { value = "bright", scheme = "99TEST", meaning = "Bright" }
text = "Bright image, for review"
urgency = ["routine"]
label = 1
threshold = 0.5
region = "none"
)";
constexpr std::string_view unit_scale =
    "[[step]]\nuse = \"scale\"\nunit = \"HU\"\nfrom_low = -1000\nfrom_high = 1000\n";

class Onnx : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "onnx-XXXXXX";
    root_ = mkdtemp(name.data());
    chmod(root_.c_str(), 0755);
    for (const char* each : {"tool", "images"}) {
      fs::create_directory(root_ / each);
      chmod((root_ / each).c_str(), 0755);
    }
  }
  void TearDown() override { fs::remove_all(root_); }

  Result<Tool> tool(const std::string& rest, const std::string& model) {
    onnx::write(root_ / "tool/model.onnx", model);
    std::ofstream(root_ / "tool/tool.toml") << head << rest;
    return read_tool((root_ / "tool").string());
  }
  dicom::DataSet image(int number, std::string_view modality, std::string_view sop_class, int rows, int columns) {
    dicom::DataSet data;
    data.set_text(tags::sop_class_uid, sop_class);
    data.set_text(tags::sop_instance_uid, "1.2.3.4." + std::to_string(number));
    data.set_text(tags::study_instance_uid, "1.2.3");
    data.set_text(tags::series_instance_uid, "1.2.3.4");
    data.set_text(tags::modality, modality);
    data.set_integer(tags::instance_number, number);
    data.set_integer(tags::rows, rows);
    data.set_integer(tags::columns, columns);
    return data;
  }
  void save(dicom::DataSet& data, std::string_view photometric, int samples, int bits, std::string pixels,
            const std::string& name) {
    data.set_integer(tags::samples_per_pixel, samples);
    data.set_text(tags::photometric_interpretation, photometric);
    if (samples > 1) data.set_integer(tags::planar_configuration, 0);
    data.set_integer(tags::bits_allocated, bits);
    data.set_integer(tags::bits_stored, bits);
    data.set_integer(tags::high_bit, bits - 1);
    data.set_integer(tags::pixel_representation, bits == 16 ? 1 : 0);
    data.set_bytes(tags::pixel_data, bits == 16 ? dicom::Vr::OW : dicom::Vr::OB, std::move(pixels));
    const auto bytes = dicom::write_file(data);
    ASSERT_TRUE(bytes) << bytes.error().text();
    std::ofstream(root_ / "images" / name, std::ios::binary) << *bytes;
  }
  /// 6 × 8 × 8 voxels of 2 × 1 × 1 mm; the value by slice, row, column.
  void write_ct(const std::function<int(int, int, int)>& value) {
    for (int k = 0; k < 6; ++k) {
      dicom::DataSet data = image(k + 1, "CT", "1.2.840.10008.5.1.4.1.1.2", 8, 8);
      data.set_text(tags::frame_of_reference_uid, "1.2.9");
      data.set_numbers(tags::image_position_patient, std::array{0.0, 0.0, 2.0 * k});
      data.set_numbers(tags::image_orientation_patient, std::array{1.0, 0.0, 0.0, 0.0, 1.0, 0.0});
      data.set_numbers(tags::pixel_spacing, std::array{1.0, 1.0});
      std::string pixels;
      for (int r = 0; r < 8; ++r) {
        for (int c = 0; c < 8; ++c) {
          const auto v = static_cast<std::uint16_t>(static_cast<std::int16_t>(value(k, r, c)));
          pixels += static_cast<char>(v & 0xFF);
          pixels += static_cast<char>(v >> 8);
        }
      }
      save(data, "MONOCHROME2", 1, 16, std::move(pixels), std::to_string(k));
    }
  }
  void write_block() {
    write_ct([](int k, int r, int c) { return k >= 1 && k < 3 && r >= 2 && r < 5 && c >= 3 && c < 7 ? 500 : -1000; });
  }
  void write_picture(int number, int grey, bool rgb, std::string_view photometric = "MONOCHROME2") {
    dicom::DataSet data = image(number, "DX", "1.2.840.10008.5.1.4.1.1.1.1", 16, 16);
    data.set_text(tags::view_position, number == 9 ? "LL" : "PA");
    save(data, rgb ? "RGB" : photometric, rgb ? 3 : 1, 8, std::string(256U * (rgb ? 3U : 1U), static_cast<char>(grey)),
         std::to_string(number));
  }
  FolderRun run(const Tool& tool) {
    auto done = run_folder(tool, (root_ / "images").string(), {});
    EXPECT_TRUE(done) << done.error().text() << done.error().detail;
    return done ? *std::move(done) : FolderRun{};
  }
  static long ones(const std::string& mask) { return std::count(mask.begin(), mask.end(), '\1'); }
  fs::path root_;
};

TEST_F(Onnx, AVolumeGoesInAndARegionOnItsImagesComesOut) {
  write_block();
  const auto made =
      tool(std::string(volume_input) + "[[step]]\nuse = \"reorient\"\ncode = \"RAS\"\n" + std::string(unit_scale) +
               "[[step]]\nuse = \"network\"\n[[step]]\nuse = \"invert\"\n[[step]]\nuse = \"argmax\"\n" +
               std::string(region_output),
           halves({1, 1, -1, -1, -1}));
  ASSERT_TRUE(made) << made.error().text();
  const CheckReport report = check_tool(*made);
  EXPECT_TRUE(report.ok()) << report.remarks[0].text;
  const FolderRun done = run(*made);
  ASSERT_EQ(done.outcome.state, Outcome::State::done) << done.outcome.text;
  ASSERT_EQ(done.findings.size(), 1U);
  const finding::Finding& f = done.findings[0];
  EXPECT_EQ(f.text, "Block, for review");
  EXPECT_TRUE(f.tool->demonstrator);
  EXPECT_EQ(ones(done.outcome.proposals[0].mask), 2 * 3 * 4);
  EXPECT_EQ(f.region.mask_instances, (std::vector<std::string>{"1.2.3.4.2", "1.2.3.4.3"}));
  EXPECT_NEAR(f.measurements[0].value, 24 * 2 / 1000.0, 1e-9);
  EXPECT_NEAR(f.measurements[1].value, 500, 1e-3);
  EXPECT_THAT(done.outcome.provenance, HasSubstr("\"precision\":\"f32\""));
  EXPECT_GE(done.outcome.steps.size(), 5U);
  // The same numbers, twice.
  EXPECT_EQ(run(*made).outcome.proposals[0].mask, done.outcome.proposals[0].mask);
}

TEST_F(Onnx, SeveralInputsAreFedByNameAndCombined) {
  // Class 1 above a half of grey plus share of the way to the right: the bright columns at the right only.
  write_ct([](int, int, int) { return -200; });  // 0.4
  const std::string steps = std::string(volume_input) + "[[step]]\nuse = \"reorient\"\ncode = \"SAR\"\n" +
                            std::string(unit_scale) +
                            "as = \"unit\"\n[[step]]\nuse = \"positions\"\ntoward = \"RAS\"\ndivide = 8\nas = \"at\"\n"
                            "[[step]]\nuse = \"network\"\nof = [\"unit\", \"at\"]\ninputs = [\"grey\", \"place\"]\n"
                            "[[step]]\nuse = \"argmax\"\n" +
                            std::string(region_output);
  const auto made = tool(steps, two_inputs());
  ASSERT_TRUE(made) << made.error().text();
  const FolderRun done = run(*made);
  ASSERT_EQ(done.outcome.state, Outcome::State::done) << done.outcome.text;
  ASSERT_EQ(done.findings.size(), 1U);
  // (i - 4) / 8 + 0.4 > 0.5 for i = 5, 6, 7: three of eight columns, at the patient's right (columns 0 to 2).
  const std::string& mask = done.outcome.proposals[0].mask;
  EXPECT_EQ(ones(mask), 6 * 8 * 3);
  EXPECT_EQ(mask[0], 1);
  EXPECT_EQ(mask[3], 0);
}

TEST_F(Onnx, ThreeNetworksSeeThreePlanesAndTheirMeanDecides) {
  write_block();
  std::string rest(volume_input);
  rest += unit_scale;
  rest += "as = \"unit\"\n";
  for (const auto& [name, code] : {std::pair{"axial", "SRA"}, {"coronal", "ARS"}, {"sagittal", "RAS"}}) {
    onnx::write(root_ / "tool" / (std::string(name) + ".onnx"), halves({1, 1, -1, -1}));
    rest += std::string("[[step]]\nuse = \"reorient\"\nof = [\"unit\"]\ncode = \"") + code +
            "\"\n[[step]]\nuse = \"network\"\nmodel = \"" + name +
            "\"\nwindow = [1, 0, 0]\nlayouts = [\"NCHW\"]\n[[step]]\nuse = \"invert\"\nas = \"" + name + "\"\n";
  }
  rest += "[[step]]\nuse = \"mean\"\nof = [\"axial\", \"coronal\", \"sagittal\"]\n[[step]]\nuse = \"argmax\"\n" +
          std::string(region_output);
  std::string text = std::string(head) + rest;
  const std::string one = "model = \"model.onnx\"";
  text.replace(text.find(one), one.size(),
               "models = { axial = \"axial.onnx\", coronal = \"coronal.onnx\", sagittal = \"sagittal.onnx\" }");
  std::ofstream(root_ / "tool/tool.toml") << text;
  const auto made = read_tool((root_ / "tool").string());
  ASSERT_TRUE(made) << made.error().text();
  const FolderRun done = run(*made);
  ASSERT_EQ(done.outcome.state, Outcome::State::done) << done.outcome.text;
  ASSERT_EQ(done.findings.size(), 1U);
  EXPECT_EQ(ones(done.outcome.proposals[0].mask), 2 * 3 * 4);
  EXPECT_THAT(done.outcome.provenance, HasSubstr("sagittal.onnx"));
}

TEST_F(Onnx, EachImageIsScoredAndTheBestOneSpeaks) {
  const std::string rest =
      "[[input]]\nname = \"image\"\ntake = \"images\"\nvalues = \"display\"\nmodality = [\"DX\"]\nview = [\"PA\", "
      "\"AP\"]\n"
      "[[step]]\nuse = \"resize\"\nshape = [0, 8, 8]\n[[step]]\nuse = \"scale\"\nunit = \"1\"\nfrom_low = 0\nfrom_high "
      "= 255\n"
      "[[step]]\nuse = \"network\"\ngives = \"scores\"\n" +
      std::string(score_output);
  const auto made = tool(rest, mean_score(1));
  ASSERT_TRUE(made) << made.error().text();
  // Without a window a flat image is shown black: the window makes 0…255 what it is.
  for (const auto& [number, grey] : {std::pair{1, 51}, {2, 204}, {9, 255}}) {
    dicom::DataSet data = image(number, "DX", "1.2.840.10008.5.1.4.1.1.1.1", 16, 16);
    data.set_text(tags::view_position, number == 9 ? "LL" : "PA");
    data.set_numbers(tags::window_center, std::array{127.5});
    data.set_numbers(tags::window_width, std::array{255.0});
    data.set_text(tags::voi_lut_function, "LINEAR_EXACT");
    save(data, "MONOCHROME2", 1, 8, std::string(256, static_cast<char>(grey)), std::to_string(number));
  }
  const FolderRun done = run(*made);
  ASSERT_EQ(done.outcome.state, Outcome::State::done) << done.outcome.text;
  ASSERT_EQ(done.findings.size(), 1U);
  EXPECT_NEAR(*done.findings[0].score, 0.8, 0.005);  // the lateral one did not pass the gate
  EXPECT_THAT(done.findings[0].why, HasSubstr("Image 2 of 2"));
  fs::remove(root_ / "images/1");
  fs::remove(root_ / "images/2");
  const FolderRun refused = run(*made);
  EXPECT_EQ(refused.outcome.state, Outcome::State::refused);
  EXPECT_EQ(refused.outcome.code, "gate.view");
}

TEST_F(Onnx, ColoursAreThreeChannels) {
  const std::string rest =
      "[[input]]\nname = \"image\"\ntake = \"images\"\ncolour = \"rgb\"\nmodality = [\"DX\"]\n"
      "[[step]]\nuse = \"resize\"\nshape = [0, 8, 8]\n[[step]]\nuse = \"scale\"\nunit = \"1\"\nfrom_low = 0\nfrom_high "
      "= 255\n"
      "[[step]]\nuse = \"network\"\ngives = \"scores\"\n" +
      std::string(score_output);
  const auto made = tool(rest, mean_score(3));
  ASSERT_TRUE(made) << made.error().text();
  write_picture(1, 153, true);
  const FolderRun done = run(*made);
  ASSERT_EQ(done.outcome.state, Outcome::State::done) << done.outcome.text;
  ASSERT_EQ(done.findings.size(), 1U);
  EXPECT_NEAR(*done.findings[0].score, 0.6, 0.005);
}

TEST_F(Onnx, AChainThatCannotBeRightIsSaidBeforeAnythingRuns) {
  write_block();
  const auto made = tool(std::string(volume_input) +
                             "[[step]]\nuse = \"clip\"\nlow = 0\nhigh = 20\nunit = \"g/ml{SUVbw}\"\n[[step]]\nuse = "
                             "\"network\"\n[[step]]\nuse = \"argmax\"\n" +
                             std::string(region_output),
                         halves({1, 1, -1, -1, -1}));
  ASSERT_TRUE(made) << made.error().text();
  const CheckReport report = check_tool(*made);
  EXPECT_FALSE(report.ok());
  const auto remark =
      std::find_if(report.remarks.begin(), report.remarks.end(), [](const Remark& r) { return r.error; });
  EXPECT_THAT(remark->where, HasSubstr("tool.toml:24"));
  EXPECT_THAT(remark->text, HasSubstr("HU"));
  EXPECT_NE(run(*made).outcome.state, Outcome::State::done);
}

TEST_F(Onnx, StepsAreReadAsStrictlyAsTheRest) {
  const std::string model = halves({1, 1, -1, -1, -1});
  const auto code = [&](const std::string& steps) {
    const auto made = tool(std::string(volume_input) + steps + std::string(region_output), model);
    return made ? std::string() : made.error().code;
  };
  EXPECT_EQ(code("[[step]]\nuse = \"netwrok\"\n"), "tool.step");
  EXPECT_EQ(code("[[step]]\nuse = \"network\"\nwidnow = [1, 2, 3]\n"), "tool.key_unknown");
  EXPECT_EQ(code("[[step]]\nuse = \"network\"\nwindow = \"large\"\n"), "tool.key_type");
  EXPECT_EQ(code("[[step]]\nuse = \"network\"\n"), "");
  const auto wording = tool(
      std::string(volume_input) + "[[step]]\nuse = \"network\"\n" +
          [] {
            std::string text(region_output);
            return text.replace(text.find("Block, for review"), 17, "Cancer detected");
          }(),
      model);
  ASSERT_FALSE(wording);
  EXPECT_EQ(wording.error().code, "tool.wording");
  const auto near =
      tool(std::string(volume_input) + "[[step]]\nuse = \"network\"\nwidnow = [1, 2, 3]\n" + std::string(region_output),
           model);
  EXPECT_EQ(near.error().remedy, "Did you mean 'window'?");
  EXPECT_THAT(near.error().where, HasSubstr("tool.toml:26:1"));
}

TEST_F(Onnx, GoldenCasesTellRightFromWrong) {
  write_block();
  const auto golden = [&](const std::string& value) {
    return tool(
        std::string(volume_input) + std::string(unit_scale) + "[[step]]\nuse = \"network\"\ndecide = \"argmax\"\n" +
            std::string(region_output) + "[[golden]]\nname = \"Block\"\ninput = \"" + (root_ / "images").string() +
            "\"\n[[golden.expect]]\noutput = \"block\"\ncount = 1\nmeasure = \"voxels\"\nvalue = " + value + "\n",
        halves({1, 1, -1, -1, -1}));
  };
  auto made = golden("24");
  ASSERT_TRUE(made) << made.error().text();
  auto result = run_golden(*made, made->golden[0], {});
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->state, GoldenResult::State::passed) << testing::PrintToString(result->lines);
  made = golden("25");
  result = run_golden(*made, made->golden[0], {});
  EXPECT_EQ(result->state, GoldenResult::State::failed);
  fs::remove_all(root_ / "images");
  EXPECT_EQ(run_golden(*made, made->golden[0], {})->state, GoldenResult::State::skipped);
}

TEST_F(Onnx, AFileThatIsNoNetworkFailsTheToolAndSaysTheWayOut) {
  write_block();
  const auto made = tool(std::string(volume_input) + "[[step]]\nuse = \"network\"\n[[step]]\nuse = \"argmax\"\n" +
                             std::string(region_output),
                         "PK\x03\x04 not a network");
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_FALSE(check_tool(*made).ok());
  const FolderRun done = run(*made);
  EXPECT_EQ(done.outcome.state, Outcome::State::failed);
  EXPECT_EQ(done.outcome.code, "model.format") << done.outcome.text;
}

TEST(Schema, HoldsEveryKeyAndStep) {
  const std::string schema = schema_json();
  for (const char* word :
       {"\"demonstrator\"", "\"reorient\"", "\"network\"", "\"least_kvp\"", "\"2020-12\"", "\"golden\""})
    EXPECT_THAT(schema, HasSubstr(std::string(word).find("2020") != std::string::npos ? "2020-12" : word));
}

}  // namespace
}  // namespace vedette::analysis
