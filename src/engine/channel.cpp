#include "engine/channel.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <mutex>

#include "engine/child.hpp"
#include "engine/message.hpp"

namespace vedette::engine {

namespace {

using std::chrono::steady_clock;

/// The engine answers its own deadline; this much later it is taken for lost.
constexpr std::chrono::milliseconds grace{2000};
/// How long a call that is stopped waits at a time.
constexpr std::chrono::milliseconds slice{50};

/// Memories of outputs that were let go, until the next call uses them again.
class Resting final : public MemoryHome {
 public:
  struct Rest {
    std::uint64_t tag;
    Memory memory;
  };
  void take_back(Memory memory, std::uint64_t tag) override {
    const std::lock_guard lock(mutex_);
    // More than can be named at once is given up.
    if (!closed_ && resting_.size() < most_spent) resting_.push_back({tag, std::move(memory)});
  }
  std::vector<Rest> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(resting_, {});
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    resting_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<Rest> resting_;
  bool closed_ = false;
};

class ChannelNetwork final : public Network {
 public:
  ChannelNetwork(Descriptor socket, Description description)
      : socket_(std::move(socket)), description_(std::move(description)) {}

  ~ChannelNetwork() override { resting_->close(); }
  ChannelNetwork(const ChannelNetwork&) = delete;
  ChannelNetwork& operator=(const ChannelNetwork&) = delete;

  const Description& description() const override { return description_; }

  Result<std::vector<Tensor>> infer(std::span<const Tensor> inputs, const InferOptions& options) override {
    if (!socket_.open()) return lost_error("an earlier call failed");
    if (auto good = check_inputs(description_.inputs, inputs); !good) return std::move(good).error();
    if (auto good = check_wanted(options.outputs); !good) return std::move(good).error();
    auto outputs = call(inputs, options);
    if (!outputs) {
      known_.clear();
      // Only what the engine itself answered leaves both sides knowing where they are.
      if (!answered_) socket_.close();
      return outputs;
    }
    if (!options.allow_not_finite) {
      for (const Tensor& output : *outputs) {
        const std::uint64_t bad = count_not_finite(output);
        if (bad == 0) continue;
        return Error{Fault::refused, "engine.not_finite", "The network gave numbers that are none (NaN or infinite)",
                     fmt::format("{}: {} of {}", output.name, bad, output.count()),
                     "Look at the input's range; the result is not used."};
      }
    }
    return outputs;
  }

 private:
  Result<void> check_wanted(const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
      if (std::ranges::count(description_.outputs, name, &Port::name) == 0 || std::ranges::count(names, name) > 1) {
        return Error{Fault::refused, "engine.input", "The network has no such output, or it is named twice", name,
                     "Name outputs of the network."};
      }
    }
    return {};
  }

  Result<std::vector<Tensor>> call(std::span<const Tensor> inputs, const InferOptions& options) {
    answered_ = false;
    Call call;
    call.serial = ++serial_;
    const Moment due = steady_clock::now() + options.deadline;
    call.until_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(due.time_since_epoch()).count());
    call.outputs = options.outputs;
    std::vector<int> descriptors;
    std::vector<std::uint64_t> known;
    for (const Tensor& input : inputs) {
      const std::string& name = input.name.empty() ? description_.inputs[0].name : input.name;
      const std::uint64_t id = input.memory.id();
      const bool fresh = std::ranges::find(known_, id) == known_.end();
      call.inputs.push_back({name, input.element, input.shape, id, fresh});
      if (fresh) descriptors.push_back(input.memory.descriptor());
      known.push_back(id);
    }
    known_ = std::move(known);
    std::vector<Resting::Rest> spent = resting_->take();
    for (const auto& rest : spent) call.spent.push_back(rest.tag);
    const Moment until = due + grace;
    if (auto sent = send_packet(socket_.get(), encode(call), descriptors, until); !sent) return std::move(sent).error();
    for (;;) {
      const Moment now = steady_clock::now();
      if (options.stop.stop_requested()) {
        return Error{Fault::cancelled, "engine.stopped", "The run was stopped", ""};
      }
      // A stop is looked for now and then; without one the wait is whole.
      const Moment next = options.stop.stop_possible() ? std::min(until, now + slice) : until;
      auto packet = receive_packet(socket_.get(), next);
      if (!packet && packet.error().code == "engine.time_limit") {
        if (steady_clock::now() >= until) return time_error(options.deadline);
        continue;
      }
      if (!packet) return std::move(packet).error();
      return take(*std::move(packet), options, spent);
    }
  }

  Result<std::vector<Tensor>> take(Packet packet, const InferOptions& options, std::vector<Resting::Rest>& spent) {
    if (auto failure = decode_failure(packet.bytes)) {
      if (failure->serial != serial_) return answer_error("an answer to another call");
      answered_ = true;
      if (failure->error.code == "engine.time_limit") return time_error(options.deadline);  // with the caller's number
      return std::move(failure->error);
    }
    auto reply = decode_reply(packet.bytes);
    if (!reply || reply->serial != serial_) return answer_error("not an answer to this call");
    const auto wanted = wanted_of(options.outputs);
    if (reply->outputs.size() != wanted.size()) return answer_error("another number of outputs");
    std::vector<Tensor> outputs;
    std::size_t next = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      Outline& outline = reply->outputs[i];
      if (outline.name != wanted[i]->name || outline.element != wanted[i]->element ||
          !fits(wanted[i]->shape, outline.shape)) {
        return answer_error("an output of another name, type or shape");
      }
      if (outline.fresh && next >= packet.descriptors.size()) return answer_error("an output without its memory");
      Tensor tensor;
      const std::uint64_t bytes = bytes_of(outline.element, outline.shape).value_or(0);
      tensor.memory = outline.fresh ? VEDETTE_TRY(Memory::adopt(std::move(packet.descriptors[next++]), bytes))
                                    : VEDETTE_TRY(again(spent, outline.memory, bytes));
      tensor.memory.lives_at(resting_, outline.memory);
      tensor.name = std::move(outline.name);
      tensor.element = outline.element;
      tensor.shape = std::move(outline.shape);
      outputs.push_back(std::move(tensor));
    }
    if (next != packet.descriptors.size()) return answer_error("more memories than outputs");
    answered_ = true;
    return outputs;
  }

  static Result<Memory> again(std::vector<Resting::Rest>& spent, std::uint64_t tag, std::uint64_t bytes) {
    const auto rest = std::ranges::find_if(
        spent, [&](const auto& each) { return each.tag == tag && each.memory.bytes().size() == bytes; });
    if (rest == spent.end()) return answer_error("memory that was not given back");
    Memory out = std::move(rest->memory);
    spent.erase(rest);
    return out;
  }

  std::vector<const Port*> wanted_of(const std::vector<std::string>& names) const {
    std::vector<const Port*> out;
    if (names.empty()) {
      for (const Port& port : description_.outputs) out.push_back(&port);
    }
    for (const std::string& name : names) {
      out.push_back(&*std::ranges::find(description_.outputs, name, &Port::name));
    }
    return out;
  }

  Descriptor socket_;
  Description description_;
  std::uint64_t serial_ = 0;
  bool answered_ = false;
  std::vector<std::uint64_t> known_;  ///< inputs of the last call: the engine has them still
  std::shared_ptr<Resting> resting_ = std::make_shared<Resting>();  // shared with outputs that outlive this
};

}  // namespace

Result<std::unique_ptr<Network>> connect_network(Descriptor socket, std::chrono::milliseconds wait) {
  const Moment until = steady_clock::now() + wait;
  auto packet = receive_packet(socket.get(), until);
  if (!packet) return packet.error().code == "engine.time_limit" ? time_error(wait) : std::move(packet).error();
  auto description = decode_description(packet->bytes);
  if (!description) return answer_error("no description");
  return std::unique_ptr<Network>(new ChannelNetwork(std::move(socket), *std::move(description)));
}

Result<std::unique_ptr<Network>> given_network(std::size_t index, std::chrono::milliseconds wait) {
  const auto none = [&] {
    return Error{Fault::not_found, "engine.none", fmt::format("The run was given no network number {}", index), "",
                 "Name the network in the tool's tool.toml."};
  };
  if (index >= most_channels) return none();
  const int number = first_channel + static_cast<int>(index);
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) return none();
  return connect_network(Descriptor(number), wait);
}

}  // namespace vedette::engine
