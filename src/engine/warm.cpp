#include "engine/warm.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "engine/message.hpp"

namespace vedette::engine {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::hours oldest{12};        // an older process is not used anew
constexpr std::chrono::hours lifetime{48};      // no process lives longer, whatever it says
constexpr std::chrono::seconds answer_wait{2};  // of a process that is loaded
constexpr std::chrono::milliseconds slice{20};  // a stop is looked for so often
constexpr std::chrono::seconds end_wait{5};

std::string engine_program(const WarmOptions& options) {
  if (!options.program.empty()) return options.program;
  if (const char* named = std::getenv("VEDETTE_ENGINE")) return named;
  std::error_code error;
  return (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "vedette-engine").string();
}

std::string key_of(const NetworkOrder& order) {
  std::string key = fmt::format("{} {} {} {} {}", order.digest.hex(), name_of(order.precision), order.threads,
                                order.memory_bytes, order.model);
  for (const std::string& file : order.data) key += " " + file;
  return key;
}

/// One vedette-engine in its sandbox. Guarded by Room::mutex unless said otherwise.
struct Process {
  enum class State : std::uint8_t { starting, ready, failed, ended };
  NetworkOrder order;
  std::string key;
  State state = State::starting;
  bool stopping = false;  ///< told to end; not for new users
  std::size_t users = 0;
  std::uint64_t used_last = 0;
  std::uint64_t idle_bytes = 0;  ///< what it held when it was last let go
  Moment started = steady_clock::now();
  Description description;     ///< set once, when ready
  std::optional<Error> error;  ///< why it failed
  std::optional<Ended> ended;
  std::mutex talk;     ///< one question to the process at a time
  Descriptor control;  ///< its keeper's end; guarded by talk
  std::jthread runner;

  bool usable() const { return !stopping && (state == State::starting || state == State::ready); }
  std::uint64_t counted() const {
    return users > 0 || state == State::starting ? order.memory_bytes : std::min(idle_bytes, order.memory_bytes);
  }
  void tell_to_end() {
    stopping = true;
    runner.request_stop();
  }

  Result<Health> ask_health(std::chrono::milliseconds wait) {
    const std::lock_guard lock(talk);
    const Moment until = steady_clock::now() + wait;
    if (auto sent = send_packet(control.get(), encode(Kind::ping), {}, until); !sent) return std::move(sent).error();
    const Packet packet = VEDETTE_TRY(receive_packet(control.get(), until));
    if (const auto health = decode_health(packet.bytes)) return *health;
    return answer_error("no health");
  }

  /// A connection to it, of which this is the client's end.
  Result<Descriptor> attach(Urgency urgency) {
    auto [ours, theirs] = VEDETTE_TRY(make_socket_pair());
    const std::lock_guard lock(talk);
    const Moment until = steady_clock::now() + answer_wait;
    const int given = theirs.get();
    auto sent = send_packet(control.get(), encode_attach(static_cast<std::uint8_t>(urgency)), {&given, 1}, until);
    if (!sent) return std::move(sent).error();
    const Packet packet = VEDETTE_TRY(receive_packet(control.get(), until));
    if (kind_of(packet.bytes) != Kind::attached) return answer_error("not attached");
    return std::move(ours);
  }
};

Error stopped_error() {
  return Error{Fault::cancelled, "tool.stopped", "The run was stopped while it waited for its network", ""};
}

}  // namespace

// Shared with the leases, which may be let go after the keeper ended.
struct Warm::Room {
  explicit Room(WarmOptions given) : options(std::move(given)) {}

  Result<Lease> open(const std::vector<NetworkOrder>& orders, Urgency urgency, std::chrono::milliseconds wait,
                     const std::stop_token& stop, const std::shared_ptr<Room>& self, bool& stale);
  Result<std::vector<std::shared_ptr<Process>>> admit_in_turn(const std::vector<NetworkOrder>& orders, Urgency urgency,
                                                              std::chrono::milliseconds wait,
                                                              const std::stop_token& stop);
  Result<void> check(const std::vector<NetworkOrder>& orders) const;
  bool admit(const std::vector<NetworkOrder>& orders, std::vector<std::shared_ptr<Process>>& out);
  void start(const std::shared_ptr<Process>& process);
  Result<void> await_ready(Process& process, const std::stop_token& stop);
  void take_first_words(Process& process, const std::stop_token& stop);
  void let_go(const std::vector<std::shared_ptr<Process>>& processes);
  void forget_ended();
  void end_all();
  std::shared_ptr<Process> find(const std::string& key) const {
    const auto it =
        std::ranges::find_if(processes, [&](const auto& each) { return each->usable() && each->key == key; });
    return it == processes.end() ? nullptr : *it;
  }

  WarmOptions options;
  mutable std::mutex mutex;
  std::condition_variable changed;
  // Shared: a lease looks at its process after the keeper has forgotten it.
  std::vector<std::shared_ptr<Process>> processes;
  struct Waiter {
    Urgency urgency;
    std::uint64_t ticket;
    bool operator<(const Waiter& other) const {
      return urgency != other.urgency ? urgency > other.urgency : ticket < other.ticket;
    }
  };
  std::set<Waiter> waiters;
  std::uint64_t tickets = 0, uses = 0;
  bool closing = false;
};

struct Lease::State {
  std::shared_ptr<Warm::Room> room;
  std::vector<std::shared_ptr<Process>> processes;  ///< one for each order; the same may stand twice
  std::vector<Descriptor> sockets;
  std::vector<bool> warm;
  ~State() {
    sockets.clear();
    room->let_go(processes);
  }
};

Result<void> Warm::Room::check(const std::vector<NetworkOrder>& orders) const {
  std::set<std::string> keys;
  std::uint64_t sum = 0;
  for (const NetworkOrder& order : orders) {
    if (keys.insert(key_of(order)).second) sum += order.memory_bytes;
  }
  if (sum > options.memory_bytes || keys.size() > options.processes || orders.size() > most_channels) {
    return Error{Fault::too_large, "engine.memory",
                 fmt::format("The tool's {} networks may need {} MiB together", keys.size(), sum >> 20), "",
                 fmt::format("This node gives networks {} MiB, and a run at most {} of them.",
                             options.memory_bytes >> 20, std::min(most_channels, options.processes))};
  }
  return {};
}

/// Takes all the processes, starting those that are missing; false where there is no room yet. Idle ones are told to go
/// when that makes room.
bool Warm::Room::admit(const std::vector<NetworkOrder>& orders, std::vector<std::shared_ptr<Process>>& out) {
  std::set<std::string> keys;
  for (const NetworkOrder& order : orders) keys.insert(key_of(order));
  for (const auto& process : processes) {
    if (process->users == 0 && process->usable() && steady_clock::now() - process->started > oldest)
      process->tell_to_end();
  }
  std::uint64_t held = 0, going = 0;
  std::size_t count = 0, leaving = 0;
  std::vector<std::shared_ptr<Process>> idle;
  for (const auto& process : processes) {
    if (process->state == Process::State::ended) continue;
    const bool wanted = process->usable() && keys.contains(process->key);
    ++(process->stopping ? leaving : count);
    (process->stopping ? going : held) += wanted ? process->order.memory_bytes : process->counted();
    if (wanted) keys.erase(process->key);
    if (!wanted && process->usable() && process->users == 0) idle.push_back(process);
  }
  for (const NetworkOrder& order : orders) {
    if (keys.erase(key_of(order)) == 0) continue;
    held += order.memory_bytes;
    ++count;
  }
  std::ranges::sort(idle, {}, &Process::used_last);
  std::vector<std::shared_ptr<Process>> leave;
  for (const auto& process : idle) {
    if (held <= options.memory_bytes && count <= options.processes) break;
    held -= process->counted();
    --count;
    leave.push_back(process);
  }
  if (held > options.memory_bytes || count > options.processes) return false;
  for (const auto& process : leave) process->tell_to_end();
  if (!leave.empty() || held + going > options.memory_bytes || count + leaving > options.processes) return false;
  for (const NetworkOrder& order : orders) {
    auto process = find(key_of(order));
    if (!process) {
      process = std::make_shared<Process>();
      process->order = order;
      process->key = key_of(order);
      processes.push_back(process);
      start(process);
    }
    ++process->users;
    out.push_back(std::move(process));
  }
  return true;
}

void Warm::Room::start(const std::shared_ptr<Process>& process) {
  auto pair = make_socket_pair();
  if (!pair) {
    process->error = pair.error();
    process->state = Process::State::ended;
    return;
  }
  process->control = std::move(pair->first);
  Command command;
  command.program = engine_program(options);
  const NetworkOrder& order = process->order;
  command.arguments = {"--model",     order.model,
                       "--digest",    order.digest.hex(),
                       "--precision", std::string(name_of(order.precision)),
                       "--threads",   std::to_string(order.threads)};
  const auto folder = std::filesystem::path(command.program).parent_path().parent_path() / "lib/openvino";
  command.readable = {command.program, folder.string(), order.model};
  command.readable.insert(command.readable.end(), order.data.begin(), order.data.end());
  Limits limits;
  limits.memory_bytes = order.memory_bytes;
  limits.wall = lifetime;
  limits.cpu = std::chrono::seconds(lifetime) * order.threads;
  limits.processes = 64 + 2 * order.threads;
  // The thread belongs to the process, which the room keeps until the thread has ended.
  process->runner = std::jthread([this, it = process.get(), command = std::move(command), limits,
                                  theirs = std::move(pair->second)](std::stop_token stop) mutable {
    command.channels = {theirs.get()};
    command.started = [&] { theirs.close(); };
    auto ended = run_child(command, limits, {}, stop);
    theirs.close();
    const std::lock_guard lock(mutex);
    if (!ended && !it->error) it->error = ended.error();
    if (ended) it->ended = *std::move(ended);
    it->state = Process::State::ended;
    changed.notify_all();
  });
}

/// What the process says first: that it is ready, or why not. By whoever started it.
void Warm::Room::take_first_words(Process& process, const std::stop_token& stop) {
  const Moment until = steady_clock::now() + options.start;
  std::optional<Description> description;
  std::optional<Error> error;
  {
    const std::lock_guard talk(process.talk);
    while (!description && !error) {
      auto packet = receive_packet(process.control.get(), std::min(until, steady_clock::now() + 5 * slice));
      if (packet) {
        description = decode_description(packet->bytes);
        if (auto failure = decode_failure(packet->bytes)) error = std::move(failure->error);
        if (!description && !error) error = answer_error("no description");
      } else if (packet.error().code != "engine.time_limit") {
        error = packet.error();
      } else if (steady_clock::now() >= until) {
        error = time_error(options.start);
      } else if (stop.stop_requested()) {
        error = stopped_error();
      }
    }
  }
  std::unique_lock lock(mutex);
  if (description) {
    process.description = *std::move(description);
    if (process.state == Process::State::starting) process.state = Process::State::ready;
  } else {
    // A process that ended says more of itself than its silence: a limit, or that there is no program.
    if (error->code == "engine.lost")
      changed.wait_for(lock, std::chrono::seconds(2), [&] { return process.state == Process::State::ended; });
    if (!process.error) {
      process.error = std::move(error);
      if (process.ended)
        process.error->detail = words_of(*process.ended, Limits{.memory_bytes = process.order.memory_bytes});
      if (process.ended && process.ended->how == Ended::How::memory) {
        process.error = Error{Fault::exhausted, "engine.memory", "The network does not fit into its memory", "",
                              fmt::format("Give the tool more than {} MiB.", process.order.memory_bytes >> 20)};
      }
    }
    if (process.state == Process::State::starting) process.state = Process::State::failed;
    process.tell_to_end();
  }
  changed.notify_all();
}

Result<void> Warm::Room::await_ready(Process& process, const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  while (process.state == Process::State::starting) {
    if (stop.stop_requested()) return stopped_error();
    changed.wait_for(lock, 5 * slice);
  }
  if (process.state == Process::State::ready) return {};
  return process.error.value_or(lost_error(process.ended ? "ended while loading" : ""));
}

Result<std::vector<std::shared_ptr<Process>>> Warm::Room::admit_in_turn(const std::vector<NetworkOrder>& orders,
                                                                        Urgency urgency, std::chrono::milliseconds wait,
                                                                        const std::stop_token& stop) {
  const Moment until = steady_clock::now() + wait;
  std::vector<std::shared_ptr<Process>> taken;
  std::unique_lock lock(mutex);
  const auto place = waiters.insert({urgency, ++tickets}).first;
  Result<void> done;
  for (;;) {
    if (closing || stop.stop_requested()) done = stopped_error();
    if (!done || (place == waiters.begin() && admit(orders, taken))) break;
    if (steady_clock::now() >= until) {
      done = Error{Fault::timed_out, "engine.busy", "No memory came free for the tool's network", "",
                   "Try later, or give networks more memory."};
      break;
    }
    changed.wait_for(lock, slice);
  }
  waiters.erase(place);
  changed.notify_all();
  if (!done) return std::move(done).error();
  return taken;
}

Result<Lease> Warm::Room::open(const std::vector<NetworkOrder>& orders, Urgency urgency, std::chrono::milliseconds wait,
                               const std::stop_token& stop, const std::shared_ptr<Room>& self, bool& stale) {
  forget_ended();
  if (auto fits = check(orders); !fits) return std::move(fits).error();
  auto state = std::make_unique<Lease::State>();
  state->room = self;
  state->processes = VEDETTE_TRY(admit_in_turn(orders, urgency, wait, stop));
  for (const auto& process : state->processes) {
    bool first = false;
    {
      const std::lock_guard lock(mutex);
      state->warm.push_back(process->state == Process::State::ready);
      first = process->state == Process::State::starting && process->used_last == 0;
      if (first) process->used_last = ++uses;
    }
    if (first) take_first_words(*process, stop);
  }
  for (std::size_t i = 0; i < state->processes.size(); ++i) {
    Process& process = *state->processes[i];
    if (auto ready = await_ready(process, stop); !ready) {
      stale = state->warm[i];
      return std::move(ready).error();
    }
    auto socket = process.attach(urgency);
    if (!socket) {
      // One that does not answer is no use to anybody.
      stale = state->warm[i];
      const std::lock_guard lock(mutex);
      process.tell_to_end();
      return lost_error(socket.error().code);
    }
    state->sockets.push_back(*std::move(socket));
  }
  return Lease(std::move(state));
}

void Warm::Room::let_go(const std::vector<std::shared_ptr<Process>>& given) {
  for (const auto& process : given) {
    bool last = false, ready = false;
    {
      const std::lock_guard lock(mutex);
      last = process->users == 1;
      ready = process->state == Process::State::ready && !process->stopping;
    }
    std::uint64_t held = process->order.memory_bytes;
    bool well = ready;
    if (last && ready) {
      // What was computed for this user stops when its connection is closed; else the process is not used again.
      const Moment until = steady_clock::now() + answer_wait;
      for (;;) {
        const auto health = process->ask_health(answer_wait);
        well = health.has_value() && (!health->busy || steady_clock::now() < until);
        if (health) held = health->resident_bytes;
        if (!well || !health->busy) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
    const std::lock_guard lock(mutex);
    --process->users;
    process->idle_bytes = held;
    process->used_last = ++uses;
    if (last && ready && !well) process->tell_to_end();
    changed.notify_all();
  }
}

void Warm::Room::forget_ended() {
  std::vector<std::shared_ptr<Process>> gone;
  {
    const std::lock_guard lock(mutex);
    for (const auto& process : processes) {
      if (process->state == Process::State::ended) gone.push_back(process);
    }
    std::erase_if(processes, [](const auto& process) { return process->state == Process::State::ended; });
  }
  for (const auto& process : gone) {
    if (process->runner.joinable()) process->runner.join();
  }
}

void Warm::Room::end_all() {
  std::vector<std::shared_ptr<Process>> all;
  {
    const std::lock_guard lock(mutex);
    closing = true;
    all.swap(processes);
    for (const auto& process : all) process->tell_to_end();
    changed.notify_all();
  }
  for (const auto& process : all) {
    if (process->runner.joinable()) process->runner.join();
  }
}

Lease::Lease(std::unique_ptr<State> state) : state_(std::move(state)) {}
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&&) noexcept = default;
Lease::~Lease() = default;

std::vector<int> Lease::descriptors() const {
  std::vector<int> out;
  for (const Descriptor& socket : state_->sockets) out.push_back(socket.get());
  return out;
}

void Lease::close_descriptors() {
  for (Descriptor& socket : state_->sockets) socket.close();
}

const Description& Lease::description(std::size_t order) const {
  return state_->processes[order]->description;
}

bool Lease::warm(std::size_t order) const {
  return state_->warm[order];
}

std::optional<Ended> Lease::ended(std::size_t order) const {
  Process& process = *state_->processes[order];
  pollfd polled{process.control.get(), 0, 0};
  const bool closed = poll(&polled, 1, 300) > 0;  // its ends are closed one after the other
  std::unique_lock lock(state_->room->mutex);
  if (closed || process.stopping) {
    state_->room->changed.wait_for(lock, answer_wait, [&] { return process.state == Process::State::ended; });
  }
  return process.ended;
}

Warm::Warm(WarmOptions options) : room_(std::make_shared<Room>(std::move(options))) {}

Warm::~Warm() {
  room_->end_all();
}

Result<Lease> Warm::open(const std::vector<NetworkOrder>& orders, Urgency urgency, std::chrono::milliseconds wait,
                         std::stop_token stop) {
  bool stale = false;
  auto lease = room_->open(orders, urgency, wait, stop, room_, stale);
  // A process that was there but had ended or hung: a new one is started, once.
  if (!lease && stale) lease = room_->open(orders, urgency, wait, stop, room_, stale);
  return lease;
}

void Warm::stop(const Digest& model) {
  std::unique_lock lock(room_->mutex);
  for (const auto& process : room_->processes) {
    if (process->order.digest == model) process->tell_to_end();
  }
  room_->changed.wait_for(lock, end_wait, [&] {
    return std::ranges::none_of(room_->processes, [&](const auto& process) {
      return process->order.digest == model && process->stopping && process->state != Process::State::ended;
    });
  });
}

std::vector<Warm::Loaded> Warm::loaded() const {
  room_->forget_ended();
  std::vector<Loaded> out;
  const std::lock_guard lock(room_->mutex);
  for (const auto& process : room_->processes) {
    if (process->state != Process::State::ready || process->stopping) continue;
    out.push_back({process->order.digest.hex(), process->order.precision, process->order.threads, process->users,
                   process->counted()});
  }
  return out;
}

}  // namespace vedette::engine
