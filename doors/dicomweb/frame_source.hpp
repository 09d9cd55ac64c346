#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dicom/frames.hpp"
#include "dicomweb/door.hpp"

namespace vedette::dicomweb {

/// The frames of one stored instance. Where its pixel data can be reached in the blob, only the header and the wanted
/// frame are read.
class FrameSource {
 public:
  enum class Need : std::uint8_t { bytes, header };
  /// Fails not_found "instance.pixels" for what has none. With Need::bytes the header may stay unread: header() is empty
  /// then.
  static Result<FrameSource> open(const Parts& parts, study::Instance instance, Need need);

  /// Without pixel data where `whole` is false.
  const dicom::DataSet& header() const { return data_; }
  const study::Instance& instance() const { return instance_; }
  std::uint32_t frames() const { return frames_; }
  bool encapsulated() const { return encapsulated_; }

  /// Frame `frame` (from 0) as it is stored: coded bytes, or native pixels in little endian. Fails not_found
  /// "frame.not_found".
  Result<wire::FilePiece> stored(std::uint32_t frame) const;
  /// Plain pixels by `dicom`'s decoders.
  Result<dicom::DecodedFrame> decoded(std::uint32_t frame) const;

 private:
  struct Range {
    std::int64_t offset = 0, length = 0;  ///< in the blob
  };
  explicit FrameSource(const Parts& parts) : parts_(&parts) {}
  bool open_by_row();
  Result<void> open_header();
  Result<void> open_whole();
  Result<void> check(std::uint32_t frame) const;
  Result<std::string> stored_bytes(std::uint32_t frame) const;
  Result<Range> native_range(std::uint32_t frame) const;
  Result<std::vector<Range>> fragments(std::uint32_t frame) const;
  Result<std::vector<Range>> fragments_between(std::int64_t from, std::int64_t to) const;
  Result<wire::FilePiece> piece_of(const Range& range) const;

  const Parts* parts_;
  study::Instance instance_;
  dicom::DataSet data_;
  bool whole_ = false;  ///< data_ holds the pixel data
  bool encapsulated_ = false;
  std::uint32_t frames_ = 1;
  std::uint64_t frame_bytes_ = 0;  ///< of a native frame
};

/// A text as something to send.
wire::FilePiece piece_of_text(std::string text);

}  // namespace vedette::dicomweb
