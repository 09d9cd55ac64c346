#include "vault/vault.hpp"

namespace vedette::vault {

namespace {

Result<Stored> kept(Result<std::unique_ptr<Writer>> writer, Bytes bytes, std::string_view label) {
  if (!writer) return std::move(writer).error();
  VEDETTE_TRY((*writer)->append(bytes));
  return (*writer)->keep(label);
}

}  // namespace

Result<Stored> Blobs::put(Bytes bytes, std::string_view label) {
  return kept(begin(bytes.size()), bytes, label);
}

Result<Stored> Blobs::put_own(Bytes bytes, std::string_view label) {
  return kept(begin_own(bytes.size()), bytes, label);
}

}  // namespace vedette::vault
