// uses: base database wire guard vault ledger dicom study finding review
// refused: Key::Key\(\).* is private
#include "review/review.hpp"

// Software cannot sign: the key to a signature can be made by `review` alone.
vedette::review::Signature forged() {
#ifdef REFUSED
  return vedette::review::Signature(vedette::review::Signature::Key{}, "id", "1.2.3", 1, "Nobody", "pseudonym", vedette::Instant{}, "digest", false);
#else
  throw 0;
#endif
}
