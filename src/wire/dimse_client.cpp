#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "base/log.hpp"
#include "wire/association.hpp"
#include "wire/dimse_command.hpp"
#include "wire/dimse_link.hpp"
#include "wire/part10.hpp"
#include "wire/storage_classes.hpp"

namespace vedette::wire {
namespace {

constexpr std::size_t most_contexts = 128;  ///< PS3.8 section 9.3.2.2: odd identifiers 1 to 255
constexpr long pdu_bytes = 131072;

struct Context {
  std::string abstract_syntax, transfer_syntax;
  auto operator<=>(const Context&) const = default;
};

std::string rejection_text(const T_ASC_RejectParameters& why) {
  switch (why.reason) {
    case ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED:
      return "it does not know our AE title";
    case ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED:
      return "it has another AE title";
    case ASC_REASON_SU_APPCONTEXTNAMENOTSUPPORTED:
      return "it does not support the DICOM application context";
    case ASC_REASON_SP_ACSE_PROTOCOLVERSIONNOTSUPPORTED:
      return "it does not support the protocol version";
    case ASC_REASON_SP_PRES_TEMPORARYCONGESTION:
      return "it is congested for the moment";
    case ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED:
      return "it has too many associations";
    default:
      return "it gives no reason";
  }
}

/// One association that we opened.
class Opened {
 public:
  explicit Opened(const Remote& remote) : remote_(remote), layer_(remote.timeout) {}
  ~Opened() {
    if (association_ != nullptr) {
      ASC_dropAssociation(association_);
      ASC_destroyAssociation(&association_);
    }
    if (network_ != nullptr) ASC_dropNetwork(&network_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  Result<void> open(const std::vector<Context>& contexts);
  /// 0 when the peer did not accept it.
  unsigned char accepted(const Context& context) const;
  Result<void> send(unsigned char context, const Command& request);
  Result<void> send_file(unsigned char context, const FilePiece& file, std::int64_t from);
  /// Status of the response to `message`.
  Result<std::uint16_t> response(std::uint16_t message, std::uint16_t field);
  void release();
  void abort() {
    if (link_ != nullptr) link_->abort(false, DUL_ABORTNOREASON);
  }
  std::uint16_t next_message() { return next_message_++; }

 private:
  Error lost(const OFCondition& condition) const;
  std::string where() const { return remote_.ae_title + "@" + remote_.host + ":" + std::to_string(remote_.port); }
  Result<void> set_up(T_ASC_Parameters* parameters, const std::vector<Context>& contexts);
  Error failure(const OFCondition& condition);

  const Remote& remote_;
  LinkLayer layer_;
  LinkHandover handover_;
  T_ASC_Network* network_ = nullptr;
  T_ASC_Association* association_ = nullptr;
  Link* link_ = nullptr;  ///< owned by association_
  std::vector<Context> contexts_;
  std::uint16_t next_message_ = 1;
};

Result<void> Opened::set_up(T_ASC_Parameters* parameters, const std::vector<Context>& contexts) {
  ASC_setAPTitles(parameters, remote_.own_title.c_str(), remote_.ae_title.c_str(), nullptr);
  ASC_setTransportLayerType(parameters, OFFalse);
  ASC_setPresentationAddresses(parameters, "vedette", (remote_.host + ":" + std::to_string(remote_.port)).c_str());
  unsigned id = 1;
  for (const Context& context : contexts) {
    const char* syntax = context.transfer_syntax.c_str();
    if (ASC_addPresentationContext(parameters, static_cast<unsigned char>(id), context.abstract_syntax.c_str(), &syntax,
                                   1)
            .bad()) {
      return Error{Fault::malformed, "dimse.context", "A presentation context cannot be proposed",
                   context.abstract_syntax};
    }
    id += 2;
  }
  return {};
}

Error Opened::failure(const OFCondition& condition) {
  if (condition == DUL_ASSOCIATIONREJECTED && association_ != nullptr) {
    T_ASC_RejectParameters why{};
    ASC_getRejectParameters(association_->params, &why);
    return {Fault::forbidden, "dimse.rejected", "The DICOM node rejects the association: " + rejection_text(why),
            where(), "Check the AE titles on both sides, and that the peer admits this node."};
  }
  if (condition == DUL_READTIMEOUT) {
    return {Fault::timed_out,
            "dimse.timed_out",
            "The DICOM node does not answer in time",
            where(),
            "Check the node and the line to it.",
            condition.text()};
  }
  return {Fault::unavailable,
          "dimse.unreachable",
          "The DICOM node cannot be reached",
          where(),
          "Check host and port, and that the node runs.",
          condition.text()};
}

Result<void> Opened::open(const std::vector<Context>& contexts) {
  prepare_dcmtk();
  const auto wait = static_cast<int>(std::max<std::int64_t>(remote_.timeout.count(), 1));
  dcmConnectionTimeout.set(wait);
  OFCondition condition = ASC_initializeNetwork(NET_REQUESTOR, 0, wait, &network_);
  if (condition.bad()) return failure(condition);
  ASC_setTransportLayer(network_, &layer_, 0);
  T_ASC_Parameters* parameters = nullptr;
  condition = ASC_createAssociationParameters(&parameters, pdu_bytes);
  if (condition.bad()) return failure(condition);
  if (auto ready = set_up(parameters, contexts); !ready) {
    ASC_destroyAssociationParameters(&parameters);
    return ready;
  }
  condition = ASC_requestAssociation(network_, parameters, &association_, nullptr, nullptr, DUL_NOBLOCK, wait);
  if (association_ == nullptr) ASC_destroyAssociationParameters(&parameters);
  if (condition.bad()) return failure(condition);
  link_ = handover_.link;
  contexts_ = contexts;
  return {};
}

unsigned char Opened::accepted(const Context& context) const {
  for (std::size_t i = 0; i < contexts_.size(); ++i) {
    if (contexts_[i] != context) continue;
    const auto id = static_cast<unsigned char>(2 * i + 1);
    T_ASC_PresentationContext found;
    return ASC_findAcceptedPresentationContext(association_->params, id, &found).good() ? id : 0;
  }
  return 0;
}

Error Opened::lost(const OFCondition& condition) const {
  if (condition == DUL_READTIMEOUT) {
    return {Fault::timed_out, "dimse.timed_out", "The DICOM node does not answer in time", where(),
            "Check the node and the line to it."};
  }
  return {Fault::unavailable,        "dimse.lost",    "The DICOM node broke the association", where(),
          "It will be tried again.", condition.text()};
}

Result<void> Opened::send(unsigned char context, const Command& request) {
  const OFCondition sent = send_pdvs(*association_, context, DUL_COMMANDPDV, request.encoded(), true);
  if (sent.bad()) return lost(sent);
  return {};
}

Result<void> Opened::send_file(unsigned char context, const FilePiece& file, std::int64_t from) {
  std::string now(256 * 1024, '\0');
  std::string next;
  const auto fill = [&](std::string& piece) -> bool {
    piece.resize(static_cast<std::size_t>(std::min<std::int64_t>(256 * 1024, file.offset + file.length - from)));
    const ssize_t got = ::pread(file.descriptor, piece.data(), piece.size(), from);
    if (got < 0) return false;
    piece.resize(static_cast<std::size_t>(got));
    from += got;
    return true;
  };
  const Error unreadable{Fault::internal, "dimse.file", "What should be sent could not be read", "",
                         "Check the disk of the node."};
  if (!fill(now)) return unreadable;
  for (;;) {
    if (!fill(next)) return unreadable;
    const OFCondition sent = send_pdvs(*association_, context, DUL_DATASETPDV, now, next.empty());
    if (sent.bad()) return lost(sent);
    if (next.empty()) return {};
    now.swap(next);
  }
}

Result<std::uint16_t> Opened::response(std::uint16_t message, std::uint16_t field) {
  std::string bytes;
  for (;;) {
    DUL_PDV pdv{};
    const OFCondition condition = next_pdv(*association_, pdv, static_cast<int>(remote_.timeout.count()));
    if (condition.bad() || condition == DUL_PEERREQUESTEDRELEASE) return lost(condition);
    bytes.append(static_cast<const char*>(pdv.data), pdv.fragmentLength);
    if (pdv.pdvType != DUL_COMMANDPDV || bytes.size() > Command::most_bytes) break;
    if (!pdv.lastPDV) continue;
    const Command command = VEDETTE_TRY(Command::parse(as_bytes(bytes)));
    if (command.number(Command::field) != field || command.number(Command::responded_id) != message) break;
    return command.number(Command::status);
  }
  return Error{Fault::unavailable, "dimse.answer", "The DICOM node answers with something that was not asked", where()};
}

void Opened::release() {
  ASC_releaseAssociation(association_);
}

std::string hexadecimal(std::uint16_t status) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[status >> shift & 0xF];
  return out;
}

Error status_error(std::uint16_t status, const std::string& where) {
  const std::string text = "status " + hexadecimal(status);
  if ((status & 0xFF00) == 0xA700) {
    return {Fault::exhausted, "dimse.store.resources", "The DICOM node is out of resources", where + ", " + text,
            "It will be tried again."};
  }
  if (status == 0x0124) {
    return {Fault::forbidden, "dimse.store.forbidden", "The DICOM node does not allow this", where + ", " + text,
            "Check what the peer admits."};
  }
  return {Fault::refused, "dimse.store.refused", "The DICOM node refuses the object", where + ", " + text,
          "Look into the log of the peer."};
}

/// One instance over an open association. `usable` becomes false when the association cannot go on.
Result<void> store_one(Opened& opened, const OutgoingInstance& instance, const std::string& where, bool& usable) {
  const unsigned char context = opened.accepted({instance.sop_class_uid, instance.transfer_syntax});
  if (context == 0) {
    return Error{Fault::unsupported, "dimse.not_accepted",
                 "The DICOM node does not accept this kind of object in this transfer syntax",
                 where + ", " + instance.sop_class_uid + " " + instance.transfer_syntax, "Enable it at the peer."};
  }
  const std::int64_t from = VEDETTE_TRY(data_set_offset(instance.file));
  Command request;
  const std::uint16_t message = opened.next_message();
  request.set_uid(Command::affected_class, instance.sop_class_uid);
  request.set_number(Command::field, Command::c_store_rq);
  request.set_number(Command::message_id, message);
  request.set_number(Command::priority, 0);
  request.set_number(Command::data_set_type, 0x0001);
  request.set_uid(Command::affected_instance, instance.sop_instance_uid);
  usable = false;
  VEDETTE_TRY(opened.send(context, request));
  VEDETTE_TRY(opened.send_file(context, instance.file, from));
  const std::uint16_t status = VEDETTE_TRY(opened.response(message, Command::c_store_rsp));
  usable = true;
  // Warnings (Bxxx, PS3.4 Table B.2-1) mean: stored, with changes or doubts.
  if (status == 0 || (status & 0xF000) == 0xB000) return {};
  return status_error(status, where);
}

/// How many instances from `first` fit into one association.
std::vector<Context> contexts_from(const std::vector<OutgoingInstance>& instances, std::size_t first,
                                   std::size_t& end) {
  std::set<Context> seen;
  std::vector<Context> out;
  for (end = first; end < instances.size(); ++end) {
    Context context{instances[end].sop_class_uid, instances[end].transfer_syntax};
    if (seen.contains(context)) continue;
    if (out.size() == most_contexts) break;
    seen.insert(context);
    out.push_back(std::move(context));
  }
  return out;
}

}  // namespace

Result<void> echo(const Remote& remote) {
  Opened opened(remote);
  const Context context{std::string(verification_class), "1.2.840.10008.1.2"};
  VEDETTE_TRY(opened.open({context}));
  const std::string where = remote.ae_title + "@" + remote.host;
  const unsigned char id = opened.accepted(context);
  if (id == 0) {
    opened.release();
    return Error{Fault::unsupported, "dimse.no_echo", "The DICOM node does not offer Verification", where};
  }
  Command request;
  const std::uint16_t message = opened.next_message();
  request.set_uid(Command::affected_class, verification_class);
  request.set_number(Command::field, Command::c_echo_rq);
  request.set_number(Command::message_id, message);
  request.set_number(Command::data_set_type, Command::no_data_set);
  VEDETTE_TRY(opened.send(id, request));
  const std::uint16_t status = VEDETTE_TRY(opened.response(message, Command::c_echo_rsp));
  opened.release();
  if (status != 0) return status_error(status, where);
  return {};
}

Result<std::vector<Result<void>>> store(const Remote& remote, const std::vector<OutgoingInstance>& instances) {
  std::vector<Result<void>> out;
  const std::string where = remote.ae_title + "@" + remote.host;
  while (out.size() < instances.size()) {
    std::size_t end = 0;
    const std::vector<Context> contexts = contexts_from(instances, out.size(), end);
    Opened opened(remote);
    if (auto made = opened.open(contexts); !made) {
      if (out.empty()) return std::move(made).error();
      out.resize(instances.size(), made);
      return out;
    }
    bool usable = true;
    while (usable && out.size() < end) out.push_back(store_one(opened, instances[out.size()], where, usable));
    if (usable) {
      opened.release();
      continue;
    }
    opened.abort();
    if (out.size() == 1 && !out.front()) return std::move(out.front()).error();
    const Result<void> same = out.back();
    out.resize(instances.size(),
               same);  // an association that broke once is not tried again at once: the outbox does that
  }
  return out;
}

}  // namespace vedette::wire
