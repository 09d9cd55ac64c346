#include "intake/inflater.hpp"

#include <zlib.h>

namespace vedette::intake {

namespace {
// As dicom::inflate_raw.
constexpr std::uint64_t harmless = 256ULL << 20U;
constexpr std::uint64_t most_ratio = 200;
}  // namespace

Inflater::Inflater(std::uint64_t most) : stream_(std::make_unique<z_stream_s>()), most_(most) {
  if (inflateInit2(stream_.get(), -MAX_WBITS) != Z_OK) stream_.reset();
}

Inflater::~Inflater() {
  if (stream_) inflateEnd(stream_.get());
}

Result<void> Inflater::append(Bytes bytes, const std::function<Result<void>(Bytes)>& sink) {
  if (!stream_) return Error{Fault::exhausted, "memory", "There is not enough memory to inflate the data set"};
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));  // NOLINT: zlib reads only
  stream_->avail_in = static_cast<uInt>(bytes.size());
  while (!ended_) {
    stream_->next_out = reinterpret_cast<Bytef*>(buffer_.data());
    stream_->avail_out = static_cast<uInt>(buffer_.size());
    const int code = inflate(stream_.get(), Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return Error{Fault::malformed, "dicom.inflate", "The deflated data set cannot be inflated",
                   "byte " + std::to_string(stream_->total_in),
                   "Send the object again, or in another transfer syntax."};
    }
    const std::size_t count = buffer_.size() - stream_->avail_out;
    given_ += count;
    if (given_ > most_ || (given_ > harmless && given_ > most_ratio * stream_->total_in)) {
      return Error{Fault::too_large, "dicom.inflated",
                   given_ > most_
                       ? "The deflated data set grows over " + std::to_string(most_) + " bytes"
                       : "The deflated data set grows over " + std::to_string(most_ratio) + " times its size",
                   "byte " + std::to_string(stream_->total_in),
                   "Send the object in another transfer syntax; the setting dicom.inflated_bytes bounds it."};
    }
    ended_ = code == Z_STREAM_END;
    if (count == 0) return {};
    VEDETTE_TRY(sink(as_bytes(std::string_view(buffer_.data(), count))));
  }
  return {};
}

}  // namespace vedette::intake
