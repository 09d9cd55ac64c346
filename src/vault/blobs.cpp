#include "vault/vault.hpp"

namespace vedette::vault {

Result<Stored> Blobs::put(Bytes bytes, std::string_view label) {
  const auto writer = VEDETTE_TRY(begin(bytes.size()));
  VEDETTE_TRY(writer->append(bytes));
  return writer->keep(label);
}

}  // namespace vedette::vault
