#include "dicomweb/frame_source.hpp"

#include <algorithm>
#include <limits>

#include "dicom/uids.hpp"

namespace vedette::dicomweb {

namespace {

namespace tags = dicom::tags;

constexpr std::int64_t most_whole = 1LL << 30U;  // of a blob that has to be read as a whole
constexpr std::size_t most_fragments = 2'000'000;

Error no_pixels() {
  return Error{Fault::not_found, "instance.pixels", "This instance has no pixel data", "instance",
               "Ask for its metadata instead."};
}

Error broken_fragments() {
  return Error{Fault::malformed, "dicom.frame", "The fragments of the pixel data cannot be told apart", "(7FE0,0010)",
               "Retrieve the whole instance instead."};
}

std::uint32_t u32(std::string_view bytes, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = 4; i-- > 0;) out = out << 8U | static_cast<unsigned char>(bytes[at + i]);
  return out;
}

std::uint64_t u64(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint64_t>(u32(bytes, at + 4)) << 32U | u32(bytes, at);
}

}  // namespace

wire::FilePiece piece_of_text(std::string text) {
  wire::FilePiece piece;
  piece.before = std::move(text);
  return piece;
}

Result<FrameSource> FrameSource::open(const Parts& parts, study::Instance instance, Need need) {
  FrameSource out(parts);
  out.instance_ = std::move(instance);
  const dicom::TransferSyntax* syntax = dicom::find_transfer_syntax(out.instance_.transfer_syntax);
  const bool readable = syntax == nullptr || (syntax->little_endian && !syntax->deflated);
  const bool bits = out.instance_.bits_allocated.value_or(8) == 1;
  if (out.instance_.pixel_offset && readable && !bits) {
    if (need != Need::bytes || !out.open_by_row()) VEDETTE_TRY(out.open_header());
  } else {
    VEDETTE_TRY(out.open_whole());
  }
  return out;
}

/// Native pixels of one sample lie as the index row says: the header need not be read to find them.
bool FrameSource::open_by_row() {
  const std::int64_t rows = instance_.rows.value_or(0), columns = instance_.columns.value_or(0);
  const std::int64_t bits = instance_.bits_allocated.value_or(0), frames = instance_.frames.value_or(1);
  if (instance_.pixel_bytes.value_or(0) <= 0 || instance_.samples.value_or(0) != 1 || bits <= 0 || bits % 8 != 0 ||
      bits > 64 || rows <= 0 || rows > 65535 || columns <= 0 || columns > 65535 || frames < 1)
    return false;
  frames_ = static_cast<std::uint32_t>(std::min<std::int64_t>(frames, UINT32_MAX));
  frame_bytes_ = static_cast<std::uint64_t>(rows * columns * bits / 8);
  return true;
}

Result<void> FrameSource::open_header() {
  const dicom::TransferSyntax* syntax = dicom::find_transfer_syntax(instance_.transfer_syntax);
  const bool explicit_vr = syntax == nullptr || syntax->explicit_vr;
  const std::int64_t head = *instance_.pixel_offset - (explicit_vr ? 12 : 8);
  const std::string bytes =
      VEDETTE_TRY(parts_->blobs.read(instance_.place, instance_.data_offset, std::max<std::int64_t>(head, 0)));
  data_ = VEDETTE_TRY(dicom::read_data_set(
      as_bytes(bytes), explicit_vr ? dicom::uids::explicit_vr_little_endian : dicom::uids::implicit_vr_little_endian));
  encapsulated_ = instance_.pixel_bytes.value_or(0) == 0;
  const dicom::ImageLayout layout = VEDETTE_TRY(dicom::image_layout(data_));
  frames_ = layout.frames;
  frame_bytes_ = layout.frame_bytes();
  return {};
}

Result<void> FrameSource::open_whole() {
  if (instance_.place.length > most_whole) {
    return Error{Fault::too_large, "instance.size", "Frames of so large an object cannot be given in its encoding",
                 "instance", "Retrieve the whole instance."};
  }
  const std::string bytes = VEDETTE_TRY(parts_->blobs.read(instance_.place));
  dicom::ReadLimits limits;
  limits.elements = std::numeric_limits<std::uint64_t>::max();  // intake counted them
  limits.element_bytes = static_cast<std::uint64_t>(most_whole);
  data_ = VEDETTE_TRY(
      dicom::read_data_set(as_bytes(std::string_view(bytes).substr(static_cast<std::size_t>(instance_.data_offset))),
                           instance_.transfer_syntax, limits));
  whole_ = true;
  const dicom::Element* pixels = data_.find(tags::pixel_data);
  for (const dicom::Tag tag : {tags::float_pixel_data, tags::double_float_pixel_data}) {
    if (pixels == nullptr) pixels = data_.find(tag);
  }
  if (pixels == nullptr) return no_pixels();
  encapsulated_ = pixels->encapsulated;
  const dicom::ImageLayout layout = VEDETTE_TRY(dicom::image_layout(data_));
  frames_ = layout.frames;
  frame_bytes_ = layout.frame_bytes();
  return {};
}

Result<void> FrameSource::check(std::uint32_t frame) const {
  if (frame < frames_) return {};
  return Error{Fault::not_found, "frame.not_found",
               "There is no frame " + std::to_string(frame + 1) + "; the image has " + std::to_string(frames_),
               "frames", "Ask for frames from 1 to " + std::to_string(frames_) + "."};
}

Result<wire::FilePiece> FrameSource::piece_of(const Range& range) const {
  vault::Place place = instance_.place;
  place.offset += range.offset;
  place.length = range.length;
  auto file = VEDETTE_TRY(parts_->blobs.range(place));
  return wire::FilePiece{{}, file.descriptor, file.offset, file.length, std::move(file.owner)};
}

Result<FrameSource::Range> FrameSource::native_range(std::uint32_t frame) const {
  const auto length = static_cast<std::int64_t>(frame_bytes_);
  const std::int64_t at = length * frame;
  if (at + length > instance_.pixel_bytes.value_or(0)) {
    return Error{Fault::malformed, "dicom.frame", "The pixel data is shorter than its frames", "(7FE0,0010)",
                 "Send the object again."};
  }
  return Range{instance_.data_offset + *instance_.pixel_offset + at, length};
}

/// The items from one place in the pixel data to another (or its end).
Result<std::vector<FrameSource::Range>> FrameSource::fragments_between(std::int64_t from, std::int64_t to) const {
  std::vector<Range> out;
  while ((to < 0 || from < to) && from + 8 <= instance_.place.length) {
    const std::string head = VEDETTE_TRY(parts_->blobs.read(instance_.place, from, 8));
    if (head.size() < 8 || u32(head, 0) != 0xE000FFFE) break;  // the delimiter
    const auto length = static_cast<std::int64_t>(u32(head, 4));
    if (from + 8 + length > instance_.place.length || out.size() > most_fragments) return broken_fragments();
    out.push_back({from + 8, length});
    from += 8 + length;
  }
  return out;
}

Result<std::vector<FrameSource::Range>> FrameSource::fragments(std::uint32_t frame) const {
  const std::int64_t start = instance_.data_offset + *instance_.pixel_offset;
  const std::string head = VEDETTE_TRY(parts_->blobs.read(instance_.place, start, 8));
  if (head.size() < 8 || u32(head, 0) != 0xE000FFFE) return broken_fragments();
  const auto table_bytes = static_cast<std::int64_t>(u32(head, 4));
  const std::int64_t first = start + 8 + table_bytes;
  if (frames_ == 1) return fragments_between(first, -1);
  if (const dicom::Element* extended = data_.find(tags::extended_offset_table);
      extended != nullptr && extended->value.size() >= 8ULL * frames_) {
    const auto at = [&](std::uint32_t i) { return first + static_cast<std::int64_t>(u64(extended->value, 8ULL * i)); };
    return fragments_between(at(frame), frame + 1 < frames_ ? at(frame + 1) : -1);
  }
  if (table_bytes >= 4LL * frames_) {
    const std::string table = VEDETTE_TRY(parts_->blobs.read(instance_.place, start + 8, 4LL * frames_));
    const auto at = [&](std::uint32_t i) { return first + static_cast<std::int64_t>(u32(table, 4ULL * i)); };
    return fragments_between(at(frame), frame + 1 < frames_ ? at(frame + 1) : -1);
  }
  std::vector<Range> all = VEDETTE_TRY(fragments_between(first, -1));
  if (all.size() != frames_) return broken_fragments();
  return std::vector<Range>{all[frame]};
}

Result<wire::FilePiece> FrameSource::stored(std::uint32_t frame) const {
  VEDETTE_TRY(check(frame));
  if (!whole_ && !encapsulated_) return piece_of(VEDETTE_TRY(native_range(frame)));
  if (!whole_) {
    const auto ranges = VEDETTE_TRY(fragments(frame));
    if (ranges.size() == 1) return piece_of(ranges.front());
  }
  return piece_of_text(VEDETTE_TRY(stored_bytes(frame)));
}

Result<std::string> FrameSource::stored_bytes(std::uint32_t frame) const {
  VEDETTE_TRY(check(frame));
  if (whole_) {
    if (encapsulated_) return dicom::encapsulated_frame(data_, frame);
    const dicom::Element* pixels = data_.find(tags::pixel_data);
    for (const dicom::Tag tag : {tags::float_pixel_data, tags::double_float_pixel_data}) {
      if (pixels == nullptr) pixels = data_.find(tag);
    }
    if (pixels == nullptr) return no_pixels();
    // Frames of single bits follow each other without padding (PS3.5 section 8.1.1): only whole bytes can be given as
    // they are.
    const std::uint64_t bits = instance_.bits_allocated.value_or(8) == 1
                                   ? static_cast<std::uint64_t>(instance_.rows.value_or(0)) *
                                         static_cast<std::uint64_t>(instance_.columns.value_or(0))
                                   : frame_bytes_ * 8;
    const std::uint64_t from = bits * frame;
    if (bits % 8 == 0 || frames_ == 1) {
      if ((from + bits + 7) / 8 > pixels->value.size()) return broken_fragments();
      return pixels->value.substr(from / 8, (bits + 7) / 8);
    }
    std::string out((bits + 7) / 8, '\0');
    for (std::uint64_t i = 0; i < bits; ++i) {
      const std::uint64_t at = from + i;
      if (at / 8 >= pixels->value.size()) return broken_fragments();
      const bool set = (static_cast<unsigned char>(pixels->value[at / 8]) >> (at % 8) & 1U) != 0;
      if (set) out[i / 8] = static_cast<char>(static_cast<unsigned char>(out[i / 8]) | 1U << (i % 8));
    }
    return out;
  }
  std::string out;
  if (!encapsulated_) {
    const Range range = VEDETTE_TRY(native_range(frame));
    return parts_->blobs.read(instance_.place, range.offset, range.length);
  }
  for (const Range& range : VEDETTE_TRY(fragments(frame)))
    out += VEDETTE_TRY(parts_->blobs.read(instance_.place, range.offset, range.length));
  return out;
}

Result<dicom::DecodedFrame> FrameSource::decoded(std::uint32_t frame) const {
  VEDETTE_TRY(check(frame));
  if (whole_) return dicom::decode_frame(data_, instance_.transfer_syntax, frame);
  dicom::DataSet one;  // only what decoding asks for, with the one frame
  for (const dicom::Element& element : data_.elements()) {
    if (element.tag.group == 0x0028 || element.tag.group == 0x0002) one.set(element);
  }
  one.set_integer(tags::number_of_frames, 1);
  dicom::Element pixels;
  pixels.tag = tags::pixel_data;
  pixels.encapsulated = encapsulated_;
  pixels.vr = encapsulated_ || instance_.bits_allocated.value_or(8) <= 8 ? dicom::Vr::OB : dicom::Vr::OW;
  if (encapsulated_) {
    pixels.fragments = {std::string(), VEDETTE_TRY(stored_bytes(frame))};
  } else {
    pixels.value = VEDETTE_TRY(stored_bytes(frame));
  }
  one.set(std::move(pixels));
  return dicom::decode_frame(one, instance_.transfer_syntax, 0);
}

}  // namespace vedette::dicomweb
