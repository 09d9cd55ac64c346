#include "engine/message.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

namespace vedette::engine {

namespace {

constexpr std::string_view magic = "VDT1";

class Writer {
 public:
  explicit Writer(Kind kind) : out_(magic) { number(static_cast<std::uint8_t>(kind)); }
  template <typename T>
  Writer& number(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof value);
    return *this;
  }
  Writer& text(std::string_view value, std::size_t most) {
    value = value.substr(0, most);
    number(static_cast<std::uint16_t>(value.size()));
    out_ += value;
    return *this;
  }
  Writer& outline(std::string_view name, Element element, const Shape& shape) {
    text(name, TensorBounds::name_bytes);
    number(static_cast<std::uint8_t>(element));
    number(static_cast<std::uint8_t>(shape.size()));
    for (const std::int64_t axis : shape) number(axis);
    return *this;
  }
  Writer& tensor(const Outline& tensor) {
    outline(tensor.name, tensor.element, tensor.shape);
    return number(tensor.memory).number(static_cast<std::uint8_t>(tensor.fresh));
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Reader {
 public:
  Reader(std::string_view bytes, Kind kind) : left_(bytes) {
    good_ = kind_of(bytes) == kind;
    if (good_) left_.remove_prefix(magic.size() + 1);
  }
  template <typename T>
  T number() {
    T value{};
    if (!good_ || left_.size() < sizeof value) {
      good_ = false;
      return value;
    }
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
    return value;
  }
  std::string text(std::size_t most) {
    const std::size_t length = number<std::uint16_t>();
    if (length > most || length > left_.size()) good_ = false;
    if (!good_) return {};
    std::string out(left_.substr(0, length));
    left_.remove_prefix(length);
    return out;
  }
  std::size_t count(std::size_t most) {
    const std::size_t value = number<std::uint8_t>();
    if (value > most) good_ = false;
    return good_ ? value : 0;
  }
  /// @param free whether an axis may be -1
  Outline outline(bool free) {
    Outline out;
    out.name = text(TensorBounds::name_bytes);
    const auto element = number<std::uint8_t>();
    if (element > static_cast<std::uint8_t>(Element::boolean)) good_ = false;
    out.element = static_cast<Element>(element);
    out.shape.resize(count(TensorBounds::rank));
    for (std::int64_t& axis : out.shape) {
      axis = number<std::int64_t>();
      if (axis < (free ? -1 : 0)) good_ = false;
    }
    if (good_ && !free && !bytes_of(out.element, out.shape)) good_ = false;
    return out;
  }
  Outline tensor() {
    Outline out = outline(false);
    out.memory = number<std::uint64_t>();
    const auto fresh = number<std::uint8_t>();
    if (fresh > 1) good_ = false;
    out.fresh = fresh == 1;
    return out;
  }
  bool done() const { return good_ && left_.empty(); }

 private:
  std::string_view left_;
  bool good_ = true;
};

constexpr std::string_view codes[] = {"engine.input", "engine.not_finite", "engine.computation", "engine.time_limit",
                                      "engine.lost",  "engine.answer",     "engine.size",        "engine.memory",
                                      "engine.start", "engine.stopped",    "engine.precision",   "model.format",
                                      "model.broken", "model.size",        "model.version",      "model.external",
                                      "model.domain", "model.operator",    "model.digest",       "model.load"};

/// What a process that is not trusted says of itself, as one line of printable ASCII.
std::string cleaned(std::string text, std::size_t most) {
  for (char& c : text) {
    if (c < 0x20 || c > 0x7E) c = ' ';
  }
  if (text.size() > most) text.resize(most);
  return text;
}

bool readable(int socket, short events, Moment until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd polled{socket, events, 0};
    const int ready = poll(&polled, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

Error lost_error(std::string detail) {
  return Error{Fault::unavailable,    "engine.lost",    "The network's process has ended", "",
               "Run the tool again.", std::move(detail)};
}
Error answer_error(std::string detail) {
  return Error{Fault::malformed,
               "engine.answer",
               "The network's process gave an answer that cannot be used",
               "",
               "Suspend the tool and look at its model.",
               std::move(detail)};
}
Error time_error(std::chrono::milliseconds limit) {
  return Error{Fault::timed_out, "engine.time_limit",
               fmt::format("The network has not answered within {} ms", limit.count()), "",
               "Give the tool more time, or the network smaller pieces."};
}

Result<std::pair<Descriptor, Descriptor>> make_socket_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return Error{Fault::exhausted, "engine.start", "No connection can be made", "", "", std::strerror(errno)};
  }
  return std::pair{Descriptor(ends[0]), Descriptor(ends[1])};
}

Result<void> send_packet(int socket, std::string_view bytes, std::span<const int> descriptors, Moment until) {
  if (bytes.size() > PacketBounds::bytes || descriptors.size() > PacketBounds::descriptors) {
    return Error{Fault::too_large, "engine.size", "A message between processes is too large", "", ""};
  }
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * PacketBounds::descriptors)]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(head), descriptors.data(), sizeof(int) * descriptors.size());
  }
  for (;;) {
    if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return lost_error(std::strerror(errno));
    if (!readable(socket, POLLOUT, until)) return time_error(std::chrono::milliseconds(0));
  }
}

Result<Packet> receive_packet(int socket, Moment until) {
  Packet packet;
  packet.bytes.resize(PacketBounds::bytes);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * PacketBounds::descriptors)]{};
  for (;;) {
    iovec part{packet.bytes.data(), packet.bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return lost_error(std::strerror(errno));
    if (got < 0) {
      if (!readable(socket, POLLIN, until)) return time_error(std::chrono::milliseconds(0));
      continue;
    }
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
      if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(head) + i * sizeof(int), sizeof number);
        packet.descriptors.emplace_back(number);
      }
    }
    if (got == 0) return lost_error("closed");
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return answer_error("a packet over its bounds");
    packet.bytes.resize(static_cast<std::size_t>(got));
    return packet;
  }
}

std::optional<Kind> kind_of(std::string_view bytes) {
  if (bytes.size() <= magic.size() || !bytes.starts_with(magic)) return std::nullopt;
  const auto kind = static_cast<std::uint8_t>(bytes[magic.size()]);
  if (kind < 1 || kind > static_cast<std::uint8_t>(Kind::pong)) return std::nullopt;
  return static_cast<Kind>(kind);
}

std::string encode(Kind kind) {
  return Writer(kind).take();
}

std::string encode(const Call& call) {
  Writer out(Kind::infer);
  out.number(call.serial).number(call.until_ms).number(static_cast<std::uint8_t>(call.inputs.size()));
  for (const Outline& input : call.inputs) out.tensor(input);
  out.number(static_cast<std::uint8_t>(call.outputs.size()));
  for (const std::string& name : call.outputs) out.text(name, TensorBounds::name_bytes);
  out.number(static_cast<std::uint8_t>(call.spent.size()));
  for (const std::uint64_t memory : call.spent) out.number(memory);
  return out.take();
}

std::optional<Call> decode_call(std::string_view bytes) {
  Reader in(bytes, Kind::infer);
  Call call;
  call.serial = in.number<std::uint64_t>();
  call.until_ms = in.number<std::uint64_t>();
  call.inputs.resize(in.count(TensorBounds::tensors));
  for (Outline& input : call.inputs) input = in.tensor();
  call.outputs.resize(in.count(TensorBounds::tensors));
  for (std::string& name : call.outputs) name = in.text(TensorBounds::name_bytes);
  call.spent.resize(in.count(most_spent));
  for (std::uint64_t& memory : call.spent) memory = in.number<std::uint64_t>();
  if (!in.done()) return std::nullopt;
  return call;
}

std::string encode(const Reply& reply) {
  Writer out(Kind::outputs);
  out.number(reply.serial).number(static_cast<std::uint8_t>(reply.outputs.size()));
  for (const Outline& output : reply.outputs) out.tensor(output);
  return out.take();
}

std::optional<Reply> decode_reply(std::string_view bytes) {
  Reader in(bytes, Kind::outputs);
  Reply reply;
  reply.serial = in.number<std::uint64_t>();
  reply.outputs.resize(in.count(TensorBounds::tensors));
  for (Outline& output : reply.outputs) output = in.tensor();
  if (!in.done()) return std::nullopt;
  return reply;
}

std::string encode(const Health& health) {
  return Writer(Kind::pong)
      .number(health.resident_bytes)
      .number(static_cast<std::uint8_t>(health.busy))
      .number(health.calls)
      .take();
}

std::optional<Health> decode_health(std::string_view bytes) {
  Reader in(bytes, Kind::pong);
  Health health;
  health.resident_bytes = in.number<std::uint64_t>();
  health.busy = in.number<std::uint8_t>() != 0;
  health.calls = in.number<std::uint64_t>();
  if (!in.done()) return std::nullopt;
  return health;
}

std::string encode(const Failure& failure) {
  const auto code = std::ranges::find(codes, failure.error.code);
  return Writer(Kind::failure)
      .number(failure.serial)
      .number(static_cast<std::uint8_t>(failure.error.fault))
      .number(static_cast<std::uint8_t>(code - std::begin(codes)))
      .text(failure.error.cause, 400)
      .text(failure.error.where, 400)
      .text(failure.error.remedy, 400)
      .text(failure.error.detail, 2000)
      .take();
}

std::optional<Failure> decode_failure(std::string_view bytes) {
  Reader in(bytes, Kind::failure);
  Failure failure;
  failure.serial = in.number<std::uint64_t>();
  const auto fault = in.number<std::uint8_t>(), code = in.number<std::uint8_t>();
  failure.error.cause = cleaned(in.text(400), 400);
  failure.error.where = cleaned(in.text(400), 400);
  failure.error.remedy = cleaned(in.text(400), 400);
  failure.error.detail = cleaned(in.text(2000), 2000);
  if (!in.done() || fault > static_cast<std::uint8_t>(Fault::internal) || code > std::size(codes)) return std::nullopt;
  failure.error.fault = static_cast<Fault>(fault);
  failure.error.code = code < std::size(codes) ? std::string(codes[code]) : "engine.computation";
  return failure;
}

std::string encode(const Description& description) {
  Writer out(Kind::description);
  for (const auto* ports : {&description.inputs, &description.outputs}) {
    out.number(static_cast<std::uint8_t>(std::min(ports->size(), TensorBounds::tensors + 1)));
    for (const Port& port : *ports) out.outline(port.name, port.element, port.shape);
  }
  return out.text(description.model_digest, 64)
      .number(static_cast<std::int32_t>(description.opset))
      .number(static_cast<std::uint8_t>(description.precision))
      .number(static_cast<std::int32_t>(description.threads))
      .text(description.device, 200)
      .text(description.engine, 200)
      .text(description.engine_digest, 64)
      .number(description.load_seconds)
      .take();
}

std::optional<Description> decode_description(std::string_view bytes) {
  Reader in(bytes, Kind::description);
  Description out;
  for (auto* ports : {&out.inputs, &out.outputs}) {
    ports->resize(in.count(TensorBounds::tensors));
    for (Port& port : *ports) {
      Outline outline = in.outline(true);
      port = {std::move(outline.name), outline.element, std::move(outline.shape)};
    }
  }
  out.model_digest = cleaned(in.text(64), 64);
  out.opset = in.number<std::int32_t>();
  const auto precision = in.number<std::uint8_t>();
  out.precision = static_cast<Precision>(precision);
  out.threads = in.number<std::int32_t>();
  out.device = cleaned(in.text(200), 200);
  out.engine = cleaned(in.text(200), 200);
  out.engine_digest = cleaned(in.text(64), 64);
  out.load_seconds = in.number<double>();
  if (!in.done() || precision > static_cast<std::uint8_t>(Precision::int8) || !std::isfinite(out.load_seconds)) {
    return std::nullopt;
  }
  return out;
}

std::string encode_attach(std::uint8_t urgency) {
  return Writer(Kind::attach).number(urgency).take();
}

std::optional<std::uint8_t> decode_attach(std::string_view bytes) {
  Reader in(bytes, Kind::attach);
  const auto urgency = in.number<std::uint8_t>();
  if (!in.done()) return std::nullopt;
  return urgency;
}

}  // namespace vedette::engine
