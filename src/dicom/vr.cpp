#include "dicom/vr.hpp"

#include <algorithm>
#include <iterator>

namespace vedette::dicom {
namespace {
// Sorted by letters.     long   text   chars  multi  front  pad   unit
constexpr VrTraits rows[] = {
    {Vr::AE, false, true, false, true, true, ' ', 1},    {Vr::AS, false, true, false, true, true, ' ', 1},
    {Vr::AT, false, false, false, true, false, '\0', 2}, {Vr::CS, false, true, false, true, true, ' ', 1},
    {Vr::DA, false, true, false, true, true, ' ', 1},    {Vr::DS, false, true, false, true, true, ' ', 1},
    {Vr::DT, false, true, false, true, true, ' ', 1},    {Vr::FD, false, false, false, true, false, '\0', 8},
    {Vr::FL, false, false, false, true, false, '\0', 4}, {Vr::IS, false, true, false, true, true, ' ', 1},
    {Vr::LO, false, true, true, true, true, ' ', 1},     {Vr::LT, false, true, true, false, false, ' ', 1},
    {Vr::OB, true, false, false, false, false, '\0', 1}, {Vr::OD, true, false, false, false, false, '\0', 8},
    {Vr::OF, true, false, false, false, false, '\0', 4}, {Vr::OL, true, false, false, false, false, '\0', 4},
    {Vr::OV, true, false, false, false, false, '\0', 8}, {Vr::OW, true, false, false, false, false, '\0', 2},
    {Vr::PN, false, true, true, true, true, ' ', 1},     {Vr::SH, false, true, true, true, true, ' ', 1},
    {Vr::SL, false, false, false, true, false, '\0', 4}, {Vr::SQ, true, false, false, false, false, '\0', 1},
    {Vr::SS, false, false, false, true, false, '\0', 2}, {Vr::ST, false, true, true, false, false, ' ', 1},
    {Vr::SV, true, false, false, true, false, '\0', 8},  {Vr::TM, false, true, false, true, true, ' ', 1},
    {Vr::UC, true, true, true, true, false, ' ', 1},     {Vr::UI, false, true, false, true, true, '\0', 1},
    {Vr::UL, false, false, false, true, false, '\0', 4}, {Vr::UN, true, false, false, false, false, '\0', 1},
    {Vr::UR, true, true, false, false, false, ' ', 1},   {Vr::US, false, false, false, true, false, '\0', 2},
    {Vr::UT, true, true, true, false, false, ' ', 1},    {Vr::UV, true, false, false, true, false, '\0', 8},
};
}  // namespace

const VrTraits* vr_traits(Vr vr) {
  const VrTraits* row =
      std::lower_bound(std::begin(rows), std::end(rows), vr, [](const VrTraits& a, Vr b) { return a.vr < b; });
  return row != std::end(rows) && row->vr == vr ? row : nullptr;
}

}  // namespace vedette::dicom
