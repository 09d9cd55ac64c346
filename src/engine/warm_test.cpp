// Real networks in real processes in the real sandbox.
#include "engine/warm.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <set>

#include "engine/message.hpp"
#include "engine/warm_fixture.hpp"

namespace vedette::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds patience{60};

class Networks : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's own memory does not fit inside the walls";
#endif
  }
};

/// Opens, connects, computes once.
Result<std::vector<Tensor>> once(Warm& warm, const NetworkOrder& order, const Tensor& input,
                                 const InferOptions& options = {}) {
  auto lease = warm.open({order}, Urgency::routine, patience, {});
  if (!lease) return std::move(lease).error();
  const auto network = VEDETTE_TRY(client_of(*lease));
  return network->infer({&input, 1}, options);
}

/// Loops as often as it can be told to: no answer before the end of the world.
std::string endless() {
  onnx::Graph body;
  body.inputs = {onnx::port("i", {}, onnx::i64), onnx::port("c", {}, 9), onnx::port("a", {64, 64})};
  body.nodes = {onnx::node("Identity", {"c"}, {"c2"}), onnx::node("MatMul", {"a", "a"}, {"m"}),
                onnx::node("Sigmoid", {"m"}, {"b"})};
  body.outputs = {onnx::port("c2", {}, 9), onnx::port("b", {64, 64})};
  onnx::Graph graph;
  graph.weights = {onnx::tensor<std::int64_t>("n", {}, {std::int64_t{1} << 40}, onnx::i64),
                   onnx::tensor<std::uint8_t>("t", {}, {1}, 9)};
  graph.inputs = {onnx::port("x", {64, 64})};
  graph.outputs = {onnx::port("y", {64, 64})};
  graph.nodes = {onnx::node("Loop", {"n", "t", "x"}, {"y"}, {onnx::graph_attribute("body", body.text())})};
  return onnx::model(graph);
}

TEST_F(Networks, AKnownAnswerComesBackWithWhatItWasComputedBy) {
  const Models models;
  Warm warm({});
  auto order = models.order("abs.onnx", onnx::one_node("Neg", {2, 3}));
  order.threads = 2;
  auto lease = warm.open({order}, Urgency::routine, patience, {});
  ASSERT_GOOD(lease);
  EXPECT_FALSE(lease->warm(0));
  auto network = client_of(*lease);
  ASSERT_GOOD(network);
  const Description& description = (*network)->description();
  EXPECT_EQ(description.inputs[0].name, "x");
  EXPECT_EQ(description.outputs[0].name, "y");
  EXPECT_EQ(description.outputs[0].shape, (Shape{2, 3}));
  EXPECT_EQ(description.precision, Precision::f32);
  EXPECT_EQ(description.threads, 2);
  EXPECT_EQ(description.opset, 17);
  EXPECT_EQ(description.model_digest, order.digest.hex());
  EXPECT_TRUE(description.engine.starts_with("OpenVINO 2026.4.0")) << description.engine;
  EXPECT_TRUE(description.device.starts_with("CPU (")) << description.device;
  EXPECT_EQ(description.engine_digest.size(), 64U);
  EXPECT_EQ(lease->description(0).engine, description.engine);
  const Tensor input = ramp("x", {2, 3});
  const auto outputs = (*network)->infer({&input, 1}, {});
  ASSERT_GOOD(outputs);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ((*outputs)[0].as<float>()[i], -input.as<float>()[i]);
}

TEST_F(Networks, TheSameInputGivesTheSameBytesWarmOrColdWithOneOrTwoThreads) {
  const Models models;
  struct Case {
    std::string bytes;
    Shape shape;
  };
  const Case cases[] = {{onnx::convolutions({1, 3, 224, 224}, 16, 4), {1, 3, 224, 224}},
                        {onnx::convolutions({-1, 1, 64, 64, 64}, 8, 4), {1, 1, 64, 64, 64}}};
  for (const Case& each : cases) {
    const Tensor input = ramp("x", each.shape);
    std::set<std::string> digests;
    for (int cold = 0; cold < 2; ++cold) {
      Warm warm({});
      for (const int threads : {1, 2}) {
        auto order = models.order("conv.onnx", each.bytes);
        order.threads = threads;
        for (int run = 0; run < 2; ++run) {
          const auto outputs = once(warm, order, input);
          ASSERT_GOOD(outputs);
          digests.insert(digest_of((*outputs)[0]));
        }
      }
    }
    EXPECT_EQ(digests.size(), 1U) << text_of(each.shape);
  }
}

TEST_F(Networks, PrecisionIsTheDeclaredOne) {
  const Models models;
  Warm warm({});
  auto order = models.order("conv.onnx", onnx::convolutions({1, 3, 64, 64}, 16, 4));
  const Tensor input = ramp("x", {1, 3, 64, 64});
  const auto exact = once(warm, order, input);
  ASSERT_GOOD(exact);
  order.precision = Precision::bf16;
  const auto coarse = once(warm, order, input);
  if (!coarse) {
    EXPECT_EQ(coarse.error().code, "engine.precision") << coarse.error().text();
    GTEST_SKIP() << "this processor has no bf16";
  }
  EXPECT_NE(digest_of((*exact)[0]), digest_of((*coarse)[0]));
  // The reference, in double: a mean error of f32 is far from bf16's 2^-8.
  double exact_difference = 0, sum = 0;
  for (std::size_t i = 0; i < (*exact)[0].count(); ++i) {
    exact_difference += std::abs(static_cast<double>((*exact)[0].as<float>()[i] - (*coarse)[0].as<float>()[i]));
    sum += std::abs(static_cast<double>((*exact)[0].as<float>()[i]));
  }
  EXPECT_GT(exact_difference / sum, 1e-5);
  EXPECT_LT(exact_difference / sum, 1e-2);
}

TEST_F(Networks, MemoryThatIsLetGoIsUsedAgainAndMemoryThatIsHeldIsNot) {
  const Models models;
  Warm warm({});
  auto lease = warm.open({models.order("again.onnx", onnx::one_node("Neg", {1000}))}, Urgency::routine, patience, {});
  ASSERT_GOOD(lease);
  auto network = client_of(*lease);
  ASSERT_GOOD(network);
  Tensor input = ramp("x", {1000});
  std::vector<Tensor> held;
  std::set<const std::byte*> places;
  for (int i = 0; i < 100; ++i) {
    input.as<float>()[0] = static_cast<float>(i);
    if (i == 50) input = ramp("x", {1000});
    const float first = input.as<float>()[0];
    auto outputs = (*network)->infer({&input, 1}, {});
    ASSERT_GOOD(outputs);
    EXPECT_EQ((*outputs)[0].as<float>()[0], -first);
    if (i % 10 == 0) {
      held.push_back(std::move((*outputs)[0]));
    } else {
      places.insert((*outputs)[0].memory.bytes().data());
    }
  }
  EXPECT_LE(places.size(), 11U);
  for (std::size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(held[i].as<float>()[0], i == 5 ? 0.0F : -10.0F * static_cast<float>(i));
  }
  network->reset();
  held.clear();  // after the network: its memory goes back to the system
}

TEST_F(Networks, AFreeAxisTakesAnySizeAndSeveralShapesInTurn) {
  const Models models;
  Warm warm({});
  const auto order = models.order("free.onnx", onnx::one_node("Neg", {-1, 2}));
  auto lease = warm.open({order}, Urgency::routine, patience, {});
  ASSERT_GOOD(lease);
  auto network = client_of(*lease);
  ASSERT_GOOD(network);
  for (const std::int64_t rows : {1, 5, 3, 1, 4096, 5}) {
    const Tensor input = ramp("x", {rows, 2});
    const auto outputs = (*network)->infer({&input, 1}, {});
    ASSERT_GOOD(outputs);
    EXPECT_EQ((*outputs)[0].shape, (Shape{rows, 2}));
    EXPECT_EQ((*outputs)[0].as<float>()[1], -input.as<float>()[1]);
  }
  const auto wrong = (*network)->infer(std::array{ramp("x", {1, 3})}, {});
  EXPECT_EQ(wrong.error().code, "engine.input");
}

TEST_F(Networks, AShapeThatTheDataDecideIsHandedOverToo) {
  const Models models;
  Warm warm({});
  onnx::Graph graph{
      {onnx::node("NonZero", {"x"}, {"y"})}, {}, {onnx::port("x", {2, 3})}, {onnx::port("y", {2, -1}, onnx::i64)}};
  const auto outputs = once(warm, models.order("nonzero.onnx", onnx::model(graph)), ramp("x", {2, 3}));
  ASSERT_GOOD(outputs);
  EXPECT_EQ((*outputs)[0].shape, (Shape{2, 5}));
  EXPECT_EQ((*outputs)[0].as<std::int64_t>()[0], 0);
  EXPECT_EQ((*outputs)[0].as<std::int64_t>()[5], 1);
}

TEST_F(Networks, SeveralInputsAndOutputsGoByName) {
  const Models models;
  Warm warm({});
  onnx::Graph graph{{onnx::node("Sub", {"a", "b"}, {"d"}), onnx::node("Add", {"a", "b"}, {"s"})},
                    {},
                    {onnx::port("a", {2}), onnx::port("b", {2})},
                    {onnx::port("d", {2}), onnx::port("s", {2})}};
  auto lease = warm.open({models.order("two.onnx", onnx::model(graph))}, Urgency::routine, patience, {});
  ASSERT_GOOD(lease);
  auto network = client_of(*lease);
  ASSERT_GOOD(network);
  std::array inputs{ramp("b", {2}), ramp("a", {2})};
  inputs[0].as<float>()[0] = 5;
  const auto outputs = (*network)->infer(inputs, {.outputs = {"s", "d"}});
  ASSERT_GOOD(outputs);
  EXPECT_EQ((*outputs)[0].name, "s");
  EXPECT_EQ((*outputs)[0].as<float>()[0], 5.0F);
  EXPECT_EQ((*outputs)[1].as<float>()[0], -5.0F);
}

TEST_F(Networks, NumbersThatAreNoneAreSaid) {
  const Models models;
  Warm warm({});
  auto order = models.order("log.onnx", onnx::one_node("Log", {1, 4}));
  const auto outputs = once(warm, order, ramp("x", {1, 4}));
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code, "engine.not_finite") << outputs.error().text();
  EXPECT_NE(outputs.error().where.find("y: 1 of 4"), std::string::npos) << outputs.error().where;
}

TEST_F(Networks, AModelThatIsCutOffChangedOrNoneIsRefusedWithTheReason) {
  const Models models;
  Warm warm({});
  const std::string good = onnx::convolutions({1, 1, 8, 8}, 2, 2);
  const auto code_of_open = [&](const NetworkOrder& order) {
    const auto lease = warm.open({order}, Urgency::routine, patience, {});
    return lease ? std::string("opened") : lease.error().code;
  };
  EXPECT_EQ(code_of_open(models.order("cut.onnx", std::string_view(good).substr(0, good.size() / 2))), "model.broken");
  EXPECT_EQ(code_of_open(models.order("p.onnx", std::string("\x80\x04\x95") + std::string(50, 'x'))), "model.format");
  auto changed = models.order("changed.onnx", good);
  changed.digest = sha256(as_bytes("another"));
  EXPECT_EQ(code_of_open(changed), "model.digest");
  // Well formed, but Conv of a vector has no meaning.
  onnx::Graph odd{{onnx::node("Conv", {"x", "x"}, {"y"})}, {}, {onnx::port("x", {4})}, {onnx::port("y", {4})}};
  EXPECT_EQ(code_of_open(models.order("odd.onnx", onnx::model(odd))), "model.load");
  auto none = models.order("none.onnx", good);
  std::filesystem::remove(none.model);
  EXPECT_NE(code_of_open(none), "opened");
}

TEST_F(Networks, OneProcessServesTheSameNetworkAgainWarm) {
  const Models models;
  Warm warm({});
  const auto order = models.order("same.onnx", onnx::one_node("Neg", {4}));
  ASSERT_GOOD(once(warm, order, ramp("x", {4})));
  ASSERT_EQ(warm.loaded().size(), 1U);
  EXPECT_EQ(warm.loaded()[0].users, 0U);
  EXPECT_LT(warm.loaded()[0].memory_bytes, order.memory_bytes);
  auto lease = warm.open({order, order}, Urgency::routine, patience, {});
  ASSERT_GOOD(lease);
  EXPECT_TRUE(lease->warm(0));
  EXPECT_EQ(warm.loaded().size(), 1U);
  EXPECT_EQ(warm.loaded()[0].memory_bytes, order.memory_bytes);
  auto one = client_of(*lease, 0), two = client_of(*lease, 1);
  const Tensor input = ramp("x", {4});
  EXPECT_TRUE((*one)->infer({&input, 1}, {}));
  EXPECT_TRUE((*two)->infer({&input, 1}, {}));
}

TEST_F(Networks, TheLeastRecentlyUsedGoesWhenMemoryIsShort) {
  const Models models;
  Warm warm({.memory_bytes = 3ULL << 30, .processes = 2});
  const auto a = models.order("a.onnx", onnx::one_node("Neg", {4}));
  const auto b = models.order("b.onnx", onnx::one_node("Abs", {4}));
  const auto c = models.order("c.onnx", onnx::one_node("Relu", {4}));
  const Tensor input = ramp("x", {4});
  for (const auto* order : {&a, &b, &a, &c}) ASSERT_GOOD(once(warm, *order, input));
  std::set<std::string> digests;
  for (const auto& loaded : warm.loaded()) digests.insert(loaded.model_digest);
  EXPECT_EQ(digests, (std::set{a.digest.hex(), c.digest.hex()}));
  auto large = a;
  large.memory_bytes = 4ULL << 30;
  EXPECT_EQ(warm.open({large}, Urgency::routine, patience, {}).error().code, "engine.memory");
}

TEST_F(Networks, TheUrgentComesBeforeTheRoutineThatWaitedLonger) {
  const Models models;
  Warm warm({.processes = 1});
  const auto a = models.order("a.onnx", onnx::one_node("Neg", {4}));
  const auto b = models.order("b.onnx", onnx::one_node("Abs", {4}));
  const auto c = models.order("c.onnx", onnx::one_node("Relu", {4}));
  std::optional<Lease> held = *warm.open({a}, Urgency::routine, patience, {});
  EXPECT_EQ(warm.open({b}, Urgency::routine, milliseconds(100), {}).error().code, "engine.busy");
  std::atomic<int> turn = 0, routine = 0, urgent = 0;
  const auto take = [&](const NetworkOrder& order, Urgency urgency, std::atomic<int>& place) {
    const auto lease = warm.open({order}, urgency, patience, {});
    if (lease) place = ++turn;
  };
  std::jthread first([&] { take(b, Urgency::routine, routine); });
  std::this_thread::sleep_for(milliseconds(300));
  std::jthread second([&] { take(c, Urgency::urgent, urgent); });
  std::this_thread::sleep_for(milliseconds(300));
  held.reset();
  first.join();
  second.join();
  EXPECT_EQ(urgent, 1);
  EXPECT_EQ(routine, 2);
}

TEST_F(Networks, OfTwoCallsThatWaitForOneNetworkTheUrgentIsComputedFirst) {
  const Models models;
  Warm warm({});
  // Seconds of work, in many steps.
  const auto order = models.order("turns.onnx", onnx::convolutions({1, 16, 32, 32, 32}, 16, 500));
  std::atomic<int> turn = 0;
  std::array<int, 3> places{};
  std::vector<Lease> leases;
  std::vector<std::unique_ptr<Network>> networks;
  for (const Urgency urgency : {Urgency::routine, Urgency::routine, Urgency::urgent}) {
    auto lease = warm.open({order}, urgency, patience, {});
    ASSERT_GOOD(lease);
    auto network = client_of(*lease);
    ASSERT_GOOD(network);
    networks.push_back(*std::move(network));
    leases.push_back(*std::move(lease));
  }
  const auto call = [&](std::size_t who, milliseconds deadline) {
    const Tensor input = ramp("x", {1, 16, 32, 32, 32});
    // Whether it is done in its time depends on the machine; the order does not.
    const auto outputs = networks[who]->infer({&input, 1}, {.deadline = deadline, .allow_not_finite = true});
    EXPECT_TRUE(outputs || outputs.error().code == "engine.time_limit") << outputs.error().text();
    places[who] = ++turn;
  };
  {
    const std::jthread first([&] { call(0, milliseconds(4000)); });
    std::this_thread::sleep_for(milliseconds(500));
    const std::jthread second([&] { call(1, milliseconds(12000)); });
    std::this_thread::sleep_for(milliseconds(500));
    const std::jthread third([&] { call(2, milliseconds(8000)); });
  }
  EXPECT_EQ(places, (std::array<int, 3>{1, 3, 2}));
}

TEST_F(Networks, AKilledProcessCostsOneAttempt) {
  const Models models;
  Warm warm({});
  const auto order = models.order("killed.onnx", endless());
  auto lease = warm.open({order}, Urgency::routine, patience, {});
  ASSERT_GOOD(lease);
  auto network = client_of(*lease);
  ASSERT_GOOD(network);
  std::jthread killer([&] {
    std::this_thread::sleep_for(milliseconds(500));
    for (const pid_t pid : processes_of("vedette-engine", order.model)) kill(pid, SIGKILL);
  });
  const Tensor input = ramp("x", {64, 64});
  const auto start = steady_clock::now();
  const auto outputs = (*network)->infer({&input, 1}, {.deadline = seconds(30)});
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code, "engine.lost");
  EXPECT_LT(steady_clock::now() - start, seconds(10));
  const auto ended = lease->ended(0);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->how, Ended::How::crashed);
  EXPECT_EQ(ended->signal, SIGKILL);
  auto again = warm.open({order}, Urgency::routine, patience, {});
  ASSERT_GOOD(again);
  EXPECT_FALSE(again->warm(0));
}

TEST_F(Networks, AHaltedProcessIsNoticedAtTheDeadlineAndReplaced) {
  const Models models;
  Warm warm({});
  const auto order = models.order("halted.onnx", onnx::one_node("Neg", {4}));
  const Tensor input = ramp("x", {4});
  {
    auto lease = warm.open({order}, Urgency::routine, patience, {});
    ASSERT_GOOD(lease);
    auto network = client_of(*lease);
    ASSERT_GOOD(network);
    ASSERT_GOOD((*network)->infer({&input, 1}, {}));
    for (const pid_t pid : processes_of("vedette-engine", order.model)) kill(pid, SIGSTOP);
    const auto start = steady_clock::now();
    EXPECT_EQ((*network)->infer({&input, 1}, {.deadline = milliseconds(300)}).error().code, "engine.time_limit");
    EXPECT_LT(steady_clock::now() - start, seconds(5));
  }
  const auto outputs = once(warm, order, input);
  ASSERT_GOOD(outputs);
}

TEST_F(Networks, AnEndlessComputationEndsAtItsDeadlineAndWhenItsClientGoes) {
  const Models models;
  Warm warm({});
  const auto order = models.order("endless.onnx", endless());
  const Tensor input = ramp("x", {64, 64});
  const auto start = steady_clock::now();
  const auto outputs = once(warm, order, input, {.deadline = seconds(1)});
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code, "engine.time_limit");
  EXPECT_LT(steady_clock::now() - start, seconds(15));
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(500));
    stop.request_stop();
  });
  EXPECT_EQ(once(warm, order, input, {.deadline = seconds(60), .stop = stop.get_token()}).error().code,
            "engine.stopped");
  EXPECT_LT(steady_clock::now() - start, seconds(30));
}

TEST_F(Networks, StoppingAModelEndsItsProcessWithinFiveSeconds) {
  const Models models;
  Warm warm({});
  const auto order = models.order("stop.onnx", endless());
  auto lease = warm.open({order}, Urgency::routine, patience, {});
  ASSERT_GOOD(lease);
  auto network = client_of(*lease);
  ASSERT_GOOD(network);
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(300));
    warm.stop(order.digest);
  });
  const auto start = steady_clock::now();
  const Tensor input = ramp("x", {64, 64});
  EXPECT_EQ((*network)->infer({&input, 1}, {.deadline = seconds(60)}).error().code, "engine.lost");
  EXPECT_LT(steady_clock::now() - start, seconds(5));
  EXPECT_EQ(lease->ended(0)->how, Ended::How::stopped);
  EXPECT_TRUE(processes_of("vedette-engine", order.model).empty());
}

/// y: the greatest of rows × columns exponentials, which are all made first.
std::string large_inside(std::int64_t rows, std::int64_t columns) {
  onnx::Graph graph;
  graph.weights = {onnx::tensor<std::int64_t>("s", {2}, {rows, columns}, onnx::i64)};
  graph.inputs = {onnx::port("x", {1, columns})};
  graph.outputs = {onnx::port("y", {1, 1})};
  graph.nodes = {onnx::node("Expand", {"x", "s"}, {"e"}), onnx::node("CumSum", {"e", "zero"}, {"c"}),
                 onnx::node("ReduceMax", {"c"}, {"y"})};
  graph.weights.push_back(onnx::tensor<std::int64_t>("zero", {}, {0}, onnx::i64));
  return onnx::model(graph);
}

TEST_F(Networks, MemoryOverTheBoundEndsTheProcessOrIsRefused) {
  const Models models;
  Warm warm({});
  // Half as much again as the bound, and the launcher counts; eight times as much, and there is no such address.
  for (const std::int64_t rows : {6, 128}) {
    auto order = models.order("memory.onnx", large_inside(rows << 10, 1 << 16));
    order.memory_bytes = 1ULL << 30;
    auto lease = warm.open({order}, Urgency::routine, patience, {});
    if (!lease) {
      EXPECT_EQ(lease.error().code, "engine.memory") << lease.error().text();
      continue;
    }
    auto network = client_of(*lease);
    ASSERT_GOOD(network);
    const Tensor input = ramp("x", {1, 1 << 16});
    const auto outputs = (*network)->infer({&input, 1}, {});
    ASSERT_FALSE(outputs);
    if (outputs.error().code == "engine.lost") {
      ASSERT_TRUE(lease->ended(0));
      EXPECT_EQ(lease->ended(0)->how, Ended::How::memory);
    } else {
      EXPECT_EQ(outputs.error().code, "engine.memory") << outputs.error().text();
    }
  }
}

TEST_F(Networks, NoProcessIsLeftWhenTheKeeperEnds) {
  const Models models;
  const auto order = models.order("left.onnx", onnx::one_node("Neg", {4}));
  {
    Warm warm({});
    ASSERT_GOOD(once(warm, order, ramp("x", {4})));
    EXPECT_FALSE(processes_of("vedette-engine", order.model).empty());
  }
  EXPECT_TRUE(processes_of("vedette-engine", order.model).empty());
}

/// What an engine that a model took over could do: a program in the engine's place, which answers what it found.
TEST_F(Networks, AnEngineThatWasTakenOverSeesItsModelAndNothingElse) {
  const Models models;
  onnx::write(models.folder / "secret", "key");
  chmod((models.folder / "secret").c_str(), 0644);
  const auto script = models.folder / "engine.py";
  onnx::write(script,
              "#!/usr/bin/python3 -I\n"
              "import os, socket, struct, sys\n"
              "found = []\n"
              "def attempt(name, what):\n"
              "  try:\n"
              "    what(); found.append(name)\n"
              "  except OSError: pass\n"
              "model = sys.argv[sys.argv.index('--model') + 1]\n"
              "attempt('model', lambda: open(model).close())\n"
              "attempt('passwd', lambda: open('/etc/passwd').close())\n"
              "attempt('secret', lambda: open(os.path.dirname(model) + '/secret').close())\n"
              "attempt('socket', lambda: socket.socket(socket.AF_INET))\n"
              "attempt('unix', lambda: socket.socket(socket.AF_UNIX))\n"
              "attempt('write', lambda: open(model, 'a').close())\n"
              "attempt('var', lambda: os.listdir('/var'))\n"
              "for number in [3] + list(range(5, 256)):\n"
              "  attempt('descriptor%d' % number, lambda: os.fstat(number))\n"
              "def text(t): return struct.pack('<H', len(t)) + t.encode()\n"
              "answer = b'VDT1\\x06' + struct.pack('<QBB', 0, 1, 0) + text(' '.join(found)) + text('') * 3\n"
              "os.write(4, answer)\n");
  chmod(script.c_str(), 0755);
  const auto order = models.order("model.onnx", onnx::one_node("Neg", {4}));
  Warm warm({.program = script.string()});
  const auto lease = warm.open({order}, Urgency::routine, patience, {});
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().cause, "model") << lease.error().text() << " | " << lease.error().detail;
}

TEST_F(Networks, AProgramThatIsNotThereIsSaid) {
  const Models models;
  Warm warm({.program = "/nowhere/vedette-engine"});
  const auto lease = warm.open({models.order("m.onnx", onnx::one_node("Neg", {4}))}, Urgency::routine, patience, {});
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().fault, Fault::unavailable) << lease.error().text();
}

TEST_F(Networks, AWaitIsStopped) {
  const Models models;
  Warm warm({.processes = 1});
  const auto held = warm.open({models.order("a.onnx", onnx::one_node("Neg", {4}))}, Urgency::routine, patience, {});
  ASSERT_GOOD(held);
  std::stop_source stop;
  stop.request_stop();
  const auto none =
      warm.open({models.order("b.onnx", onnx::one_node("Abs", {4}))}, Urgency::urgent, patience, stop.get_token());
  EXPECT_EQ(none.error().code, "tool.stopped");
}

}  // namespace
}  // namespace vedette::engine
