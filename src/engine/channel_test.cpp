// A client against engines that lie, and the words that both speak.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <functional>
#include <limits>
#include <thread>

#include "engine/channel.hpp"
#include "engine/message.hpp"

namespace vedette::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Description small_network() {
  Description out;
  out.inputs = {{"x", Element::f32, {-1, 4}}};
  out.outputs = {{"y", Element::f32, {-1, 4}}};
  out.engine = "fake";
  return out;
}

/// An engine that answers as it is told.
class FakeEngine {
 public:
  using Answer = std::function<void(int socket, const Call& call, std::vector<Descriptor>& inputs)>;
  explicit FakeEngine(Answer answer) {
    auto [ours, theirs] = *make_socket_pair();
    client = std::move(ours);
    thread_ = std::jthread([socket = std::move(theirs), answer = std::move(answer)] {
      (void)send_packet(socket.get(), encode(small_network()), {}, steady_clock::now());
      std::vector<Descriptor> inputs;  // known from call to call
      for (;;) {
        auto packet = receive_packet(socket.get(), steady_clock::now() + std::chrono::seconds(10));
        if (!packet) return;
        if (!packet->descriptors.empty()) inputs = std::move(packet->descriptors);
        if (const auto call = decode_call(packet->bytes)) answer(socket.get(), *call, inputs);
      }
    });
  }
  Result<std::vector<Tensor>> infer(const InferOptions& options = {.deadline = std::chrono::seconds(5)}) {
    auto network = connect_network(std::move(client), std::chrono::seconds(5));
    if (!network) return network.error();
    const Tensor input = *Tensor::make<float>("x", {1, 4});
    auto first = (*network)->infer({&input, 1}, options);
    again = (*network)->infer({&input, 1}, {.deadline = milliseconds(100)});
    return first;
  }
  Descriptor client;
  std::optional<Result<std::vector<Tensor>>> again;  ///< a second call after the first

 private:
  std::jthread thread_;
};

void reply(int socket, std::uint64_t serial, const Outline& outline, int descriptor) {
  (void)send_packet(socket, encode(Reply{serial, {outline}}), {&descriptor, 1}, steady_clock::now());
}

TEST(Channel, PassesTensorsWithoutACopy) {
  FakeEngine engine([](int socket, const Call& call, std::vector<Descriptor>& inputs) {
    reply(socket, call.serial, {"y", Element::f32, {1, 4}}, inputs[0].get());
  });
  const auto out = engine.infer();
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ((*out)[0].shape, (Shape{1, 4}));
  EXPECT_TRUE(*engine.again);
}

TEST(Channel, WrongOutputsAreRefusedAndEndTheConnection) {
  const Outline lies[] = {{"z", Element::f32, {1, 4}},
                          {"y", Element::f64, {1, 4}},
                          {"y", Element::f32, {1, 5}},
                          {"y", Element::f32, {4}},
                          {"y", Element::f32, {1'000'000, 4}}};
  for (const Outline& lie : lies) {
    FakeEngine engine([&](int socket, const Call& call, std::vector<Descriptor>& inputs) {
      reply(socket, call.serial, lie, inputs[0].get());
    });
    const auto out = engine.infer();
    ASSERT_FALSE(out) << lie.name << text_of(lie.shape);
    EXPECT_EQ(out.error().code, "engine.answer");
    EXPECT_EQ(engine.again->error().code, "engine.lost");
  }
}

TEST(Channel, MemoryThatCouldBeTakenAwayIsRefused) {
  const auto given = [](int descriptor) {
    FakeEngine engine([=](int socket, const Call& call, std::vector<Descriptor>&) {
      reply(socket, call.serial, {"y", Element::f32, {1, 4}}, descriptor);
    });
    const auto out = engine.infer();
    return out ? "taken" : out.error().code;
  };
  const Descriptor unsealed(memfd_create("x", MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(unsealed.get(), 16), 0);
  EXPECT_EQ(given(unsealed.get()), "engine.answer");
  const Descriptor file(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(given(file.get()), "engine.answer");
  const auto little = Memory::make(8);
  EXPECT_EQ(given(little->descriptor()), "engine.answer");
}

TEST(Channel, MemoryThatWasNotGivenBackIsNotTakenTwice) {
  FakeEngine engine([](int socket, const Call& call, std::vector<Descriptor>&) {
    (void)send_packet(socket, encode(Reply{call.serial, {{"y", Element::f32, {1, 4}, 77, false}}}), {},
                      steady_clock::now());
  });
  EXPECT_EQ(engine.infer().error().code, "engine.answer");
}

TEST(Channel, NumbersThatAreNoneAreSaidUnlessAllowed) {
  const auto engine_with = [](float value) {
    return FakeEngine([=](int socket, const Call& call, std::vector<Descriptor>&) {
      Tensor out = *Tensor::make<float>("y", {1, 4});
      out.as<float>()[2] = value;
      reply(socket, call.serial, {"y", Element::f32, {1, 4}}, out.memory.descriptor());
    });
  };
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    auto engine = engine_with(bad);
    const auto out = engine.infer();
    ASSERT_FALSE(out);
    EXPECT_EQ(out.error().code, "engine.not_finite");
    EXPECT_NE(out.error().text().find("y: 1 of 4"), std::string::npos) << out.error().text();
    auto allowing = engine_with(bad);
    EXPECT_TRUE(allowing.infer({.allow_not_finite = true}));
  }
  auto engine = engine_with(std::numeric_limits<float>::max());
  EXPECT_TRUE(engine.infer());
}

TEST(Channel, GarbageForeignSerialsAndSilenceEndTheConnection) {
  FakeEngine garbage([](int socket, const Call&, std::vector<Descriptor>&) {
    (void)send_packet(socket, "hello", {}, steady_clock::now());
  });
  EXPECT_EQ(garbage.infer().error().code, "engine.answer");
  FakeEngine foreign([](int socket, const Call& call, std::vector<Descriptor>& inputs) {
    reply(socket, call.serial + 1, {"y", Element::f32, {1, 4}}, inputs[0].get());
  });
  EXPECT_EQ(foreign.infer().error().code, "engine.answer");
  FakeEngine silent([](int, const Call&, std::vector<Descriptor>&) {});
  const auto start = steady_clock::now();
  EXPECT_EQ(silent.infer({.deadline = milliseconds(50)}).error().code, "engine.time_limit");
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(4));
  EXPECT_EQ(silent.again->error().code, "engine.lost");
}

TEST(Channel, AStopIsSeenWhileItWaits) {
  FakeEngine silent([](int, const Call&, std::vector<Descriptor>&) {});
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(100));
    stop.request_stop();
  });
  EXPECT_EQ(silent.infer({.deadline = std::chrono::seconds(8), .stop = stop.get_token()}).error().code,
            "engine.stopped");
}

TEST(Channel, AFailureIsWordsOfPrintableCharactersOnly) {
  FakeEngine engine([](int socket, const Call& call, std::vector<Descriptor>&) {
    Error error{Fault::refused, "engine.computation", "bad\n\x1b[31m thing", "x", "y"};
    (void)send_packet(socket, encode(Failure{call.serial, error}), {}, steady_clock::now());
  });
  const auto out = engine.infer();
  EXPECT_EQ(out.error().code, "engine.computation");
  EXPECT_EQ(out.error().cause, "bad  [31m thing");
  EXPECT_EQ(engine.again->error().code, "engine.computation");  // both sides still know where they are
}

TEST(Channel, InputsAreCheckedBeforeTheyAreSent) {
  FakeEngine engine([](int, const Call&, std::vector<Descriptor>&) { FAIL() << "nothing may be sent"; });
  auto network = connect_network(std::move(engine.client), std::chrono::seconds(5));
  ASSERT_TRUE(network);
  const auto code_of_input = [&](Tensor input) {
    const auto out = (*network)->infer({&input, 1}, {});
    return out ? std::string("taken") : out.error().text();
  };
  EXPECT_NE(code_of_input(*Tensor::make<float>("x", {1, 5})).find("It takes [?,4]"), std::string::npos);
  EXPECT_NE(code_of_input(*Tensor::make<double>("x", {1, 4})).find("It takes f32"), std::string::npos);
  EXPECT_NE(code_of_input(*Tensor::make<float>("w", {1, 4})).find("Its inputs are x"), std::string::npos);
  EXPECT_NE((*network)->infer({}, {}).error().text().find("missing (x)"), std::string::npos);
}

TEST(Message, EveryCutAndChangedPacketIsReadWithoutHarm) {
  Call call{7, 1000, {{"x", Element::f32, {1, 3, 224, 224}}, {"p", Element::i64, {}}}, {"y"}};
  const std::string packets[] = {encode(call),
                                 encode(Reply{7, {{"y", Element::f16, {2, 2}}}}),
                                 encode(small_network()),
                                 encode(Failure{1, {Fault::refused, "engine.input", "c"}}),
                                 encode(Health{5, true, 9}),
                                 encode_attach(1)};
  const auto read_all = [](std::string_view bytes) {
    return int{decode_call(bytes).has_value()} + decode_reply(bytes).has_value() +
           decode_description(bytes).has_value() + decode_failure(bytes).has_value() +
           decode_health(bytes).has_value() + decode_attach(bytes).has_value();
  };
  for (std::string bytes : packets) {
    EXPECT_EQ(read_all(bytes), 1);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_EQ(read_all(std::string_view(bytes).substr(0, cut)), 0);
    EXPECT_EQ(read_all(bytes + "x"), 0);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        const char before = std::exchange(bytes[at], static_cast<char>(value));
        EXPECT_LE(read_all(bytes), 1);
        bytes[at] = before;
      }
    }
  }
  const auto back = decode_call(encode(call));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->inputs[0].shape, call.inputs[0].shape);
  EXPECT_EQ(back->outputs, call.outputs);
}

TEST(Message, MoreDescriptorsThanAllowedAreNotTaken) {
  auto [one, two] = *make_socket_pair();
  const std::vector<int> many(PacketBounds::descriptors + 1, one.get());
  EXPECT_EQ(send_packet(one.get(), "x", many, steady_clock::now()).error().code, "engine.size");
}

TEST(TensorMemory, HasTheBytesOfItsShapeOrIsRefused) {
  EXPECT_EQ(bytes_of(Element::f32, {2, 3}), 24U);
  EXPECT_EQ(bytes_of(Element::f32, {}), 4U);
  EXPECT_EQ(bytes_of(Element::f32, {0, 3}), 0U);
  EXPECT_EQ(bytes_of(Element::f32, {-1}), std::nullopt);
  EXPECT_EQ(bytes_of(Element::u8, {1LL << 40, 1LL << 40}), std::nullopt);
  EXPECT_EQ(bytes_of(Element::u8, {0, 1LL << 62}), std::nullopt);
  EXPECT_EQ(bytes_of(Element::u8, Shape(9, 1)), std::nullopt);
  EXPECT_EQ(Tensor::make<float>("x", {1LL << 33}).error().code, "engine.size");
  auto tensor = Tensor::make<float>("x", {2, 2});
  EXPECT_EQ(tensor->as<float>().size(), 4U);
  EXPECT_TRUE(tensor->as<int>().empty());
  EXPECT_EQ(ftruncate(tensor->memory.descriptor(), 1), -1);  // sealed
}

TEST(TensorMemory, CountsWhatIsNoNumberInEachFloatingType) {
  auto f = *Tensor::make<float>("x", {1000});
  f.as<float>()[3] = NAN;
  f.as<float>()[999] = -INFINITY;
  f.as<float>()[500] = 3e38F;
  EXPECT_EQ(count_not_finite(f), 2U);
  auto d = *Tensor::make<double>("x", {3});
  d.as<double>()[1] = NAN;
  EXPECT_EQ(count_not_finite(d), 1U);
  auto h = *Tensor::make("x", Element::f16, {2});
  h.memory.bytes()[1] = std::byte{0x7C};
  EXPECT_EQ(count_not_finite(h), 1U);
}

}  // namespace
}  // namespace vedette::engine
