#include "analysis/networks.hpp"

#include <filesystem>

namespace vedette::analysis {

namespace fs = std::filesystem;

Result<std::vector<engine::ModelFacts>> inspect_models(const Tool& tool) {
  std::vector<engine::ModelFacts> out;
  for (const Model& model : tool.models) {
    const fs::path path = fs::path(tool.folder) / model.file;
    std::error_code error;
    if (!fs::is_regular_file(path, error)) {
      return Error{Fault::not_found, "model.file", "The network's file is not there", path.string(),
                   "Put the ONNX file into the tool's folder, or correct engine.model."};
    }
    out.push_back(VEDETTE_TRY(engine::inspect_model(path.string())));
  }
  return out;
}

std::vector<engine::NetworkOrder> orders_of(const Tool& tool, const std::vector<engine::ModelFacts>& facts) {
  std::vector<engine::NetworkOrder> out;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    engine::NetworkOrder order;
    order.model = (fs::path(tool.folder) / tool.models[i].file).string();
    order.data = facts[i].external_files;
    order.digest = facts[i].digest;
    order.precision = tool.precision;
    order.threads = tool.threads;
    order.memory_bytes = tool.network_memory_bytes;
    out.push_back(std::move(order));
  }
  return out;
}

std::vector<pipeline::Face> faces_of(const Tool& tool, const std::vector<engine::ModelFacts>& facts) {
  std::vector<pipeline::Face> out;
  for (std::size_t i = 0; i < facts.size(); ++i)
    out.push_back({tool.models[i].name, facts[i].inputs, facts[i].outputs});
  return out;
}

}  // namespace vedette::analysis
