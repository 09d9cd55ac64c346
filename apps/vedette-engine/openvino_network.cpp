#include "engine_program/openvino_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <new>
#include <openvino/openvino.hpp>
#include <openvino/runtime/exception.hpp>
#include <optional>

#include "engine/message.hpp"
#include "engine/model.hpp"
#include "engine_program/pinned.hpp"

namespace vedette::engine_program {

namespace {

using engine::Description;
using engine::Element;
using engine::InferOptions;
using engine::Port;
using engine::Precision;
using engine::Shape;
using engine::Tensor;
using std::chrono::steady_clock;

struct Pair {
  Element ours;
  ov::element::Type_t theirs;
};
constexpr Pair pairs[] = {
    {Element::f32, ov::element::Type_t::f32},         {Element::f64, ov::element::Type_t::f64},
    {Element::f16, ov::element::Type_t::f16},         {Element::bf16, ov::element::Type_t::bf16},
    {Element::i8, ov::element::Type_t::i8},           {Element::u8, ov::element::Type_t::u8},
    {Element::i16, ov::element::Type_t::i16},         {Element::u16, ov::element::Type_t::u16},
    {Element::i32, ov::element::Type_t::i32},         {Element::u32, ov::element::Type_t::u32},
    {Element::i64, ov::element::Type_t::i64},         {Element::u64, ov::element::Type_t::u64},
    {Element::boolean, ov::element::Type_t::boolean},
};

std::optional<Element> ours(const ov::element::Type& type) {
  for (const Pair& pair : pairs) {
    if (type == pair.theirs) return pair.ours;
  }
  return std::nullopt;
}

ov::element::Type theirs(Element element) {
  for (const Pair& pair : pairs) {
    if (pair.ours == element) return pair.theirs;
  }
  return ov::element::f32;
}

ov::Shape shape_of(const Shape& shape) {
  return ov::Shape(shape.begin(), shape.end());
}

Error too_little_memory(std::string detail) {
  return Error{Fault::exhausted,
               "engine.memory",
               "The network's memory is not enough",
               "",
               "Give the tool more memory, or the network smaller pieces.",
               std::move(detail)};
}

Error cannot_load(std::string detail) {
  // An allocation that was refused does not always arrive as std::bad_alloc.
  if (detail.find("Failed to allocate") != std::string::npos || detail.find("bad_alloc") != std::string::npos) {
    return too_little_memory(std::move(detail));
  }
  // OpenVINO's own words begin with a place in its source; the last line says most.
  const auto end = detail.find_last_not_of("\n\r ");
  const auto begin = end == std::string::npos ? end : detail.find_last_of('\n', end);
  std::string last = end == std::string::npos ? "" : detail.substr(begin + 1, end - begin);
  return Error{Fault::unsupported,
               "model.load",
               "The engine cannot run this model",
               last.substr(0, 300),
               "Export it with another opset_version, or with simpler operators.",
               std::move(detail)};
}

ov::AnyMap properties_of(const LoadOrder& order) {
  return {
      ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY),
      ov::hint::execution_mode(ov::hint::ExecutionMode::ACCURACY),
      // Left alone it would be bf16 wherever the processor has that.
      ov::hint::inference_precision(order.precision == Precision::bf16 ? ov::element::bf16 : ov::element::f32),
      ov::hint::dynamic_quantization_group_size(0),
      ov::num_streams(1),
      ov::inference_num_threads(order.threads),
      ov::hint::enable_cpu_pinning(false),
      // Integers in place of the declared quantisation steps: fast, and other numbers on other processors.
      {"LP_TRANSFORMS_MODE", order.precision == Precision::int8},
  };
}

class OpenVinoNetwork final : public engine::Network {
 public:
  explicit OpenVinoNetwork(LoadOrder order) : order_(std::move(order)) {}

  const Description& description() const override { return description_; }

  Result<void> load() {
    const auto start = steady_clock::now();
    const engine::ModelFacts facts = VEDETTE_TRY(engine::inspect_model(order_.model));
    if (!order_.digest.empty() && facts.digest.hex() != order_.digest) {
      return Error{Fault::refused, "model.digest", "The model is not the one that was registered", "",
                   "Import it again as a new version of the tool."};
    }
    model_ = core_.read_model(order_.model);
    if (auto done = describe(facts); !done) return done;
    dynamic_ = model_->is_dynamic();
    if (!dynamic_) {
      auto ready = compiled({});
      if (!ready) return std::move(ready).error();
    }
    description_.load_seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    return {};
  }

  Result<std::vector<Tensor>> infer(std::span<const Tensor> inputs, const InferOptions& options) override {
    try {
      return compute(inputs, options);
    } catch (const std::bad_alloc& error) {
      return too_little_memory(error.what());
    } catch (const std::exception& error) {
      Error out = cannot_load(error.what());
      if (out.code == "engine.memory") return out;
      out.fault = Fault::refused;
      out.code = "engine.computation";
      out.cause = "The network cannot be computed on this input";
      out.remedy = "Look at the input's shape.";
      return out;
    }
  }

 private:
  /// A network made for inputs of certain shapes.
  struct Compiled {
    std::vector<Shape> shapes;  ///< empty for a network whose shapes are all fixed
    ov::CompiledModel model;
    ov::InferRequest request;
  };

  Result<void> describe(const engine::ModelFacts& facts) {
    const auto ports = [](const auto& nodes, const std::vector<Port>& said) -> Result<std::vector<Port>> {
      std::vector<Port> out;
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        const auto& names = nodes[i].get_names();
        const auto element = ours(nodes[i].get_element_type());
        if (!element) return cannot_load("a tensor of " + nodes[i].get_element_type().get_type_name());
        Port port{"", *element, {}};
        // A tensor may have several names; the graph's own is meant.
        const bool same = i < said.size() && (names.empty() || names.contains(said[i].name));
        port.name = same ? said[i].name : nodes[i].get_any_name();
        const ov::PartialShape shape = nodes[i].get_partial_shape();
        if (shape.rank().is_static()) {
          for (const auto& axis : shape) port.shape.push_back(axis.is_static() ? axis.get_length() : -1);
        } else if (same) {
          port.shape = said[i].shape;
        }
        out.push_back(std::move(port));
      }
      return out;
    };
    description_.inputs = VEDETTE_TRY(ports(model_->inputs(), facts.inputs));
    description_.outputs = VEDETTE_TRY(ports(model_->outputs(), facts.outputs));
    if (description_.inputs.size() > engine::TensorBounds::tensors ||
        description_.outputs.size() > engine::TensorBounds::tensors) {
      return cannot_load("more inputs or outputs than a call may have");
    }
    description_.model_digest = facts.digest.hex();
    description_.opset = facts.opset;
    description_.precision = order_.precision;
    description_.threads = order_.threads;
    description_.device = "CPU (" + core_.get_property("CPU", ov::device::full_name) + ")";
    description_.engine = std::string("OpenVINO ") + ov::get_openvino_version().buildNumber;
    description_.engine_digest = pinned_digest();
    return {};
  }

  /// The network for these shapes of its inputs, in their order. Two are kept: a last piece of another size must not
  /// cost the others theirs.
  Result<Compiled*> compiled(std::vector<Shape> shapes) {
    const auto found = std::ranges::find(compiled_, shapes, &Compiled::shapes);
    if (found != compiled_.end()) return &*found;
    std::shared_ptr<ov::Model> model = model_;
    if (!shapes.empty()) {
      model = model_->clone();
      std::map<std::size_t, ov::PartialShape> wanted;
      for (std::size_t i = 0; i < shapes.size(); ++i) wanted.emplace(i, shape_of(shapes[i]));
      model->reshape(wanted);
    }
    Compiled made;
    made.shapes = std::move(shapes);
    made.model = core_.compile_model(model, "CPU", properties_of(order_));
    const auto precision = made.model.get_property(ov::hint::inference_precision);
    const auto declared = order_.precision == Precision::bf16 ? ov::element::bf16 : ov::element::f32;
    if (precision != declared) {
      return Error{Fault::unsupported, "engine.precision",
                   fmt::format("This processor does not compute in {}", name_of(order_.precision)), "",
                   "Declare precision = \"f32\", or run the tool on another machine."};
    }
    description_.threads = made.model.get_property(ov::inference_num_threads);
    made.request = made.model.create_infer_request();
    if (compiled_.size() >= 2) compiled_.pop_front();
    compiled_.push_back(std::move(made));
    return &compiled_.back();
  }

  Result<std::vector<Tensor>> compute(std::span<const Tensor> inputs, const InferOptions& options) {
    const auto start = steady_clock::now();
    if (auto good = engine::check_inputs(description_.inputs, inputs); !good) return std::move(good).error();
    std::vector<const Tensor*> ordered;
    for (const Port& port : description_.inputs) {
      const auto it = std::ranges::find(inputs, port.name, &Tensor::name);
      ordered.push_back(it == inputs.end() ? &inputs[0] : &*it);
    }
    std::vector<Shape> shapes;
    if (dynamic_) {
      for (const Tensor* input : ordered) shapes.push_back(input->shape);
    }
    Compiled* network = VEDETTE_TRY(compiled(std::move(shapes)));
    for (std::size_t i = 0; i < ordered.size(); ++i) {
      // The interface takes no constant memory; inputs are only read.
      auto* at = const_cast<std::byte*>(ordered[i]->memory.bytes().data());
      network->request.set_input_tensor(i, ov::Tensor(theirs(ordered[i]->element), shape_of(ordered[i]->shape), at));
    }
    std::vector<std::optional<Tensor>> places(description_.outputs.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (auto done = place_output(*network, i, options.spare, places[i]); !done) return std::move(done).error();
    }
    if (auto done = run(network->request, options, start); !done) {
      // What was interrupted is not used again.
      std::erase_if(compiled_, [&](const Compiled& each) { return &each == network; });
      return std::move(done).error();
    }
    return gather(*network, options, places);
  }

  /// The engine writes an output straight into the memory that is handed over, where its shape is known before.
  Result<void> place_output(Compiled& network, std::size_t index, std::vector<engine::Memory>* spare,
                            std::optional<Tensor>& place) {
    const auto port = network.model.output(index);
    if (port.get_partial_shape().is_dynamic()) return {};
    const ov::Shape& shape = port.get_shape();
    const Port& said = description_.outputs[index];
    const Shape ours(shape.begin(), shape.end());
    const auto bytes = engine::bytes_of(said.element, ours);
    if (spare != nullptr && bytes) {
      const auto fitting =
          std::ranges::find_if(*spare, [&](const engine::Memory& each) { return each.bytes().size() == *bytes; });
      if (fitting != spare->end()) {
        place = Tensor{said.name, said.element, ours, std::move(*fitting)};
        spare->erase(fitting);
      }
    }
    if (!place) place = VEDETTE_TRY(Tensor::make(said.name, said.element, ours));
    network.request.set_output_tensor(index, ov::Tensor(port.get_element_type(), shape, place->memory.bytes().data()));
    return {};
  }

  /// Asynchronous, because only then a cancellation is heard; it is heard between two layers.
  static Result<void> run(ov::InferRequest& request, const InferOptions& options, steady_clock::time_point start) {
    try {
      const std::stop_callback cancel(options.stop, [&] { request.cancel(); });
      if (!options.stop.stop_requested()) {
        request.start_async();
        request.wait();
        return {};
      }
    } catch (const ov::Cancelled&) {
    }
    if (steady_clock::now() - start >= options.deadline) return engine::time_error(options.deadline);
    return Error{Fault::cancelled, "engine.stopped", "The run was stopped", ""};
  }

  Result<std::vector<Tensor>> gather(Compiled& network, const InferOptions& options,
                                     std::vector<std::optional<Tensor>>& places) {
    std::vector<std::size_t> wanted;
    for (const std::string& name : options.outputs) {
      const auto it = std::ranges::find(description_.outputs, name, &Port::name);
      if (it == description_.outputs.end()) {
        return Error{Fault::refused, "engine.input", "The network has no such output", name,
                     "Name one of its outputs."};
      }
      wanted.push_back(static_cast<std::size_t>(it - description_.outputs.begin()));
    }
    if (wanted.empty()) {
      for (std::size_t i = 0; i < places.size(); ++i) wanted.push_back(i);
    }
    std::vector<Tensor> out;
    for (const std::size_t index : wanted) {
      if (places[index]) {
        out.push_back(*std::move(places[index]));
        places[index].reset();
        continue;
      }
      const ov::Tensor result = network.request.get_output_tensor(index);
      const ov::Shape shape = result.get_shape();
      Tensor tensor = VEDETTE_TRY(Tensor::make(description_.outputs[index].name, description_.outputs[index].element,
                                               Shape(shape.begin(), shape.end())));
      ov::Tensor into(result.get_element_type(), shape, tensor.memory.bytes().data());
      result.copy_to(into);
      out.push_back(std::move(tensor));
    }
    return out;
  }

  LoadOrder order_;
  ov::Core core_;
  std::shared_ptr<ov::Model> model_;
  bool dynamic_ = false;  ///< kept: asking the model walks through all its nodes
  std::deque<Compiled> compiled_;
  Description description_;
};

}  // namespace

Result<std::unique_ptr<engine::Network>> load_network(const LoadOrder& order) {
  try {
    auto network = std::make_unique<OpenVinoNetwork>(order);
    if (auto done = network->load(); !done) return std::move(done).error();
    return std::unique_ptr<engine::Network>(std::move(network));
  } catch (const std::bad_alloc& error) {
    return too_little_memory(error.what());
  } catch (const std::exception& error) {
    Error out = cannot_load(error.what());
    // Its change to integers fails on networks that it computes well otherwise.
    if (order.precision != Precision::f32) out.remedy = "Declare precision = \"f32\"; " + out.remedy;
    return out;
  }
}

}  // namespace vedette::engine_program
