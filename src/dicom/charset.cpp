#include "dicom/charset.hpp"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <map>
#include <vector>

#include "base/text.hpp"

namespace vedette::dicom {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// One coded character set as it may stand in G0 (bytes 20-7F) or G1 (bytes A0-FF).
struct CodeSet {
  int registration;         ///< ISO-IR number; 0 for encodings that are no ISO 2022 set
  std::string_view escape;  ///< sequence that invokes it, without ESC
  bool upper;               ///< invoked in G1
  int width;                ///< bytes of a character
  const char* encoding;     ///< for iconv
  std::string_view prefix;  ///< put before each character for iconv
  bool raise;               ///< set the high bits for iconv
};

// PS3.3 tables C.12-2 to C.12-5.
constexpr CodeSet code_sets[] = {
    {6, "(B", false, 1, "ASCII", "", false},        {14, "(J", false, 1, "SHIFT_JIS", "", false},
    {13, ")I", true, 1, "SHIFT_JIS", "", false},    {100, "-A", true, 1, "ISO-8859-1", "", false},
    {101, "-B", true, 1, "ISO-8859-2", "", false},  {109, "-C", true, 1, "ISO-8859-3", "", false},
    {110, "-D", true, 1, "ISO-8859-4", "", false},  {144, "-L", true, 1, "ISO-8859-5", "", false},
    {127, "-G", true, 1, "ISO-8859-6", "", false},  {126, "-F", true, 1, "ISO-8859-7", "", false},
    {138, "-H", true, 1, "ISO-8859-8", "", false},  {148, "-M", true, 1, "ISO-8859-9", "", false},
    {203, "-b", true, 1, "ISO-8859-15", "", false}, {166, "-T", true, 1, "TIS-620", "", false},
    {87, "$B", false, 2, "EUC-JP", "", true},       {159, "$(D", false, 2, "EUC-JP", "\x8F", true},
    {149, "$)C", true, 2, "EUC-KR", "", false},     {58, "$)A", true, 2, "EUC-CN", "", false},
};

const CodeSet* code_set(int registration) {
  for (const CodeSet& set : code_sets) {
    if (set.registration == registration) return &set;
  }
  return nullptr;
}

/// iconv, one converter per encoding and thread: opening one reads a file.
class Converter {
 public:
  explicit Converter(const char* encoding) : handle_(iconv_open("UTF-8", encoding)) {}
  ~Converter() {
    if (valid()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  /// Appends; each byte that cannot be read becomes U+FFFD.
  void append(std::string_view bytes, std::string& out) {
    if (!valid()) {
      for (const char c : bytes) append_byte(c, out);
      return;
    }
    iconv(handle_, nullptr, nullptr, nullptr, nullptr);
    std::string input(bytes);
    char* from = input.data();
    std::size_t left = input.size();
    std::array<char, 512> buffer{};
    while (left > 0) {
      char* to = buffer.data();
      std::size_t room = buffer.size();
      const std::size_t done = iconv(handle_, &from, &left, &to, &room);
      out.append(buffer.data(), buffer.size() - room);
      if (done != static_cast<std::size_t>(-1) || errno == E2BIG) continue;
      append_byte(*from++, out);
      --left;
    }
  }

 private:
  bool valid() const { return reinterpret_cast<std::intptr_t>(handle_) != -1; }
  static void append_byte(char c, std::string& out) {
    if (static_cast<unsigned char>(c) < 0x80) {
      out += c;
    } else {
      out += replacement;
    }
  }
  iconv_t handle_;
};

void convert(const char* encoding, std::string_view bytes, std::string& out) {
  thread_local std::map<std::string_view, Converter> converters;
  converters.try_emplace(encoding, encoding).first->second.append(bytes, out);
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string checked_utf8(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string out;
  convert("UTF-8", bytes, out);
  return out;
}

/// The sets that are encodings of their own, without code extensions (PS3.3 table C.12-5).
const char* whole_encoding(std::string_view term) {
  if (term == "GB18030") return "GB18030";
  if (term == "GBK" || term.ends_with(" GBK")) return "GBK";
  return nullptr;
}

/// The number of "ISO_IR 100", "ISO 2022 IR 100" and their misspellings; -1 for anything else, 6 for the default
/// repertoire.
int registration_of(std::string_view term) {
  if (term.empty()) return 6;
  std::size_t end = term.size();
  std::size_t start = end;
  while (start > 0 && term[start - 1] >= '0' && term[start - 1] <= '9') --start;
  if (start == end || end - start > 3 || !term.starts_with("ISO")) return -1;
  return static_cast<int>(to_integer(term.substr(start)).value_or(-1));
}

/// Decoder of ISO 2022 with G0 and G1, both reset at every delimiter.
class Iso2022 {
 public:
  Iso2022(std::string_view first_term, bool person_name) : person_name_(person_name) {
    const int registration = registration_of(first_term);
    const CodeSet* set = code_set(registration);
    start_[0] = code_set(registration == 13 ? 14 : 6);
    start_[1] = set != nullptr && set->upper ? set : nullptr;
    reset();
  }

  std::string decode(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size();) i = step(bytes, i);
    flush();
    return std::move(out_);
  }

 private:
  void reset() {
    flush();
    active_[0] = start_[0];
    active_[1] = start_[1];
  }

  std::size_t step(std::string_view bytes, std::size_t i) {
    const char c = bytes[i];
    if (c == '\x1B') return escape(bytes, i);
    const bool upper = static_cast<unsigned char>(c) >= 0x80;
    const CodeSet* set = active_[upper ? 1 : 0];
    if (!upper && (static_cast<unsigned char>(c) <= 0x20 || set->width == 1)) return ascii(c, i, set);
    if (set == nullptr) {
      flush();
      out_ += replacement;
      return i + 1;
    }
    const auto width = static_cast<std::size_t>(set->width);
    if (i + width > bytes.size() || (width == 2 && (static_cast<unsigned char>(bytes[i + 1]) >= 0x80) != upper)) {
      flush();
      out_ += replacement;
      return i + 1;
    }
    if (pending_set_ != set) flush();
    pending_set_ = set;
    pending_ += set->prefix;
    for (std::size_t k = 0; k < width; ++k) {
      pending_ += set->raise ? static_cast<char>(static_cast<unsigned char>(bytes[i + k]) | 0x80U) : bytes[i + k];
    }
    return i + width;
  }

  /// Control characters, delimiters and single-byte G0. Backslash and tilde stay what they are in ISO IR 14: readers
  /// rely on it.
  std::size_t ascii(char c, std::size_t i, const CodeSet*) {
    flush();
    const bool delimiter =
        c == '\\' || c == '\r' || c == '\n' || c == '\f' || c == '\t' || (person_name_ && (c == '^' || c == '='));
    if (delimiter) reset();
    out_ += c;
    return i + 1;
  }

  std::size_t escape(std::string_view bytes, std::size_t i) {
    const std::string_view rest = bytes.substr(i + 1);
    for (const CodeSet& set : code_sets) {
      if (!rest.starts_with(set.escape)) continue;
      flush();
      active_[set.upper ? 1 : 0] = &set;
      return i + 1 + set.escape.size();
    }
    flush();
    out_ += replacement;
    return i + 1;
  }

  void flush() {
    if (!pending_.empty()) convert(pending_set_->encoding, pending_, out_);
    pending_.clear();
    pending_set_ = nullptr;
  }

  bool person_name_;
  const CodeSet* start_[2]{};
  const CodeSet* active_[2]{};
  const CodeSet* pending_set_ = nullptr;
  std::string pending_;
  std::string out_;
};

}  // namespace

bool is_utf8_set(std::string_view character_set) {
  return registration_of(trimmed(split(character_set, '\\').front(), std::string_view(" \0", 2))) == 192;
}

std::string to_utf8(std::string_view bytes, std::string_view character_set, bool person_name) {
  if (is_ascii(bytes) && bytes.find('\x1B') == std::string_view::npos) return std::string(bytes);
  const std::string_view first = trimmed(split(character_set, '\\').front(), std::string_view(" \0", 2));
  if (registration_of(first) == 192) return checked_utf8(bytes);
  if (const char* encoding = whole_encoding(first)) {
    std::string out;
    convert(encoding, bytes, out);
    return out;
  }
  return Iso2022(first, person_name).decode(bytes);
}

}  // namespace vedette::dicom
