// A file as STOW, upload and the watched folder hand it on: header, data set, record of the index, DICOM JSON and back.
#include <cstdlib>

#include "dicom/data_set.hpp"
#include "dicom/json.hpp"
#include "study/catalogue.hpp"

namespace dicom = vedette::dicom;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void use(const dicom::DataSet& data, std::string_view syntax) {
  const std::string json = dicom::to_json(data);
  const auto again = dicom::from_json(json);
  require(static_cast<bool>(again));
  static_cast<void>(vedette::study::record_of(data, syntax));
  const auto written = dicom::write_data_set(data, "1.2.840.10008.1.2.1");
  // What this node writes, it reads.
  if (written) require(static_cast<bool>(dicom::read_data_set(vedette::as_bytes(*written), "1.2.840.10008.1.2.1")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const vedette::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  dicom::ReadLimits limits;
  limits.inflated_bytes = 16U << 20U;
  limits.elements = 100'000;
  if (const auto file = dicom::read_file(bytes, limits)) use(file->data, file->transfer_syntax);
  for (const std::string_view syntax : {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}) {
    if (const auto set = dicom::read_data_set(bytes, syntax, limits)) use(*set, syntax);
  }
  return 0;
}
