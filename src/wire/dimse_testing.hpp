#pragma once

// For tests of this module: small DICOM files, a service that keeps what comes, programs run as peers, PDUs made by
// hand.

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "wire/association.hpp"
#include "wire/dimse_command.hpp"

namespace vedette::wire::testing_ {

inline constexpr std::string_view ct_class = "1.2.840.10008.5.1.4.1.1.2";
inline constexpr std::string_view explicit_little = "1.2.840.10008.1.2.1";

inline void put_number(std::string& out, std::uint64_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out += static_cast<char>(value >> (8 * i) & 0xFFU);
}

/// An explicit VR little endian element.
inline void put(std::string& out, unsigned group, unsigned element, std::string_view vr, std::string value) {
  if (value.size() % 2 != 0) value += vr == "UI" || vr == "OB" ? '\0' : ' ';
  put_number(out, group, 2);
  put_number(out, element, 2);
  out += vr;
  const bool long_form = vr == "OB" || vr == "OW" || vr == "UN" || vr == "SQ";
  if (long_form) put_number(out, 0, 2);
  put_number(out, value.size(), long_form ? 4 : 2);
  out += value;
}

inline std::string number(std::uint64_t value, std::size_t count) {
  std::string out;
  put_number(out, value, count);
  return out;
}

/// A CT slice of side x side 16-bit pixels whose content depends on the number.
inline std::string data_set(std::string_view sop_class, const std::string& instance, unsigned side, unsigned seed) {
  std::string out;
  put(out, 0x0008, 0x0016, "UI", std::string(sop_class));
  put(out, 0x0008, 0x0018, "UI", instance);
  put(out, 0x0008, 0x0060, "CS", "CT");
  put(out, 0x0010, 0x0010, "PN", "Test^Wire");
  put(out, 0x0020, 0x000D, "UI", "1.2.3.4");
  put(out, 0x0020, 0x000E, "UI", "1.2.3.4.5");
  put(out, 0x0028, 0x0002, "US", number(1, 2));
  put(out, 0x0028, 0x0004, "CS", "MONOCHROME2");
  put(out, 0x0028, 0x0010, "US", number(side, 2));
  put(out, 0x0028, 0x0011, "US", number(side, 2));
  put(out, 0x0028, 0x0100, "US", number(16, 2));
  put(out, 0x0028, 0x0101, "US", number(16, 2));
  put(out, 0x0028, 0x0102, "US", number(15, 2));
  put(out, 0x0028, 0x0103, "US", number(0, 2));
  std::string pixels(static_cast<std::size_t>(side) * side * 2, '\0');
  unsigned state = seed * 2654435761U + 1;
  for (char& byte : pixels) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  put(out, 0x7FE0, 0x0010, "OW", std::move(pixels));
  return out;
}

inline std::string part10(std::string_view sop_class, const std::string& instance, std::string_view syntax,
                          const std::string& data) {
  std::string meta;
  put(meta, 0x0002, 0x0001, "OB", std::string("\0\1", 2));
  put(meta, 0x0002, 0x0002, "UI", std::string(sop_class));
  put(meta, 0x0002, 0x0003, "UI", instance);
  put(meta, 0x0002, 0x0010, "UI", std::string(syntax));
  put(meta, 0x0002, 0x0012, "UI", "1.2.3.9");
  std::string out(128, '\0');
  out += "DICM";
  put(out, 0x0002, 0x0000, "UL", number(meta.size(), 4));
  return out + meta + data;
}

inline void write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

/// Runs a shell command and answers its output, stderr included; `status` is its exit status.
inline std::string run(const std::string& command, int* status = nullptr) {
  std::string out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  std::size_t got = 0;
  while ((got = ::fread(buffer.data(), 1, buffer.size(), pipe)) > 0) out.append(buffer.data(), got);
  const int result = ::pclose(pipe);
  if (status != nullptr) *status = WIFEXITED(result) ? WEXITSTATUS(result) : -1;
  return out;
}

/// Keeps what comes in memory; refuses and blocks when told to.
class KeepingService final : public StoreService {
 public:
  struct Kept {
    StoreRequest request;
    std::string bytes;
  };
  struct Step {
    bool created = false;
    std::string instance_uid, transfer_syntax, bytes;
  };
  class Sink final : public InstanceSink {
   public:
    Sink(KeepingService& service, StoreRequest request) : service_(service), request_(std::move(request)) {
      ++service_.open_sinks;
    }
    ~Sink() override { --service_.open_sinks; }
    Result<void> append(Bytes bytes) override {
      while (service_.blocked) std::this_thread::sleep_for(milliseconds(5));
      service_.bytes += bytes.size();
      if (service_.keep) bytes_ += as_text(bytes);
      return {};
    }
    Result<void> end() override {
      const std::scoped_lock lock(service_.mutex);
      if (service_.refusal) return *service_.refusal;
      ++service_.count;
      if (service_.keep) service_.kept[request_.sop_instance_uid] = {request_, bytes_};
      return {};
    }

   private:
    KeepingService& service_;
    StoreRequest request_;
    std::string bytes_;
  };

  Result<void> admit(const Peer& peer) override {
    if (peer.calling_title == "STRANGER") return Error{Fault::forbidden, "dimse.caller", "This caller is not admitted"};
    return {};
  }
  Result<std::unique_ptr<InstanceSink>> store(const Peer&, const StoreRequest& request) override {
    return std::unique_ptr<InstanceSink>(std::make_unique<Sink>(*this, request));
  }
  Result<void> step(const Peer&, bool created, const std::string& instance_uid, const std::string& transfer_syntax,
                    Bytes data_set) override {
    const std::scoped_lock lock(mutex);
    if (refusal) return *refusal;
    steps.push_back({created, instance_uid, transfer_syntax, std::string(as_text(data_set))});
    return {};
  }
  void opened(const Peer& peer) override {
    const std::scoped_lock lock(mutex);
    last = peer;
    ++opens;
  }
  void closed(const Peer&, bool released) override { ++(released ? releases : aborts); }

  Kept got(const std::string& uid) {
    const std::scoped_lock lock(mutex);
    const auto found = kept.find(uid);
    return found == kept.end() ? Kept{} : found->second;
  }
  std::size_t kept_count() {
    const std::scoped_lock lock(mutex);
    return kept.size();
  }
  Peer last_peer() {
    const std::scoped_lock lock(mutex);
    return last;
  }
  void refuse(std::optional<Error> with) {
    const std::scoped_lock lock(mutex);
    refusal = std::move(with);
  }

  std::mutex mutex;  ///< guards kept, steps, refusal and last
  std::map<std::string, Kept> kept;
  std::vector<Step> steps;
  std::optional<Error> refusal;
  Peer last;
  bool keep = true;
  std::atomic<bool> blocked{false};
  std::atomic<std::size_t> bytes{0};
  std::atomic<int> count{0}, open_sinks{0}, opens{0}, releases{0}, aborts{0};
};

/// A hand-made peer.
class RawPeer {
 public:
  /// `from`: last part of the address on 127.0.0.0/24 that it comes from.
  explicit RawPeer(std::uint16_t port, unsigned from = 1) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(0x7F000000U + from);
    if (from != 1) static_cast<void>(::bind(socket_, reinterpret_cast<const sockaddr*>(&own), sizeof own));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  }
  ~RawPeer() { close(); }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void say(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// One PDU, or "" when the peer closed or is silent.
  std::string hear(int wait_ms = 5000) {
    while (heard_.size() < 6 || heard_.size() < 6 + length()) {
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, wait_ms) <= 0) return "";
      std::array<char, 65536> buffer{};
      const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (got <= 0) return "";
      heard_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    const std::string out = heard_.substr(0, 6 + length());
    heard_.erase(0, out.size());
    return out;
  }
  /// What comes until this text is in it, the peer closes or is silent.
  std::string hear_text(std::string_view until, int wait_ms = 5000) {
    while (heard_.find(until) == std::string::npos) {
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, wait_ms) <= 0) break;
      std::array<char, 65536> buffer{};
      const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      heard_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return std::exchange(heard_, {});
  }
  bool closed_by_peer(int wait_ms) {
    pollfd ready{socket_, POLLIN, 0};
    char one = 0;
    while (::poll(&ready, 1, wait_ms) > 0) {
      if (::recv(socket_, &one, 1, 0) <= 0) return true;
    }
    return false;
  }

  static std::string big(std::uint64_t value, std::size_t count) {
    std::string out;
    for (std::size_t i = count; i > 0; --i) out += static_cast<char>(value >> (8 * (i - 1)) & 0xFFU);
    return out;
  }
  static std::string pdu(char type, const std::string& body) {
    return std::string(1, type) + '\0' + big(body.size(), 4) + body;
  }
  static std::string item(char type, const std::string& body) {
    return std::string(1, type) + '\0' + big(body.size(), 2) + body;
  }
  static std::string title(std::string text) {
    text.resize(16, ' ');
    return text;
  }
  /// A-ASSOCIATE-RQ (PS3.8 section 9.3.2) with one context, number 1.
  static std::string associate(const std::string& called, const std::string& abstract, const std::string& syntax,
                               std::size_t contexts = 1) {
    std::string body = big(1, 2) + big(0, 2) + title(called) + title("RAW") + std::string(32, '\0');
    body += item(0x10, "1.2.840.10008.3.1.1.1");
    for (std::size_t i = 0; i < contexts; ++i) {
      body += item(0x20, std::string(1, static_cast<char>(2 * i + 1)) + std::string(3, '\0') + item(0x30, abstract) +
                             item(0x40, syntax));
    }
    body += item(0x50, item(0x51, big(16384, 4)) + item(0x52, "1.2.3.9"));
    return pdu(1, body);
  }
  static std::string data(std::string_view bytes, bool command, bool last) {
    return pdu(4, big(bytes.size() + 2, 4) + '\1' + static_cast<char>((command ? 1 : 0) | (last ? 2 : 0)) +
                      std::string(bytes));
  }
  /// N-CREATE (also without a name for the instance) or N-SET of a performed procedure step.
  static Command step_request(bool created, const std::string& instance, bool attributes = true) {
    Command request;
    request.set_uid(created ? Command::affected_class : Command::requested_class, "1.2.840.10008.3.1.2.3.3");
    request.set_number(Command::field, created ? Command::n_create_rq : Command::n_set_rq);
    request.set_number(Command::message_id, 8);
    request.set_number(Command::data_set_type, attributes ? 1 : Command::no_data_set);
    if (!instance.empty())
      request.set_uid(created ? Command::affected_instance : Command::requested_instance, instance);
    return request;
  }
  static Command store_request(const std::string& sop_class, const std::string& instance) {
    Command request;
    request.set_uid(Command::affected_class, sop_class);
    request.set_number(Command::field, Command::c_store_rq);
    request.set_number(Command::message_id, 7);
    request.set_number(Command::priority, 0);
    request.set_number(Command::data_set_type, 1);
    request.set_uid(Command::affected_instance, instance);
    return request;
  }

 private:
  std::size_t length() const {
    std::size_t out = 0;
    for (std::size_t i = 2; i < 6; ++i) out = out << 8U | static_cast<unsigned char>(heard_[i]);
    return out;
  }
  int socket_;
  bool connected_ = false;
  std::string heard_;
};

}  // namespace vedette::wire::testing_
