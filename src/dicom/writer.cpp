#include <fmt/format.h>

#include <algorithm>

#include "dicom/charset.hpp"
#include "dicom/data_set.hpp"
#include "dicom/uids.hpp"
#include "dicom/vr.hpp"

namespace vedette::dicom {
namespace {

// Made once from this project's name; stays, because stored headers must not change from build to build.
constexpr std::string_view implementation_class_uid = "2.25.268352176318264098735107862903654301276";
constexpr std::string_view implementation_version_name = "VEDETTE";
constexpr std::string_view utf8_set = "ISO_IR 192";

class Writer {
 public:
  Writer(bool explicit_vr, bool encapsulated) : explicit_(explicit_vr), encapsulated_(encapsulated) {}

  Result<void> write(const DataSet& set, std::string_view declared, bool root) {
    const Element* own = set.find(tags::specific_character_set);
    std::string character_set = own != nullptr ? own->value : set.character_set();
    if (root && own == nullptr && character_set.empty() && holds_utf8(set)) character_set = utf8_set;
    bool pending = own == nullptr && !character_set.empty() && character_set != declared;
    for (const Element& element : set.elements()) {
      if (element.tag.element == 0 || element.tag.group <= 0x0002)
        continue;  // group lengths, command and file meta groups
      if (pending && tags::specific_character_set < element.tag) {
        put(Element{.tag = tags::specific_character_set, .vr = Vr::CS, .value = character_set});
        pending = false;
      }
      VEDETTE_TRY(write_element(element, character_set, root));
    }
    return {};
  }

  std::string take() { return std::move(out_); }

  /// Tag, value representation, length, value.
  void put(const Element& element) {
    const VrTraits* traits = vr_traits(element.vr);
    const std::size_t length = element.value.size() + element.value.size() % 2;
    header(element.tag, element.vr, length);
    out_ += element.value;
    if (length > element.value.size()) out_ += traits != nullptr ? traits->padding : '\0';
  }

 private:
  /// Text beyond ASCII below `set` that stands in UTF-8 without its own declaration.
  static bool holds_utf8(const DataSet& set) {
    for (const Element& element : set.elements()) {
      for (const DataSet& item : element.items) {
        if (item.find(tags::specific_character_set) != nullptr) continue;
        if (item.character_set() == utf8_set || holds_utf8(item)) return true;
      }
    }
    return false;
  }

  Result<void> write_element(const Element& element, const std::string& character_set, bool root) {
    const bool pixels = root && element.tag == tags::pixel_data;
    if (element.skipped) {
      return Error{Fault::internal, "dicom.skipped", "pixel data that was left out on reading can't be written",
                   element.tag.text()};
    }
    if (element.encapsulated != (pixels && encapsulated_) && (element.encapsulated || pixels)) {
      return Error{Fault::unsupported, "dicom.encapsulation",
                   "the pixel data is not encoded as the transfer syntax demands", element.tag.text(),
                   "Write it in the transfer syntax that it came in."};
    }
    if (element.encapsulated) {
      fragments(element);
      return {};
    }
    if (element.vr == Vr::SQ) return sequence(element, character_set);
    if (element.value.size() >= 0xFFFFFFFE) {
      return Error{Fault::too_large, "dicom.length", "a value of 4 GiB and more can't be written", element.tag.text()};
    }
    put(element);
    return {};
  }

  Result<void> sequence(const Element& element, const std::string& character_set) {
    header(element.tag, Vr::SQ, 0);
    const std::size_t start = out_.size();
    for (const DataSet& item : element.items) {
      tag({0xFFFE, 0xE000});
      u32(0);
      const std::size_t item_start = out_.size();
      VEDETTE_TRY(write(item, character_set, false));
      VEDETTE_TRY(patch(item_start - 4, out_.size() - item_start, element.tag));
    }
    return patch(start - 4, out_.size() - start, element.tag);
  }

  void fragments(const Element& element) {
    header(element.tag, Vr::OB, 0xFFFFFFFF);
    static const std::string no_table;
    const auto item = [this](const std::string& bytes) {
      tag({0xFFFE, 0xE000});
      u32(static_cast<std::uint32_t>(bytes.size() + bytes.size() % 2));
      out_ += bytes;
      if (bytes.size() % 2 == 1) out_ += '\0';
    };
    if (element.fragments.empty()) item(no_table);
    for (const std::string& bytes : element.fragments) item(bytes);
    tag({0xFFFE, 0xE0DD});
    u32(0);
  }

  void header(Tag at, Vr vr, std::size_t length) {
    tag(at);
    if (explicit_) {
      const VrTraits* traits = vr_traits(vr);
      const bool is_long = traits == nullptr || traits->long_length || length > 0xFFFE;
      // A value too long for 16 bits of length is written as UN (PS3.5 section 6.2.2).
      out_ += vr_text(is_long && (traits == nullptr || !traits->long_length) ? Vr::UN : vr);
      if (!is_long) {
        u16(static_cast<std::uint16_t>(length));
        return;
      }
      u16(0);
    }
    u32(static_cast<std::uint32_t>(length));
  }

  Result<void> patch(std::size_t at, std::size_t length, Tag where) {
    if (length >= 0xFFFFFFFF)
      return Error{Fault::too_large, "dicom.length", "a sequence of 4 GiB and more can't be written", where.text()};
    for (unsigned i = 0; i < 4; ++i) out_[at + i] = static_cast<char>(length >> (8 * i) & 0xFF);
    return {};
  }

  void tag(Tag at) {
    u16(at.group);
    u16(at.element);
  }
  void u16(std::uint16_t value) {
    out_ += static_cast<char>(value & 0xFF);
    out_ += static_cast<char>(value >> 8);
  }
  void u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value));
    u16(static_cast<std::uint16_t>(value >> 16));
  }

  bool explicit_;
  bool encapsulated_;
  std::string out_;
};

}  // namespace

Result<std::string> write_data_set(const DataSet& data, std::string_view transfer_syntax) {
  const TransferSyntax* syntax = find_transfer_syntax(transfer_syntax);
  if (syntax == nullptr || !syntax->little_endian || syntax->deflated) {
    return Error{Fault::unsupported, "dicom.transfer_syntax", "data sets are not written in this transfer syntax",
                 std::string(transfer_syntax), "Use Explicit VR Little Endian."};
  }
  Writer writer(syntax->explicit_vr, syntax->encapsulated);
  VEDETTE_TRY(writer.write(data, "", true));
  return writer.take();
}

std::string file_header(std::string_view sop_class_uid, std::string_view sop_instance_uid,
                        std::string_view transfer_syntax) {
  Writer group(true, false);
  group.put({.tag = tags::file_meta_information_version, .vr = Vr::OB, .value = std::string("\0\1", 2)});
  group.put({.tag = tags::media_storage_sop_class_uid, .vr = Vr::UI, .value = std::string(sop_class_uid)});
  group.put({.tag = tags::media_storage_sop_instance_uid, .vr = Vr::UI, .value = std::string(sop_instance_uid)});
  group.put({.tag = tags::transfer_syntax_uid, .vr = Vr::UI, .value = std::string(transfer_syntax)});
  group.put({.tag = tags::implementation_class_uid, .vr = Vr::UI, .value = std::string(implementation_class_uid)});
  group.put(
      {.tag = tags::implementation_version_name, .vr = Vr::SH, .value = std::string(implementation_version_name)});
  const std::string rest = group.take();
  std::string length(4, '\0');
  for (unsigned i = 0; i < 4; ++i) length[i] = static_cast<char>(rest.size() >> (8 * i) & 0xFF);
  Writer first(true, false);
  first.put({.tag = tags::file_meta_information_group_length, .vr = Vr::UL, .value = length});
  return std::string(128, '\0') + "DICM" + first.take() + rest;
}

Result<std::string> write_file(const DataSet& data, std::string_view transfer_syntax) {
  const std::string sop_class = data.text(tags::sop_class_uid);
  const std::string instance = data.text(tags::sop_instance_uid);
  if (sop_class.empty() || instance.empty()) {
    return Error{Fault::malformed, "dicom.no_uid", "a file needs SOP Class UID and SOP Instance UID",
                 sop_class.empty() ? "(0008,0016)" : "(0008,0018)"};
  }
  const std::string body = VEDETTE_TRY(write_data_set(data, transfer_syntax));
  return file_header(sop_class, instance, transfer_syntax) + body;
}

}  // namespace vedette::dicom
