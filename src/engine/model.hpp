#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "engine/network.hpp"

namespace vedette::engine {

struct ModelBounds {
  std::uint64_t bytes = 4ULL << 30;  ///< of the file and its external data together
  std::size_t nodes = 200'000;
  std::size_t depth = 16;  ///< of subgraphs
  int least_ir = 3, most_ir = 13;
  int least_opset = 7, most_opset = 25;
};

/// What an ONNX file says of itself; read without computing anything.
struct ModelFacts {
  std::uint64_t bytes = 0;  ///< of the file
  Digest digest;            ///< of the file
  int ir_version = 0, opset = 0;
  std::string producer;
  std::vector<Port> inputs, outputs;             ///< inputs without those that are weights; -1: a free axis
  std::map<std::string, std::size_t> operators;  ///< "Conv", "ai.onnx.ml.Scaler" → how often
  std::size_t nodes = 0;
  std::uint64_t weight_bytes = 0;
  bool quantised = false;                   ///< holds QuantizeLinear, DequantizeLinear or integer operators
  std::vector<std::string> external_files;  ///< absolute, all inside the model's folder, regular files
};

/// Looks at a file by its content, whatever its name, and says whether it is a network that may be run. Reads at most
/// the bounds. Fails
///  - unsupported "model.format": a pickle, TorchScript, HDF5, executable, archive …: says what it is and the way out
///  - malformed "model.broken": says where; too_large "model.size"
///  - refused "model.version", "model.external", "model.domain", "model.operator": names what
Result<ModelFacts> inspect_model(const std::string& path, const ModelBounds& bounds = {});

}  // namespace vedette::engine
