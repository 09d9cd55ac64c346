#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "dicom/tag.hpp"

namespace vedette::dicom {

struct Element;

/// An ordered data set: elements by ascending tag, nested by sequences.
/// Not thread-safe for writing; reading is.
class DataSet {
 public:
  bool empty() const { return elements_.empty(); }
  const std::vector<Element>& elements() const { return elements_; }
  std::vector<Element>& elements() { return elements_; }
  const Element* find(Tag tag) const;
  bool has_value(Tag tag) const;  ///< present and not empty

  /// Decoded, trimmed by its VR's padding rule; backslash-separated values as one text. Empty when absent.
  std::string text(Tag tag) const;
  std::vector<std::string> texts(Tag tag) const;
  /// Value `index` of IS, US, SS, UL, SL, UV, SV, AT; nothing when absent or no number.
  std::optional<std::int64_t> integer(Tag tag, std::size_t index = 0) const;
  /// Value `index` of DS, FD, FL or any integer VR; nothing when absent or no number.
  std::optional<double> number(Tag tag, std::size_t index = 0) const;
  std::vector<double> numbers(Tag tag) const;
  /// Items of a sequence; empty when absent.
  const std::vector<DataSet>& items(Tag tag) const;
  /// First item, nullptr when there is none.
  const DataSet* item(Tag tag) const;
  /// The private creator's block: tag (group, block<<8 | element) for `creator`; nothing when that creator reserves
  /// none (PS3.5 section 7.8.1).
  std::optional<Tag> private_tag(std::uint16_t group, std::string_view creator, std::uint8_t element) const;

  /// Setters replace. Text is UTF-8 and is written in ISO_IR 192, which write() declares where needed.
  void set_text(Tag tag, std::string_view text);  ///< VR by the dictionary
  void set_text(Tag tag, Vr vr, std::string_view text);
  void set_integer(Tag tag, std::int64_t value);  ///< IS, US, SS, UL, SL by the dictionary
  void set_integers(Tag tag, std::span<const std::int64_t> values);
  void set_number(Tag tag, double value);  ///< DS (at most 16 characters), FD, FL by the dictionary
  void set_numbers(Tag tag, std::span<const double> values);
  void set_bytes(Tag tag, Vr vr, std::string bytes);
  void set_items(Tag tag, std::vector<DataSet> items);
  DataSet& add_item(Tag tag);  ///< appends an item and returns it
  void set_empty(Tag tag);     ///< type 2: present without value
  void set(Element element);
  void erase(Tag tag);

  /// Value of (0008,0005) that holds here: the own one, else the one inherited from the enclosing data set when it was
  /// read.
  std::string character_set() const;
  /// What an enclosing data set declares; the reader says it to items, so that an item taken out of its parent stays
  /// readable.
  void inherit_character_set(std::string value);

 private:
  std::string character_set_;  ///< inherited, or ISO_IR 192 once text beyond ASCII was set
  std::vector<Element> elements_;
};

/// One data element. A value is its raw bytes in little endian as they stood (big endian is turned on reading), or
/// items, or fragments. Text getters decode by the Specific Character Set (0008,0005) of the nearest enclosing data set
/// and return UTF-8.
struct Element {
  Tag tag;
  Vr vr = Vr::UN;
  std::string value{};                   ///< raw bytes; empty for SQ and for encapsulated pixel data
  std::vector<DataSet> items{};          ///< SQ only
  std::vector<std::string> fragments{};  ///< encapsulated pixel data: [0] is the basic offset table
  bool encapsulated = false;
  bool skipped = false;  ///< pixel data left out by ReadLimits::skip_pixel_data; `skipped_bytes` says how much
  std::uint64_t skipped_bytes = 0;
  std::uint64_t offset = 0;  ///< of the value from the start of the data set's bytes, for errors and bulk data
};

/// Bounds of the reader; what goes over them is refused with tag and offset.
struct ReadLimits {
  std::uint32_t nesting = 64;
  std::uint64_t element_bytes = 64ULL << 20;  ///< of one element that is not pixel data
  std::uint64_t elements = 1'000'000;         ///< in all nesting levels together
  std::uint64_t inflated_bytes = 4ULL << 30;  ///< of a deflated transfer syntax
  bool skip_pixel_data = false;               ///< leave out top-level (7FE0,0008..0010), keep their size
};

/// Reads the bytes of a data set (without Part 10 header) in `transfer_syntax` (PS3.5 sections 7, A). Deflated is
/// inflated, big endian turned. Every error names tag and offset: "dicom.truncated", "dicom.vr", "dicom.nesting",
/// "dicom.length" …
Result<DataSet> read_data_set(Bytes bytes, std::string_view transfer_syntax, const ReadLimits& limits = {});

/// A file of PS3.10, or a bare data set where there is no preamble (syntax found by its first elements).
struct File {
  DataSet meta;  ///< group 0002, empty when there was none
  std::string transfer_syntax;
  std::uint64_t data_offset = 0;  ///< where the data set starts in the file
  DataSet data;
};
Result<File> read_file(Bytes bytes, const ReadLimits& limits = {});
/// Only the header: where the data set starts and in which transfer syntax. Accepts missing (0002,0000) and missing
/// preamble.
Result<File> read_file_header(Bytes bytes);

/// Writes a data set in Explicit or Implicit VR Little Endian; other syntaxes are refused except encapsulated ones
/// (their rules are explicit little endian).
Result<std::string> write_data_set(const DataSet& data, std::string_view transfer_syntax);
/// The fixed Part 10 header that this node puts before every data set it stores: zeroed preamble, "DICM", group 0002
/// with class, instance, transfer syntax and implementation UID, always the same bytes for the same three values.
std::string file_header(std::string_view sop_class_uid, std::string_view sop_instance_uid,
                        std::string_view transfer_syntax);
/// header + data set in Explicit VR Little Endian.
Result<std::string> write_file(const DataSet& data, std::string_view transfer_syntax = "1.2.840.10008.1.2.1");

}  // namespace vedette::dicom
