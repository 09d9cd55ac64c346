#pragma once

namespace vedette::engine {

/// main() of the executable vedette-sandbox; see walls.hpp for the order of its work. Reports on descriptor 3.
int sandbox_main(int argc, char** argv);

}  // namespace vedette::engine
