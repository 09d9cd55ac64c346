// DICOM JSON from outside; what was read is written and read again to the same text.
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
  const std::string once = vedette::dicom::to_json(*set, options);
  const auto again = vedette::dicom::from_json(once);
  if (!again || vedette::dicom::to_json(*again, options) != once) std::abort();
  static_cast<void>(vedette::dicom::write_data_set(*set, "1.2.840.10008.1.2.1"));
  return 0;
}
