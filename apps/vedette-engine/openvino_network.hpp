#pragma once

#include <memory>
#include <string>

#include "engine/network.hpp"

namespace vedette::engine_program {

struct LoadOrder {
  std::string model;   ///< path of an ONNX file
  std::string digest;  ///< SHA-256 of it, hexadecimal; empty: any
  engine::Precision precision = engine::Precision::f32;
  int threads = 1;
};

/// Reads and compiles a network. Fails as inspect_model, refused "model.digest", unsupported "model.load" (OpenVINO
/// cannot run it), unsupported "engine.precision" (this processor has it not).
Result<std::unique_ptr<engine::Network>> load_network(const LoadOrder& order);

}  // namespace vedette::engine_program
