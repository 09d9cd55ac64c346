// uses: base
// refused: cannot convert|could not convert|no match for
#include "base/id.hpp"

vedette::SeriesUid of(vedette::StudyUid study) {
#ifdef REFUSED
  return study;
#else
  return vedette::SeriesUid::make(study.text()).value();
#endif
}
