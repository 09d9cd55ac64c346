// vedette serve
#include <fmt/format.h>

#include <csignal>

#include "base/log.hpp"
#include "commands.hpp"
#include "node.hpp"

namespace vedette::app {

namespace {

/// SIGTERM and SIGINT are taken by sigwait in the main thread alone; every other thread is made after this.
sigset_t block_signals() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a peer that goes away is an error of its connection
  return ending;
}

}  // namespace

int serve(const Settings& settings) {
  const sigset_t ending = block_signals();
  const SystemClock clock;
  auto node = Node::build(settings, clock);
  if (!node) return say(node.error());
  if (const auto open = (*node)->open(); !open) return say(open.error());
  const Endpoint http = settings.endpoint("http.listen");
  log::info("node.ready", {{"version", product_version},
                           {"http", fmt::format("{}:{}", http.host, (*node)->http_port())},
                           {"dicom_port", (*node)->dicom_port()}});
  int signal = 0;
  sigwait(&ending, &signal);
  log::info("node.draining", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  (*node)->drain();
  log::info("node.stopped");
  return 0;
}

}  // namespace vedette::app
