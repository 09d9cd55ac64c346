#include "engine/serve.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
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
constexpr std::chrono::milliseconds stop_wait{1500};  // a computation that does not stop is ended with its process

struct Client {
  Descriptor socket;
  std::uint8_t urgency = 0;
  std::uint64_t served = 0;                             ///< when last, as a count
  std::map<std::uint64_t, Memory> inputs{}, outputs{};  ///< as in Outline
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
      : network_(network),
        description_(encode(network.description())),
        control_(std::move(control)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void run() {
    std::jthread keeper([this] { listen_to_keeper(); });
    for (;;) {
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
    for (;;) {
      pollfd polled[2] = {{control_.get(), POLLIN, 0}, {-1, 0, 0}};
      {
        const std::lock_guard lock(mutex_);
        polled[1].fd = current_.gone ? -1 : current_.socket;
      }
      // Short, so that a change of the client and the end of its time are seen.
      const int ready = poll(polled, 2, 20);
      const bool gone = ready > 0 && (polled[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
      watch_computation(polled[1].fd, gone);
      if (ready > 0 && polled[0].revents != 0 && !answer_keeper()) {
        // Nobody to compute for. What runs may not know how to stop.
        _exit(0);
      }
    }
  }

  void watch_computation(int socket, bool gone) {
    const std::lock_guard lock(mutex_);
    if (current_.socket < 0) return;
    const Moment now = steady_clock::now();
    if (gone && current_.socket == socket) current_.gone = true;
    if (!current_.gone && now < current_.until) return;
    if (!stop_.stop_requested()) {
      current_.stopped = now;
      stop_.request_stop();
    }
    if (now - current_.stopped < stop_wait) return;
    // It does not hear. Its client is told, the others see the connection end.
    const Failure failure{current_.serial, time_error(current_.deadline)};
    (void)send_packet(current_.socket, encode(failure), {}, now);
    _exit(4);
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
      auto client = std::make_shared<Client>();
      client->socket = std::move(packet->descriptors[0]);
      client->urgency = *urgency;
      // Gone already, or it does not take it: then it sees that nothing came.
      if (send_packet(client->socket.get(), description_, {}, until)) newcomers_.push_back(std::move(client));
    }
    wake();
    return send_packet(control_.get(), encode(Kind::attached), {}, until).has_value();
  }

  /// One packet of one client. False when the client is to be dropped.
  bool answer(Client& client) {
    client.served = ++turn_;
    auto packet = receive_packet(client.socket.get(), steady_clock::now());
    if (!packet) return false;
    const auto call = decode_call(packet->bytes);
    if (!call) return false;
    const auto given = call->spent;
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
      const std::uint64_t id = output.memory.id();
      const bool fresh = std::ranges::find(given, id) == given.end();
      reply.outputs.push_back({output.name, output.element, output.shape, id, fresh});
      if (fresh) descriptors.push_back(output.memory.descriptor());
    }
    for (Tensor& output : *outputs) client.outputs.emplace(output.memory.id(), std::move(output.memory));
    // What a client keeps for long is not waited for.
    while (client.outputs.size() > most_spent) client.outputs.erase(client.outputs.begin());
    return send_packet(client.socket.get(), encode(reply), descriptors, until).has_value();
  }

  /// Its memory: known, or handed over now. Whatever the client says, the mapping has the bytes of the shape.
  static Result<std::vector<Tensor>> inputs_of(Client& client, const Call& call, std::vector<Descriptor> descriptors) {
    std::vector<Tensor> inputs;
    std::size_t next = 0;
    for (const Outline& outline : call.inputs) {
      const std::uint64_t bytes = bytes_of(outline.element, outline.shape).value_or(0);
      Tensor tensor;
      const auto known = client.inputs.find(outline.memory);
      if (outline.fresh && next < descriptors.size()) {
        tensor.memory = VEDETTE_TRY(Memory::adopt(std::move(descriptors[next++]), bytes));
      } else if (!outline.fresh && known != client.inputs.end() && known->second.bytes().size() == bytes) {
        tensor.memory = std::move(known->second);
        client.inputs.erase(known);
      } else {
        return Error{Fault::refused, "engine.input", "An input came without its memory", "", "Hand each over once."};
      }
      tensor.name = outline.name;
      tensor.element = outline.element;
      tensor.shape = outline.shape;
      inputs.push_back(std::move(tensor));
    }
    return inputs;
  }

  Result<std::vector<Tensor>> compute(Client& client, const Call& call, std::vector<Descriptor> descriptors) {
    auto inputs = inputs_of(client, call, std::move(descriptors));
    client.inputs.clear();
    std::vector<Memory> spare;
    for (const std::uint64_t id : call.spent) {
      const auto known = client.outputs.find(id);
      if (known == client.outputs.end()) continue;
      spare.push_back(std::move(known->second));
      client.outputs.erase(known);
    }
    if (!inputs) return inputs;
    InferOptions options;
    const Moment now = steady_clock::now();
    const std::chrono::milliseconds said(static_cast<std::int64_t>(std::min<std::uint64_t>(call.until_ms, INT64_MAX)));
    const auto left = said - std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
    options.deadline = std::clamp<std::chrono::milliseconds>(left, std::chrono::milliseconds(0), longest);
    if (options.deadline.count() == 0) return time_error(options.deadline);
    options.outputs = call.outputs;
    options.allow_not_finite = true;  // the client looks itself
    options.spare = &spare;
    {
      const std::lock_guard lock(mutex_);
      stop_ = std::stop_source();
      options.stop = stop_.get_token();
      current_ = {client.socket.get(), call.serial, options.deadline, now + options.deadline, {}, false};
    }
    busy_ = true;
    auto outputs = network_.infer(*inputs, options);
    busy_ = false;
    {
      const std::lock_guard lock(mutex_);
      current_ = {};
    }
    for (std::size_t i = 0; i < inputs->size(); ++i) {
      client.inputs.emplace(call.inputs[i].memory, std::move((*inputs)[i].memory));
    }
    return outputs;
  }

  /// What is computed now.
  struct Current {
    int socket = -1;
    std::uint64_t serial = 0;
    std::chrono::milliseconds deadline{0};
    Moment until{}, stopped{};
    bool gone = false;
  };

  Network& network_;
  const std::string description_;
  Descriptor control_, wake_;
  std::atomic<bool> busy_{false};
  std::atomic<std::uint64_t> calls_{0};
  std::uint64_t turn_ = 0;
  std::vector<std::shared_ptr<Client>> clients_;  // shared: one is kept while it is answered
  std::mutex mutex_;                              // the rest
  std::vector<std::shared_ptr<Client>> newcomers_;
  std::stop_source stop_;
  Current current_;
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
