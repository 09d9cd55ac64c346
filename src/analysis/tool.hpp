#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "finding/finding.hpp"

namespace vedette::analysis {

/// One series that a tool takes, and what it must be: every line that is not met is a coded reason ("gate.modality" …).
struct InputGate {
  std::string name;                        ///< how the tool's program finds it in study.json
  std::vector<std::string> modality;       ///< a study without any is not for this tool
  std::vector<std::string> sop_class;      ///< empty: any
  std::vector<std::string> body_part;      ///< Body Part Examined (0018,0015); empty: any
  std::vector<std::string> units;          ///< Units (0054,1001); empty: any
  std::vector<std::string> corrected_for;  ///< all of them in Corrected Image (0028,0051)
  int least_images = 1;                    ///< images or frames
  int most_images = 100'000;
  bool regular = false;                               ///< geometry = "regular"
  std::optional<double> least_spacing, most_spacing;  ///< mm between slices
  std::optional<int> least_age, most_age;             ///< years; an unknown age is refused
  /// Of several series that pass, by these in turn: original, most_images, finest_slices, lowest_number.
  std::vector<std::string> prefer;
};

struct Parameter {
  double value = 0;
  std::string unit, text;
};

/// What a tool may put out.
struct OutputRow {
  finding::Code code;
  std::string text;
  std::vector<std::string> urgency;
};

/// A tool as its folder's tool.toml declares it.
struct Tool {
  std::string id, name, version, maker, licence, intended_use, regulatory_status, population, validation;
  bool demonstrator = false;
  std::vector<std::string> limits;
  enum class Engine : std::uint8_t { builtin, command };
  Engine engine = Engine::builtin;
  std::vector<std::string> command;  ///< of Engine::command: program in the tool's folder, then arguments
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
