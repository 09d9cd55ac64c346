#include "dicom/uids.hpp"

#include <algorithm>

namespace vedette::dicom {
namespace {
#include "dicom/uid_rows.inc"

template <typename Row, std::size_t N>
const Row* find_row(const Row (&rows)[N], std::string_view uid) {
  const Row* row = std::lower_bound(std::begin(rows), std::end(rows), uid,
                                    [](const Row& a, std::string_view b) { return a.uid < b; });
  return row != std::end(rows) && row->uid == uid ? row : nullptr;
}
}  // namespace

const UidRow* find_uid(std::string_view uid) {
  return find_row(uid_rows, uid);
}
const TransferSyntax* find_transfer_syntax(std::string_view uid) {
  return find_row(transfer_syntax_rows, uid);
}
const StorageClass* find_storage_class(std::string_view uid) {
  return find_row(storage_class_rows, uid);
}
std::span<const TransferSyntax> transfer_syntaxes() {
  return transfer_syntax_rows;
}
std::span<const StorageClass> storage_classes() {
  return storage_class_rows;
}

std::string_view uid_name(std::string_view uid) {
  const UidRow* row = find_uid(uid);
  return row != nullptr ? row->name : uid;
}

}  // namespace vedette::dicom
