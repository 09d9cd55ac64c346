#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "engine/descriptor.hpp"

namespace vedette::engine {

/// A file that is not trusted, read in pieces: however large it is, little of it is in memory.
class ModelFile {
 public:
  /// Fails not_found; refused where it is a link, folder or device.
  static Result<ModelFile> open(const std::string& path);
  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  /// The byte there; nothing behind the end.
  std::optional<std::uint8_t> at(std::uint64_t offset);
  /// At most `most` bytes from there, fewer at the end.
  std::string read(std::uint64_t offset, std::size_t most);
  Result<Digest> digest();

 private:
  std::string path_;
  std::uint64_t size_ = 0;
  Descriptor descriptor_;
  std::string window_;
  std::uint64_t window_at_ = 0;
};

/// A field of a protobuf message (protobuf.dev, "Encoding").
struct Field {
  std::uint64_t number = 0;
  int type = 0;                      ///< 0 varint, 1 eight bytes, 2 block, 5 four bytes
  std::uint64_t value = 0;           ///< of a varint
  std::uint64_t begin = 0, end = 0;  ///< of the others' bytes
  bool is_block() const { return type == 2; }
  std::uint64_t size() const { return end - begin; }
  /// Its bytes; nothing where it is no block or longer than `most`.
  std::optional<std::string> text(ModelFile& file, std::size_t most) const;
};

/// The fields of one message, in their order. Ends at the first that is broken; then whole() is false.
class Wire {
 public:
  Wire(ModelFile& file, std::uint64_t begin, std::uint64_t end) : file_(file), at_(begin), end_(end) {}
  Wire(ModelFile& file, const Field& block) : Wire(file, block.begin, block.end) {}
  std::optional<Field> next();
  bool whole() const { return !broken_ && at_ == end_; }
  std::uint64_t at() const { return at_; }

 private:
  std::optional<std::uint64_t> varint();
  ModelFile& file_;
  std::uint64_t at_, end_;
  bool broken_ = false;
};

/// Fails unsupported "model.format" where the file is something else than a protobuf message: says what, and the way
/// out.
Result<void> refuse_by_content(ModelFile& file);

}  // namespace vedette::engine
