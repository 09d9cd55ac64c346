// vedette phantom
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "commands.hpp"
#include "phantom/phantom.hpp"

namespace vedette::app {

namespace {

Result<void> write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  if (!file.flush())
    return Error{Fault::unavailable, "phantom.write", "A file cannot be written", path.string(),
                 "Check --out and the disk."};
  return {};
}

Result<int> make(const PhantomOrder& order) {
  phantom::Order wanted{order.kind, order.seed, {}};
  for (const std::string& option : order.options) {
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos)
      return Error{Fault::malformed, "phantom.option", fmt::format("'{}' is no option", option), "--option",
                   "Write --option name=value."};
    wanted.options[option.substr(0, equals)] = option.substr(equals + 1);
  }
  const std::filesystem::path folder(order.out);
  std::error_code fault;
  std::filesystem::create_directories(folder, fault);
  int images = 0;
  const std::string truth =
      VEDETTE_TRY(phantom::make_study(wanted, [&](const std::string& name, const std::string& bytes) -> Result<void> {
        ++images;
        return write_file(folder / name, bytes);
      }));
  VEDETTE_TRY(write_file(folder / "truth.json", truth));
  return images;
}

void list() {
  for (const phantom::KindRow& row : phantom::kind_table) fmt::print("{:10} {}\n", row.name, row.text);
  fmt::print("\nOptions (--option name=value; the first value is the default):\n");
  for (const phantom::OptionRow& row : phantom::option_table)
    fmt::print("  {:10} {:40} {}\n", row.name, row.values, row.text);
}

}  // namespace

int make_phantom(const PhantomOrder& order) {
  if (order.kind == "list") {
    list();
    return 0;
  }
  const auto images = make(order);
  if (!images) return say(images.error());
  fmt::print("{} synthetic images and truth.json in {}\n", *images, order.out);
  return 0;
}

}  // namespace vedette::app
