#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "pet_uptake/pet_uptake.hpp"
#include "pipeline/child.hpp"

namespace {

/// The tools that are part of the program, by the id in their tool.toml.
struct Builtin {
  std::string_view id;
  int (*run)(const std::string& tool, const std::string& input, const std::string& output);
};
constexpr Builtin builtins[] = {{"pet_uptake", vedette::pet_uptake::run_as_child}};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs a built-in tool on a folder of input; started by the node inside its sandbox");
  std::string id, tool, input, output;
  bool pipeline = false;
  app.add_option("--id", id, "Which built-in tool");
  app.add_flag("--pipeline", pipeline, "Run the pipeline that study.json declares, on the networks that are given");
  app.add_option("--tool", tool, "Folder of the tool")->required();
  app.add_option("--input", input, "Folder with study.json and the images")->required();
  app.add_option("--output", output, "Folder for output.json and masks")->required();
  CLI11_PARSE(app, argc, argv);
  if (pipeline) return vedette::pipeline::run_as_child(input, output);
  for (const Builtin& builtin : builtins) {
    if (builtin.id == id) return builtin.run(tool, input, output);
  }
  return 64;
}
