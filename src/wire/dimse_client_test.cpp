#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <csignal>

#include "wire/dimse_testing.hpp"

namespace vedette::wire {
namespace {

using namespace testing_;

class DimseClient : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() / ("vedette-scu-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder / "in");
    auto made = DimseServer::start({}, service);
    ASSERT_TRUE(made);
    server = std::move(made).value();
    remote.host = "127.0.0.1";
    remote.port = server->port();
    remote.ae_title = "VEDETTE";
    remote.timeout = seconds(5);
  }
  void TearDown() override {
    server.reset();
    std::filesystem::remove_all(folder);
  }
  OutgoingInstance instance(const std::string& uid, const std::string& sop_class, const std::string& syntax,
                            unsigned side = 32) {
    const std::string data = data_set(sop_class, uid, side, static_cast<unsigned>(uid.size()) + side);
    const auto file = folder / (uid + ".dcm");
    write_file(file, part10(sop_class, uid, syntax, data));
    sent[uid] = data;
    const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    const std::shared_ptr<void> owner(nullptr, [opened](void*) { ::close(opened); });
    return {
        sop_class, uid, syntax, {"", opened, 0, static_cast<std::int64_t>(std::filesystem::file_size(file)), owner}};
  }

  std::filesystem::path folder;
  KeepingService service;
  std::unique_ptr<DimseServer> server;
  Remote remote;
  std::map<std::string, std::string> sent;
};

TEST_F(DimseClient, EchoSucceedsOrSaysWhy) {
  EXPECT_TRUE(echo(remote));
  Remote wrong = remote;
  wrong.ae_title = "OTHER";
  auto answer = echo(wrong);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::forbidden);
  EXPECT_NE(answer.error().cause.find("another AE title"), std::string::npos);
  wrong.port = 1;
  answer = echo(wrong);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::unavailable);
}

TEST_F(DimseClient, EverySyntaxAndClassGoesOutBitForBit) {
  std::vector<OutgoingInstance> instances;
  for (int i = 0; i < 150; ++i) {  // more presentation contexts than one association can have
    instances.push_back(instance("1.2.3." + std::to_string(i + 1), "1.2.826.0.1.3680043.10.99." + std::to_string(i + 1),
                                 i % 2 == 0 ? "1.2.840.10008.1.2.4.201" : std::string(explicit_little)));
  }
  instances.push_back(instance("1.2.3.999", std::string(ct_class), std::string(explicit_little), 1024));
  const auto results = store(remote, instances);
  ASSERT_TRUE(results) << results.error().text();
  ASSERT_EQ(results->size(), instances.size());
  for (const auto& result : *results) EXPECT_TRUE(result);
  EXPECT_EQ(service.opens, 2);
  for (const auto& [uid, data] : sent) EXPECT_EQ(service.got(uid).bytes, data) << uid;
}

TEST_F(DimseClient, OneRefusedObjectDoesNotStopTheOthers) {
  std::vector<OutgoingInstance> instances = {
      instance("1.2.3.1", std::string(ct_class), std::string(explicit_little)),
      instance("1.2.3.2", "1.2.840.10008.5.1.4.31", std::string(explicit_little)),
      instance("1.2.3.3", std::string(ct_class), std::string(explicit_little))};
  const auto results = store(remote, instances);
  ASSERT_TRUE(results);
  EXPECT_TRUE((*results)[0]);
  ASSERT_FALSE((*results)[1]);
  EXPECT_EQ((*results)[1].error().fault, Fault::unsupported);
  EXPECT_TRUE((*results)[2]);
  service.refuse(Error{Fault::exhausted, "x", "full"});
  const auto refused = store(remote, {instances[0]});
  ASSERT_TRUE(refused);
  ASSERT_FALSE(refused->front());
  EXPECT_EQ(refused->front().error().fault, Fault::exhausted);
}

TEST_F(DimseClient, StorescpKeepsWhatWeSend) {
  const int port = 21000 + ::getpid() % 20000;
  const pid_t receiver = ::fork();
  if (receiver == 0) {
    const std::string to = (folder / "in").string();
    ::execlp("storescp", "storescp", "-od", to.c_str(), "+xa", "-aet", "PACS", std::to_string(port).c_str(), nullptr);
    ::_exit(127);
  }
  Remote pacs = remote;
  pacs.port = static_cast<std::uint16_t>(port);
  pacs.ae_title = "PACS";
  bool ready = false;
  for (int i = 0; i < 100 && !ready; ++i) {
    ready = echo(pacs).has_value();
    if (!ready) std::this_thread::sleep_for(milliseconds(50));
  }
  ASSERT_TRUE(ready);
  const auto results = store(pacs, {instance("1.2.3.1", std::string(ct_class), std::string(explicit_little), 300)});
  ::kill(receiver, SIGTERM);
  ::waitpid(receiver, nullptr, 0);
  ASSERT_TRUE(results);
  EXPECT_TRUE(results->front());
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "in")) {
    ++files;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    EXPECT_TRUE(text.ends_with(sent["1.2.3.1"]));
  }
  EXPECT_EQ(files, 1U);
}

TEST(DimseCommand, ReadsWhatItWritesAndRefusesTheRest) {
  Command command;
  command.set_uid(Command::affected_class, "1.2.3");
  command.set_number(Command::field, Command::c_store_rq);
  const std::string bytes = command.encoded();
  const auto read = Command::parse(as_bytes(bytes));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->text(Command::affected_class), "1.2.3");
  EXPECT_EQ(read->encoded(), bytes);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut)
    EXPECT_FALSE(Command::parse(as_bytes(std::string_view(bytes).substr(0, cut)))) << cut;
  std::string group = bytes;
  group[0] = 8;
  EXPECT_FALSE(Command::parse(as_bytes(group)));
}

TEST(DimseCommand, ErrorCommentFitsAndIsPlain) {
  EXPECT_LE(error_comment(Error{Fault::internal, "x", std::string(200, 'a')}).size(), 64U);
  EXPECT_EQ(error_comment(Error{Fault::internal, "x", "a\\b\nc"}), "a b c");
}

}  // namespace
}  // namespace vedette::wire
