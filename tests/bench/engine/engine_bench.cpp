// What a process of its own, its walls and the channel cost over the bare engine: the same network, the same settings,
// the same input, taken in turn.
//   vedette-engine-bench [effort [word of the name]]      with ../shared the real models, otherwise networks of the
//   same kind
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <openvino/openvino.hpp>
#include <vector>

#include "engine/channel.hpp"
#include "engine/model.hpp"
#include "engine/onnx_writer.hpp"
#include "engine/warm.hpp"

namespace {

using namespace vedette;
using engine::Shape;
using std::chrono::steady_clock;
namespace fs = std::filesystem;

struct Case {
  std::string name;
  fs::path model;
  Shape shape;
  engine::Precision precision;
  int threads, rounds;  ///< of one call each
};

/// The engine as a program would use it directly.
class Bare {
 public:
  explicit Bare(const Case& given) {
    auto model = core_.read_model(given.model.string());
    const ov::Shape shape(given.shape.begin(), given.shape.end());
    if (model->is_dynamic()) model->reshape(shape);
    request_ =
        core_
            .compile_model(
                model, "CPU",
                {ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY),
                 ov::hint::execution_mode(ov::hint::ExecutionMode::ACCURACY),
                 ov::hint::inference_precision(ov::element::f32), ov::hint::dynamic_quantization_group_size(0),
                 ov::num_streams(1), ov::inference_num_threads(given.threads), ov::hint::enable_cpu_pinning(false),
                 ov::AnyMap::value_type("LP_TRANSFORMS_MODE", given.precision == engine::Precision::int8)})
            .create_infer_request();
    input_ = ov::Tensor(ov::element::f32, shape);
    request_.set_input_tensor(input_);
  }
  float* input() { return input_.data<float>(); }
  void infer() { request_.infer(); }
  const float* output() { return request_.get_output_tensor(0).data<float>(); }

 private:
  ov::Core core_;
  ov::InferRequest request_;
  ov::Tensor input_;
};

double milliseconds_of(const auto& work) {
  const auto start = steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

/// The value below which a share of them lies. On a machine with other work the low ones are those of the code.
double low(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

[[noreturn]] void fail(const Error& error) {
  fmt::print(stderr, "{} {}\n", error.text(), error.detail);
  std::exit(1);
}

bool measure(const Case& given, int effort) {
  engine::Warm warm({});
  engine::NetworkOrder order;
  order.model = given.model.string();
  const auto facts = engine::inspect_model(order.model);
  if (!facts) fail(facts.error());
  order.digest = facts->digest;
  order.precision = given.precision;
  order.threads = given.threads;
  const auto cold = steady_clock::now();
  auto lease = warm.open({order}, engine::Urgency::routine, std::chrono::seconds(60), {});
  if (!lease) fail(lease.error());
  auto network = engine::connect_network(engine::Descriptor(dup(lease->descriptors()[0])), std::chrono::seconds(10));
  if (!network) fail(network.error());
  const double start_ms = std::chrono::duration<double, std::milli>(steady_clock::now() - cold).count();
  Bare bare(given);
  auto input = engine::Tensor::make<float>(facts->inputs[0].name, given.shape);
  if (!input) fail(input.error());
  std::size_t i = 0;
  for (float& value : input->as<float>()) value = static_cast<float>(i++ % 251) / 251;
  std::ranges::copy(input->as<float>(), bare.input());
  bool same = true;
  const auto through = [&] {
    auto out = (*network)->infer({&*input, 1}, {});
    if (!out) fail(out.error());
    const auto numbers = (*out)[0].as<float>();
    same = same && numbers[numbers.size() / 2] == bare.output()[numbers.size() / 2];
  };
  const auto direct = [&] { bare.infer(); };
  direct();
  through();
  std::vector<double> own, other;
  for (int round = 0; round < given.rounds * effort; ++round) {
    // In turn, and each first as often as second.
    const bool first = round % 2 == 0;
    if (first) own.push_back(milliseconds_of(direct));
    other.push_back(milliseconds_of(through));
    if (!first) own.push_back(milliseconds_of(direct));
  }
  fmt::print(
      "{:<22} {:<4} {} threads, {:4} calls each; ms least / tenth / middle: bare {:8.2f} {:8.2f} {:8.2f}  through "
      "{:8.2f} {:8.2f} {:8.2f}  over {:4.1f} % {:4.1f} % {:4.1f} %; first start {:.0f} ms{}\n",
      given.name, engine::name_of(given.precision), given.threads, own.size(), low(own, 0), low(own, 0.1),
      low(own, 0.5), low(other, 0), low(other, 0.1), low(other, 0.5), 100 * (low(other, 0) / low(own, 0) - 1),
      100 * (low(other, 0.1) / low(own, 0.1) - 1), 100 * (low(other, 0.5) / low(own, 0.5) - 1), start_ms,
      same ? "" : "; OTHER NUMBERS");
  return same;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const int effort = argc > 1 ? std::max(1, std::atoi(argv[1])) : 1;
  fs::path shared = fs::path(VEDETTE_SOURCE_DIR) / "../shared";
  if (const char* named = std::getenv("VEDETTE_SHARED")) shared = named;
  std::string folder = (fs::temp_directory_path() / "engine-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  fs::permissions(folder, fs::perms(0755));
  engine::onnx::write(folder + "/2d.onnx", engine::onnx::convolutions({1, 3, 224, 224}, 32, 6));
  engine::onnx::write(folder + "/3d.onnx", engine::onnx::convolutions({1, 1, 128, 128, 128}, 8, 5));
  using engine::Precision;
  std::vector<Case> cases{{"2D convolutions 224²", folder + "/2d.onnx", {1, 3, 224, 224}, Precision::f32, 2, 200},
                          {"3D convolutions 128³", folder + "/3d.onnx", {1, 1, 128, 128, 128}, Precision::f32, 2, 30}};
  if (fs::exists(shared / "data/README.md")) {
    const fs::path data = fs::canonical(shared / "data");
    const fs::path chest = data / "models-cxr-int8-onnx/model_int8.onnx";
    cases.push_back({"2D chest X-ray 224²", chest, {1, 1, 224, 224}, Precision::f32, 2, 600});
    const fs::path tumour = data / "models-braintumour-onnx/model.onnx";
    cases.push_back({"2D brain tumour 224²", tumour, {1, 3, 224, 224}, Precision::int8, 2, 600});
    cases.push_back(
        {"3D MeshNet 256³", data / "models-meshnet-onnx/model.onnx", {1, 1, 256, 256, 256}, Precision::f32, 2, 5});
  }
  bool same = true;
  for (const Case& each : cases) {
    if (argc < 3 || each.name.find(argv[2]) != std::string::npos) same = measure(each, effort) && same;
  }
  fs::remove_all(folder);
  return same ? 0 : 1;
}
