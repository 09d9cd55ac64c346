#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>

#include "engine/child.hpp"
#include "engine/serve.hpp"
#include "engine_program/openvino_network.hpp"
#include "engine_program/pinned.hpp"

int main(int argc, char** argv) {
  using namespace vedette;
  CLI::App app("Computes one network; started by the node inside its sandbox");
  engine_program::LoadOrder order;
  std::string precision = "f32";
  bool digest = false;
  app.add_option("--model", order.model, "The ONNX file");
  app.add_option("--digest", order.digest, "SHA-256 of the file");
  app.add_option("--precision", precision, "f32, bf16 or int8")->check(CLI::IsMember({"f32", "bf16", "int8"}));
  app.add_option("--threads", order.threads, "How many")->check(CLI::Range(1, 256));
  app.add_flag("--engine-digest", digest, "Print the digest of the engine's libraries and end");
  CLI11_PARSE(app, argc, argv);
  if (digest) {
    fmt::print("{}\n", engine_program::pinned_digest());
    return engine_program::check_libraries() ? 0 : 1;
  }
  order.precision = engine::precision_of(precision).value_or(engine::Precision::f32);
  engine::Descriptor control(engine::first_channel);
  if (fcntl(control.get(), F_SETFD, FD_CLOEXEC) != 0) {
    fmt::print(stderr, "vedette-engine is started by the node only\n");
    return 2;
  }
  if (auto pinned = engine_program::check_libraries(); !pinned) {
    engine::refuse_to_serve(pinned.error(), control);
    return 3;
  }
  auto network = engine_program::load_network(order);
  if (!network) {
    engine::refuse_to_serve(network.error(), control);
    return 3;
  }
  engine::serve(**network, std::move(control));
  return 0;
}
