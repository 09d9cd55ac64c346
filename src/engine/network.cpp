#include "engine/network.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace vedette::engine {

std::string_view name_of(Precision precision) {
  switch (precision) {
    case Precision::f32:
      return "f32";
    case Precision::bf16:
      return "bf16";
    case Precision::int8:
      return "int8";
  }
  return "f32";
}

std::optional<Precision> precision_of(std::string_view name) {
  for (const Precision each : {Precision::f32, Precision::bf16, Precision::int8}) {
    if (name_of(each) == name) return each;
  }
  return std::nullopt;
}

bool fits(const Shape& wanted, const Shape& given) {
  return std::ranges::equal(
      wanted, given, [](std::int64_t port, std::int64_t axis) { return axis >= 0 && (port < 0 || port == axis); });
}

Result<void> check_inputs(std::span<const Port> ports, std::span<const Tensor> inputs) {
  const auto refused = [](std::string cause, std::string where, std::string remedy) {
    return Error{Fault::refused, "engine.input", std::move(cause), std::move(where), std::move(remedy)};
  };
  const bool only = ports.size() == 1 && inputs.size() == 1 && inputs[0].name.empty();
  for (const Tensor& input : inputs) {
    const auto port = std::ranges::find_if(ports, [&](const Port& each) { return only || each.name == input.name; });
    if (port == ports.end()) {
      std::string names;
      for (const Port& each : ports) names += (names.empty() ? "" : ", ") + each.name;
      return refused("The network has no such input", input.name, fmt::format("Its inputs are {}.", names));
    }
    if (std::ranges::count(inputs, input.name, &Tensor::name) > 1) {
      return refused("An input of the network is given twice", input.name, "Give it once.");
    }
    if (port->element != input.element) {
      return refused("An input of the network has numbers of another type",
                     fmt::format("{}: {}", port->name, name_of(input.element)),
                     fmt::format("It takes {}.", name_of(port->element)));
    }
    if (!fits(port->shape, input.shape)) {
      return refused("An input of the network has another shape",
                     fmt::format("{}: {}", port->name, text_of(input.shape)),
                     fmt::format("It takes {}.", text_of(port->shape)));
    }
    if (bytes_of(input.element, input.shape) != input.memory.bytes().size()) {
      return refused("An input of the network has not the bytes of its shape", port->name, "Make it anew.");
    }
  }
  for (const Port& port : ports) {
    if (!only && std::ranges::count(inputs, port.name, &Tensor::name) == 0) {
      return refused("An input of the network is missing", port.name,
                     fmt::format("It takes {} {}.", name_of(port.element), text_of(port.shape)));
    }
  }
  return {};
}

}  // namespace vedette::engine
