// uses: base
// refused: database/database.hpp: No such file
// A module sees only the headers of the modules that it names.
#include "base/result.hpp"
#ifdef REFUSED
#include "database/database.hpp"
#endif
