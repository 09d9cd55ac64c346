#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "wire/http.hpp"
#include "wire/media_type.hpp"

namespace vedette::dicomweb {

using wire::covers;
using wire::MediaType;

/// One media type, as Content-Type has it, read leniently; the value of type= in lower case. Fails malformed.
Result<MediaType> media_type_from(std::string_view text);

/// What a client takes, best first. Single types and those inside multipart/related are told apart.
class Accept {
 public:
  /// From the header and the query parameter "accept" (PS3.18 section 8.7.5), which goes before it. Broken entries are
  /// left out.
  static Accept of(const wire::Request& request);

  bool absent() const { return absent_; }
  const std::vector<MediaType>& types() const { return types_; }
  /// The best entry that takes `type` as a single part; wildcards count.
  bool takes_single(std::string_view type) const;
  /// Names DICOM and rendered types in one header (PS3.18 section 8.7.5 asks for 400 then).
  bool mixed() const;

 private:
  std::vector<MediaType> types_;
  bool absent_ = false;
};

/// Media type of the compressed frames of a transfer syntax (PS3.18 Table 8.7.3-5); "application/octet-stream" for the
/// others.
std::string_view frame_type_of(std::string_view transfer_syntax);

/// The sentence for 406.
Error not_acceptable(std::string_view offered);

}  // namespace vedette::dicomweb
