#include "engine/model_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace vedette::engine {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t window_bytes = 64 << 10;

constexpr std::string_view from_torch =
    "Load it where it was made and write it with torch.onnx.export(model.eval(), example, \"model.onnx\").";
constexpr std::string_view from_keras =
    "Convert it where it was made, for example with tf2onnx or model.export(…, format=\"onnx\").";
constexpr std::string_view from_archive = "Unpack it yourself and name the .onnx file inside.";
constexpr std::string_view not_a_model = "Name an ONNX file.";
constexpr std::string_view program = "A network is never a program. Name an ONNX file.";

struct Kind {
  std::size_t at;
  std::string_view bytes;
  std::string_view what;
  std::string_view remedy;
};
/// First bytes of what people hand over instead.
constexpr Kind kinds[] = {
    {0, "\x80\x02"sv, "a Python pickle (it runs code when it is loaded)", from_torch},
    {0, "\x80\x03"sv, "a Python pickle (it runs code when it is loaded)", from_torch},
    {0, "\x80\x04"sv, "a Python pickle (it runs code when it is loaded)", from_torch},
    {0, "\x80\x05"sv, "a Python pickle (it runs code when it is loaded)", from_torch},
    {0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file (Keras)", from_keras},
    {0,
     "\x7f"
     "ELF"sv,
     "an executable or shared library", program},
    {0, "MZ"sv, "an executable or shared library", program},
    {0, "\xfe\xed\xfa\xce"sv, "an executable or shared library", program},
    {0, "\xfe\xed\xfa\xcf"sv, "an executable or shared library", program},
    {0, "\xce\xfa\xed\xfe"sv, "an executable or shared library", program},
    {0, "\xcf\xfa\xed\xfe"sv, "an executable or shared library", program},
    {0, "\xca\xfe\xba\xbe"sv, "an executable or shared library", program},
    {0, "\0asm"sv, "a WebAssembly program", program},
    {0, "#!"sv, "a script", program},
    {0, "\x1f\x8b"sv, "an archive (gzip)", from_archive},
    {0, "BZh"sv, "an archive (bzip2)", from_archive},
    {0,
     "\xfd"
     "7zXZ"sv,
     "an archive (xz)", from_archive},
    {0, "\x28\xb5\x2f\xfd"sv, "an archive (zstd)", from_archive},
    {0, "7z\xbc\xaf\x27\x1c"sv, "an archive (7z)", from_archive},
    {0, "Rar!"sv, "an archive (rar)", from_archive},
    {257, "ustar"sv, "an archive (tar)", from_archive},
    {4, "TFL3"sv, "a TensorFlow Lite model", from_keras},
    {0, "GGUF"sv, "a GGUF file", not_a_model},
    {0, "\x93NUMPY"sv, "a NumPy array", not_a_model},
    {0, "<?xml"sv, "an XML file (perhaps OpenVINO's own format)", "Name the ONNX file that it was converted from."},
    {0, "<net"sv, "an XML file (perhaps OpenVINO's own format)", "Name the ONNX file that it was converted from."},
    {128, "DICM"sv, "a DICOM file", not_a_model},
    {0, "\x89PNG"sv, "a picture", not_a_model},
    {0, "\xff\xd8\xff"sv, "a picture", not_a_model},
    {0, "version https://git-lfs"sv, "a pointer of Git LFS, not the file itself", "Fetch the file (git lfs pull)."},
    {0, "{"sv, "JSON", not_a_model},
    {0, "["sv, "JSON", not_a_model},
};

Error unsupported(const ModelFile& file, std::string_view what, std::string_view remedy) {
  return Error{Fault::unsupported, "model.format", fmt::format("The file is no ONNX model but {}", what),
               std::filesystem::path(file.path()).filename().string(), std::string(remedy)};
}

/// What lies in a ZIP file, by the names in its first headers; at most 64 entries and 1 MiB are looked at.
Error unsupported_zip(ModelFile& file) {
  const std::string end = file.read(file.size() - std::min<std::uint64_t>(file.size(), 1 << 20), 1 << 20);
  bool pickle = false, code = false, keras = false;
  std::size_t entries = 0;
  // The central directory: PK\1\2, 46 bytes, name.
  for (std::size_t at = end.find("PK\1\2"sv); at != std::string::npos && entries < 64; ++entries) {
    if (at + 46 > end.size()) break;
    const std::size_t length = static_cast<std::uint8_t>(end[at + 28]) + 256U * static_cast<std::uint8_t>(end[at + 29]);
    const std::string_view name = std::string_view(end).substr(at + 46, length);
    pickle |= name.ends_with("data.pkl");
    code |= name.find("/code/") != std::string_view::npos || name.ends_with("constants.pkl");
    keras |= name.ends_with("model.weights.h5");
    at = end.find("PK\1\2"sv, at + 46);
  }
  if (code) return unsupported(file, "TorchScript (it holds a program)", from_torch);
  if (pickle)
    return unsupported(file, "a PyTorch checkpoint with a pickle (it runs code when it is loaded)", from_torch);
  if (keras) return unsupported(file, "a Keras model", from_keras);
  return unsupported(file, "an archive (zip)", from_archive);
}

/// Pickles of protocol 0 and 1 have no mark: they begin with an instruction and end with a full stop.
bool is_old_pickle(const std::string& first, char last) {
  return last == '.' && (first.starts_with("(d") || first.starts_with("(l") || first.starts_with("c") ||
                         first.starts_with("}q") || first.starts_with("]q") || first.starts_with("(i"));
}

/// safetensors: the length of a JSON text, then the text.
bool is_safetensors(const std::string& first) {
  return first.size() > 9 && first[8] == '{' && first[4] == 0 && first[5] == 0 && first[6] == 0 && first[7] == 0;
}

}  // namespace

Result<ModelFile> ModelFile::open(const std::string& path) {
  ModelFile file;
  file.path_ = path;
  const std::string name = std::filesystem::path(path).filename().string();
  file.descriptor_ = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (!file.descriptor_.open() && errno == ELOOP) {
    return Error{Fault::refused, "model.external", "The model is a link", name, "Name the file itself."};
  }
  if (!file.descriptor_.open() || fstat(file.descriptor_.get(), &info) != 0) {
    return Error{Fault::not_found,    "model.missing", "The model cannot be read", name, "Check its path and rights.",
                 std::strerror(errno)};
  }
  if (!S_ISREG(info.st_mode)) {
    return Error{Fault::unsupported, "model.format", "The model is no file", name, std::string(not_a_model)};
  }
  file.size_ = static_cast<std::uint64_t>(info.st_size);
  return file;
}

std::string ModelFile::read(std::uint64_t offset, std::size_t most) {
  std::string out(offset >= size_ ? 0 : std::min<std::uint64_t>(most, size_ - offset), '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        pread(descriptor_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

std::optional<std::uint8_t> ModelFile::at(std::uint64_t offset) {
  if (offset >= size_) return std::nullopt;
  if (offset < window_at_ || offset - window_at_ >= window_.size()) {
    window_ = read(offset, window_bytes);
    window_at_ = offset;
    if (window_.empty()) return std::nullopt;
  }
  return static_cast<std::uint8_t>(window_[offset - window_at_]);
}

Result<Digest> ModelFile::digest() {
  Sha256 sum;
  for (std::uint64_t at = 0; at < size_;) {
    const std::string piece = read(at, 1 << 20);
    if (piece.empty()) {
      return Error{Fault::malformed, "model.broken", "The model changed while it was read", "", "Try again."};
    }
    sum.update(as_bytes(piece));
    at += piece.size();
  }
  return sum.finish();
}

std::optional<std::string> Field::text(ModelFile& file, std::size_t most) const {
  if (!is_block() || size() > most) return std::nullopt;
  std::string out = file.read(begin, size());
  if (out.size() != size()) return std::nullopt;
  return out;
}

std::optional<std::uint64_t> Wire::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ >= end_) return std::nullopt;
    const auto byte = file_.at(at_++);
    if (!byte) return std::nullopt;
    value |= static_cast<std::uint64_t>(*byte & 0x7FU) << shift;
    if ((*byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

std::optional<Field> Wire::next() {
  if (broken_ || at_ >= end_) return std::nullopt;
  broken_ = true;
  const auto tag = varint();
  if (!tag || (*tag >> 3) == 0) return std::nullopt;
  Field field;
  field.number = *tag >> 3;
  field.type = static_cast<int>(*tag & 7);
  std::uint64_t length = 0;
  if (field.type == 0) {
    const auto value = varint();
    if (!value) return std::nullopt;
    field.value = *value;
  } else if (field.type == 2) {
    const auto value = varint();
    if (!value) return std::nullopt;
    length = *value;
  } else if (field.type == 1) {
    length = 8;
  } else if (field.type == 5) {
    length = 4;
  } else {
    return std::nullopt;
  }
  if (length > end_ - at_) return std::nullopt;
  field.begin = at_;
  field.end = at_ + length;
  at_ = field.end;
  broken_ = false;
  return field;
}

Result<void> refuse_by_content(ModelFile& file) {
  if (file.size() == 0) return unsupported(file, "empty", not_a_model);
  const std::string first = file.read(0, 512);
  if (first.starts_with("PK\3\4") || first.starts_with("PK\5\6")) return unsupported_zip(file);
  for (const Kind& kind : kinds) {
    if (first.size() > kind.at && std::string_view(first).substr(kind.at).starts_with(kind.bytes)) {
      return unsupported(file, kind.what, kind.remedy);
    }
  }
  const auto last = file.at(file.size() - 1);
  if (last && is_old_pickle(first, static_cast<char>(*last))) {
    return unsupported(file, "a Python pickle (it runs code when it is loaded)", from_torch);
  }
  if (is_safetensors(first)) return unsupported(file, "weights without a network (safetensors)", from_torch);
  // ModelProto: its fields are few, and the graph is a block.
  Wire wire(file, 0, file.size());
  bool version = false, graph = false;
  std::size_t fields = 0;
  while (auto field = wire.next()) {
    const bool known = (field->number >= 1 && field->number <= 8) || field->number == 14 || field->number == 20 ||
                       field->number == 25 || field->number == 26;
    if (!known || ++fields > 100'000) return unsupported(file, "something else", not_a_model);
    version |= field->number == 1 && field->type == 0;
    graph |= field->number == 7 && field->is_block();
  }
  if (!wire.whole() && version) {
    return Error{Fault::malformed, "model.broken", "The ONNX file is cut off or broken",
                 fmt::format("byte {} of {}", wire.at(), file.size()), "Copy it again, or export it again."};
  }
  if (!wire.whole() || !version || !graph) return unsupported(file, "something else", not_a_model);
  return {};
}

}  // namespace vedette::engine
