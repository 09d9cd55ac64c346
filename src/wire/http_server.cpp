#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <thread>

#include "base/log.hpp"
#include "wire/http_connection.hpp"

namespace vedette::wire {
namespace {

constexpr auto awaited = asio::as_tuple(asio::use_awaitable);
constexpr unsigned network_threads = 3;
constexpr std::size_t refusal_places = 64;  ///< connections beyond the limit that are still told about it

/// sendfile has no MSG_NOSIGNAL: a peer that goes away must not end the program.
void without_broken_pipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void report(std::exception_ptr fault) {
  if (!fault) return;
  try {
    std::rethrow_exception(fault);
  } catch (const std::exception& what) {
    log::error("http.connection", {{"fault", what.what()}});
  }
}

class BeastServer final : public Server {
 public:
  BeastServer(const ServerOptions& options, Handler handler)
      : state_(std::make_shared<ServerState>(options, std::move(handler))),
        acceptor_(network_),
        guard_(network_.get_executor()) {}

  ~BeastServer() override {
    drain(microseconds(0));
    guard_.reset();
    network_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

  Result<void> listen() {
    const ServerOptions& options = state_->options;
    const auto failed = [&](const std::string& detail) {
      return Error{Fault::unavailable,
                   "http.listen",
                   "The HTTP address cannot be listened on",
                   options.host + ":" + std::to_string(options.port),
                   "Stop what uses it, or choose another in http.listen.",
                   detail};
    };
    try {
      asio::ip::tcp::resolver resolver(network_);
      const auto found = resolver.resolve(options.host, std::to_string(options.port), asio::ip::tcp::resolver::passive);
      const asio::ip::tcp::endpoint at = found.begin()->endpoint();
      acceptor_.open(at.protocol());
      acceptor_.set_option(asio::socket_base::reuse_address(true));
      acceptor_.bind(at);
      acceptor_.listen(1024);
      port_ = acceptor_.local_endpoint().port();
    } catch (const std::exception& fault) {
      return failed(fault.what());
    }
    asio::co_spawn(network_, accept(), report);
    for (unsigned i = 0; i < network_threads; ++i) {
      threads_.emplace_back([this] {
        without_broken_pipe();
        network_.run();
      });
    }
    return {};
  }

  std::uint16_t port() const override { return port_; }
  std::size_t open_connections() const override { return state_->open(); }

  void drain(microseconds deadline) override {
    const SystemClock clock;
    const microseconds until = clock.steady() + deadline;
    state_->draining = true;
    asio::post(network_, [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
    });
    state_->stop.request_stop();
    do {
      end_connections(true);
      if (state_->open() == 0) break;
      std::this_thread::sleep_for(milliseconds(10));
    } while (clock.steady() < until);
    // What a handler does cannot be broken off; its connection can. Handlers see the stop through their bodies.
    while (state_->open() > 0) {
      end_connections(false);
      std::this_thread::sleep_for(milliseconds(10));
    }
    state_->workers.join();
    state_->uploads.join();
    state_->streams.join();
  }

 private:
  void end_connections(bool only_idle) {
    const std::scoped_lock lock(state_->mutex);
    for (Connection* connection : state_->connections) connection->end(only_idle);
  }

  asio::awaitable<void> accept() {
    asio::steady_timer pause(network_);
    while (!state_->draining) {
      auto [ec, socket] = co_await acceptor_.async_accept(asio::make_strand(network_), awaited);
      if (ec) {
        if (state_->draining || ec == asio::error::operation_aborted) break;
        // Out of descriptors or memory: wait, others will end.
        pause.expires_after(milliseconds(100));
        co_await pause.async_wait(awaited);
        continue;
      }
      // shared: the coroutine and a running timer both hold it
      auto connection = std::make_shared<Connection>(std::move(socket), state_);
      auto executor = connection->executor();
      const bool full = state_->open() > state_->options.connections;               // it is counted itself
      if (state_->open() > state_->options.connections + refusal_places) continue;  // too many even to be told
      const bool greedy = state_->open_from(connection->peer()) > state_->options.connections_per_address;
      asio::co_spawn(
          executor,
          [connection = std::move(connection), full, greedy]() {
            return full || greedy ? connection->refuse(greedy) : connection->serve();
          },
          report);
    }
  }

  std::shared_ptr<ServerState> state_;  // shared with connections, which may end after us by a moment
  asio::io_context network_;
  asio::ip::tcp::acceptor acceptor_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::vector<std::thread> threads_;
  std::uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler handler) {
  try {
    auto server = std::make_unique<BeastServer>(options, std::move(handler));
    VEDETTE_TRY(server->listen());
    return std::unique_ptr<Server>(std::move(server));
  } catch (const std::exception& fault) {
    return Error{
        Fault::unavailable, "http.start", "The HTTP server cannot start", "", "Check limits on threads and memory.",
        fault.what()};
  }
}

}  // namespace vedette::wire
