#include "engine/tensor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace vedette::engine {

namespace {

struct Row {
  Element element;
  std::string_view name;
  std::size_t width;
};
constexpr Row rows[] = {
    {Element::f32, "f32", 4},         {Element::f64, "f64", 8}, {Element::f16, "f16", 2}, {Element::bf16, "bf16", 2},
    {Element::i8, "i8", 1},           {Element::u8, "u8", 1},   {Element::i16, "i16", 2}, {Element::u16, "u16", 2},
    {Element::i32, "i32", 4},         {Element::u32, "u32", 4}, {Element::i64, "i64", 8}, {Element::u64, "u64", 8},
    {Element::boolean, "boolean", 1},
};

Error no_memory(std::uint64_t bytes) {
  return Error{Fault::exhausted,
               "engine.memory",
               "There is no memory for a tensor",
               fmt::format("{} bytes", bytes),
               "Give the tool more memory, or the network smaller pieces.",
               std::strerror(errno)};
}

/// Numbers whose exponent has all bits set.
template <typename Word>
std::uint64_t count_full(std::span<const std::byte> bytes, Word exponent) {
  const auto* words = reinterpret_cast<const Word*>(bytes.data());
  const std::size_t count = bytes.size() / sizeof(Word);
  std::uint64_t sum = 0;
  // In blocks with a narrow count, so that the compiler makes vector code of it.
  for (std::size_t block = 0; block < count; block += 128) {
    const std::size_t end = std::min(count, block + 128);
    Word found = 0;
    for (std::size_t i = block; i < end; ++i) found = static_cast<Word>(found + ((words[i] & exponent) == exponent));
    sum += found;
  }
  return sum;
}

}  // namespace

std::string_view name_of(Element element) {
  for (const Row& row : rows) {
    if (row.element == element) return row.name;
  }
  return "unknown";
}

std::optional<Element> element_of(std::string_view name) {
  for (const Row& row : rows) {
    if (row.name == name) return row.element;
  }
  return std::nullopt;
}

std::size_t width_of(Element element) {
  for (const Row& row : rows) {
    if (row.element == element) return row.width;
  }
  return 1;
}

std::optional<std::uint64_t> bytes_of(Element element, const Shape& shape) {
  if (shape.size() > TensorBounds::rank) return std::nullopt;
  std::uint64_t bytes = width_of(element);
  bool none = false;
  for (const std::int64_t axis : shape) {
    if (axis < 0) return std::nullopt;
    if (axis == 0) {
      none = true;
      continue;
    }
    // An empty tensor too may not name a monstrous axis.
    if (static_cast<std::uint64_t>(axis) > TensorBounds::bytes / bytes) return std::nullopt;
    bytes *= static_cast<std::uint64_t>(axis);
  }
  return none ? 0 : bytes;
}

std::string text_of(const Shape& shape) {
  std::string out = "[";
  for (const std::int64_t axis : shape) {
    if (out.size() > 1) out += ',';
    out += axis < 0 ? "?" : std::to_string(axis);
  }
  return out + "]";
}

Result<Memory> Memory::make(std::uint64_t bytes) {
  if (bytes > TensorBounds::bytes) {
    return Error{Fault::too_large, "engine.size", "A tensor is too large", fmt::format("{} bytes", bytes),
                 "Give the network smaller pieces."};
  }
  Descriptor descriptor(memfd_create("tensor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  // A mapping of nothing is not possible: one byte stands for it.
  const std::uint64_t size = std::max<std::uint64_t>(bytes, 1);
  if (!descriptor.open() || ftruncate(descriptor.get(), static_cast<off_t>(size)) != 0 ||
      fcntl(descriptor.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return no_memory(bytes);
  }
  Memory memory;
  memory.map(std::move(descriptor), bytes);
  if (memory.data_ == nullptr) return no_memory(bytes);
  return memory;
}

Result<Memory> Memory::adopt(Descriptor descriptor, std::uint64_t bytes) {
  const auto refused = [](std::string why) {
    return Error{Fault::malformed, "engine.answer", "The other process handed over memory that cannot be used", "", "",
                 std::move(why)};
  };
  constexpr int wanted = F_SEAL_SHRINK | F_SEAL_GROW;
  // Without the seals the other side could take the memory away under our hands, which ends a process.
  const int seals = fcntl(descriptor.get(), F_GET_SEALS);
  if (seals < 0 || (seals & wanted) != wanted) return refused("not a sealed memfd");
  struct stat info {};
  if (fstat(descriptor.get(), &info) != 0 || info.st_size < 1 || static_cast<std::uint64_t>(info.st_size) < bytes) {
    return refused("fewer bytes than said");
  }
  Memory memory;
  memory.map(std::move(descriptor), bytes);
  if (memory.data_ == nullptr) return errno == ENOMEM ? no_memory(bytes) : refused("cannot be mapped");
  return memory;
}

void Memory::map(Descriptor descriptor, std::uint64_t bytes) {
  // A count, not a state: it only has to differ.
  static std::atomic<std::uint64_t> made{0};
  void* at = mmap(nullptr, std::max<std::uint64_t>(bytes, 1), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
  if (at == MAP_FAILED) return;
  data_ = static_cast<std::byte*>(at);
  size_ = bytes;
  id_ = ++made;
  descriptor_ = std::move(descriptor);
}

void Memory::lives_at(std::shared_ptr<MemoryHome> home, std::uint64_t tag) {
  home_ = std::move(home);
  tag_ = tag;
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      id_(std::exchange(other.id_, 0)),
      descriptor_(std::move(other.descriptor_)),
      home_(std::move(other.home_)),
      tag_(other.tag_) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(id_, other.id_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(home_, other.home_);
  std::swap(tag_, other.tag_);
  return *this;
}

Memory::~Memory() {
  if (data_ == nullptr) return;
  if (const auto home = std::move(home_)) {
    home->take_back(std::move(*this), tag_);
    return;
  }
  munmap(data_, std::max<std::size_t>(size_, 1));
}

Result<Tensor> Tensor::make(std::string name, Element element, Shape shape) {
  const auto bytes = bytes_of(element, shape);
  if (!bytes) {
    return Error{Fault::malformed, "engine.size", "A tensor cannot have this shape", text_of(shape),
                 fmt::format("At most {} axes, and {} GiB.", TensorBounds::rank, TensorBounds::bytes >> 30)};
  }
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.element = element;
  tensor.shape = std::move(shape);
  tensor.memory = VEDETTE_TRY(Memory::make(*bytes));
  return tensor;
}

std::uint64_t count_not_finite(const Tensor& tensor) {
  const auto bytes = tensor.memory.bytes();
  switch (tensor.element) {
    case Element::f32:
      return count_full<std::uint32_t>(bytes, 0x7F80'0000U);
    case Element::f64:
      return count_full<std::uint64_t>(bytes, 0x7FF0'0000'0000'0000U);
    case Element::f16:
      return count_full<std::uint16_t>(bytes, 0x7C00U);
    case Element::bf16:
      return count_full<std::uint16_t>(bytes, 0x7F80U);
    default:
      return 0;
  }
}

}  // namespace vedette::engine
