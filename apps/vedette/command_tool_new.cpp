// vedette tool new: a tool folder from an ONNX file. What the file says is read, the rest is asked for or proposed.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "analysis/output.hpp"
#include "analysis/tool.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "commands.hpp"
#include "engine/model.hpp"
#include "pipeline/layout.hpp"

namespace vedette::app {

namespace fs = std::filesystem;

namespace {

/// What is known of the network, and what is proposed for it.
struct Proposal {
  engine::ModelFacts facts;
  std::string task, layout;  ///< of the first input
  bool volume = false;
  int channels = 1;
  std::array<std::int64_t, 3> size{-1, -1, -1};  ///< slice, row, column that the input fixes; -1: free
  std::int64_t classes = 0;                      ///< channels or scores of the output; 0: not known
};

std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string_view each : split(text, ',')) out.emplace_back(trimmed(each));
  if (out.size() == 1 && out[0].empty()) out.clear();
  return out;
}

/// A TOML basic string.
std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}
std::string toml_list(const std::vector<std::string>& list) {
  std::vector<std::string> out;
  for (const std::string& each : list) out.push_back(toml_text(each));
  return fmt::format("[{}]", fmt::join(out, ", "));
}

Result<void> ask(std::string& value, std::string_view question, std::string_view flag, bool needed) {
  if (!value.empty()) return {};
  if (::isatty(0) == 0) {
    if (!needed) return {};
    return Error{Fault::refused, "tool.new", fmt::format("{} is not said", question), std::string(flag),
                 fmt::format("Add {} to the command.", flag)};
  }
  fmt::print("{} ({}): ", question, flag);
  std::cout.flush();
  std::getline(std::cin, value);
  return {};
}

std::int64_t size_of(const engine::Port& port, const pipeline::Layout& layout, char letter) {
  const int at = layout.place_of(letter);
  return at < 0 ? -1 : port.shape[static_cast<std::size_t>(at)];
}

std::string task_of(const engine::ModelFacts& facts) {
  const engine::Port &in = facts.inputs.front(), &out = facts.outputs.front();
  if (out.shape.size() <= 2) return "classification";
  if (facts.outputs.size() > 1 && out.shape.size() <= 3) return "detection";
  if (out.shape.size() == 3 && in.shape.size() == 4) return "detection";
  return "segmentation";
}

Result<Proposal> propose(const NewTool& order) {
  Proposal out;
  out.facts = VEDETTE_TRY(engine::inspect_model(order.model));
  if (out.facts.inputs.empty() || out.facts.outputs.empty())
    return Error{Fault::refused, "tool.new", "The network has no input or no output", order.model, "Export it again."};
  const engine::Port& in = out.facts.inputs.front();
  const auto layout = pipeline::likely_layout(in.shape, std::nullopt);
  // Where the axes cannot be told, channels first is what most exports have; `vedette tool check` says if it is wrong.
  const pipeline::Layout likely = layout ? *layout
                                         : pipeline::Layout{in.shape.size() == 5   ? "NCDHW"
                                                            : in.shape.size() == 4 ? "NCHW"
                                                                                   : "HW"};
  out.layout = likely.letters;
  const auto channels = size_of(in, likely, 'C');
  out.channels = channels > 0 ? static_cast<int>(channels) : 1;
  for (std::size_t a = 0; a < 3; ++a) out.size[a] = size_of(in, likely, "DHW"[a]);
  out.volume = order.take.empty() ? in.shape.size() == 5 : order.take == "volume";
  out.task = order.task.empty() ? task_of(out.facts) : order.task;
  const engine::Port& result = out.facts.outputs.front();
  if (out.task == "segmentation" && result.shape.size() == likely.letters.size())
    out.classes = std::max<std::int64_t>(0, size_of(result, likely, 'C'));
  if (out.task == "classification" && !result.shape.empty())
    out.classes = std::max<std::int64_t>(0, result.shape.back());
  if (out.task == "detection" && result.shape.size() == 3)
    out.classes = std::max<std::int64_t>(0, std::min(result.shape[1], result.shape[2]) - 4);
  return out;
}

std::string identity_text(const NewTool& order, const Proposal& p) {
  return fmt::format(
      "# Written by `vedette tool new` from {}. Every key: `vedette tool schema`, docs/tools.md.\n"
      "format = 1\n"
      "limits = [\n"
      "  \"Not validated for clinical use. What the network does not mark may still be there.\",\n"
      "]\n\n"
      "[tool]\n"
      "id = {}\nname = {}\nversion = \"0.1.0\"\nmaker = {}\nlicence = {}\n"
      "intended_use = \"Proposes results of a {} network on {} images for review by a reader.\"\n"
      "regulatory_status = \"Not a medical device. For evaluation and research; findings are proposals for review.\"\n"
      "population = \"todo: people and images that the network was trained with\"\n"
      "validation = \"todo: what is known of its performance, with the source\"\n"
      "demonstrator = true\n\n"
      "[engine]\nkind = \"onnx\"\nmodel = {}\nprecision = \"f32\"\nthreads = 2\nseconds = 600\n\n",
      fs::path(order.model).filename().string(), toml_text(order.id), toml_text(order.name),
      toml_text(order.maker.empty() ? "todo: who made it" : order.maker),
      toml_text(order.licence.empty() ? "todo: the model's licence" : order.licence), p.task, order.modality,
      toml_text(fs::path(order.model).filename().string()));
}

std::string input_text(const NewTool& order, const Proposal& p) {
  std::string out = fmt::format("[[input]]\nname = \"image\"\nmodality = {}\n", toml_list(listed(order.modality)));
  if (!order.body_part.empty()) out += fmt::format("body_part = {}\n", toml_list(listed(order.body_part)));
  if (p.volume) {
    out += "least_images = 8\nprefer = [\"original\", \"most_images\", \"finest_slices\", \"lowest_number\"]\n";
  } else {
    out += fmt::format("take = \"images\"\nvalues = \"display\"\ncolour = \"{}\"\n", p.channels == 3 ? "rgb" : "grey");
  }
  return out + "\n";
}

std::string scale_text(const NewTool& order, const Proposal& p) {
  const auto range = listed(order.range);
  const engine::Element element = p.facts.inputs.front().element;
  if (element == engine::Element::u8 && !p.volume) return "";
  const int high = element == engine::Element::u8 ? 255 : 1;
  if (range.size() == 2)
    return fmt::format(
        "[[step]]\nuse = \"scale\"\nunit = \"{}\"\nfrom_low = {}\nfrom_high = {}\nto_high = {}\nclip = true\n\n",
        order.modality == "CT" && p.volume ? "HU" : "1", range[0], range[1], high);
  if (!p.volume)
    return fmt::format("[[step]]\nuse = \"scale\"\nunit = \"1\"\nfrom_low = 0\nfrom_high = 255\nto_high = {}\n\n",
                       high);
  if (order.modality == "CT")
    return fmt::format(
        "[[step]]\nuse = \"scale\"\nunit = \"HU\"\nfrom_low = -1000\nfrom_high = 1000\nto_high = {}\nclip = true\n\n",
        high);
  return fmt::format("[[step]]\nuse = \"scale\"\nfrom_data = true\nto_high = {}\n\n", high);
}

std::string geometry_text(const NewTool& order, const Proposal& p) {
  if (p.volume) {
    const auto spacing = listed(order.spacing.empty() ? "1,1,1" : order.spacing);
    return fmt::format("[[step]]\nuse = \"reorient\"\ncode = {}\n\n[[step]]\nuse = \"resample\"\nspacing = [{}]\n\n",
                       toml_text(order.orient.empty() ? "RAS" : order.orient), fmt::join(spacing, ", "));
  }
  if (p.size[1] <= 0 || p.size[2] <= 0) return "";
  return fmt::format("[[step]]\nuse = \"{}\"\nshape = [0, {}, {}]\n\n", p.task == "detection" ? "letterbox" : "resize",
                     p.size[1], p.size[2]);
}

std::string network_text(const Proposal& p) {
  std::string out = fmt::format("[[step]]\nuse = \"network\"\nlayouts = [{}]\n", toml_text(p.layout));
  const bool softmax = p.facts.operators.contains("Softmax");
  if (p.task == "classification")
    return out + fmt::format("gives = \"scores\"\nactivation = \"{}\"  # {}\n\n",
                             softmax          ? "none"
                             : p.classes == 1 ? "sigmoid"
                                              : "softmax",
                             softmax
                                 ? "the network holds a softmax already"
                                 : "softmax for one of several classes, sigmoid for each by itself, none if inside");
  if (p.task == "detection") {
    out += "gives = \"boxes\"\n";
    if (p.facts.outputs.size() == 1) return out + "box_format = \"yolo\"\n\n";
    return out + fmt::format(
                     "output = {}  # boxes\nscores = {}\nlabels = {}\nbox_format = \"corners\"\nbox_axes = \"xy\"\n\n",
                     toml_text(p.facts.outputs[0].name), toml_text(p.facts.outputs[1].name),
                     toml_text(p.facts.outputs.size() > 2 ? p.facts.outputs[2].name : ""));
  }
  if (p.volume && (p.size[0] <= 0 || p.size[1] <= 0))
    out += fmt::format("window = [{}, 96, 96]\n", p.layout.find('D') == std::string::npos ? 1 : 96);
  if (p.classes == 1)
    return out + "activation = \"sigmoid\"  # none if inside the network\ndecide = \"threshold\"\nat = 0.5\n\n";
  return out + "decide = \"argmax\"\n\n";
}

bool is_background(const std::string& name) {
  const std::string lower = lower_case(name);
  return name == "-" || lower == "background" || lower == "no finding" || lower == "no_finding" ||
         lower.starts_with("no ") || lower.starts_with("no_") || lower == "normal" || lower == "healthy" ||
         lower == "negative";
}

std::string slug_of(const std::string& name) {
  std::string out;
  for (const char c : lower_case(name)) out += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
  return out.substr(0, 48);
}

std::string outputs_text(const NewTool& order, const Proposal& p) {
  std::vector<std::string> classes = listed(order.classes);
  const bool regions = p.task == "segmentation";
  const std::size_t first = regions && p.classes != 1 ? 1 : 0;  // class 0 of several is the background
  const std::size_t count =
      classes.empty() ? std::min<std::size_t>(p.classes > 0 ? static_cast<std::size_t>(p.classes) : first + 1, 200)
                      : classes.size();
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = i < classes.size() ? classes[i] : fmt::format("class {}", i);
    if (i < first || is_background(name)) continue;
    std::string words = name;
    words[0] = static_cast<char>(words[0] >= 'a' && words[0] <= 'z' ? words[0] - 32 : words[0]);
    if (!analysis::forbidden_word(words).empty()) words = fmt::format("Class {}", i);
    const std::size_t label = regions && p.classes == 1 ? 1 : i;
    out += fmt::format(
        "[[output]]\nname = {}\ncode = {{ value = {}, scheme = \"99LOCAL\", meaning = {} }}  # better: SCT or "
        "DCM\ntext = {}\nurgency = [\"routine\"]\nlabel = {}\n",
        toml_text(slug_of(name)), toml_text(slug_of(name)), toml_text(name.substr(0, 64)),
        toml_text(words + ", for review"), label);
    if (!regions) {
      out += fmt::format("threshold = {}\nregion = \"{}\"\n\n", order.threshold.empty() ? "0.5" : order.threshold,
                         p.task == "detection" ? "mask" : "none");
      continue;
    }
    out += "region = \"mask\"\n";
    if (p.volume)
      out +=
          "measurements = [{ measure = \"volume\", code = { value = \"118565006\", scheme = \"SCT\", meaning = "
          "\"Volume\" }, unit = \"ml\" }]\n";
    out += "\n";
  }
  return out;
}

constexpr std::string_view golden_hint =
    "# A case with known results, run by `vedette tool test` and on every upgrade:\n"
    "# [[golden]]\n# name = \"…\"\n# input = \"golden/case1\"     # DICOM files\n# [[golden.expect]]\n# output = "
    "\"…\"\n# measure = \"volume\"\n# value = 12.3\n# relative = 0.01\n";

Result<void> write(NewTool order) {
  std::error_code error;
  if (fs::exists(fs::path(order.folder) / "tool.toml", error))
    return Error{Fault::conflict, "tool.new", "There is a tool in this folder already", order.folder,
                 "Name another folder, or remove it."};
  const Proposal p = VEDETTE_TRY(propose(order));
  for (const engine::Port& port : p.facts.inputs)
    fmt::print("input  {} {} {}\n", port.name, engine::name_of(port.element), engine::text_of(port.shape));
  for (const engine::Port& port : p.facts.outputs)
    fmt::print("output {} {} {}\n", port.name, engine::name_of(port.element), engine::text_of(port.shape));
  VEDETTE_TRY(ask(order.modality, "Modality, such as MR or CT", "--modality", true));
  VEDETTE_TRY(
      ask(order.classes,
          fmt::format("Names of the {} classes, with commas", p.classes > 0 ? std::to_string(p.classes) : "network's"),
          "--classes", false));
  VEDETTE_TRY(ask(order.licence, "Licence of the model", "--licence", false));
  if (order.id.empty()) order.id = fs::path(order.folder).lexically_normal().filename().string();
  if (!is_name(order.id))
    return Error{Fault::refused, "tool.id", "The id may hold only letters, digits, '_', '-' and '.'", order.id,
                 "Add --id NAME."};
  if (order.name.empty()) order.name = order.id;
  fs::create_directories(order.folder, error);
  const fs::path to = fs::path(order.folder) / fs::path(order.model).filename();
  fs::copy_file(order.model, to, fs::copy_options::overwrite_existing, error);
  for (const std::string& data : p.facts.external_files) {
    // Kept where the model looks for it: beside it, in its own sub-folders.
    const fs::path place = fs::path(order.folder) / fs::relative(data, fs::absolute(order.model).parent_path());
    fs::create_directories(place.parent_path(), error);
    fs::copy_file(data, place, fs::copy_options::overwrite_existing, error);
  }
  if (!error) fs::permissions(to, fs::perms::owner_write, fs::perm_options::add, error);
  std::ofstream file(fs::path(order.folder) / "tool.toml");
  file << identity_text(order, p) << input_text(order, p) << geometry_text(order, p) << scale_text(order, p)
       << network_text(p) << outputs_text(order, p) << golden_hint;
  if (error || !file.flush())
    return Error{Fault::unavailable, "tool.new", "The folder cannot be written", order.folder,
                 "Check the folder and the disk."};
  fmt::print("Written: {}/tool.toml, a {} of {}. It is a proposal: read its steps.\n", order.folder, p.task,
             p.volume ? "volumes" : "single images");
  if (p.facts.inputs.size() > 1)
    fmt::print(
        "The network has {} inputs: name what each gets with of = [\"…\"] and inputs = [\"…\"] of the network step.\n",
        p.facts.inputs.size());
  fmt::print("Next:\n  vedette tool check {0}\n  vedette tool run {0} --input DICOM_FOLDER --output RESULTS\n",
             order.folder);
  return {};
}

}  // namespace

int new_tool(NewTool order) {
  const auto done = write(std::move(order));
  return done ? 0 : say(done.error());
}

}  // namespace vedette::app
