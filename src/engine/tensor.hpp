#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "engine/descriptor.hpp"

namespace vedette::engine {

/// Numbers as they lie in a tensor, little-endian; names and widths as ONNX has them (onnx.proto TensorProto.DataType).
enum class Element : std::uint8_t { f32, f64, f16, bf16, i8, u8, i16, u16, i32, u32, i64, u64, boolean };
std::string_view name_of(Element element);                 ///< "f32", "i64", "boolean" …
std::optional<Element> element_of(std::string_view name);  ///< the other way
std::size_t width_of(Element element);                     ///< bytes of one number
template <typename T>
consteval Element element_for();  ///< element_for<float>() is Element::f32; fixed-width integers, float, double, bool

using Shape = std::vector<std::int64_t>;  ///< outermost axis first, row-major without gaps

/// Bounds of everything that passes between two processes; larger is refused as too_large.
struct TensorBounds {
  static constexpr std::size_t rank = 8;
  static constexpr std::size_t tensors = 32;  ///< inputs of one call, or its outputs
  static constexpr std::size_t name_bytes = 256;
  static constexpr std::uint64_t bytes = 16ULL << 30;  ///< of one tensor
};
/// Bytes of a tensor; nothing where the shape has a negative axis, too many axes, or passes TensorBounds::bytes.
std::optional<std::uint64_t> bytes_of(Element element, const Shape& shape);
std::string text_of(const Shape& shape);  ///< "[1,3,256,256]"; an axis that is free (-1) reads "?"

class Memory;

/// Where memory goes when it is let go, instead of back to the system: pages that are there need not be made again.
class MemoryHome {
 public:
  MemoryHome() = default;
  MemoryHome(const MemoryHome&) = delete;
  MemoryHome& operator=(const MemoryHome&) = delete;
  virtual ~MemoryHome() = default;
  virtual void take_back(Memory memory, std::uint64_t tag) = 0;
};

/// Memory that another process can be given: a memfd that can neither shrink nor grow (sealed), mapped here. Zero at
/// first. Its content may change while the other process has it: read each number once, or copy.
class Memory {
 public:
  Memory() = default;
  /// Fails exhausted.
  static Result<Memory> make(std::uint64_t bytes);
  /// Takes what another process sent. Fails malformed where it is no memfd, is not sealed, or has fewer bytes.
  static Result<Memory> adopt(Descriptor descriptor, std::uint64_t bytes);
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  std::span<std::byte> bytes() { return {data_, size_}; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  int descriptor() const { return descriptor_.get(); }
  std::uint64_t id() const { return id_; }  ///< no other in this process has it; 0: none
  /// Once let go it goes there, with the tag. Shared: it may outlive whoever gave it.
  void lives_at(std::shared_ptr<MemoryHome> home, std::uint64_t tag);

 private:
  void map(Descriptor descriptor, std::uint64_t bytes);
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t id_ = 0;
  Descriptor descriptor_;
  std::shared_ptr<MemoryHome> home_;
  std::uint64_t tag_ = 0;
};

/// A named array in memory that can be handed to a network in another process without a copy.
struct Tensor {
  std::string name;  ///< as the network calls it; may be empty where it has one input
  Element element = Element::f32;
  Shape shape;
  Memory memory;

  /// Zeros of this shape. Fails malformed on a shape that bytes_of refuses, exhausted.
  static Result<Tensor> make(std::string name, Element element, Shape shape);
  template <typename T>
  static Result<Tensor> make(std::string name, Shape shape) {
    return make(std::move(name), element_for<T>(), std::move(shape));
  }

  std::size_t count() const { return memory.bytes().size() / width_of(element); }
  /// The numbers; empty where T is not the element.
  template <typename T>
  std::span<T> as() {
    if (element_for<T>() != element) return {};
    return {reinterpret_cast<T*>(memory.bytes().data()), count()};
  }
  template <typename T>
  std::span<const T> as() const {
    if (element_for<T>() != element) return {};
    return {reinterpret_cast<const T*>(memory.bytes().data()), count()};
  }
};

/// How many numbers are NaN or infinite; 0 for integers. One pass over the memory.
std::uint64_t count_not_finite(const Tensor& tensor);

template <typename T>
consteval Element element_for() {
  if constexpr (std::is_same_v<T, float>)
    return Element::f32;
  else if constexpr (std::is_same_v<T, double>)
    return Element::f64;
  else if constexpr (std::is_same_v<T, std::int8_t>)
    return Element::i8;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return Element::u8;
  else if constexpr (std::is_same_v<T, std::int16_t>)
    return Element::i16;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return Element::u16;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return Element::i32;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return Element::u32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return Element::i64;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return Element::u64;
  else {
    static_assert(std::is_same_v<T, bool>, "no tensor holds this type");
    return Element::boolean;
  }
}

}  // namespace vedette::engine
