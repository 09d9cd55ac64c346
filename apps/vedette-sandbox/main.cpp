#include "engine/sandbox.hpp"

int main(int argc, char** argv) {
  return vedette::engine::sandbox_main(argc, argv);
}
