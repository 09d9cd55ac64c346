#pragma once

#include <string>

namespace vedette::pipeline {

/// The tool's process: reads INPUT/study.json with the images beside it, runs its pipeline on the networks that the
/// node gave (engine/channel.hpp, in the order of the models), writes OUTPUT/output.json and masks. Exit status.
int run_as_child(const std::string& input, const std::string& output);

}  // namespace vedette::pipeline
