#include "wire/storage_classes.hpp"

#include <algorithm>
#include <iterator>

namespace vedette::wire {
namespace {

/// Roots of services other than storage, PS3.6 Table A-1. A root matches itself and everything below it.
constexpr std::string_view other_services[] = {
    "1.2.840.10008.1",      // verification, storage commitment, media directory, notifications, event logging, transfer
                            // syntaxes
    "1.2.840.10008.3.1",    // application context, detached management, performed procedure step
    "1.2.840.10008.4.2",    // the storage service class itself
    "1.2.840.10008.5.1.1",  // print, queue, media creation, display system
    "1.2.840.10008.5.1.4.1.2",        // query and retrieve
    "1.2.840.10008.5.1.4.20",         // defined procedure protocol query
    "1.2.840.10008.5.1.4.31",         // modality worklist
    "1.2.840.10008.5.1.4.32",         // general purpose worklist
    "1.2.840.10008.5.1.4.33",         // instance availability notification
    "1.2.840.10008.5.1.4.34",         // machine verification, unified procedure step
    "1.2.840.10008.5.1.4.37",         // relevant patient information
    "1.2.840.10008.5.1.4.38",         // hanging protocol query
    "1.2.840.10008.5.1.4.39",         // color palette query
    "1.2.840.10008.5.1.4.41",         // product characteristics query
    "1.2.840.10008.5.1.4.42",         // substance approval query
    "1.2.840.10008.5.1.4.43",         // generic implant template query
    "1.2.840.10008.5.1.4.44",         // implant assembly template query
    "1.2.840.10008.5.1.4.45",         // implant template group query
    "1.2.840.10008.5.1.4.1.1.200.4",  // protocol approval query
    "1.2.840.10008.5.1.4.1.1.200.5", "1.2.840.10008.5.1.4.1.1.200.6",
    "1.2.840.10008.5.1.4.1.1.201.2",  // inventory query
    "1.2.840.10008.5.1.4.1.1.201.3", "1.2.840.10008.5.1.4.1.1.201.4",
    "1.2.840.10008.5.1.4.1.1.201.5",  // inventory creation
    "1.2.840.10008.5.1.4.1.1.201.6",  // repository query
    "1.2.840.10008.10",               // real-time video
};

/// Storage classes that stand below those roots.
constexpr std::string_view storage_after_all[] = {
    "1.2.840.10008.5.1.1.27",   "1.2.840.10008.5.1.1.29",    "1.2.840.10008.5.1.1.30",   "1.2.840.10008.5.1.4.34.1",
    "1.2.840.10008.5.1.4.34.7", "1.2.840.10008.5.1.4.34.10", "1.2.840.10008.5.1.4.38.1", "1.2.840.10008.5.1.4.39.1",
    "1.2.840.10008.5.1.4.43.1", "1.2.840.10008.5.1.4.44.1",  "1.2.840.10008.5.1.4.45.1",
};

bool below(std::string_view uid, std::string_view root) {
  return uid.starts_with(root) && (uid.size() == root.size() || uid[root.size()] == '.');
}

}  // namespace

bool is_loose_uid(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

bool may_be_storage(std::string_view abstract_syntax) {
  if (!is_loose_uid(abstract_syntax)) return false;
  if (std::find(std::begin(storage_after_all), std::end(storage_after_all), abstract_syntax) !=
      std::end(storage_after_all))
    return true;
  return std::none_of(std::begin(other_services), std::end(other_services),
                      [&](std::string_view root) { return below(abstract_syntax, root); });
}

}  // namespace vedette::wire
