// The door alone over a folder: vedette_dicomweb_node FOLDER [PORT]. Prints one JSON line {"url", "token"} and serves
// until standard input ends.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <iostream>

#include "base/log.hpp"
#include "dicomweb/dicomweb.hpp"

namespace vedette {
namespace {

Result<void> serve(const std::string& folder, std::uint16_t port) {
  std::filesystem::create_directories(folder);
  SystemClock clock;
  Settings::Sources sources;
  sources.overrides = {fmt::format("http.listen=127.0.0.1:{}", port)};
  const Settings settings = VEDETTE_TRY(Settings::load(sources));
  const auto database = VEDETTE_TRY(database::open_sqlite(folder + "/index.sqlite"));
  VEDETTE_TRY(database->migrate(ledger::migrations()));
  VEDETTE_TRY(database->migrate(study::migrations()));
  VEDETTE_TRY(database->migrate(intake::migrations()));
  guard::GuardOptions options;
  options.key_file = folder + "/key";
  const auto guard = VEDETTE_TRY(guard::Guard::open(*database, clock, options));
  vault::FolderOptions where;
  where.folder = folder + "/vault";
  where.reserve_bytes = 0;
  const auto blobs = VEDETTE_TRY(vault::open_folder(where));
  study::Catalogue catalogue(*database);
  ledger::Ledger ledger(*database, clock);
  const auto intake =
      VEDETTE_TRY(intake::Intake::start({*blobs, catalogue, ledger, clock, settings, [&](std::string_view uid) {
                                           return guard->pseudonyms().pseudonym("study", uid);
                                         }}));
  guard::Router router(*guard, {});
  router.add(dicomweb::routes({*intake, catalogue, *blobs, settings}));
  wire::ServerOptions server_options;
  server_options.port = port;
  const auto server =
      VEDETTE_TRY(wire::Server::start(server_options, [&](wire::Request& request) { return router.handle(request); }));
  const guard::Secret token = VEDETTE_TRY(guard->create_token("interop", guard::Roles{guard::Role::service}, 1));
  fmt::print("{{\"url\":\"http://127.0.0.1:{}\",\"token\":\"{}\"}}\n", server->port(), token.reveal());
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  server->drain(seconds{5});
  intake->stop();
  return {};
}

}  // namespace
}  // namespace vedette

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: vedette_dicomweb_node FOLDER [PORT]\n", stderr);
    return 2;
  }
  const auto done = vedette::serve(argv[1], static_cast<std::uint16_t>(argc > 2 ? std::atoi(argv[2]) : 0));
  if (!done) {
    vedette::log::failure("node", done.error());
    return 1;
  }
  return 0;
}
