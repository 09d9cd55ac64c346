#include <gtest/gtest.h>

#include "wire/dimse_testing.hpp"

namespace vedette::wire {
namespace {

using namespace testing_;

class DimseStep : public ::testing::Test {
 protected:
  static constexpr std::string_view step_class = "1.2.840.10008.3.1.2.3.3";

  void SetUp() override {
    auto made = DimseServer::start({}, service);
    ASSERT_TRUE(made) << made.error().text();
    server = std::move(made).value();
  }
  void associate(const RawPeer& peer, std::string_view abstract = step_class) const {
    peer.say(RawPeer::associate("VEDETTE", std::string(abstract), std::string(explicit_little)));
  }
  /// The response, without its PDU and PDV.
  static Command answer(RawPeer& peer) {
    const std::string pdu = peer.hear();
    auto response = Command::parse(as_bytes(std::string_view(pdu).substr(std::min<std::size_t>(pdu.size(), 12))));
    EXPECT_TRUE(response);
    return response.value_or(Command{});
  }
  static Command ask(RawPeer& peer, const Command& request, const std::string& attributes = "") {
    std::string out = RawPeer::data(request.encoded(), true, true);
    for (std::size_t at = 0; at < attributes.size(); at += 10000)
      out += RawPeer::data(attributes.substr(at, 10000), false, at + 10000 >= attributes.size());
    peer.say(out);
    return answer(peer);
  }
  static std::string attributes() {
    std::string out;
    put(out, 0x0040, 0x0252, "CS", "IN PROGRESS");
    return out;
  }

  KeepingService service;
  std::unique_ptr<DimseServer> server;
};

TEST_F(DimseStep, CreateAndSetReachTheServiceWithTheirBytes) {
  RawPeer peer(server->port());
  associate(peer);
  ASSERT_EQ(peer.hear().substr(0, 1), "\2");
  Command response = ask(peer, RawPeer::step_request(true, "1.2.3.7"), attributes());
  EXPECT_EQ(response.number(Command::field), Command::n_create_rsp);
  EXPECT_EQ(response.number(Command::status), 0);
  EXPECT_EQ(response.number(Command::responded_id), 8);
  EXPECT_EQ(response.text(Command::affected_class), step_class);
  EXPECT_EQ(response.text(Command::affected_instance), "1.2.3.7");
  response = ask(peer, RawPeer::step_request(false, "1.2.3.7", false));
  EXPECT_EQ(response.number(Command::field), Command::n_set_rsp);
  EXPECT_EQ(response.number(Command::status), 0);
  const std::scoped_lock lock(service.mutex);
  ASSERT_EQ(service.steps.size(), 2U);
  EXPECT_TRUE(service.steps[0].created);
  EXPECT_EQ(service.steps[0].bytes, attributes());
  EXPECT_EQ(service.steps[0].transfer_syntax, explicit_little);
  EXPECT_FALSE(service.steps[1].created);
  EXPECT_EQ(service.steps[1].instance_uid, "1.2.3.7");
  EXPECT_TRUE(service.steps[1].bytes.empty());
}

TEST_F(DimseStep, AStepWithoutANameIsGivenOne) {
  RawPeer peer(server->port());
  associate(peer);
  peer.hear();
  const Command response = ask(peer, RawPeer::step_request(true, ""), attributes());
  EXPECT_EQ(response.number(Command::status), 0);
  EXPECT_TRUE(response.text(Command::affected_instance).starts_with("2.25."));
  const std::scoped_lock lock(service.mutex);
  ASSERT_EQ(service.steps.size(), 1U);
  EXPECT_EQ(service.steps[0].instance_uid, response.text(Command::affected_instance));
}

TEST_F(DimseStep, RefusalsHaveTheirStatusAndTheAssociationGoesOn) {
  RawPeer peer(server->port());
  associate(peer);
  peer.hear();
  for (const auto& [fault, status] :
       {std::pair(Fault::conflict, 0x0111), std::pair(Fault::not_found, 0x0112), std::pair(Fault::changed, 0x0110),
        std::pair(Fault::refused, 0x0120), std::pair(Fault::malformed, 0x0106), std::pair(Fault::unsupported, 0x0122),
        std::pair(Fault::forbidden, 0x0124), std::pair(Fault::exhausted, 0x0213), std::pair(Fault::internal, 0x0110)}) {
    service.refuse(Error{fault, "step", "Not this one", "(0040,0252)"});
    const Command response = ask(peer, RawPeer::step_request(true, "1.2.3.7"), attributes());
    EXPECT_EQ(response.number(Command::status), status);
    EXPECT_EQ(response.text(Command::error_comment), "Not this one (0040,0252)");
    EXPECT_EQ(response.number(Command::error_id), fault == Fault::changed ? 0xA710 : 0);
  }
  service.refuse(Error{Fault::refused, std::string(step_without_value), "Empty", "(0040,0252)"});
  EXPECT_EQ(ask(peer, RawPeer::step_request(true, "1.2.3.7"), attributes()).number(Command::status), 0x0121);
  service.refuse(std::nullopt);
  EXPECT_EQ(ask(peer, RawPeer::step_request(true, "../x"), attributes()).number(Command::status), 0x0117);
  EXPECT_EQ(ask(peer, RawPeer::step_request(false, ""), attributes()).number(Command::status), 0x0117);
  Command other = RawPeer::step_request(true, "1.2.3.7");
  other.set_uid(Command::affected_class, ct_class);
  EXPECT_EQ(ask(peer, other, attributes()).number(Command::status), 0x0122);
  EXPECT_EQ(ask(peer, RawPeer::step_request(true, "1.2.3.7"), std::string(5U << 20U, 'x')).number(Command::status),
            0x0213);
  EXPECT_EQ(ask(peer, RawPeer::step_request(true, "1.2.3.7"), attributes()).number(Command::status), 0);
}

TEST_F(DimseStep, StepsAndImagesKeepToTheirOwnContexts) {
  RawPeer images(server->port());
  associate(images, ct_class);
  images.hear();
  EXPECT_EQ(ask(images, RawPeer::step_request(true, "1.2.3.7"), attributes()).number(Command::status), 0x0122);
  RawPeer steps(server->port());
  associate(steps);
  steps.hear();
  const std::string data = data_set(step_class, "1.2.3.1", 8, 1);
  EXPECT_EQ(ask(steps, RawPeer::store_request(std::string(step_class), "1.2.3.1"), data).number(Command::status),
            0xA900);
  EXPECT_EQ(service.count, 0);
}

}  // namespace
}  // namespace vedette::wire
