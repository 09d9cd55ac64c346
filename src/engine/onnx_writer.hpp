#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

// Tests only: small ONNX files with a known answer, written field by field (onnx.proto).
namespace vedette::engine::onnx {

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
inline std::string number(int field, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(value);
}
inline std::string block(int field, std::string_view bytes) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

constexpr std::uint64_t f32 = 1, i64 = 7, f16 = 10;

/// ValueInfoProto; an axis of -1 is free.
inline std::string port(std::string_view name, const std::vector<std::int64_t>& shape, std::uint64_t type = f32) {
  std::string axes;
  for (const std::int64_t axis : shape) {
    axes += block(1, axis < 0 ? block(2, "n") : number(1, static_cast<std::uint64_t>(axis)));
  }
  return block(1, name) + block(2, block(1, number(1, type) + block(2, axes)));
}
/// TensorProto with raw data.
template <typename T>
std::string tensor(std::string_view name, const std::vector<std::int64_t>& shape, const std::vector<T>& values,
                   std::uint64_t type) {
  std::string out, raw(values.size() * sizeof(T), '\0');
  for (const std::int64_t axis : shape) out += number(1, static_cast<std::uint64_t>(axis));
  std::memcpy(raw.data(), values.data(), raw.size());
  return out + number(2, type) + block(8, name) + block(9, raw);
}
inline std::string weights(std::string_view name, const std::vector<std::int64_t>& shape,
                           const std::vector<float>& values) {
  return tensor(name, shape, values, f32);
}
inline std::string ints(std::string_view name, const std::vector<std::int64_t>& values) {
  std::string out = block(1, name);
  for (const std::int64_t value : values) out += number(8, static_cast<std::uint64_t>(value));
  return out + number(20, 7);
}
inline std::string graph_attribute(std::string_view name, std::string_view graph) {
  return block(1, name) + block(6, graph) + number(20, 5);
}
/// NodeProto.
inline std::string node(std::string_view type, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::vector<std::string>& attributes = {},
                        std::string_view domain = {}) {
  std::string out;
  for (const std::string& input : inputs) out += block(1, input);
  for (const std::string& output : outputs) out += block(2, output);
  out += block(4, type);
  for (const std::string& attribute : attributes) out += block(5, attribute);
  if (!domain.empty()) out += block(7, domain);
  return out;
}
struct Graph {
  std::vector<std::string> nodes, weights, inputs, outputs;
  std::string text() const {
    std::string out;
    for (const std::string& each : nodes) out += block(1, each);
    out += block(2, "graph");
    for (const std::string& each : weights) out += block(5, each);
    for (const std::string& each : inputs) out += block(11, each);
    for (const std::string& each : outputs) out += block(12, each);
    return out;
  }
};
/// ModelProto.
inline std::string model(const Graph& graph, std::uint64_t opset = 17, std::uint64_t ir = 8) {
  return number(1, ir) + block(2, "test") + block(7, graph.text()) + block(8, number(2, opset));
}
/// One node from "x" to "y".
inline std::string one_node(std::string_view type, const std::vector<std::int64_t>& shape) {
  return model({{node(type, {"x"}, {"y"})}, {}, {port("x", shape)}, {port("y", shape)}});
}
/// y = relu(conv(x)) twice, with weights that any compiler computes the same: a 3×3(×3) mean and its edges.
inline std::string convolutions(const std::vector<std::int64_t>& shape, std::int64_t channels, std::size_t layers) {
  Graph graph;
  const std::size_t space = shape.size() - 2;
  std::int64_t in = shape[1];
  std::string from = "x";
  for (std::size_t i = 0; i < layers; ++i) {
    std::vector<std::int64_t> form{channels, in};
    std::size_t count = static_cast<std::size_t>(channels * in);
    for (std::size_t axis = 0; axis < space; ++axis) {
      form.push_back(3);
      count *= 3;
    }
    std::vector<float> values(count);
    std::uint32_t state = 17 + static_cast<std::uint32_t>(i);
    for (float& value : values) {
      state = state * 1664525 + 1013904223;
      value = (static_cast<float>(state >> 8) / 16777216.0F - 0.4F) / static_cast<float>(in);
    }
    const std::string w = "w" + std::to_string(i), c = "c" + std::to_string(i), y = "y" + std::to_string(i);
    graph.weights.push_back(weights(w, form, values));
    graph.nodes.push_back(node("Conv", {from, w}, {c}, {ints("pads", std::vector<std::int64_t>(2 * space, 1))}));
    graph.nodes.push_back(node("Relu", {c}, {i + 1 == layers ? "y" : y}));
    from = y;
    in = channels;
  }
  std::vector<std::int64_t> out = shape;
  out[1] = channels;
  graph.inputs = {port("x", shape)};
  graph.outputs = {port("y", out)};
  return model(graph);
}

inline void write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace vedette::engine::onnx
