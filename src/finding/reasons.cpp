#include "finding/reasons.hpp"

namespace vedette::finding {

#include "finding/concept_rows.inc"
#include "finding/reason_rows.inc"

std::string_view name_of(ReasonKind kind) {
  switch (kind) {
    case ReasonKind::reject: return "reject";
    case ReasonKind::put_back: return "put_back";
    case ReasonKind::stop: return "stop";
  }
  return "reject";
}

std::span<const ReasonRow> reasons() {
  return reason_rows;
}

const ReasonRow* reason(ReasonKind kind, std::string_view code) {
  for (const ReasonRow& row : reason_rows) {
    if (row.kind == kind && row.code == code) return &row;
  }
  return nullptr;
}

std::span<const ConceptRow> concepts() {
  return concept_rows;
}

}  // namespace vedette::finding
