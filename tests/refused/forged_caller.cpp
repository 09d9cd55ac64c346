// uses: base database wire guard
// refused: Caller::Caller\(\).*is private
#include "guard/guard.hpp"

// Nobody but `guard` says who is calling.
vedette::guard::Caller forged() {
#ifdef REFUSED
  return vedette::guard::Caller();
#else
  return vedette::guard::Guard::nobody();
#endif
}
