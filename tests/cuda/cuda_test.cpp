// SPDX-License-Identifier: Apache-2.0
// The backend itself: what a build without CUDA says, what a machine without a GPU says, and
// memory. Nothing here is skipped.
#include <catch2/catch.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "moenda/cpu/backend.hpp"
#include "moenda/cuda/backend.hpp"

using namespace moenda;
using Catch::Contains;
using Gpu = cuda::Backend<float>;

static_assert(std::is_same_v<Gpu::Scalar, float>);
static_assert(!std::is_copy_constructible_v<Gpu>, "a backend owns its stream");

TEST_CASE("constructing a backend needs a build with CUDA and a device", "[cuda]") {
  if (!MOENDA_CUDA) {
    REQUIRE(cuda::device_count() == 0);
    REQUIRE_THROWS_WITH(Gpu(), Contains("cuda::Backend: this program was built without CUDA") &&
                                   Contains("configure with -DMOENDA_CUDA=ON"));
    REQUIRE_THROWS_AS(Gpu(), ConfigError);
  } else if (cuda::device_count() == 0) {
    REQUIRE_THROWS_WITH(
        Gpu(), Contains("cuda::Backend: there must be a CUDA device") && Contains("(cudaError"));
    REQUIRE_THROWS_AS(Gpu(), ConfigError);
  } else {
    REQUIRE_THROWS_WITH(Gpu(-1), Contains("the device number must lie in 0..") && Contains("-1"));
    REQUIRE_THROWS_AS(Gpu(cuda::device_count()), ConfigError);
  }
}

TEST_CASE("a kernel that is not on the GPU says so", "[cuda]") {
  REQUIRE_THROWS_WITH(cuda::detail::missing("rope_rotate"),
                      Contains("cuda: rope_rotate does not exist on the GPU yet"));
  REQUIRE_THROWS_AS(cuda::detail::missing("rope_rotate"), ConfigError);
}

TEST_CASE("kernels are found by name", "[cuda]") {
  STATIC_REQUIRE(cuda::detail::exists("matmul_forward") == bool(MOENDA_CUDA));
  STATIC_REQUIRE(cuda::detail::exists("gelu_backward") == bool(MOENDA_CUDA));
  STATIC_REQUIRE(!cuda::detail::exists("rope_rotate"));
  STATIC_REQUIRE(!cuda::detail::exists(""));
}

namespace {

/// Whether rope_rotate, which no GPU has yet, and gelu_forward take these arguments.
template <class... A>
concept RopeTakes = requires(Gpu& gpu, A... a) {
  rope_rotate(gpu, a...);
};
template <class... A>
concept GeluTakes = requires(Gpu& gpu, A... a) {
  gelu_forward(gpu, a...);
};

}  // namespace

// Kernels have the arguments of the list, also those that only throw.
static_assert(RopeTakes<float*, int, int, int, int, int, double, int, int const*>);
static_assert(!RopeTakes<float*, int, int, int, int, int, double, int>);
static_assert(!RopeTakes<double*, int, int, int, int, int, double, int, int const*>);
static_assert(GeluTakes<float*, float const*, std::ptrdiff_t>);
static_assert(!GeluTakes<float const*, float const*, std::ptrdiff_t>);
