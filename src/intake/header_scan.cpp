#include "intake/header_scan.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vedette::intake {

namespace {

using dicom::Tag;
using dicom::Vr;

constexpr std::uint32_t undefined_length = 0xFFFFFFFF;
constexpr std::uint64_t large_value = 64U << 10U;
constexpr Tag item{0xFFFE, 0xE000}, item_end{0xFFFE, 0xE00D}, sequence_end{0xFFFE, 0xE0DD};
constexpr Tag class_tag{0x0008, 0x0016}, instance_tag{0x0008, 0x0018};

bool has_long_length(Vr vr) {
  switch (vr) {
    case Vr::OB:
    case Vr::OD:
    case Vr::OF:
    case Vr::OL:
    case Vr::OV:
    case Vr::OW:
    case Vr::SQ:
    case Vr::SV:
    case Vr::UC:
    case Vr::UN:
    case Vr::UR:
    case Vr::UT:
    case Vr::UV:
      return true;
    default:
      return false;
  }
}

/// What may be given as BulkDataURI instead (PS3.18 section F.2.2), of those that are large in practice.
bool is_bulk(Vr vr) {
  switch (vr) {
    case Vr::OB:
    case Vr::OD:
    case Vr::OF:
    case Vr::OL:
    case Vr::OV:
    case Vr::OW:
    case Vr::UN:
    case Vr::UT:
      return true;
    default:
      return false;
  }
}

bool is_pixel_data(Tag tag) {
  return tag.group == 0x7FE0 && (tag.element == 0x0008 || tag.element == 0x0009 || tag.element == 0x0010);
}

std::string place_of(Tag tag, std::uint64_t offset) {
  return tag.text() + " at byte " + std::to_string(offset);
}

}  // namespace

std::uint16_t HeaderScan::u16(std::size_t at) const {
  const auto a = static_cast<unsigned char>(head_[at]);
  const auto b = static_cast<unsigned char>(head_[at + 1]);
  return static_cast<std::uint16_t>(little_endian_ ? a | b << 8U : a << 8U | b);
}

std::uint32_t HeaderScan::u32(std::size_t at) const {
  const std::uint32_t first = u16(at);
  const std::uint32_t second = u16(at + 2);
  return little_endian_ ? second << 16U | first : first << 16U | second;
}

Result<void> HeaderScan::keep(std::string_view bytes) {
  if (kept_.size() + bytes.size() > limits_.kept_bytes) {
    return Error{Fault::too_large, "dicom.header",
                 "The header of the data set is larger than " + std::to_string(limits_.kept_bytes) + " bytes",
                 "byte " + std::to_string(at_),
                 "Send the object without such large elements before its pixel data, or raise the setting "
                 "dicom.header_bytes."};
  }
  kept_.append(bytes);
  return {};
}

std::size_t HeaderScan::header_size() const {
  if (head_.size() < 8) return 8;
  const bool implicit = !explicit_vr_ || (!levels_.empty() && levels_.back().implicit_vr);
  if (state_ == State::fragments || implicit || u16(0) == 0xFFFE) return 8;
  const Vr vr = static_cast<Vr>(static_cast<unsigned char>(head_[4]) << 8U | static_cast<unsigned char>(head_[5]));
  return has_long_length(vr) ? 12 : 8;
}

Result<void> HeaderScan::append(Bytes bytes) {
  std::string_view rest = as_text(bytes);
  while (!rest.empty()) {
    if (state_ == State::rest) return {};
    if (state_ == State::raw) return keep(rest);
    if (state_ == State::value) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, rest.size()));
      const std::string_view part = rest.substr(0, count);
      if (keeping_) VEDETTE_TRY(keep(part));
      if (noted_ != nullptr && noted_->size() < 128) noted_->append(part);
      rest.remove_prefix(count);
      at_ += count;
      remaining_ -= count;
      if (remaining_ == 0) end_value();
      continue;
    }
    const std::size_t count = std::min(header_size() - head_.size(), rest.size());
    head_.append(rest.substr(0, count));
    rest.remove_prefix(count);
    at_ += count;
    if (head_.size() < header_size()) continue;
    VEDETTE_TRY(on_header());
    head_.clear();
  }
  return {};
}

void HeaderScan::begin_value(std::uint64_t length, bool kept) {
  remaining_ = length;
  keeping_ = kept;
  if (length > 0) {
    state_ = State::value;
  } else {
    end_value();
  }
}

void HeaderScan::end_value() {
  if (noted_ != nullptr) {
    *noted_ = trimmed(*noted_, std::string_view(" \0", 2));
    noted_ = nullptr;
  }
  state_ = !pixels_ ? State::element : in_fragments_ ? State::fragments : State::rest;
}

/// The bytes make no sense here: keep them all and let the reader say what is wrong.
Result<void> HeaderScan::give_up() {
  state_ = State::raw;
  passed_uids_ = true;
  return keep(head_);
}

Result<void> HeaderScan::on_header() {
  const Tag tag{u16(0), u16(2)};
  if (state_ == State::fragments) {
    on_fragment(tag, u32(4));
    return {};
  }
  if (tag.group == 0xFFFE) return on_item(tag, u32(4));
  if (!levels_.empty() && levels_.back().items) return give_up();
  const bool implicit = !explicit_vr_ || (!levels_.empty() && levels_.back().implicit_vr);
  if (implicit) {
    const dicom::AttributeRow* row = dicom::find_attribute(tag);
    return on_element(tag, row == nullptr ? Vr::UN : row->vr, u32(4), true);
  }
  if (head_[4] < 'A' || head_[4] > 'Z' || head_[5] < 'A' || head_[5] > 'Z') return give_up();
  const Vr vr = static_cast<Vr>(static_cast<unsigned char>(head_[4]) << 8U | static_cast<unsigned char>(head_[5]));
  return on_element(tag, vr, head_.size() == 12 ? u32(8) : u16(6), false);
}

Result<void> HeaderScan::on_element(Tag tag, Vr vr, std::uint32_t length, bool implicit_vr) {
  const bool top = levels_.empty();
  if (top && tag > instance_tag) passed_uids_ = true;
  if (top && is_pixel_data(tag)) {
    pixels_ = true;
    const bool fragments = length == undefined_length;
    left_.push_back({tag, implicit_vr && tag.element == 0x0010 ? Vr::OW : vr, at_, fragments ? 0 : length, fragments});
    in_fragments_ = fragments;
    if (fragments) {
      state_ = State::fragments;
    } else {
      begin_value(length, false);
    }
    return {};
  }
  if (length == undefined_length) {
    // Encapsulated pixel data of an icon inside a sequence has items too.
    if (vr != Vr::SQ && vr != Vr::UN && vr != Vr::OB && vr != Vr::OW && !implicit_vr) return give_up();
    VEDETTE_TRY(keep(head_));
    levels_.push_back({true, implicit_vr || vr == Vr::UN});
    return levels_.size() > 512 ? give_up() : Result<void>();
  }
  if (length > limits_.element_bytes) return on_large(tag, vr, length);
  if (top && length > large_value && is_bulk(vr)) {
    left_.push_back({tag, vr, at_, length, false});
    begin_value(length, false);
    return {};
  }
  VEDETTE_TRY(keep(head_));
  if (top && tag == class_tag) noted_ = &class_uid_;
  if (top && tag == instance_tag) noted_ = &instance_uid_;
  if (noted_ != nullptr) noted_->clear();
  begin_value(length, true);
  return {};
}

Result<void> HeaderScan::on_large(Tag tag, Vr vr, std::uint32_t length) {
  // Garbage often looks like an enormous element: only what is plausible as one is called too large.
  if (vr != Vr::SQ && !is_bulk(vr)) return give_up();
  return Error{Fault::too_large, "dicom.element",
               "An element of " + std::to_string(length) + " bytes is larger than the limit of " +
                   std::to_string(limits_.element_bytes) + " bytes",
               place_of(tag, at_), "Raise the setting dicom.element_bytes if such objects are wanted here."};
}

Result<void> HeaderScan::on_item(Tag tag, std::uint32_t length) {
  if (levels_.empty()) return give_up();
  const bool implicit_vr = levels_.back().implicit_vr;
  VEDETTE_TRY(keep(head_));
  if (tag == item && levels_.back().items) {
    if (length == undefined_length) {
      levels_.push_back({false, implicit_vr});
    } else {
      begin_value(length, true);
    }
    return {};
  }
  const bool ends = (tag == sequence_end && levels_.back().items) || (tag == item_end && !levels_.back().items);
  if (!ends) {
    state_ = State::raw;
    passed_uids_ = true;
    return {};
  }
  levels_.pop_back();
  return {};
}

void HeaderScan::on_fragment(Tag tag, std::uint32_t length) {
  if (tag == item && length != undefined_length) {
    begin_value(length, false);
    return;
  }
  state_ = State::rest;
}

Result<void> HeaderScan::finish() const {
  const bool inside = (state_ == State::value && remaining_ > 0) || (state_ == State::fragments && !head_.empty());
  if (!pixels_ || !inside || left_.empty()) return {};
  const std::string missing =
      state_ == State::value ? std::to_string(remaining_) + " bytes are missing" : "an item is cut off";
  return Error{Fault::malformed, "dicom.truncated", "The pixel data ends too early: " + missing,
               place_of(left_.back().tag, left_.back().offset),
               "Send the object again; it was cut on its way or in its file."};
}

}  // namespace vedette::intake
