#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "engine/tensor.hpp"

namespace vedette::engine {

/// In which numbers a network computes. Declared by the tool, never taken over from the machine.
enum class Precision : std::uint8_t {
  f32,   ///< all in f32; quantised networks are computed with their quantisation steps in f32
  bf16,  ///< products in bfloat16 where the processor has it
  int8,  ///< the integer parts of a quantised network in integers, the rest in f32
};
std::string_view name_of(Precision precision);  ///< "f32", "bf16", "int8"
std::optional<Precision> precision_of(std::string_view name);

/// One input or output of a network.
struct Port {
  std::string name;
  Element element = Element::f32;
  Shape shape;  ///< -1: free
};

/// What a loaded network is and how it is computed; what a finding's provenance states.
struct Description {
  std::vector<Port> inputs, outputs;
  std::string model_digest;  ///< SHA-256 of the model's file, hexadecimal
  int opset = 0;             ///< of the domain ai.onnx
  Precision precision = Precision::f32;
  int threads = 1;
  std::string device;         ///< "CPU (…)"
  std::string engine;         ///< "OpenVINO 2026.4.0-22959-…"
  std::string engine_digest;  ///< SHA-256 over the engine's libraries, as pinned when it was built
  double load_seconds = 0;    ///< reading and compiling
};

struct InferOptions {
  std::chrono::milliseconds deadline{300'000};
  bool allow_not_finite = false;         ///< otherwise a NaN or infinite output fails
  std::vector<std::string> outputs{};    ///< which are wanted; empty: all
  std::stop_token stop{};                ///< fails cancelled "engine.stopped"
  std::vector<Memory>* spare = nullptr;  ///< inside vedette-engine: taken for outputs where the size is theirs
};

/// A loaded network: tensors in, tensors out. Two implementations: in this process (only inside vedette-engine), and
/// in another one over a channel. One call at a time.
class Network {
 public:
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  virtual ~Network() = default;

  virtual const Description& description() const = 0;

  /// Inputs by name, in any order; the outputs come in the order of the description (or of InferOptions::outputs).
  /// Inputs are only read. Fails
  ///  - refused "engine.input": an input is missing, unknown, of another element or shape (names it, says what is
  ///  wanted)
  ///  - refused "engine.not_finite": an output holds NaN or infinite numbers (names it, says how many)
  ///  - refused "engine.computation": the network cannot be computed on this input
  ///  - timed_out "engine.time_limit"; the network is then lost
  ///  - cancelled "engine.stopped"; the network is then lost
  ///  - unavailable "engine.lost": the other process is gone (crash, limit); the network is lost
  ///  - malformed "engine.answer": the other process broke the protocol; the network is lost
  ///  - too_large "engine.size", exhausted "engine.memory"
  virtual Result<std::vector<Tensor>> infer(std::span<const Tensor> inputs, const InferOptions& options) = 0;
};

/// Are these inputs what the ports ask for? Fails refused "engine.input".
Result<void> check_inputs(std::span<const Port> ports, std::span<const Tensor> inputs);
/// A shape that fits a port: same rank, same axes where the port's are not free.
bool fits(const Shape& wanted, const Shape& given);

}  // namespace vedette::engine
