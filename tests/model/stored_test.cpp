// SPDX-License-Identifier: Apache-2.0
// The law of stored models: a network whose weights are kept in another format has the bits of the
// network whose plain weights were rounded, through modules that know nothing of it.
#include "moenda/weights/stored.hpp"

#include <numeric>

#include "moenda/infer/generate.hpp"
#include "ops/setup.hpp"
#include "train/runs.hpp"

namespace {

using namespace models;
using B = laws::Float;

/// With weights of every kind that stay plain.
using DifferentExperts = Mixture<router::TopK, Experts<expert::Ffn, expert::SwiGlu>>;
using Paths = CondMlp<Gradient::none>;
using Unequal =
    LanguageModel<TransformerBlock<norm::Layer, attention::GroupedQuery<position::Learned>,
                                   Sum<DifferentExperts, Paths>>>;

Unequal::Config unequal() {
  Unequal::Config c{.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 2};
  c.tied_head = false;
  c.block.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4};
  auto& mixture = get<DifferentExperts>(c.block.ffn);
  mixture.router.top_k = 2;
  get<Group<expert::Ffn>>(mixture.experts) = {.count = 2, .each = {.hidden = 6}};
  get<Group<expert::SwiGlu>>(mixture.experts) = {.count = 3, .each = {.hidden = 5}};
  get<Paths>(c.block.ffn) = {.hidden = 6, .num_paths = 3};
  return c;
}

/// The plain weights that store() would take, rounded in place.
template <class N>
void round_weights(N& network, Format format, std::string_view pattern = "*") {
  walk(network.params, [&](Path const& path, auto& weight) {
    if (!can_be_stored(weight.kind) || !matches(pattern, path.str())) return;
    auto const size = stored_bytes(format, weight.rows, weight.cols);
    std::vector<std::byte> codes(size.codes), scales(size.scales);
    quantised::encode(format, codes.data(), scales.data(), weight.data, weight.rows, weight.cols);
    std::vector<int> rows(std::size_t(weight.rows));
    std::iota(rows.begin(), rows.end(), 0);
    cpu::embedding_forward(network.backend, weight.data,
                           WeightView<float>{format, codes.data(), scales.data()}, rows.data(),
                           weight.rows, weight.cols);
  });
}
template <class N>
std::vector<typename N::Scalar> losses_of(N& network) {
  TextBatch text(3, 11, network.config.vocab_size, 5);
  std::vector<typename N::Scalar> losses(33);
  (void)network.evaluate(text.batch, text.targets, losses);
  return losses;
}
template <class N>
std::vector<int> text_of(N& network) {
  std::array const prompt{3, 1, 4};
  return moenda::generate(network, prompt, 20, {});  // longer than the context
}

/// `bound`: of the change of a token's loss.
template <class M>
void check_stored(typename M::Config const& config, Precision precision, Format format,
                  double bound) {
  B backend(2, cpu::MatmulKernel::packed, precision);
  runs::Run<M, B> run(backend, config, runs::train_config());
  run.steps(12);
  Network<M, B> rounded(backend, config, unfilled), stored(backend, config, unfilled);
  rounded.values.assign(std::span<float const>(run.network.values.on_host()));
  stored.values.assign(std::span<float const>(run.network.values.on_host()));
  auto const trained = losses_of(rounded);
  round_weights(rounded, format);
  store(stored, format);
  auto const losses = losses_of(stored);
  CHECK(laws::same_bits(losses, losses_of(rounded)));
  CHECK_FALSE(laws::same_bits(losses, trained));
  CHECK(laws::distance(losses, trained) < bound);
  CHECK(text_of(stored) == text_of(rounded));
}

}  // namespace

TEST_CASE("trained models evaluate and generate from stored weights", "[stored]") {
  constexpr std::pair<Format, double> formats[] = {{Format::bf16, 0.05},
                                                   {Format::int8, 0.05},
                                                   {Format::int4, 1},
                                                   {Format::nf4, 1},
                                                   {Format::nf4_double, 1}};
  for (auto const& [format, bound] : formats) {
    CAPTURE(enum_names(format)[std::size_t(format)]);
    for (auto const precision : {Precision::fp32, Precision::bf16}) {
      check_stored<MoeGqa>(moe_gqa(), precision, format, bound);
      check_stored<Unequal>(unequal(), precision, format, bound);
    }
    check_stored<Gpt2>(gpt2(), Precision::bf16, format, bound);
  }
}

TEST_CASE("stored weights take less memory, as foretold", "[stored]") {
  auto config = moe_gqa();
  config.vocab_size = 300;
  config.d_model = 64;
  config.block.ffn.experts.each.hidden = 100;
  B backend(1);
  Network<MoeGqa, B> network(backend, config);
  auto const before = network.bytes();
  store(network, Format::fp32);
  CHECK(network.bytes() == before);
  for (auto const format : {Format::int8, Format::int4, Format::nf4, Format::nf4_double}) {
    Network<MoeGqa, B> smaller(backend, config);
    auto const foretold = room_of_all(smaller.params, Formats(format)).size<float>();
    store(smaller, format);
    CHECK(smaller.bytes() == foretold);
    CHECK(double(smaller.bytes()) < (format == Format::int8 ? 0.35 : 0.25) * double(before));
  }
  auto const foretold = room_of_all(network.params, Formats(Format::bf16)).size<float>();
  store(network, Format::bf16);
  CHECK(network.bytes() == foretold);
  CHECK(double(network.bytes()) < 0.6 * double(before));
  walk(network.params, [](Path const& path, auto const& weight) {
    INFO(path.str());
    bool const small = weight.kind == WeightKind::router || weight.kind == WeightKind::gain;
    CHECK(weight.stored.is_plain() == (small || weight.size() == 0));
    CHECK((weight.data == nullptr) == !weight.stored.is_plain());
  });
}

TEST_CASE("a pattern says which weights are stored", "[stored]") {
  B backend(1);
  Network<MoeGqa, B> rounded(backend, moe_gqa(), 2, 0.3), stored(backend, moe_gqa(), 2, 0.3);
  round_weights(rounded, Format::bf16, "layers.*.ffn.experts.*.up");
  store(stored, {Format::fp32, {{"layers.*.ffn.experts.*.up", Format::bf16}}});
  CHECK(stored.stored.size() == 2 * 4 * 128);  // 8 * 6 numbers, in whole cache lines
  CHECK(laws::same_bits(losses_of(stored), losses_of(rounded)));
}

TEST_CASE("what a stored model cannot do is said", "[stored]") {
  B backend(1);
  Network<MoeGqa, B> network(backend, moe_gqa());
  CHECK_REFUSED(store(network, {Format::fp32, {{"layers.*.router", Format::bf16}}}),
                "store: a name of a matrix or an embedding must match 'layers.*.router', but none "
                "does");
  store(network, {Format::fp32, {{"layers.0.ffn.experts.1.*", Format::bf16}}});
  CHECK_REFUSED(losses_of(network),
                "Group: all experts must keep 'gate' in one format, but expert 1 has bf16, and "
                "expert 0 fp32");
  auto const kept = [](std::string const& who) {
    return who + " needs plain values, but weights of this model are kept in another format";
  };
  CHECK_REFUSED(store(network, Format::bf16), kept("store"));
  CHECK_REFUSED(save_model(network, "nowhere"), kept("save_model"));
  CHECK_REFUSED(load_model(network, "nowhere"), kept("load_model"));
}

TEST_CASE("operations that need plain values say so", "[stored]") {
  operations::Setup s;
  auto x = s.tensor(4, 6), y = s.tensor(4, 3);
  auto w = s.weight(3, 6), gain = s.weight(1, 6);
  std::vector<std::uint16_t> const codes(18);
  w.data = gain.data = nullptr;
  w.stored = gain.stored = {.format = Format::bf16, .data = codes.data()};
  CHECK_NOTHROW(ops::matmul(s.ctx, x, w));
  ops::RmsNormCache<B> cache;
  CHECK_REFUSED(ops::rms_norm(s.ctx, x, gain, 1e-5, cache),
                "rms_norm: gain needs plain values, but the weight is kept as bf16");
  CHECK_REFUSED(ops::add_row(s.ctx, x, gain),
                "add_row: row needs plain values, but the weight is kept as bf16");
  CHECK_REFUSED(ops::matmul_backward(s.ctx, y, x, w, s.weight(3, 6)),
                "matmul_backward: w needs plain values, but the weight is kept as bf16");
  w.stored.place = Place::file;
  CHECK_REFUSED(ops::matmul(s.ctx, x, w),
                "a product needs its weight in memory, but the weight is in a file");
  w.stored.place = Place::absent;
  CHECK_REFUSED(ops::embedding(s.ctx, nullptr, 0, w),
                "a product needs its weight in memory, but the weight is absent");
}

TEST_CASE("a stored model cannot be trained, whatever it is called", "[stored]") {
  laws::Float backend(1);
  Training<Gpt2, B> training(backend, gpt2(), 1, 0.3);
  Network<Gpt2, B>& network = training;
  store(network, Format::bf16);
  TextBatch const text(1, 4, 31);
  CHECK_THROWS_WITH(training.accumulate_gradients(text.batch, text.targets),
                    Catch::Contains("Training"));
}
