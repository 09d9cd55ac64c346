#include "wire/dimse_session.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.hpp"
#include "wire/associate_request.hpp"
#include "wire/storage_classes.hpp"

namespace vedette::wire {
namespace {

constexpr seconds greeting_patience{10};  ///< ARTIM timer of PS3.8 section 9.1.5
constexpr std::uint64_t most_waste = 256ULL
                                     << 20U;  ///< bytes of a refused object that are still read to answer in order

constexpr Rejection wrong_called{
    {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER, ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED},
    "called title not recognized"};
constexpr Rejection wrong_calling{
    {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER, ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED},
    "calling title or address not admitted"};
constexpr Rejection wrong_context{
    {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER, ASC_REASON_SU_APPCONTEXTNAMENOTSUPPORTED},
    "application context not supported"};
constexpr Rejection too_many{{ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
                              ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED},
                             "too many associations"};
constexpr Rejection congested{{ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
                               ASC_REASON_SP_PRES_TEMPORARYCONGESTION},
                              "not ready"};

bool printable(std::string_view title) {
  return !title.empty() &&
         std::all_of(title.begin(), title.end(), [](char c) { return c >= 0x20 && c < 0x7F && c != '\\'; });
}

microseconds now() {
  return SystemClock().steady();
}

/// What a peer sent and is not taken is its fault; what this node lacks is ours.
void tell(std::string_view event, const Error& error, log::Field who) {
  if (row_of(error.fault).http >= 500) {
    log::failure(event, error, {who});
  } else {
    log::warning(event, {who, {"code", error.code}, {"cause", error.cause}, {"where", error.where}});
  }
}

struct Leaving {
  const SessionPlace& place;
  const std::string& address;
  ~Leaving() { place.leave(address); }
};

}  // namespace

Session::Session(int socket, Peer peer, const DimseOptions& options, StoreService& service, const SessionPlace& place,
                 std::shared_ptr<LinkControl> control)
    : socket_(socket),
      peer_(std::move(peer)),
      options_(options),
      service_(service),
      place_(place),
      control_(std::move(control)) {}

Session::~Session() {
  if (association_ != nullptr) {
    ASC_dropAssociation(association_);
    ASC_destroyAssociation(&association_);
  }
  if (socket_ >= 0) ::close(socket_);
}

bool Session::read_exactly(std::string& to, std::size_t count, microseconds until) {
  std::size_t have = to.size();
  to.resize(have + count);
  while (have < to.size()) {
    if (control_->ended || now() >= until) return false;
    pollfd ready{socket_, POLLIN, 0};
    if (::poll(&ready, 1, 200) <= 0) continue;
    const ssize_t got = ::recv(socket_, to.data() + have, to.size() - have, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (got > 0) have += static_cast<std::size_t>(got);
    if (to[0] != DUL_TYPEASSOCIATERQ) return false;
  }
  return true;
}

std::string Session::first_pdu() {
  const microseconds until = now() + greeting_patience;
  std::string out;
  if (!read_exactly(out, AssociateRequest::head_bytes, until)) return {};
  std::size_t length = 0;
  for (std::size_t i = 2; i < out.size(); ++i) length = length << 8U | static_cast<unsigned char>(out[i]);
  if (length > AssociateRequest::most_bytes) {
    log::warning("dimse.associate_too_large", {{"address", peer_.address}, {"bytes", length}});
    return {};
  }
  return read_exactly(out, length, until) ? out : std::string();
}

/// Says what is wrong with a request that DCMTK is not to see.
std::string Session::checked(std::string_view pdu) {
  auto request = read_associate_request(as_bytes(pdu), options_.contexts);
  if (request) {
    // DCMTK cuts titles at a zero byte: one that is admitted could stand before it.
    peer_.calling_title = request->calling_title;
    peer_.called_title = request->called_title;
    return std::move(request->plain);
  }
  tell("dimse.rejected", request.error(), {"address", peer_.address});
  if (request.error().fault == Fault::too_large) {
    // A-ASSOCIATE-RJ: transient, presentation service, local limit exceeded (PS3.8 Table 9-21).
    say_and_leave(socket_, std::string_view("\3\0\0\0\0\4\0\2\3\2", 10));
  } else {
    // A-ABORT by the service provider: invalid PDU parameter value (PS3.8 Table 9-26).
    say_and_leave(socket_, std::string_view("\7\0\0\0\0\4\0\0\2\6", 10));
  }
  return {};
}

bool Session::receive(std::string first) {
  LinkHandover handover;
  handover.control = control_;
  handover.first = std::move(first);
  handover.handle = std::unique_lock(external_handle_mutex());
  dcmExternalSocketHandle.set(socket_);
  T_ASC_Network* network = place_.network;
  const OFCondition condition = ASC_receiveAssociation(network, &association_, static_cast<long>(options_.pdu_bytes));
  if (handover.handle.owns_lock()) {
    dcmExternalSocketHandle.set(-1);
    handover.handle.unlock();
  }
  link_ = handover.link;
  if (link_ != nullptr) socket_ = -1;  // DCMTK closes it now
  return condition.good();
}

std::optional<Rejection> Session::rejection() {
  if (std::string_view(association_->params->DULparams.applicationContextName) != UID_StandardApplicationContext)
    return wrong_context;
  if (peer_.called_title != options_.ae_title) return wrong_called;
  if (!printable(peer_.calling_title)) return wrong_calling;
  if (const auto admitted = service_.admit(peer_); !admitted) {
    const Fault fault = admitted.error().fault;
    return fault == Fault::exhausted || fault == Fault::unavailable || fault == Fault::timed_out ? congested
                                                                                                 : wrong_calling;
  }
  return std::nullopt;
}

bool Session::reject(const Rejection& why) {
  log::warning("dimse.rejected",
               {{"address", peer_.address}, {"calling", peer_.calling_title}, {"reason", why.reason}});
  ASC_rejectAssociation(association_, &why.parameters);
  link_->wait(seconds(1));  // the peer closes first
  return false;
}

bool Session::accept_contexts() {
  T_ASC_Parameters* params = association_->params;
  const int count = ASC_countPresentationContexts(params);
  for (int i = 0; i < count; ++i) {
    T_ASC_PresentationContext proposed;
    if (ASC_getPresentationContext(params, i, &proposed).bad()) return false;
    const unsigned char id = proposed.presentationContextID;
    const std::string_view abstract_syntax = proposed.abstractSyntax;
    if (abstract_syntax != verification_class && abstract_syntax != performed_step_class &&
        !may_be_storage(abstract_syntax)) {
      ASC_refusePresentationContext(params, id, ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
      continue;
    }
    // The sender's order is its preference; we keep what comes, so each syntax is as good as another.
    const auto* first = proposed.proposedTransferSyntaxes;
    const auto* last = first + proposed.transferSyntaxCount;
    const auto* taken = std::find_if(first, last, [](const DIC_UI& syntax) { return is_loose_uid(syntax); });
    if (taken == last) {
      ASC_refusePresentationContext(params, id, ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
    } else if (ASC_acceptPresentationContext(params, id, *taken).bad()) {
      return false;
    }
  }
  return true;
}

bool Session::accept() {
  return accept_contexts() && ASC_acknowledgeAssociation(association_).good();
}

void Session::run() {
  const std::string first = first_pdu();
  std::string request = first.empty() ? first : checked(first);
  if (request.empty() || !receive(std::move(request))) return;
  ends_ = now() + options_.total;
  if (const auto why = rejection()) {
    reject(*why);
    return;
  }
  if (!place_.enter(peer_.address)) {
    reject(too_many);
    return;
  }
  const Leaving leaving{place_, peer_.address};  // whatever is thrown below, the place is given back
  if (!accept()) return;
  service_.opened(peer_);
  Next how = Next::broken;
  try {
    how = serve();
  } catch (const std::exception& fault) {
    log::error("dimse.session", {{"association", peer_.number}, {"fault", fault.what()}});
  }
  finish(how);
  service_.closed(peer_, how == Next::released);
}

void Session::finish(Next how) {
  if (how == Next::released) {
    ASC_acknowledgeRelease(association_);
    link_->wait(seconds(1));  // ARTIM: the requestor closes
  } else if (how == Next::broken) {
    link_->abort(true, DUL_ABORTNOREASON);
  }
  if (how != Next::released) {
    log::warning("dimse.aborted",
                 {{"association", peer_.number}, {"by", how == Next::aborted ? "peer" : "node"}, {"stored", stored_}});
  }
}

Session::Next Session::serve() {
  for (;;) {
    control_->last_active = now();
    if (!link_->wait(std::min<microseconds>(options_.idle, ends_ - now()))) {
      if (now() >= ends_) log::warning("dimse.total_time", {{"association", peer_.number}});
      return Next::broken;
    }
    const Next next = one_message();
    if (next != Next::message) return next;
  }
}

Session::Next Session::ended(const OFCondition& condition) const {
  if (condition == DUL_PEERREQUESTEDRELEASE) return Next::released;
  if (condition == DUL_PEERABORTEDASSOCIATION || condition == DUL_NETWORKCLOSED) return Next::aborted;
  return Next::broken;
}

Result<Command> Session::read_command(unsigned char& context, Next& end) {
  const Error bad{Fault::malformed, "dimse.command", "The peer sends no well-formed command"};
  std::string bytes;
  const microseconds until = std::min<microseconds>(now() + options_.idle, ends_);
  for (;;) {
    DUL_PDV pdv{};
    const OFCondition condition = next_pdv(*association_, pdv, static_cast<int>(options_.idle.count()));
    if (condition.bad() || condition == DUL_PEERREQUESTEDRELEASE) {
      end = bytes.empty() ? ended(condition) : Next::aborted;
      return bad;
    }
    end = Next::broken;
    if (!pdv.lastPDV && now() > until) return bad;  // a command is small: it comes at once
    if (pdv.pdvType != DUL_COMMANDPDV || (!bytes.empty() && pdv.presentationContextID != context)) return bad;
    context = pdv.presentationContextID;
    bytes.append(static_cast<const char*>(pdv.data), pdv.fragmentLength);
    if (bytes.size() > Command::most_bytes) return bad;
    if (pdv.lastPDV) return Command::parse(as_bytes(bytes));
  }
}

Session::Next Session::one_message() {
  unsigned char context = 0;
  Next end = Next::broken;
  const auto request = read_command(context, end);
  if (!request) return end;
  switch (request->number(Command::field)) {
    case Command::c_echo_rq:
      return echo(*request, context);
    case Command::c_store_rq:
      return store(*request, context);
    case Command::n_create_rq:
    case Command::n_set_rq:
      return step(*request, context);
    case Command::c_cancel_rq:
      return Next::message;  // nothing runs that it could cancel
    default:
      log::warning("dimse.unknown_command",
                   {{"association", peer_.number}, {"field", request->number(Command::field)}});
      return Next::broken;
  }
}

Session::Next Session::echo(const Command& request, unsigned char context) {
  if (request.number(Command::data_set_type) != Command::no_data_set) return Next::broken;
  return answer(request, context, Command::c_echo_rsp, 0, "");
}

Session::Next Session::answer(const Command& request, unsigned char context, std::uint16_t field, std::uint16_t status,
                              const std::string& comment) {
  Command response;
  response.set_uid(Command::affected_class, request.text(Command::affected_class));
  response.set_number(Command::field, field);
  response.set_number(Command::responded_id, request.number(Command::message_id));
  response.set_number(Command::data_set_type, Command::no_data_set);
  response.set_number(Command::status, status);
  if (!comment.empty()) response.set_text(Command::error_comment, comment);
  if (field == Command::c_store_rsp)
    response.set_uid(Command::affected_instance, request.text(Command::affected_instance));
  const OFCondition sent = send_pdvs(*association_, context, DUL_COMMANDPDV, response.encoded(), true);
  return sent.good() ? Next::message : Next::aborted;
}

Result<std::unique_ptr<InstanceSink>> Session::open_sink(const Command& request, unsigned char context) {
  T_ASC_PresentationContext accepted;
  if (ASC_findAcceptedPresentationContext(association_->params, context, &accepted).bad()) {
    return Error{Fault::refused, "dimse.context", "The presentation context was not accepted",
                 "context " + std::to_string(context)};
  }
  StoreRequest store;
  store.sop_class_uid = request.text(Command::affected_class);
  store.sop_instance_uid = request.text(Command::affected_instance);
  store.transfer_syntax = accepted.acceptedTransferSyntax;
  if (!is_loose_uid(store.sop_class_uid) || !is_loose_uid(store.sop_instance_uid)) {
    return Error{Fault::malformed, "dimse.uid", "SOP Class or Instance UID of the request is no UID",
                 "(0000,0002) (0000,1000)"};
  }
  if (store.sop_class_uid != accepted.abstractSyntax || store.sop_class_uid == performed_step_class) {
    return Error{Fault::refused, "dimse.class", "SOP Class UID is not that of the presentation context", "(0000,0002)"};
  }
  return service_.store(peer_, store);
}

/// Streams the data set into the sink. When the sink refuses, the rest is read and dropped, so that the answer can be
/// given in order.
Session::Next Session::read_data_set(unsigned char context, Result<std::unique_ptr<InstanceSink>>& sink) {
  std::uint64_t total = 0;
  std::uint64_t wasted = 0;
  microseconds waited{0};
  for (;;) {
    const microseconds before = now();
    DUL_PDV pdv{};
    const OFCondition condition = next_pdv(*association_, pdv, static_cast<int>(options_.idle.count()));
    waited += now() - before;
    control_->last_active = now();
    if (condition.bad() || condition == DUL_PEERREQUESTEDRELEASE) {
      return condition == DUL_PEERREQUESTEDRELEASE ? Next::broken : ended(condition);
    }
    if (pdv.pdvType != DUL_DATASETPDV || pdv.presentationContextID != context) return Next::broken;
    total += pdv.fragmentLength;
    const bool slow = waited > options_.slow_after &&
                      static_cast<double>(total) <
                          static_cast<double>(options_.least_rate) * std::chrono::duration<double>(waited).count();
    if (slow || now() >= ends_) {
      log::warning(slow ? "dimse.slow" : "dimse.total_time", {{"association", peer_.number}, {"bytes", total}});
      return Next::broken;
    }
    if (total > options_.object_bytes && sink) {
      sink = Error{Fault::too_large, "dimse.object_too_large", "The object is larger than dicom.object_bytes"};
    }
    if (sink) {
      const Bytes bytes(static_cast<const std::byte*>(pdv.data), pdv.fragmentLength);
      if (auto taken = (*sink)->append(bytes); !taken) sink = std::move(taken).error();
    } else {
      wasted += pdv.fragmentLength;
      if (wasted > most_waste && total > options_.object_bytes) return Next::broken;
    }
    if (pdv.lastPDV) return Next::message;
  }
}

Session::Next Session::store(const Command& request, unsigned char context) {
  const bool has_data = request.number(Command::data_set_type) != Command::no_data_set;
  Result<std::unique_ptr<InstanceSink>> sink = open_sink(request, context);
  Result<void> stored;
  if (has_data) {
    const Next next = read_data_set(context, sink);
    if (next != Next::message) return next;  // the sink goes unended: nothing of it stays
    stored = sink ? (*sink)->end() : Result<void>(sink.error());
  } else {
    stored = Error{Fault::malformed, "dimse.no_data_set", "The request carries no data set"};
  }
  sink = Error{};
  if (stored) {
    ++stored_;
    return answer(request, context, Command::c_store_rsp, 0, "");
  }
  const Error& error = stored.error();
  tell("dimse.refused", error, {"association", peer_.number});
  return answer(request, context, Command::c_store_rsp, row_of(error.fault).dimse, error_comment(error));
}

}  // namespace vedette::wire
