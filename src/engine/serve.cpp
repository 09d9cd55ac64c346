#include "engine/serve.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/message.hpp"

namespace vedette::engine {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds answer_wait{5};  // a client that does not take its answer
constexpr std::chrono::hours longest{1};
constexpr std::size_t most_clients = 64;

struct Client {
  Descriptor socket;
  std::uint8_t urgency = 0;
  std::uint64_t served = 0;  ///< when last, as a count
};

/// Anonymous and shared memory of this process; its peak where the kernel shows no /proc here.
std::uint64_t resident_bytes() {
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    unsigned long size = 0, resident = 0, shared = 0;
    const int read = std::fscanf(file, "%lu %lu %lu", &size, &resident, &shared);
    std::fclose(file);
    if (read == 3) return (resident - std::min(resident, shared)) * 4096ULL;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024ULL;
}

class Server {
 public:
  Server(Network& network, Descriptor control)
      : network_(network), control_(std::move(control)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void run() {
    std::jthread keeper([this] { listen_to_keeper(); });
    while (!ended_) {
      std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}};
      for (const auto& client : clients_) polled.push_back({client->socket.get(), POLLIN, 0});
      if (poll(polled.data(), polled.size(), -1) < 0) continue;
      if (polled[0].revents != 0) take_newcomers();
      std::shared_ptr<Client> next;
      for (std::size_t i = 1; i < polled.size(); ++i) {
        const auto& client = clients_[i - 1];
        if (polled[i].revents == 0) continue;
        if (!next || client->urgency > next->urgency ||
            (client->urgency == next->urgency && client->served < next->served)) {
          next = client;
        }
      }
      if (next && !answer(*next)) std::erase(clients_, next);
    }
  }

 private:
  void wake() const {
    const std::uint64_t one = 1;
    if (write(wake_.get(), &one, sizeof one) < 0) return;  // it is awake already
  }

  void take_newcomers() {
    std::uint64_t count = 0;
    if (read(wake_.get(), &count, sizeof count) < 0) return;
    const std::lock_guard lock(mutex_);
    for (auto& client : newcomers_) clients_.push_back(std::move(client));
    newcomers_.clear();
  }

  /// In its own thread, so that it answers while a network computes; also watches the client that is computed for.
  void listen_to_keeper() {
    while (!ended_) {
      pollfd polled[2] = {{control_.get(), POLLIN, 0}, {-1, 0, 0}};
      {
        const std::lock_guard lock(mutex_);
        polled[1].fd = current_;
      }
      // Short while a network computes, so that a change of the client is seen.
      const int ready = poll(polled, 2, polled[1].fd >= 0 ? 20 : 100);
      if (ready <= 0) continue;
      if ((polled[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        const std::lock_guard lock(mutex_);
        if (current_ == polled[1].fd) {
          stop_.request_stop();
          current_ = -1;
        }
      }
      if (polled[0].revents != 0 && !answer_keeper()) {
        // Nobody to compute for. What runs may not know how to stop.
        _exit(0);
      }
    }
  }

  bool answer_keeper() {
    const Moment until = steady_clock::now() + answer_wait;
    auto packet = receive_packet(control_.get(), until);
    if (!packet) return false;
    if (kind_of(packet->bytes) == Kind::ping) {
      return send_packet(control_.get(), encode(Health{resident_bytes(), busy_, calls_}), {}, until).has_value();
    }
    const auto urgency = decode_attach(packet->bytes);
    if (!urgency || packet->descriptors.size() != 1) return false;
    {
      const std::lock_guard lock(mutex_);
      if (newcomers_.size() >= most_clients) return false;
      newcomers_.push_back(std::make_shared<Client>(Client{std::move(packet->descriptors[0]), *urgency, 0}));
    }
    wake();
    return send_packet(control_.get(), encode(Kind::attached), {}, until).has_value();
  }

  /// One packet of one client. False when the client is to be dropped.
  bool answer(Client& client) {
    client.served = ++turn_;
    auto packet = receive_packet(client.socket.get(), steady_clock::now());
    if (!packet) return false;
    if (kind_of(packet->bytes) == Kind::describe) {
      return send_packet(client.socket.get(), encode(network_.description()), {}, steady_clock::now() + answer_wait)
          .has_value();
    }
    const auto call = decode_call(packet->bytes);
    if (!call) return false;
    auto outputs = compute(client, *call, std::move(packet->descriptors));
    const Moment until = steady_clock::now() + answer_wait;
    ++calls_;
    if (!outputs) {
      return send_packet(client.socket.get(), encode(Failure{call->serial, outputs.error()}), {}, until).has_value();
    }
    Reply reply;
    reply.serial = call->serial;
    std::vector<int> descriptors;
    for (const Tensor& output : *outputs) {
      reply.outputs.push_back({output.name, output.element, output.shape});
      descriptors.push_back(output.memory.descriptor());
    }
    return send_packet(client.socket.get(), encode(reply), descriptors, until).has_value();
  }

  Result<std::vector<Tensor>> compute(const Client& client, const Call& call, std::vector<Descriptor> descriptors) {
    if (descriptors.size() != call.inputs.size()) {
      return Error{Fault::refused, "engine.input", "The inputs came without their memory", "", "Hand each over once."};
    }
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
      const Outline& outline = call.inputs[i];
      Tensor tensor;
      // Whatever the client says, the mapping has the bytes of the shape.
      tensor.memory =
          VEDETTE_TRY(Memory::adopt(std::move(descriptors[i]), bytes_of(outline.element, outline.shape).value_or(0)));
      tensor.name = outline.name;
      tensor.element = outline.element;
      tensor.shape = outline.shape;
      inputs.push_back(std::move(tensor));
    }
    InferOptions options;
    options.deadline = std::chrono::milliseconds(
        std::min<std::uint64_t>(call.deadline_ms, std::chrono::milliseconds(longest).count()));
    options.outputs = call.outputs;
    options.allow_not_finite = true;  // the client looks itself
    {
      const std::lock_guard lock(mutex_);
      stop_ = std::stop_source();
      options.stop = stop_.get_token();
      current_ = client.socket.get();
    }
    busy_ = true;
    auto outputs = network_.infer(inputs, options);
    busy_ = false;
    const std::lock_guard lock(mutex_);
    current_ = -1;
    return outputs;
  }

  Network& network_;
  Descriptor control_, wake_;
  std::atomic<bool> ended_{false}, busy_{false};
  std::atomic<std::uint64_t> calls_{0};
  std::uint64_t turn_ = 0;
  std::vector<std::shared_ptr<Client>> clients_;  // shared: one is kept while it is answered
  std::mutex mutex_;                              // the rest
  std::vector<std::shared_ptr<Client>> newcomers_;
  std::stop_source stop_;
  int current_ = -1;
};

}  // namespace

void serve(Network& network, Descriptor control) {
  const auto ready = send_packet(control.get(), encode(network.description()), {}, steady_clock::now() + answer_wait);
  if (!ready) return;
  Server(network, std::move(control)).run();
}

void refuse_to_serve(const Error& error, const Descriptor& control) {
  const auto sent = send_packet(control.get(), encode(Failure{0, error}), {}, steady_clock::now() + answer_wait);
  if (!sent) return;
}

}  // namespace vedette::engine
