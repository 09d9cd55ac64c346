// DICOM JSON from outside; what was written by this node is read and written again to the same text. Only from the
// second writing on: a DS of more than 16 characters is rounded once.
#include <cstdlib>

#include "dicom/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto set = vedette::dicom::from_json(text);
  if (!set) return 0;
  vedette::dicom::JsonOptions options;
  options.bulk_data_uri = [](const vedette::dicom::Element& element, const std::string&) {
    return element.skipped ? std::string("bulk") : std::string();
  };
  const auto again = vedette::dicom::from_json(vedette::dicom::to_json(*set, options));
  if (!again) std::abort();
  const std::string text_again = vedette::dicom::to_json(*again, options);
  const auto third = vedette::dicom::from_json(text_again);
  if (!third || vedette::dicom::to_json(*third, options) != text_again) std::abort();
  static_cast<void>(vedette::dicom::write_data_set(*set, "1.2.840.10008.1.2.1"));
  return 0;
}
