#include "dimse/door.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "intake/intake_fixture.hpp"

namespace vedette::dimse {
namespace {

/// The real way in: a server on a free port, the door, intake, vault and index behind it.
class DimseDoor : public intake::IntakeTest {
 protected:
  void serve(const std::vector<std::string>& rules = {}) {
    open();
    door = std::make_unique<Door>(*intake_, Callers::parse(rules).value());
    auto made = wire::DimseServer::start({}, *door);
    ASSERT_TRUE(made);
    server = std::move(made).value();
    remote.host = "127.0.0.1";
    remote.port = server->port();
    remote.ae_title = "VEDETTE";
    remote.own_title = "CT1";
    remote.timeout = seconds(10);
  }
  ~DimseDoor() override { server.reset(); }
  wire::OutgoingInstance file(int number) {
    const dicom::DataSet data = slice(number);
    const std::string path = folder_ + "/" + std::to_string(number) + ".dcm";
    auto bytes = dicom::write_file(data, explicit_le);
    EXPECT_TRUE(bytes);
    std::ofstream(path, std::ios::binary) << bytes.value_or("");
    const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    // shared: that is how a piece of a file is owned
    const std::shared_ptr<void> owner(nullptr, [opened](void*) { ::close(opened); });
    return {std::string(dicom::uids::ct_image_storage),
            "1.2.3.1." + std::to_string(number),
            std::string(explicit_le),
            {"", opened, 0, static_cast<std::int64_t>(std::filesystem::file_size(path)), owner}};
  }

  std::unique_ptr<Door> door;
  std::unique_ptr<wire::DimseServer> server;
  wire::Remote remote;
};

TEST_F(DimseDoor, SentInstancesAreInVaultAndIndex) {
  serve();
  std::vector<wire::OutgoingInstance> instances;
  for (int i = 1; i <= 5; ++i) instances.push_back(file(i));
  const auto results = wire::store(remote, instances);
  ASSERT_TRUE(results) << results.error().text();
  for (const auto& result : *results) EXPECT_TRUE(result) << result.error().text();
  ASSERT_TRUE(intake_->settle());
  EXPECT_TRUE(instance("1.2.3.1.5"));
  EXPECT_EQ(blobs_in_vault(), 5);
  server->drain(seconds(2));
}

TEST_F(DimseDoor, UnknownCallersAreTurnedAway) {
  serve({"MR1@*"});
  const auto refused = wire::echo(remote);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::forbidden);
  remote.own_title = "MR1";
  EXPECT_TRUE(wire::echo(remote));
}

TEST_F(DimseDoor, ADataSetThatDisagreesWithItsRequestIsRefused) {
  serve();
  wire::OutgoingInstance wrong = file(1);
  wrong.sop_instance_uid = "1.2.3.1.99";
  const auto results = wire::store(remote, {wrong});
  ASSERT_TRUE(results);
  EXPECT_FALSE(results->front());
  EXPECT_EQ(blobs_in_vault(), 0);
}

}  // namespace
}  // namespace vedette::dimse
