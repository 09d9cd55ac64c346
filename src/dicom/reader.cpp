#include "dicom/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "dicom/inflate.hpp"
#include "dicom/uids.hpp"

namespace vedette::dicom {
namespace {

constexpr std::uint32_t undefined = 0xFFFFFFFF;
constexpr std::size_t longest_character_set = 256;  ///< of (0008,0005): room for a dozen defined terms
constexpr Tag item_tag{0xFFFE, 0xE000};
constexpr Tag item_end{0xFFFE, 0xE00D};
constexpr Tag sequence_end{0xFFFE, 0xE0DD};

void turn_bytes(std::string& value, std::size_t unit) {
  if (unit < 2) return;
  for (std::size_t i = 0; i + unit <= value.size(); i += unit) {
    std::reverse(value.begin() + static_cast<std::ptrdiff_t>(i), value.begin() + static_cast<std::ptrdiff_t>(i + unit));
  }
}

bool is_pixel_data(Tag tag) {
  return tag.group == 0x7FE0 && tag.element >= 0x0008 && tag.element <= 0x0010;
}
/// (gggg,0010) to (gggg,00FF) of an odd group reserve blocks of private elements (PS3.5 section 7.8.1).
bool is_private_creator(Tag tag) {
  return tag.is_private() && tag.element >= 0x0010 && tag.element <= 0x00FF;
}
bool is_upper_letter(char c) {
  return c >= 'A' && c <= 'Z';
}

Vr implicit_vr(Tag tag) {
  if (is_private_creator(tag)) return Vr::LO;
  const AttributeRow* row = find_attribute(tag);
  return row != nullptr ? row->vr : tag.element == 0 ? Vr::UL : Vr::UN;
}

}  // namespace

std::uint16_t Reader::u16(std::size_t at) const {
  const auto low = static_cast<unsigned char>(bytes_[at + (encoding_.little_endian ? 0 : 1)]);
  const auto high = static_cast<unsigned char>(bytes_[at + (encoding_.little_endian ? 1 : 0)]);
  return static_cast<std::uint16_t>(low | high << 8);
}

std::uint32_t Reader::u32(std::size_t at) const {
  const std::uint32_t first = u16(at);
  const std::uint32_t second = u16(at + 2);
  return encoding_.little_endian ? second << 16 | first : first << 16 | second;
}

Error Reader::fault(std::string_view code, std::string_view cause, Tag tag, std::size_t at) const {
  const Fault kind =
      code == "dicom.nesting" || code == "dicom.elements" || code == "dicom.length" ? Fault::refused : Fault::malformed;
  return {kind, std::string(code), std::string(cause), fmt::format("{} at byte {}", tag.text(), at),
          "Send the object again; if it stays so, its maker writes it wrongly."};
}

Result<void> Reader::count(Tag tag) {
  if (++elements_ > limits_.elements) {
    return fault("dicom.elements", fmt::format("there are more than {} elements", limits_.elements), tag, at_);
  }
  return {};
}

bool Reader::only_padding(std::size_t end) const {
  return std::all_of(bytes_.begin() + static_cast<std::ptrdiff_t>(at_),
                     bytes_.begin() + static_cast<std::ptrdiff_t>(end), [](char c) { return c == '\0'; });
}

Result<DataSet> Reader::read() {
  DataSet set;
  VEDETTE_TRY(read_elements(set, {bytes_.size(), false}, 0));
  if (!encoding_.explicit_vr) settle_signs(set, false);
  return set;
}

Result<DataSet> Reader::read_meta(std::size_t start) {
  DataSet set;
  at_ = start;
  std::vector<Late> late;
  late_ = &late;
  while (at_ + 8 <= bytes_.size() && u16(at_) == 0x0002) {
    const Header header = VEDETTE_TRY(read_header(bytes_.size(), set));
    if (header.length == undefined)
      return fault("dicom.length", "a file meta element has no defined length", header.tag, header.start);
    VEDETTE_TRY(read_value(set, header, {bytes_.size(), false}, 0));
  }
  VEDETTE_TRY(settle(set, std::move(late)));
  return set;
}

Result<void> Reader::read_elements(DataSet& set, Extent extent, std::uint32_t depth) {
  std::vector<Late> late;
  std::vector<Late>* const outer = std::exchange(late_, &late);
  Result<void> done = read_in_order(set, extent, depth);
  late_ = outer;
  if (!done) return done;
  return settle(set, std::move(late));
}

Result<void> Reader::read_in_order(DataSet& set, Extent extent, std::uint32_t depth) {
  while (at_ < extent.end) {
    if (extent.end - at_ < 8) {
      if (!extent.delimited && only_padding(extent.end)) {
        at_ = extent.end;
        break;
      }
      const Tag last = set.empty() ? Tag{} : set.elements().back().tag;
      return fault("dicom.truncated", "the data ends within the header of the element that follows", last, at_);
    }
    const Tag tag = tag_at(at_);
    if (tag == item_end && extent.delimited) {
      at_ += 8;
      return {};
    }
    if (tag.group == 0xFFFE) {
      return fault("dicom.delimiter", "an item or delimiter stands where an element was expected", tag, at_);
    }
    if (tag == Tag{} && !extent.delimited && only_padding(extent.end)) {
      at_ = extent.end;
      break;
    }
    const Header header = VEDETTE_TRY(read_header(extent.end, set));
    VEDETTE_TRY(read_value(set, header, extent, depth));
  }
  if (extent.delimited) return fault("dicom.truncated", "the data ends before the item's delimiter", item_end, at_);
  return {};
}

Result<Reader::Header> Reader::read_header(std::size_t end, const DataSet&) {
  Header header;
  header.start = at_;
  header.tag = tag_at(at_);
  VEDETTE_TRY(count(header.tag));
  at_ += 4;
  if (encoding_.explicit_vr) {
    VEDETTE_TRY(read_vr(header, end));
  } else {
    header.vr = implicit_vr(header.tag);
    header.length = u32(at_);
    at_ += 4;
  }
  return header;
}

Result<void> Reader::read_vr(Header& header, std::size_t end) {
  const VrTraits* traits = vr_traits(bytes_[at_], bytes_[at_ + 1]);
  if (traits == nullptr) {
    // Unknown letters are taken as a representation of a later edition: 32-bit length (PS3.5 section 6.2, note).
    header.odd_vr = true;
    const bool letters = is_upper_letter(bytes_[at_]) && is_upper_letter(bytes_[at_ + 1]);
    if (!letters || u16(at_ + 2) != 0) {
      return fault("dicom.vr", "the two bytes after the tag are no value representation", header.tag, header.start);
    }
  }
  header.vr = traits != nullptr ? traits->vr : Vr::UN;
  if (traits != nullptr && !traits->long_length) {
    header.length = u16(at_ + 2);
    at_ += 4;
    return {};
  }
  if (end - at_ < 8)
    return fault("dicom.truncated", "the data ends within the element's length", header.tag, header.start);
  header.length = u32(at_ + 4);
  at_ += 8;
  return {};
}

Result<void> Reader::read_value(DataSet& set, const Header& header, Extent extent, std::uint32_t depth) {
  Element element{.tag = header.tag, .vr = header.vr, .offset = at_};
  const bool pixels = is_pixel_data(header.tag);
  const bool skip = limits_.skip_pixel_data && pixels && depth == 0;
  if (header.length == undefined) {
    if (pixels) {
      VEDETTE_TRY(read_fragments(element, header, extent.end, skip));
    } else if (header.vr == Vr::SQ || (!encoding_.explicit_vr && header.vr == Vr::UN)) {
      element.vr = Vr::SQ;
      VEDETTE_TRY(read_sequence(element, header, extent, depth, set.character_set()));
    } else if (header.vr == Vr::UN) {
      VEDETTE_TRY(read_unknown_sequence(element, header, extent, depth, set.character_set()));
    } else {
      return fault("dicom.length", "only sequences and encapsulated pixel data may have an undefined length",
                   header.tag, header.start);
    }
    return place(set, std::move(element), header.start);
  }
  if (header.length > extent.end - at_) {
    return fault("dicom.truncated",
                 fmt::format("the value says {} bytes, {} are left", header.length, extent.end - at_), header.tag,
                 header.start);
  }
  if (header.vr == Vr::SQ) {
    VEDETTE_TRY(read_sequence(element, header, extent, depth, set.character_set()));
    return place(set, std::move(element), header.start);
  }
  if (!pixels && header.length > limits_.element_bytes) {
    return fault("dicom.length",
                 fmt::format("the value has {} bytes, {} are allowed", header.length, limits_.element_bytes),
                 header.tag, header.start);
  }
  if (skip) {
    element.skipped = true;
    element.skipped_bytes = header.length;
  } else {
    element.value = bytes_.substr(at_, header.length);
    const VrTraits* traits = vr_traits(element.vr);
    if (!encoding_.little_endian && traits != nullptr) turn_bytes(element.value, traits->unit);
  }
  at_ += header.length;
  if (header.tag.element == 0 && header.tag.group > 0x0002) return {};  // group lengths are retired and say nothing
  if (encoding_.explicit_vr && element.vr == Vr::UN && !header.odd_vr && !pixels) {
    // A node that knew less than we do wrote UN (PS3.5 section 6.2.2): the value is the implicit one.
    const AttributeRow* row = find_attribute(header.tag);
    if (row != nullptr && row->vr == Vr::SQ) {
      VEDETTE_TRY(reread_as_sequence(element, header, depth, set.character_set()));
    } else if (row != nullptr) {
      element.vr = row->vr;
    }
  }
  return place(set, std::move(element), header.start);
}

Result<void> Reader::place(DataSet& set, Element element, std::size_t start) {
  // Every item below takes a copy.
  if (element.tag == tags::specific_character_set && element.value.size() > longest_character_set) {
    return fault("dicom.length",
                 fmt::format("the value has {} bytes, {} are allowed", element.value.size(), longest_character_set),
                 element.tag, start);
  }
  std::vector<Element>& elements = set.elements();
  if (elements.empty() || elements.back().tag < element.tag) {
    elements.push_back(std::move(element));
  } else {
    late_->push_back({std::move(element), start});
  }
  return {};
}

Result<void> Reader::settle(DataSet& set, std::vector<Late> late) const {
  if (late.empty()) return {};
  std::stable_sort(late.begin(), late.end(),
                   [](const Late& a, const Late& b) { return a.element.tag < b.element.tag; });
  std::vector<Element> in_order = std::exchange(set.elements(), {});
  std::vector<Element>& out = set.elements();
  out.reserve(in_order.size() + late.size());
  auto next = in_order.begin();
  for (Late& one : late) {
    while (next != in_order.end() && !(one.element.tag < next->tag)) out.push_back(std::move(*next++));
    if (!out.empty() && out.back().tag == one.element.tag) {
      const Element& before = out.back();
      const bool same = before.vr == one.element.vr && before.value == one.element.value && before.items.empty() &&
                        one.element.items.empty() && before.fragments == one.element.fragments &&
                        before.skipped_bytes == one.element.skipped_bytes;
      if (!same) {
        return fault("dicom.duplicate", "the element stands twice with different values", one.element.tag, one.start);
      }
      continue;
    }
    out.push_back(std::move(one.element));
  }
  std::move(next, in_order.end(), std::back_inserter(out));
  return {};
}

Result<void> Reader::read_sequence(Element& element, const Header& header, Extent extent, std::uint32_t depth,
                                   const std::string& character_set) {
  if (depth >= limits_.nesting) {
    return fault("dicom.nesting", fmt::format("sequences are nested deeper than {}", limits_.nesting), header.tag,
                 header.start);
  }
  const bool delimited = header.length == undefined;
  const std::size_t end = delimited ? extent.end : at_ + header.length;
  while (at_ < end) {
    if (end - at_ < 8) return fault("dicom.truncated", "the data ends within the header of an item", header.tag, at_);
    const Tag tag = tag_at(at_);
    const std::uint32_t length = u32(at_ + 4);
    if (tag == sequence_end) {
      at_ += 8;
      if (delimited) return {};
      at_ = end;
      return {};
    }
    if (tag != item_tag)
      return fault("dicom.item", "something else than an item stands in the sequence", header.tag, at_);
    VEDETTE_TRY(count(header.tag));
    at_ += 8;
    element.items.emplace_back().inherit_character_set(character_set);
    VEDETTE_TRY(read_item(element.items.back(), length, end, depth + 1));
  }
  if (delimited)
    return fault("dicom.truncated", "the data ends before the sequence's delimiter", header.tag, header.start);
  return {};
}

Result<void> Reader::read_item(DataSet& item, std::uint32_t length, std::size_t end, std::uint32_t depth) {
  if (length == undefined) return read_elements(item, {end, true}, depth);
  if (length > end - at_) {
    return fault("dicom.truncated", fmt::format("the item says {} bytes, {} are left", length, end - at_), item_tag,
                 at_);
  }
  return read_elements(item, {at_ + length, false}, depth);
}

Result<void> Reader::read_unknown_sequence(Element& element, const Header& header, Extent extent, std::uint32_t depth,
                                           const std::string& character_set) {
  // UN of undefined length is a sequence in Implicit VR Little Endian, whatever the transfer syntax (PS3.5
  // section 6.2.2).
  const Encoding outside = std::exchange(encoding_, Encoding{false, true});
  element.vr = Vr::SQ;
  const Result<void> done = read_sequence(element, header, extent, depth, character_set);
  encoding_ = outside;
  return done;
}

Result<void> Reader::reread_as_sequence(Element& element, const Header& header, std::uint32_t depth,
                                        const std::string& character_set) {
  const std::size_t after = std::exchange(at_, element.offset);
  Element sequence{.tag = element.tag, .vr = Vr::SQ, .offset = element.offset};
  const Encoding outside = std::exchange(encoding_, Encoding{false, true});
  const Result<void> done = read_sequence(sequence, header, {after, false}, depth, character_set);
  encoding_ = outside;
  at_ = after;
  if (done) {
    element = std::move(sequence);
  } else if (done.error().fault == Fault::refused) {
    return done;
  }
  return {};  // else it stays unknown bytes
}

Result<void> Reader::read_fragments(Element& element, const Header& header, std::size_t end, bool skip) {
  element.encapsulated = true;
  element.skipped = skip;
  while (end - at_ >= 8) {
    const Tag tag = tag_at(at_);
    const std::uint32_t length = u32(at_ + 4);
    at_ += 8;
    if (tag == sequence_end) return {};
    if (tag != item_tag)
      return fault("dicom.item", "something else than a fragment stands in the pixel data", header.tag, at_ - 8);
    if (length > end - at_) {
      return fault("dicom.truncated", fmt::format("a fragment says {} bytes, {} are left", length, end - at_),
                   header.tag, at_ - 8);
    }
    VEDETTE_TRY(count(header.tag));
    if (skip) {
      element.skipped_bytes += length;
    } else {
      element.fragments.emplace_back(bytes_.substr(at_, length));
    }
    at_ += length;
  }
  return fault("dicom.truncated", "the data ends before the delimiter of the encapsulated pixel data", header.tag,
               header.start);
}

void Reader::settle_signs(DataSet& set, bool is_signed) const {
  const auto own = set.integer(tags::pixel_representation);
  if (own) is_signed = *own == 1;
  for (Element& element : set.elements()) {
    if (is_signed && element.vr == Vr::US && is_signed_by_pixels(element.tag)) element.vr = Vr::SS;
    for (DataSet& item : element.items) settle_signs(item, is_signed);
  }
}

namespace {

/// Reads as declared; where that fails and the first element is encoded the other way, a data set that is whole that
/// way is believed: some makers declare explicit value representations and write none, or the reverse.
Result<DataSet> read_either(Bytes bytes, Encoding declared, const ReadLimits& limits) {
  Result<DataSet> set = Reader(bytes, declared, limits).read();
  if (set || bytes.size() < 8) return set;
  const std::string_view text = as_text(bytes);
  const Encoding other{vr_traits(text[4], text[5]) != nullptr, declared.little_endian};
  if (other.explicit_vr == declared.explicit_vr) return set;
  Result<DataSet> again = Reader(bytes, other, limits).read();
  return again ? std::move(again) : std::move(set);
}

}  // namespace

Result<DataSet> read_data_set(Bytes bytes, std::string_view transfer_syntax, const ReadLimits& limits) {
  // Syntaxes that nobody registered encode data sets as Explicit VR Little Endian: all encapsulated ones must (PS3.5
  // section A.4).
  const TransferSyntax* syntax = find_transfer_syntax(transfer_syntax);
  const Encoding encoding = syntax == nullptr ? Encoding{} : Encoding{syntax->explicit_vr, syntax->little_endian};
  if (syntax == nullptr || !syntax->deflated) return read_either(bytes, encoding, limits);
  const std::string inflated = VEDETTE_TRY(inflate_raw(bytes, limits.inflated_bytes));
  return read_either(as_bytes(inflated), encoding, limits);
}

}  // namespace vedette::dicom
