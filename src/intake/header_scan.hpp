#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "dicom/tag.hpp"

namespace vedette::intake {

struct ScanLimits {
  std::uint64_t element_bytes = 64ULL << 20;  ///< of one element that is not pixel data (setting dicom.element_bytes)
  std::uint64_t kept_bytes = 32ULL << 20;     ///< of the header in memory
};

/// Walks a data set while its bytes arrive and keeps what the header needs: everything before the pixel data, without
/// large bulk values. It judges nothing but sizes: where the bytes make no sense it keeps them as they are, and the
/// reader of `dicom` says what is wrong.
class HeaderScan {
 public:
  /// An element that was left out, for the record (PS3.18 Annex F: it becomes a BulkDataURI).
  struct Left {
    dicom::Tag tag;
    dicom::Vr vr = dicom::Vr::UN;
    std::uint64_t offset = 0;  ///< of the value in the data set
    std::uint64_t bytes = 0;   ///< 0 for fragments, whose sum is not known before their end
    bool encapsulated = false;
  };

  HeaderScan(bool explicit_vr, bool little_endian, ScanLimits limits)
      : explicit_vr_(explicit_vr), little_endian_(little_endian), limits_(limits) {}

  /// Fails too_large "dicom.element" or "dicom.header".
  Result<void> append(Bytes bytes);
  /// Fails malformed "dicom.truncated" where the pixel data ends early.
  Result<void> finish() const;

  /// True once everything that the header needs has passed.
  bool done() const {
    return state_ == State::fragments || state_ == State::rest || (state_ == State::value && pixels_);
  }
  /// The bytes made no sense; all of them are kept.
  bool unreadable() const { return state_ == State::raw; }
  const std::string& kept() const { return kept_; }
  const std::vector<Left>& left_out() const { return left_; }
  /// Of (0008,0016) and (0008,0018) as they passed; "" before. Nothing is checked here.
  const std::string& class_uid() const { return class_uid_; }
  const std::string& instance_uid() const { return instance_uid_; }
  /// No element at or below (0008,0018) can follow any more.
  bool passed_uids() const { return passed_uids_; }

 private:
  enum class State : std::uint8_t { element, value, fragments, rest, raw };
  struct Level {
    bool items;        ///< inside a sequence of undefined length; otherwise inside an item of undefined length
    bool implicit_vr;  ///< in UN of undefined length (PS3.5 section 6.2.2)
  };

  Result<void> keep(std::string_view bytes);
  Result<void> on_header();
  Result<void> on_element(dicom::Tag tag, dicom::Vr vr, std::uint32_t length, bool implicit_vr);
  Result<void> on_item(dicom::Tag tag, std::uint32_t length);
  void on_fragment(dicom::Tag tag, std::uint32_t length);
  Result<void> on_large(dicom::Tag tag, dicom::Vr vr, std::uint32_t length);
  Result<void> give_up();
  void begin_value(std::uint64_t length, bool kept);
  void end_value();
  std::size_t header_size() const;
  std::uint16_t u16(std::size_t at) const;
  std::uint32_t u32(std::size_t at) const;

  bool explicit_vr_, little_endian_;
  ScanLimits limits_;
  State state_ = State::element;
  std::vector<Level> levels_;
  std::string head_;             ///< bytes of an element's header so far
  std::uint64_t at_ = 0;         ///< of the next byte in the data set
  std::uint64_t remaining_ = 0;  ///< of the value
  bool keeping_ = true;          ///< the value goes to kept_
  bool pixels_ = false;          ///< the value is pixel data
  bool in_fragments_ = false;
  bool passed_uids_ = false;
  std::string* noted_ = nullptr;  ///< the UID whose value is passing
  std::string kept_, class_uid_, instance_uid_;
  std::vector<Left> left_;
};

}  // namespace vedette::intake
