#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "finding/finding.hpp"

namespace vedette::engine {
enum class Precision : std::uint8_t;
}
namespace vedette::pipeline {
struct Declaration;
}

namespace vedette::analysis {

/// One series that a tool takes, and what it must be: every line that is not met is a coded reason ("gate.modality" …).
/// An empty list, or an absent bound, takes any.
struct InputGate {
  std::string name;                   ///< how the tool's program finds it in study.json
  bool each_image = false;            ///< images that pass are taken by themselves; else the series as a volume
  std::vector<std::string> modality;  ///< a study without any is not for this tool
  std::vector<std::string> sop_class;
  std::vector<std::string> body_part;  ///< Body Part Examined (0018,0015)
  std::vector<std::string> view, laterality, sex;
  std::vector<std::string> units;               ///< Units (0054,1001)
  std::vector<std::string> corrected_for;       ///< all of them in Corrected Image (0028,0051)
  std::string contrast;                         ///< "", "any", "without", "with": Contrast/Bolus Agent (0018,0010)
  std::vector<std::string> kernel, kernel_not;  ///< Convolution Kernel (0018,1210)
  std::vector<std::string> manufacturer;        ///< words in it
  std::vector<std::string> description, description_not;  ///< words in Series Description or Protocol Name
  std::vector<std::string> image_type, image_type_not;    ///< values of Image Type
  std::vector<std::string> photometric;
  std::string orientation;  ///< "", "axial", "coronal", "sagittal"
  int least_images = 1;     ///< images or frames
  int most_images = 100'000;
  int least_rows = 0;                                 ///< and columns
  bool regular = false;                               ///< geometry = "regular"
  std::optional<double> least_spacing, most_spacing;  ///< mm between slices
  std::optional<double> most_pixel;                   ///< mm between pixels
  std::optional<double> least_thickness, most_thickness, least_kvp, most_kvp;
  std::optional<int> least_age, most_age;  ///< years; an unknown age is refused
  /// Of several series that pass, by these in turn: original, most_images, finest_slices, lowest_number.
  std::vector<std::string> prefer;
};

struct Parameter {
  double value = 0;
  std::string unit, text;
};

/// What a tool may put out.
struct OutputRow {
  std::string name;
  finding::Code code;
  std::string text;
  std::vector<std::string> urgency;
};

/// A network of the tool and how it is computed.
struct Model {
  std::string name;  ///< empty where there is only one
  std::string file;  ///< in the tool's folder
};

/// A case with known results.
struct Golden {
  std::string name, input;  ///< folder of DICOM files, absolute or in the tool's folder; $VARIABLES as they stand
  std::string state = "done", code;
  struct Expected {
    std::string output;
    std::optional<int> count;
    std::string measure;
    std::optional<double> value;
    double tolerance = 0, relative = 0;
  };
  std::vector<Expected> expected;
};

/// A tool as its folder's tool.toml declares it.
struct Tool {
  std::string id, name, version, maker, licence, intended_use, regulatory_status, population, validation, contact;
  bool demonstrator = false;
  std::vector<std::string> limits;
  enum class Engine : std::uint8_t { builtin, command, onnx };
  Engine engine = Engine::builtin;
  std::vector<std::string> command;  ///< of Engine::command: program in the tool's folder, then arguments
  std::vector<Model> models;         ///< of Engine::onnx, with:
  engine::Precision precision{};     ///< f32 unless declared
  int threads = 2;
  std::uint64_t network_memory_bytes = 0;
  /// Never null. Shared: a tool is copied as a value, and those who only show it do not see what a pipeline is.
  std::shared_ptr<const pipeline::Declaration> pipeline;
  std::vector<Golden> golden;
  std::uint64_t memory_bytes = 0, output_bytes = 0;
  int seconds = 0, processes = 0;
  std::vector<InputGate> inputs;
  std::map<std::string, Parameter> parameters;
  std::vector<OutputRow> outputs;
  std::string folder;  ///< absolute
  std::string digest;  ///< SHA-256 over names and contents of the folder's files

  finding::ToolStamp stamp() const { return {id, version, name, digest, demonstrator}; }
};

/// Reads FOLDER/tool.toml. Fails malformed or refused with file, line and column; an unknown key is refused by name
/// with the nearest known one.
Result<Tool> read_tool(const std::string& folder);

/// The card as Markdown, for people.
std::string card_of(const Tool& tool);

/// Folders of tools below one folder. One that cannot be read is left out and stands in `faults`.
struct Registry {
  std::vector<Tool> tools;  ///< by id
  std::vector<Error> faults;

  const Tool* find(std::string_view id) const;
};
/// An empty folder name: VEDETTE_TOOLS, else `tools` beside the running program. Two folders with one id are both
/// refused.
Registry read_registry(const std::string& folder);

}  // namespace vedette::analysis
