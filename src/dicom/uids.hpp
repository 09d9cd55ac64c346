#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace vedette::dicom {

enum class UidKind : std::uint8_t {
  storage,
  sop_class,
  meta_sop_class,
  transfer_syntax,
  instance,
  application_context,
  coding_scheme,
  service_class,
};

/// One registered UID (tables/dicom/uids.tsv, PS3.6 Table A-1).
struct UidRow {
  std::string_view uid;
  std::string_view keyword;
  std::string_view name;
  UidKind kind;
  bool retired;
};

/// How a transfer syntax encodes (PS3.5 Annex A).
struct TransferSyntax {
  std::string_view uid;
  std::string_view name;
  bool encapsulated;  ///< pixel data in fragments
  bool little_endian;
  bool explicit_vr;
  bool deflated;  ///< the whole data set
  bool lossy;     ///< may have lost something
  bool retired;
};

/// What a storage class carries, as far as rooms have to tell it apart.
enum class Content : std::uint8_t {
  image,
  report,
  key_objects,
  segmentation,
  presentation,
  waveform,
  document,
  registration,
  mapping,
  raw,
  therapy,
  measurement,
  other,
};

struct StorageClass {
  std::string_view uid;
  std::string_view name;
  Content content;
  std::string_view modality;  ///< usual value of (0008,0060); empty where several are usual
  bool retired;
};

/// Nothing for UIDs that PS3.6 does not register (private ones too).
const UidRow* find_uid(std::string_view uid);
const TransferSyntax* find_transfer_syntax(std::string_view uid);
const StorageClass* find_storage_class(std::string_view uid);
/// All rows, sorted by the UID as text.
std::span<const TransferSyntax> transfer_syntaxes();
std::span<const StorageClass> storage_classes();
/// The registered name, or the UID itself where it is not registered.
std::string_view uid_name(std::string_view uid);

namespace uids {
// Generated from tables/dicom/uids.tsv: uids::ct_image_storage, uids::explicit_vr_little_endian …
#include "dicom/uids.inc"
}  // namespace uids

}  // namespace vedette::dicom
