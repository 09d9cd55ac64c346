#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace vedette::wire {

/// A media type or range with its parameters (RFC 9110 section 8.3.1), quoted or not.
struct MediaType {
  std::string type;                                             ///< lower case, "multipart/related", "*/*"
  std::vector<std::pair<std::string, std::string>> parameters;  ///< names in lower case; without q
  double q = 1;
  std::string_view parameter(std::string_view name) const;  ///< "" when absent
};

/// Fails malformed. With `slash` false, a bare word such as "form-data" is taken too.
Result<MediaType> media_type_from_text(std::string_view text, bool slash = true);

/// As clients write it: quotes may stay open, a q that is no number counts as 1 and one outside of 0 to 1 as the nearer
/// end, what is no parameter is passed over, and unquoted values may hold commas. Fails malformed where the type itself
/// cannot be read.
Result<MediaType> media_type_leniently(std::string_view text, bool slash = true);

/// The ranges of an Accept header in the order of their q, then as written. An empty text gives none. Fails malformed.
Result<std::vector<MediaType>> accept_from_text(std::string_view text);

/// The same, each range read leniently; those that cannot be read are left out.
std::vector<MediaType> accept_leniently(std::string_view text);

/// True where the range `range` ("image/*", "*/*") covers `type`.
bool covers(std::string_view range, std::string_view type);

/// One form in which an answer can be given.
struct Offer {
  std::string type;  ///< "application/dicom+json", "multipart/related"
  std::string part;  ///< of multipart: type of the parts, "application/dicom"; "" else
  std::vector<std::string>
      transfer_syntaxes;  ///< those that can be given, the preferred one first; empty where it has no meaning
};
struct Choice {
  std::size_t offer = 0;
  std::string transfer_syntax;       ///< as asked for; the offer's first where any will do
  bool any_transfer_syntax = false;  ///< transfer-syntax=*: as stored
};

/// The best of the offers for an Accept header (PS3.18 section 8.7): the range with the greatest q that any offer
/// meets; among those the first offer. type= is compared with and without quotes; transfer-syntax=* is met by all, a
/// named one only by offers that can give it. Nothing: 406.
std::optional<Choice> negotiate(std::span<const MediaType> accept, std::span<const Offer> offers);

}  // namespace vedette::wire
