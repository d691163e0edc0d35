// SPDX-License-Identifier: Apache-2.0
// Every module compiles for the GPU: the whole of a network, an optimizer and decoding, with a
// model that names all modules. What is missing on the device is found at run time, by its name.
#include <catch2/catch.hpp>

#include "moenda/cuda/backend.hpp"
#include "moenda/infer/generate.hpp"
#include "moenda/moenda.hpp"
#include "moenda/train/trainer.hpp"

using namespace moenda;

using AnyPosition = OneOf<position::Rope, position::Learned, position::None>;
using AnyHeadNorm = OneOf<norm::Identity, attention::QkNorm>;
using AnyMixture = Mixture<OneOf<router::TopK>, OneOf<expert::SwiGlu, expert::Ffn>,
                           loss::LoadBalancing, loss::RouterZ>;
using AnyModel =
    LanguageModel<TransformerBlock<OneOf<norm::Rms, norm::Layer>,
                                   OneOf<attention::GroupedQuery<AnyPosition, AnyHeadNorm>,
                                         attention::MultiHead<AnyPosition, AnyHeadNorm>>,
                                   OneOf<AnyMixture, expert::SwiGlu, expert::Ffn>>>;
using OnGpu = Training<AnyModel, cuda::Backend<float>>;

template class moenda::Training<AnyModel, cuda::Backend<float>>;
template class moenda::Trainer<OnGpu>;
template std::vector<int> moenda::generate(OnGpu&, std::span<int const>, int,
                                           Sampler::Config const&, int,
                                           std::function<void(int)> const&, int, int);

TEST_CASE("a network of every module compiles and links for the GPU", "[cuda]") {
  STATIC_REQUIRE(std::is_same_v<OnGpu::Scalar, float>);
  AnyModel::Config config;  // has no sizes: refused before any memory is touched
  if (cuda::device_count() == 0) {
    REQUIRE_THROWS_AS(cuda::Backend<float>(), ConfigError);
  } else {
    cuda::Backend<float> gpu;
    REQUIRE_THROWS_AS(OnGpu(gpu, config), ConfigError);
  }
}
