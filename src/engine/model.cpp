#include "engine/model.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <unordered_set>

#include "base/text.hpp"
#include "engine/model_file.hpp"
#include "engine/operators.hpp"

namespace vedette::engine {

namespace {

Error refused(std::string code, std::string cause, std::string where, std::string remedy) {
  return Error{Fault::refused, std::move(code), std::move(cause), std::move(where), std::move(remedy)};
}

/// onnx.proto, TensorProto.DataType.
std::optional<Element> element_from_onnx(std::uint64_t type) {
  switch (type) {
    case 1:
      return Element::f32;
    case 2:
      return Element::u8;
    case 3:
      return Element::i8;
    case 4:
      return Element::u16;
    case 5:
      return Element::i16;
    case 6:
      return Element::i32;
    case 7:
      return Element::i64;
    case 9:
      return Element::boolean;
    case 10:
      return Element::f16;
    case 11:
      return Element::f64;
    case 12:
      return Element::u32;
    case 13:
      return Element::u64;
    case 16:
      return Element::bf16;
    default:
      return std::nullopt;
  }
}

/// A name as it may stand in a message to people.
std::string shown(std::string_view name) {
  std::string out(name.substr(0, 80));
  for (char& c : out) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  return out;
}

/// Walks through the messages of onnx.proto; numbers of fields as there.
class Inspection {
 public:
  Inspection(ModelFile& file, const ModelBounds& bounds, ModelFacts& facts)
      : file_(file), bounds_(bounds), facts_(facts) {}

  Result<void> model() {
    Wire wire(file_, 0, file_.size());
    bool graph = false;
    while (auto field = wire.next()) {
      if (field->number == 1) facts_.ir_version = small(field->value);
      if (field->number == 2) facts_.producer = shown(field->text(file_, 80).value_or(""));
      if (field->number == 7 && field->is_block()) {
        if (graph) return broken("a second graph", field->begin);
        graph = true;
        graph_at_ = *field;
      }
      if (field->number == 8 && field->is_block()) {
        if (auto done = opset(*field); !done) return done;
      }
      if (field->number == 25) {
        return refused("model.domain", "The model brings functions of its own", "functions",
                       "Put them in line (onnx.inliner.inline_local_functions) and export again.");
      }
    }
    if (!wire.whole()) return broken("a field that does not end", wire.at());
    if (!graph) return broken("no graph", 0);
    if (facts_.ir_version < bounds_.least_ir || facts_.ir_version > bounds_.most_ir) {
      return refused("model.version", fmt::format("The model is of IR version {}", facts_.ir_version), "",
                     fmt::format("Export it with IR version {} to {}.", bounds_.least_ir, bounds_.most_ir));
    }
    if (facts_.opset < bounds_.least_opset || facts_.opset > bounds_.most_opset) {
      return refused("model.version", fmt::format("The model is of operator set {}", facts_.opset), "ai.onnx",
                     fmt::format("Export it with operator set {} to {}, for example torch.onnx.export(…, "
                                 "opset_version=17).",
                                 bounds_.least_opset, bounds_.most_opset));
    }
    if (auto done = this->graph(graph_at_, 0); !done) return done;
    std::erase_if(facts_.inputs, [&](const Port& port) { return weights_.contains(port.name); });
    if (facts_.inputs.empty()) return refused("model.broken", "The model has no input", "", "Export it again.");
    if (facts_.outputs.empty()) return refused("model.broken", "The model has no output", "", "Export it again.");
    return unsupported();
  }

 private:
  static int small(std::uint64_t value) { return static_cast<int>(std::min<std::uint64_t>(value, 1'000'000)); }

  static Error broken(std::string_view what, std::uint64_t at) {
    return Error{Fault::malformed, "model.broken", fmt::format("The ONNX file is broken: {}", what),
                 fmt::format("byte {}", at), "Copy it again, or export it again."};
  }

  Result<void> opset(const Field& block) {
    Wire wire(file_, block);
    std::string domain;
    std::uint64_t version = 0;
    while (auto field = wire.next()) {
      if (field->number == 1) domain = field->text(file_, 200).value_or("?");
      if (field->number == 2) version = field->value;
    }
    if (!wire.whole()) return broken("an operator set that does not end", wire.at());
    if (domain.empty() || domain == "ai.onnx") facts_.opset = small(version);
    return {};
  }

  Result<void> graph(const Field& block, std::size_t depth) {
    if (depth > bounds_.depth)
      return refused("model.size", "The model's graphs lie too deep", "", "Export it flatter.");
    Wire wire(file_, block);
    while (auto field = wire.next()) {
      Result<void> done;
      if (field->is_block()) {
        if (field->number == 1) done = node(*field, depth);
        if (field->number == 5) done = tensor(*field, depth == 0);
        if (field->number == 11 && depth == 0) done = port(*field, facts_.inputs);
        if (field->number == 12 && depth == 0) done = port(*field, facts_.outputs);
        if (field->number == 15) {
          done = refused("model.operator", "The model holds sparse weights", "sparse_initializer",
                         "Export it with dense weights.");
        }
      }
      if (!done) return done;
    }
    if (!wire.whole()) return broken("a graph that does not end", wire.at());
    return {};
  }

  Result<void> node(const Field& block, std::size_t depth) {
    if (++facts_.nodes > bounds_.nodes) {
      return Error{Fault::too_large, "model.size", fmt::format("The model has more than {} nodes", bounds_.nodes), "",
                   "Use a smaller model."};
    }
    Wire wire(file_, block);
    std::string type, domain;
    while (auto field = wire.next()) {
      if (field->number == 4) type = field->text(file_, 200).value_or("?");
      if (field->number == 7) domain = field->text(file_, 200).value_or("?");
      if (field->number == 5 && field->is_block()) {
        if (auto done = attribute(*field, depth); !done) return done;
      }
    }
    if (!wire.whole()) return broken("a node that does not end", wire.at());
    const bool own = domain.empty() || domain == "ai.onnx";
    if (facts_.operators.size() < 2000) ++facts_.operators[shown(own ? type : domain + "." + type)];
    return {};
  }

  Result<void> attribute(const Field& block, std::size_t depth) {
    Wire wire(file_, block);
    while (auto field = wire.next()) {
      Result<void> done;
      if (field->is_block()) {
        if (field->number == 5 || field->number == 10) done = tensor(*field, false);
        if (field->number == 6 || field->number == 11) done = graph(*field, depth + 1);
      }
      if (!done) return done;
    }
    if (!wire.whole()) return broken("an attribute that does not end", wire.at());
    return {};
  }

  Result<void> tensor(const Field& block, bool weight) {
    Wire wire(file_, block);
    std::string name, location;
    bool external = false;
    while (auto field = wire.next()) {
      if (field->number == 8) name = field->text(file_, 1000).value_or("?");
      if (field->number == 9 || field->number == 4) facts_.weight_bytes += field->size();
      if (field->number == 14) external |= field->value == 1;
      if (field->number == 13 && field->is_block()) {
        external = true;
        if (auto done = external_entry(*field, location); !done) return done;
      }
    }
    if (!wire.whole()) return broken("weights that do not end", wire.at());
    if (weight) weights_.insert(name);
    if (external) return external_file(location);
    return {};
  }

  Result<void> external_entry(const Field& block, std::string& location) {
    Wire wire(file_, block);
    std::string key, value;
    while (auto field = wire.next()) {
      if (field->number == 1) key = field->text(file_, 100).value_or("?");
      if (field->number == 2) {
        auto text = field->text(file_, 1000);
        if (!text) return broken("a path of external data that is too long", field->begin);
        value = *std::move(text);
      }
    }
    if (!wire.whole()) return broken("external data that do not end", wire.at());
    if (key == "location") location = value;
    return {};
  }

  /// A regular file beside the model or below; nothing that leads elsewhere.
  Result<void> external_file(const std::string& location) {
    namespace fs = std::filesystem;
    const auto no = [&](std::string_view why) {
      return refused("model.external", fmt::format("The model's external data {}", why), shown(location),
                     "Put the data beside the model under a plain relative name, or into it "
                     "(onnx.save(…, save_as_external_data=False)).");
    };
    const fs::path path(location);
    if (location.empty()) return no("have no place");
    if (location.find('\0') != std::string::npos || location.find('\\') != std::string::npos)
      return no("have an odd name");
    if (path.is_absolute()) return no("lie at an absolute path");
    for (const auto& part : path) {
      if (part == "..") return no("lie outside the model's folder");
    }
    fs::path whole = fs::path(file_.path()).parent_path();
    std::error_code error;
    for (const auto& part : path) {
      whole /= part;
      if (fs::is_symlink(fs::symlink_status(whole, error))) return no("lie behind a link");
    }
    if (!fs::is_regular_file(whole, error)) return no("are not there");
    const std::string name = whole.lexically_normal().string();
    if (std::ranges::find(facts_.external_files, name) != facts_.external_files.end()) return {};
    if (facts_.external_files.size() >= 64) return no("are spread over more than 64 files");
    external_bytes_ += fs::file_size(whole, error);
    if (error || facts_.bytes + external_bytes_ > bounds_.bytes) {
      return Error{Fault::too_large, "model.size", "The model and its external data are too large", shown(location),
                   fmt::format("At most {} MiB.", bounds_.bytes >> 20)};
    }
    facts_.external_files.push_back(name);
    return {};
  }

  Result<void> port(const Field& block, std::vector<Port>& ports) {
    Wire wire(file_, block);
    Port port;
    bool typed = false;
    while (auto field = wire.next()) {
      if (field->number == 1) {
        auto name = field->text(file_, TensorBounds::name_bytes);
        if (!name) return refused("model.size", "An input or output has a name that is too long", "", "Rename it.");
        port.name = *std::move(name);
      }
      if (field->number == 2 && field->is_block()) {
        auto done = type(*field, port);
        if (!done) return std::move(done).error();
        typed = *done;
      }
    }
    if (!wire.whole()) return broken("an input or output that does not end", wire.at());
    // Weights are listed among the inputs by old exporters: more than a network's own.
    if (ports.size() >= 100'000) return refused("model.size", "The model has too many inputs", "", "Export it again.");
    if (!typed) {
      return refused("model.operator", "An input or output is no tensor of plain numbers", shown(port.name),
                     "Export the network with tensors only.");
    }
    ports.push_back(std::move(port));
    return {};
  }

  /// TypeProto; false where it is no tensor.
  Result<bool> type(const Field& block, Port& port) {
    Wire wire(file_, block);
    bool tensor = false;
    while (auto field = wire.next()) {
      if (field->number != 1 || !field->is_block()) continue;
      Wire inner(file_, *field);
      while (auto part = inner.next()) {
        if (part->number == 1) {
          const auto element = element_from_onnx(part->value);
          tensor = element.has_value();
          if (element) port.element = *element;
        }
        if (part->number == 2 && part->is_block()) {
          if (auto done = shape(*part, port); !done) return std::move(done).error();
        }
      }
      if (!inner.whole()) return broken("a type that does not end", inner.at());
    }
    if (!wire.whole()) return broken("a type that does not end", wire.at());
    return tensor;
  }

  Result<void> shape(const Field& block, Port& port) {
    Wire wire(file_, block);
    while (auto field = wire.next()) {
      if (field->number != 1 || !field->is_block()) continue;
      std::int64_t axis = -1;
      Wire inner(file_, *field);
      while (auto part = inner.next()) {
        if (part->number == 1) axis = static_cast<std::int64_t>(part->value);
      }
      if (!inner.whole()) return broken("a shape that does not end", inner.at());
      if (axis < -1 || axis == 0) axis = -1;
      port.shape.push_back(axis);
      if (port.shape.size() > TensorBounds::rank) {
        return refused("model.size", fmt::format("A tensor has more than {} axes", TensorBounds::rank),
                       shown(port.name), "Export the network with fewer.");
      }
    }
    if (!wire.whole()) return broken("a shape that does not end", wire.at());
    return {};
  }

  Result<void> unsupported() {
    std::string domains, random, unknown;
    const auto add = [](std::string& list, std::string_view name) {
      list += (list.empty() ? "" : ", ") + std::string(name);
    };
    for (const auto& [name, count] : facts_.operators) {
      if (name.find('.') != std::string::npos) {
        add(domains, name);
      } else if (std::ranges::find(random_operators, name) != std::end(random_operators)) {
        add(random, name);
      } else if (std::ranges::find(known_operators, name) == std::end(known_operators)) {
        add(unknown, name);
      }
      facts_.quantised |=
          name.find("QuantizeLinear") != std::string::npos || name.ends_with("Integer") || name.starts_with("QLinear");
    }
    if (!domains.empty()) {
      return refused("model.domain", "The model uses operators that are not of ONNX itself", domains.substr(0, 300),
                     "Export it with the operators of ai.onnx only, without an optimiser of another runtime.");
    }
    if (!random.empty()) {
      return refused("model.operator", "The model draws random numbers, so its results would not repeat", random,
                     "Export it for inference (model.eval()).");
    }
    if (!unknown.empty()) {
      return refused("model.operator", "The model uses operators that this node does not run", unknown.substr(0, 300),
                     "Export it with other operators, or another opset_version.");
    }
    return {};
  }

  ModelFile& file_;
  const ModelBounds& bounds_;
  ModelFacts& facts_;
  Field graph_at_{};
  std::unordered_set<std::string> weights_;
  std::uint64_t external_bytes_ = 0;
};

}  // namespace

Result<ModelFacts> inspect_model(const std::string& path, const ModelBounds& bounds) {
  ModelFile file = VEDETTE_TRY(ModelFile::open(path));
  ModelFacts facts;
  facts.bytes = file.size();
  if (facts.bytes > bounds.bytes) {
    return Error{Fault::too_large, "model.size", fmt::format("The model has {} MiB", facts.bytes >> 20),
                 std::filesystem::path(path).filename().string(), fmt::format("At most {} MiB.", bounds.bytes >> 20)};
  }
  if (auto kind = refuse_by_content(file); !kind) return std::move(kind).error();
  Inspection inspection(file, bounds, facts);
  if (auto done = inspection.model(); !done) return std::move(done).error();
  facts.digest = VEDETTE_TRY(file.digest());
  return facts;
}

}  // namespace vedette::engine
