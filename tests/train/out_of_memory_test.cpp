// SPDX-License-Identifier: Apache-2.0
// The N-th allocation fails, for N = 0, 1, ... until none does. Whatever happens then must be an
// exception; leaks are the address sanitizer's to find.
#include "files/temporary_folder.hpp"
#include "laws/allocations.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using io::test::TemporaryFolder;
using laws::Float;

/// Runs `action` with ever later failures until it succeeds. Returns how many failed.
template <class Action>
int fail_each(Action const& action) {
  int failed = 0;
  for (long n = 0; n < 20000; ++n) {
    bool done = false;
    {
      laws::FailingAllocation failing(n);
      try {
        action();
        done = !failing.happened();
      } catch (std::bad_alloc const&) {
      } catch (Error const&) {  // a failure may be reported as what it prevented
      }
    }
    if (done) return failed;
    ++failed;
  }
  FAIL("no end of allocations");
  return failed;
}

TEST_CASE("building a model survives the lack of memory", "[memory]") {
  Float backend(1);
  auto const config = moe_gqa();
  CHECK(fail_each([&] { Network<MoeGqa, Float> network(backend, config); }) > 3);
}

TEST_CASE("a training step survives the lack of memory", "[memory]") {
  auto const config = moe_gqa();
  auto const text = windows();
  auto const train = train_config();
  Float backend(1);
  int const failed = fail_each([&] {
    Run<MoeGqa, Float> run(backend, config, train, text);
    (void)run.trainer.step();
  });
  CHECK(failed > 5);
  // A run that ran out of memory once goes on as if nothing had been.
  Run<MoeGqa, Float> run(backend, config, train, text), undisturbed(backend, config, train, text);
  CHECK(fail_each([&] { (void)run.trainer.step(); }) > 0);
  (void)undisturbed.trainer.step();
  require_same_state(undisturbed, run);
}

// Files, not folders: libstdc++'s directory_iterator ends the program when memory runs out.
TEST_CASE("saving and loading survive the lack of memory", "[memory]") {
  auto const config = gpt2();
  Float backend(1);
  TemporaryFolder folder;
  auto const path = folder / "model.safetensors";
  Network<Gpt2, Float> first(backend, config, 1), second(backend, config, 2);
  Network<Gpt2, Float> loaded(backend, config, 3);
  save_model(first, path);
  int const failed = fail_each([&] {
    try {
      save_model(second, path);
    } catch (...) {
      laws::FailingAllocation::stop();
      load_model(loaded, path);  // the old file or the new one, whole
      REQUIRE((laws::same_bits(loaded.values, first.values) ||
               laws::same_bits(loaded.values, second.values)));
      throw;
    }
  });
  CHECK(failed > 10);
  CHECK(fail_each([&] { load_model(loaded, path); }) > 10);
  CHECK(laws::same_bits(loaded.values, second.values));
}

TEST_CASE("going on from a checkpoint survives the lack of memory", "[memory]") {
  auto const config = gpt2();
  auto const text = windows();
  auto const train = train_config();
  Float backend(1);
  TemporaryFolder folder;
  Run<Gpt2, Float> run(backend, config, train, text), loaded(backend, config, train, text);
  (void)run.trainer.step();
  save_checkpoint(folder.path(), run.network, run.trainer, {2, 3});
  auto const newest = *newest_checkpoint(folder.path());
  CHECK(fail_each([&] { (void)load_checkpoint(newest, loaded.network, loaded.trainer); }) > 10);
  require_same_state(run, loaded);
}

TEST_CASE("generating survives the lack of memory", "[memory]") {
  Float backend(1);
  auto const config = moe_gqa();
  Network<MoeGqa, Float> network(backend, config);
  std::vector<int> const tokens(6);
  CHECK(fail_each([&] {
          Memory<Float> memory{.batch_size = 1, .max_seq_len = 12};
          (void)network.last_logits({tokens.data(), 1, 6}, &memory);
        }) > 0);
}

}  // namespace
