// The limit of the protocol: DCMTK's association and DIMSE layers over our transport layer, one write and one fdatasync
// for each instance. Nothing is parsed, hashed or indexed, and nothing could be found again.
//   vedette_bench_bare_receiver PORT FOLDER [--no-flush]
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "dcmtk/dcmnet/dimse.h"
#include "wire/dimse_link.hpp"

namespace {

using vedette::wire::LinkHandover;

constexpr long pdu_bytes = 131072;
constexpr int patience_seconds = 60;

struct Receiver {
  T_ASC_Network* network = nullptr;
  std::string folder;
  bool flush = true;
  std::atomic<int> next{0};
};

bool accept_all(T_ASC_Association& association) {
  T_ASC_Parameters* params = association.params;
  for (int i = 0; i < ASC_countPresentationContexts(params); ++i) {
    T_ASC_PresentationContext proposed;
    if (ASC_getPresentationContext(params, i, &proposed).bad()) return false;
    if (ASC_acceptPresentationContext(params, proposed.presentationContextID, proposed.proposedTransferSyntaxes[0])
            .bad())
      return false;
  }
  return ASC_acknowledgeAssociation(&association).good();
}

bool receive_data(T_ASC_Association& association, std::string& bytes) {
  bytes.clear();
  for (;;) {
    DUL_PDV pdv{};
    if (vedette::wire::next_pdv(association, pdv, patience_seconds).bad()) return false;
    bytes.append(static_cast<const char*>(pdv.data), pdv.fragmentLength);
    if (pdv.lastPDV) return true;
  }
}

bool write_out(int file, const std::string& bytes, bool flush) {
  if (::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return false;
  return !flush || ::fdatasync(file) == 0;
}

void serve(Receiver& receiver, T_ASC_Association& association) {
  const std::string path = receiver.folder + "/" + std::to_string(receiver.next++);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  std::string bytes;
  for (;;) {
    T_DIMSE_Message message;
    T_ASC_PresentationContextID context = 0;
    const OFCondition got =
        DIMSE_receiveCommand(&association, DIMSE_BLOCKING, patience_seconds, &context, &message, nullptr);
    if (got == DUL_PEERREQUESTEDRELEASE) {
      ASC_acknowledgeRelease(&association);
      break;
    }
    if (got.bad() || message.CommandField != DIMSE_C_STORE_RQ) break;
    const T_DIMSE_C_StoreRQ& request = message.msg.CStoreRQ;
    if (!receive_data(association, bytes) || !write_out(file, bytes, receiver.flush)) break;
    T_DIMSE_C_StoreRSP response{};
    response.DimseStatus = STATUS_Success;
    response.MessageIDBeingRespondedTo = request.MessageID;
    response.DataSetType = DIMSE_DATASET_NULL;
    OFStandard::strlcpy(response.AffectedSOPClassUID, request.AffectedSOPClassUID, sizeof response.AffectedSOPClassUID);
    OFStandard::strlcpy(response.AffectedSOPInstanceUID, request.AffectedSOPInstanceUID,
                        sizeof response.AffectedSOPInstanceUID);
    response.opts = O_STORE_AFFECTEDSOPCLASSUID | O_STORE_AFFECTEDSOPINSTANCEUID;
    if (DIMSE_sendStoreResponse(&association, context, &request, &response, nullptr).bad()) break;
  }
  ::close(file);
}

void take(Receiver& receiver, int socket) {
  T_ASC_Association* association = nullptr;
  OFCondition received = EC_Normal;
  {
    LinkHandover handover;
    handover.handle = std::unique_lock(vedette::wire::external_handle_mutex());
    dcmExternalSocketHandle.set(socket);
    received = ASC_receiveAssociation(receiver.network, &association, pdu_bytes);
    if (handover.handle.owns_lock()) dcmExternalSocketHandle.set(-1);
  }
  if (received.good() && accept_all(*association)) serve(receiver, *association);
  ASC_dropAssociation(association);
  ASC_destroyAssociation(&association);
}

int listen_on(std::uint16_t port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || ::listen(listener, 64) != 0) return -1;
  return listener;
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    std::fprintf(stderr, "usage: vedette_bench_bare_receiver PORT FOLDER [--no-flush]\n");
    return 2;
  }
  Receiver receiver;
  receiver.folder = words[2];
  receiver.flush = count < 4 || std::string_view(words[3]) != "--no-flush";
  vedette::wire::prepare_dcmtk();
  vedette::wire::LinkLayer layer{vedette::seconds(patience_seconds)};
  dcmExternalSocketHandle.set(0);
  if (ASC_initializeNetwork(NET_ACCEPTOR, 0, 15, &receiver.network).bad()) return 1;
  dcmExternalSocketHandle.set(-1);
  ASC_setTransportLayer(receiver.network, &layer, 0);
  const int listener = listen_on(static_cast<std::uint16_t>(std::atoi(words[1])));
  if (listener < 0) {
    std::perror("listen");
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket >= 0) std::thread([&receiver, socket] { take(receiver, socket); }).detach();
  }
}
