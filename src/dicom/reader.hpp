#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dicom/data_set.hpp"
#include "dicom/vr.hpp"

namespace vedette::dicom {

/// How the bytes at hand are encoded.
struct Encoding {
  bool explicit_vr = true;
  bool little_endian = true;
};

/// The one parser of elements: bounded by the bytes it was given and by its limits; it never allocates by a declared
/// length.
class Reader {
 public:
  Reader(Bytes bytes, Encoding encoding, const ReadLimits& limits)
      : bytes_(as_text(bytes)), encoding_(encoding), limits_(limits) {}

  /// The whole data set.
  Result<DataSet> read();
  /// Group 0002 from `start`; `next()` is then where the data set starts.
  Result<DataSet> read_meta(std::size_t start);
  std::size_t next() const { return at_; }

 private:
  struct Header {
    Tag tag;
    Vr vr = Vr::UN;
    std::uint32_t length = 0;
    std::size_t start = 0;  ///< of the tag
    bool odd_vr = false;    ///< letters that no edition knows
  };
  /// Where a data set or sequence ends: at `end`, or at its delimiter before `end` when `delimited`.
  struct Extent {
    std::size_t end;
    bool delimited;
  };

  Result<void> read_elements(DataSet& set, Extent extent, std::uint32_t depth);
  Result<void> read_in_order(DataSet& set, Extent extent, std::uint32_t depth);
  Result<Header> read_header(std::size_t end, const DataSet& set);
  Result<void> read_vr(Header& header, std::size_t end);
  Result<void> read_value(DataSet& set, const Header& header, Extent extent, std::uint32_t depth);
  Result<void> read_sequence(Element& element, const Header& header, Extent extent, std::uint32_t depth,
                             const std::string& character_set);
  Result<void> read_item(DataSet& item, std::uint32_t length, std::size_t end, std::uint32_t depth);
  Result<void> read_fragments(Element& element, const Header& header, std::size_t end, bool skip);
  Result<void> read_unknown_sequence(Element& element, const Header& header, Extent extent, std::uint32_t depth,
                                     const std::string& character_set);
  Result<void> reread_as_sequence(Element& element, const Header& header, std::uint32_t depth,
                                  const std::string& character_set);
  /// Elements of one data set that stand behind a greater tag. They are put in their places at its end: one by one, a
  /// data set in descending order would take the square of its length.
  struct Late {
    Element element;
    std::size_t start;
  };
  Result<void> place(DataSet& set, Element element, std::size_t start);
  Result<void> settle(DataSet& set, std::vector<Late> late) const;
  Result<void> count(Tag tag);
  void settle_signs(DataSet& set, bool is_signed) const;
  bool only_padding(std::size_t end) const;

  std::uint16_t u16(std::size_t at) const;
  std::uint32_t u32(std::size_t at) const;
  Tag tag_at(std::size_t at) const { return {u16(at), u16(at + 2)}; }
  Error fault(std::string_view code, std::string_view cause, Tag tag, std::size_t at) const;

  std::string_view bytes_;
  Encoding encoding_;
  const ReadLimits& limits_;
  std::size_t at_ = 0;
  std::uint64_t elements_ = 0;
  std::vector<Late>* late_ = nullptr;  ///< of the data set that is being read
};

}  // namespace vedette::dicom
