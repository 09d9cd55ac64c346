#pragma once

#include <string>
#include <string_view>

namespace vedette::study {

/// A person name for matching without case: the groups (alphabetic, then ideographic and phonetic) lower-cased, without
/// trailing empty components.
struct FoldedName {
  std::string alphabetic;
  std::string other;  ///< "ideographic=phonetic", empty where there is none
};
FoldedName folded_name(std::string_view name);

/// Lower case of Latin, Greek and Cyrillic letters in UTF-8 (simple case mapping of Unicode); everything else as it is.
std::string folded(std::string_view text);

}  // namespace vedette::study
