#include "engine/model.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "engine/onnx_writer.hpp"
#include "engine/warm_fixture.hpp"

namespace vedette::engine {
namespace {

using namespace std::string_literals;

class ModelIntake : public testing::Test {
 protected:
  Result<ModelFacts> look(std::string_view bytes, const std::string& name = "model.onnx",
                          const ModelBounds& bounds = {}) {
    onnx::write(models_.folder / name, bytes);
    return inspect_model((models_.folder / name).string(), bounds);
  }
  void expect(const Result<ModelFacts>& got, std::string_view code, std::string_view word) {
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, code) << got.error().text();
    EXPECT_NE(got.error().text().find(word), std::string::npos) << got.error().text();
    EXPECT_FALSE(got.error().remedy.empty());
  }
  static onnx::Graph relu() {
    return {{onnx::node("Relu", {"x"}, {"y"})}, {}, {onnx::port("x", {1, 4})}, {onnx::port("y", {1, 4})}};
  }
  std::string with_external(const std::string& location) {
    onnx::Graph graph = relu();
    graph.weights = {onnx::number(1, 4) + onnx::number(2, 1) + onnx::block(8, "w") +
                     onnx::block(13, onnx::block(1, "location") + onnx::block(2, location)) + onnx::number(14, 1)};
    return onnx::model(graph);
  }
  Models models_;
};

TEST_F(ModelIntake, SaysWhatANetworkIs) {
  const std::string bytes = onnx::convolutions({-1, 1, 8, 16}, 3, 2);
  const auto facts = look(bytes);
  ASSERT_GOOD(facts);
  EXPECT_EQ(facts->opset, 17);
  EXPECT_EQ(facts->ir_version, 8);
  EXPECT_EQ(facts->producer, "test");
  EXPECT_EQ(facts->nodes, 4U);
  EXPECT_EQ(facts->operators, (std::map<std::string, std::size_t>{{"Conv", 2}, {"Relu", 2}}));
  EXPECT_EQ(facts->weight_bytes, 4U * (27 + 81));
  EXPECT_EQ(facts->digest, sha256(as_bytes(bytes)));
  ASSERT_EQ(facts->inputs.size(), 1U);
  EXPECT_EQ(facts->inputs[0].name, "x");
  EXPECT_EQ(facts->inputs[0].shape, (Shape{-1, 1, 8, 16}));
  EXPECT_EQ(facts->outputs[0].shape, (Shape{-1, 3, 8, 16}));
}

TEST_F(ModelIntake, KnowsANetworkByItsContentWhateverItsName) {
  EXPECT_TRUE(look(onnx::one_node("Relu", {4}), "network.pt"));
  expect(look("\x80\x04\x95"s + std::string(40, 'x'), "network.onnx"), "model.format", "pickle");
}

TEST_F(ModelIntake, RefusesWhatIsNoNetworkWithTheReasonAndTheWayOut) {
  const std::string rest(600, '\0');
  const std::string tar = std::string(257, 'a') + "ustar" + rest;
  const std::vector<std::tuple<std::string, std::string_view, std::string_view>> all{
      {"\x80\x02\x8a\x0a"s + rest, "pickle", "torch.onnx.export"},
      {"(dp0\nS'a'\np1\nI1\ns."s, "pickle", "torch.onnx.export"},
      {"\x89HDF\r\n\x1a\n"s + rest, "HDF5", "tf2onnx"},
      {"\x7f"s + "ELF" + rest, "executable", "Name an ONNX file"},
      {"MZ"s + rest, "executable", "Name an ONNX file"},
      {"#!/bin/sh\nexit 0\n", "script", "Name an ONNX file"},
      {"\x1f\x8b\x08"s + rest, "archive", "Unpack"},
      {tar, "archive", "Unpack"},
      {"{\"a\": 1}", "JSON", "Name an ONNX file"},
      {"", "empty", "Name an ONNX file"},
      {"hello, this is a text", "something else", "Name an ONNX file"},
      {std::string(128, '\0') + "DICM" + rest, "DICOM", "Name an ONNX file"},
      {"version https://git-lfs.github.com/spec/v1\n", "Git LFS", "git lfs pull"}};
  for (const auto& [bytes, what, way] : all) {
    const auto got = look(bytes);
    expect(got, "model.format", what);
    ASSERT_FALSE(got);
    EXPECT_NE(got.error().remedy.find(way), std::string::npos) << got.error().text();
  }
}

/// Names in a ZIP file's directory, without content.
std::string zip_of(const std::vector<std::string>& names) {
  std::string out = "PK\3\4"s + std::string(26, '\0');
  for (const std::string& name : names) {
    std::string entry = "PK\1\2"s + std::string(42, '\0');
    entry[28] = static_cast<char>(name.size());
    out += entry + name;
  }
  return out + "PK\5\6" + std::string(18, '\0');
}

TEST_F(ModelIntake, TellsTorchScriptCheckpointsAndArchivesApart) {
  expect(look(zip_of({"net/data.pkl", "net/code/__torch__.py"})), "model.format", "TorchScript");
  expect(look(zip_of({"archive/data.pkl", "archive/data/0"})), "model.format", "pickle");
  expect(look(zip_of({"config.json", "model.weights.h5"})), "model.format", "Keras");
  expect(look(zip_of({"model.onnx"})), "model.format", "archive (zip)");
}

TEST_F(ModelIntake, AFileCutOffAnywhereIsRefused) {
  const std::string bytes = onnx::convolutions({1, 1, 8, 8}, 2, 2);
  for (std::size_t length = 1; length < bytes.size(); ++length) {
    EXPECT_FALSE(look(std::string_view(bytes).substr(0, length))) << length;
  }
  expect(look(std::string_view(bytes).substr(0, bytes.size() / 2)), "model.broken", "cut off");
}

TEST_F(ModelIntake, AnyChangedByteIsReadWithoutHarm) {
  std::string bytes = onnx::convolutions({1, 1, 8, 8}, 2, 1);
  int good = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {1, 0x80, 0xFF}) {
      const char before = bytes[at];
      bytes[at] = static_cast<char>(before ^ flip);
      const auto got = look(bytes);
      good += got.has_value() ? 1 : 0;
      EXPECT_TRUE(got || !got.error().cause.empty());
      bytes[at] = before;
    }
  }
  EXPECT_GT(good, 0);  // changed weights are weights too
}

TEST_F(ModelIntake, RefusesForeignDomainsUnknownAndRandomOperatorsByName) {
  onnx::Graph graph = relu();
  graph.nodes = {onnx::node("FusedConv", {"x"}, {"y"}, {}, "com.microsoft")};
  expect(look(onnx::model(graph)), "model.domain", "com.microsoft.FusedConv");
  expect(look(onnx::one_node("SystemCall", {4})), "model.operator", "SystemCall");
  expect(look(onnx::one_node("RandomNormalLike", {4})), "model.operator", "random");
}

TEST_F(ModelIntake, LooksIntoSubgraphs) {
  onnx::Graph inner;
  inner.nodes = {onnx::node("Evil", {"a"}, {"b"}, {}, "my.domain")};
  onnx::Graph graph = relu();
  graph.nodes.push_back(onnx::node("If", {"c"}, {"z"}, {onnx::graph_attribute("then_branch", inner.text())}));
  expect(look(onnx::model(graph)), "model.domain", "my.domain.Evil");
  std::string deep = inner.text();
  for (int i = 0; i < 40; ++i) {
    onnx::Graph outer;
    outer.nodes = {onnx::node("If", {"c"}, {"z"}, {onnx::graph_attribute("then_branch", deep)})};
    deep = outer.text();
  }
  graph.nodes.back() = onnx::node("If", {"c"}, {"z"}, {onnx::graph_attribute("then_branch", deep)});
  expect(look(onnx::model(graph)), "model.size", "deep");
}

TEST_F(ModelIntake, RefusesFunctionsOldVersionsAndTooLargeFiles) {
  expect(look(onnx::model(relu()) + onnx::block(25, "f")), "model.domain", "functions");
  expect(look(onnx::model(relu(), 3)), "model.version", "operator set 3");
  expect(look(onnx::model(relu(), 17, 99)), "model.version", "IR version 99");
  expect(look(onnx::model(relu()), "m", {.bytes = 20}), "model.size", "At most");
  expect(look(onnx::convolutions({1, 1, 8, 8}, 1, 4), "m", {.nodes = 3}), "model.size", "more than 3 nodes");
}

TEST_F(ModelIntake, ExternalDataLieBesideTheModelOrNowhere) {
  onnx::write(models_.folder / "weights.bin", std::string(16, '\0'));
  std::filesystem::create_directory(models_.folder / "sub");
  std::filesystem::create_symlink("/etc", models_.folder / "etc");
  std::filesystem::create_symlink("weights.bin", models_.folder / "link.bin");
  const auto good = look(with_external("weights.bin"));
  ASSERT_GOOD(good);
  EXPECT_EQ(good->external_files, std::vector<std::string>{(models_.folder / "weights.bin").string()});
  expect(look(with_external("/etc/passwd")), "model.external", "absolute");
  expect(look(with_external("../secret")), "model.external", "outside");
  expect(look(with_external("sub/../../secret")), "model.external", "outside");
  expect(look(with_external("etc/passwd")), "model.external", "link");
  expect(look(with_external("link.bin")), "model.external", "link");
  expect(look(with_external("sub")), "model.external", "not there");
  expect(look(with_external("")), "model.external", "no place");
  const std::string bytes = with_external("weights.bin");
  expect(look(bytes, "model.onnx", {.bytes = bytes.size() + 15}), "model.size", "external");
  EXPECT_TRUE(look(bytes, "model.onnx", {.bytes = bytes.size() + 16}));
}

TEST_F(ModelIntake, ALinkAFolderAndADeviceAreRefused) {
  onnx::write(models_.folder / "real.onnx", onnx::model(relu()));
  std::filesystem::create_symlink("real.onnx", models_.folder / "link.onnx");
  expect(inspect_model((models_.folder / "link.onnx").string()), "model.external", "link");
  expect(inspect_model(models_.folder.string()), "model.format", "no file");
  expect(inspect_model("/dev/zero"), "model.format", "no file");
  expect(inspect_model((models_.folder / "none.onnx").string()), "model.missing", "none.onnx");
}

TEST_F(ModelIntake, RealModelsPassAndTheirFactsAreThoseOfTheirCards) {
  const auto data = shared_data();
  if (!data) GTEST_SKIP() << "no shared data here";
  const auto mesh = inspect_model((*data / "models-meshnet-onnx/model.onnx").string());
  ASSERT_GOOD(mesh);
  EXPECT_EQ(mesh->bytes, 25'230U);
  EXPECT_EQ(mesh->opset, 14);
  EXPECT_EQ(mesh->inputs[0].shape, (Shape{-1, 1, 256, 256, 256}));
  const auto chest = inspect_model((*data / "models-cxr-int8-onnx/model_int8.onnx").string());
  ASSERT_GOOD(chest);
  EXPECT_TRUE(chest->quantised);
  EXPECT_EQ(chest->opset, 11);
  EXPECT_EQ(chest->outputs[0].shape, (Shape{-1, 15}));
  const auto tumour = inspect_model((*data / "models-braintumour-onnx/model.onnx").string());
  ASSERT_GOOD(tumour);
  EXPECT_EQ(tumour->inputs[0].shape, (Shape{1, 3, 224, 224}));
  const auto axial = inspect_model((*data / "models-multiaxial-onnx/multiaxial/axial_model.onnx").string());
  ASSERT_GOOD(axial);
  EXPECT_EQ(axial->inputs.size(), 2U);
}

}  // namespace
}  // namespace vedette::engine
