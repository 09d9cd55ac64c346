// Files of PS3.10: the header, and what real files do to it.
#include <fmt/format.h>

#include "base/text.hpp"
#include "dicom/data_set.hpp"
#include "dicom/reader.hpp"
#include "dicom/uids.hpp"
#include "dicom/vr.hpp"

namespace vedette::dicom {
namespace {

constexpr std::size_t preamble = 128;
constexpr std::string_view prefix = "DICM";

std::uint16_t u16(std::string_view bytes, std::size_t at, bool little) {
  const auto first = static_cast<unsigned char>(bytes[at]);
  const auto second = static_cast<unsigned char>(bytes[at + 1]);
  return static_cast<std::uint16_t>(little ? first | second << 8 : first << 8 | second);
}

/// The transfer syntax by the first element, where nothing declares it: group, and letters of a value representation or
/// none.
std::string_view guessed_syntax(std::string_view bytes) {
  if (bytes.size() < 8) return {};
  const bool letters = vr_traits(bytes[4], bytes[5]) != nullptr;
  const std::uint16_t little = u16(bytes, 0, true);
  const std::uint16_t big = u16(bytes, 0, false);
  constexpr std::uint16_t first_group = 0x0004;
  constexpr std::uint16_t last_group = 0x0040;
  if (letters && little >= first_group && little <= last_group) return uids::explicit_vr_little_endian;
  if (letters && big >= first_group && big <= last_group) return uids::explicit_vr_big_endian;
  const std::size_t length = static_cast<std::size_t>(u16(bytes, 6, true)) << 16 | u16(bytes, 4, true);
  if (little >= first_group && little <= last_group && (length <= bytes.size() - 8 || length == 0xFFFFFFFF))
    return uids::implicit_vr_little_endian;
  return {};
}

Error not_dicom() {
  return {Fault::malformed, "dicom.not_dicom",
          "this is no DICOM file: neither the letters DICM at byte 128 nor a data set at its start", "byte 0",
          "Choose a DICOM file."};
}

/// Where group 0002 starts, or the end of what may precede a bare data set.
std::size_t meta_start(std::string_view text) {
  if (text.size() >= preamble + prefix.size() && text.substr(preamble, prefix.size()) == prefix)
    return preamble + prefix.size();
  return text.starts_with(prefix) ? prefix.size() : 0;
}

}  // namespace

Result<File> read_file_header(Bytes bytes) {
  const std::string_view text = as_text(bytes);
  const std::size_t start = meta_start(text);
  const ReadLimits limits;
  File file;
  file.data_offset = start;
  if (text.size() >= start + 8 && u16(text, start, true) == 0x0002) {
    // Group 0002 is explicit little endian; a few makers write it implicit.
    const bool explicit_vr = vr_traits(text[start + 4], text[start + 5]) != nullptr;
    Reader reader(bytes, {explicit_vr, true}, limits);
    file.meta = VEDETTE_TRY(reader.read_meta(start));
    file.data_offset = reader.next();
  }
  file.transfer_syntax = file.meta.text(tags::transfer_syntax_uid);
  const std::string_view data = text.substr(file.data_offset);
  if (file.transfer_syntax.empty()) file.transfer_syntax = guessed_syntax(data);
  const bool is_file = start > 0 || !file.meta.empty();
  if (file.transfer_syntax.empty() && is_file) {
    if (data.size() < 8) {
      return Error{Fault::malformed, "dicom.truncated", "the file ends before its data set",
                   fmt::format("byte {}", text.size()), "Send the object again."};
    }
    const bool letters = vr_traits(data[4], data[5]) != nullptr;
    file.transfer_syntax = letters ? uids::explicit_vr_little_endian : uids::implicit_vr_little_endian;
  }
  if (file.transfer_syntax.empty()) return not_dicom();
  return file;
}

Result<File> read_file(Bytes bytes, const ReadLimits& limits) {
  File file = VEDETTE_TRY(read_file_header(bytes));
  file.data = VEDETTE_TRY(read_data_set(bytes.subspan(file.data_offset), file.transfer_syntax, limits));
  return file;
}

}  // namespace vedette::dicom
