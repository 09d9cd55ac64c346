// uses: base database wire guard
// refused: Reader::Reader\(.*is private
#include "guard/guard.hpp"

// A reader is minted by `guard` from an authenticated person, and in no other way.
vedette::guard::Reader forged() {
#ifdef REFUSED
  return vedette::guard::Reader("nobody", "Nobody", false);
#else
  throw 0;
#endif
}
