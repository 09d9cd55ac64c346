// Performed procedure steps: N-CREATE and N-SET (PS3.7 sections 10.1.3 and 10.1.5, PS3.4 Annex F).
#include "base/log.hpp"
#include "dicom/uid.hpp"
#include "wire/dimse_session.hpp"
#include "wire/storage_classes.hpp"

namespace vedette::wire {
namespace {

constexpr std::size_t most_step_bytes = 4U << 20U;  ///< some 30,000 referenced images
constexpr std::string_view no_uid = "dimse.uid";
constexpr std::uint16_t no_more_updates = 0xA710;  ///< Error ID, PS3.4 section F.7.2.2.2

/// Keeps the attributes of one step in memory.
class StepBytes final : public InstanceSink {
 public:
  explicit StepBytes(std::string& bytes) : bytes_(bytes) {}
  Result<void> append(Bytes bytes) override {
    if (bytes.size() > most_step_bytes - bytes_.size()) {
      return Error{Fault::too_large, "dimse.step_too_large", "The procedure step has more than 4 MiB of attributes"};
    }
    bytes_ += as_text(bytes);
    return {};
  }
  Result<void> end() override { return {}; }

 private:
  std::string& bytes_;
};

/// PS3.7 Annex C; the statuses of fault_table are those of C-STORE.
std::uint16_t step_status(const Error& error) {
  if (error.code == step_without_value) return 0x0121;
  if (error.code == no_uid) return 0x0117;
  switch (error.fault) {
    case Fault::conflict:
    case Fault::not_found:
    case Fault::changed:
    case Fault::forbidden:
    case Fault::unauthenticated:
      return row_of(error.fault).dimse;
    case Fault::malformed:
      return 0x0106;
    case Fault::refused:
      return 0x0120;
    case Fault::unsupported:
      return 0x0122;
    case Fault::too_large:
    case Fault::exhausted:
    case Fault::unavailable:
    case Fault::timed_out:
    case Fault::throttled:
      return 0x0213;
    default:
      return 0x0110;
  }
}

}  // namespace

Result<void> StoreService::step(const Peer&, bool, const std::string&, const std::string&, Bytes) {
  return Error{Fault::unsupported, "dimse.steps", "Procedure steps are not taken here"};
}

Result<void> Session::check_step(const Command& request, unsigned char context, bool created, std::string& instance_uid,
                                 std::string& transfer_syntax) const {
  T_ASC_PresentationContext accepted;
  if (ASC_findAcceptedPresentationContext(association_->params, context, &accepted).bad() ||
      std::string_view(accepted.abstractSyntax) != performed_step_class ||
      request.text(created ? Command::affected_class : Command::requested_class) != performed_step_class) {
    return Error{Fault::unsupported, "dimse.class", "Only procedure steps are created and set here",
                 created ? "(0000,0002)" : "(0000,0003)"};
  }
  transfer_syntax = accepted.acceptedTransferSyntax;
  // PS3.7 section 10.1.5.1.4: the one who creates may leave the name to us.
  if (created && instance_uid.empty()) instance_uid = dicom::make_uid();
  if (!is_loose_uid(instance_uid)) {
    return Error{Fault::malformed, std::string(no_uid), "The SOP Instance UID of the request is no UID",
                 created ? "(0000,1000)" : "(0000,1001)"};
  }
  return {};
}

Session::Next Session::step(const Command& request, unsigned char context) {
  const bool created = request.number(Command::field) == Command::n_create_rq;
  std::string instance_uid = request.text(created ? Command::affected_instance : Command::requested_instance);
  std::string transfer_syntax;
  std::string bytes;
  Result<void> done = check_step(request, context, created, instance_uid, transfer_syntax);
  if (request.number(Command::data_set_type) != Command::no_data_set) {
    Result<std::unique_ptr<InstanceSink>> sink = Error{};
    if (done) {
      sink = std::unique_ptr<InstanceSink>(std::make_unique<StepBytes>(bytes));
    } else {
      sink = done.error();
    }
    const Next next = read_data_set(context, sink);
    if (next != Next::message) return next;
    if (!sink) done = sink.error();
  }
  if (done) done = service_.step(peer_, created, instance_uid, transfer_syntax, as_bytes(bytes));
  if (!done) log::failure("dimse.step_refused", done.error(), {{"association", peer_.number}});
  return answer_step(request, context, instance_uid, done);
}

Session::Next Session::answer_step(const Command& request, unsigned char context, const std::string& instance_uid,
                                   const Result<void>& done) {
  const bool created = request.number(Command::field) == Command::n_create_rq;
  Command response;
  response.set_uid(Command::affected_class, performed_step_class);
  response.set_number(Command::field, created ? Command::n_create_rsp : Command::n_set_rsp);
  response.set_number(Command::responded_id, request.number(Command::message_id));
  response.set_number(Command::data_set_type, Command::no_data_set);
  response.set_number(Command::status, done ? 0 : step_status(done.error()));
  if (!done) {
    response.set_text(Command::error_comment, error_comment(done.error()));
    if (done.error().fault == Fault::changed) response.set_number(Command::error_id, no_more_updates);
  }
  if (is_loose_uid(instance_uid)) response.set_uid(Command::affected_instance, instance_uid);
  const OFCondition sent = send_pdvs(*association_, context, DUL_COMMANDPDV, response.encoded(), true);
  return sent.good() ? Next::message : Next::aborted;
}

}  // namespace vedette::wire
