// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <fstream>

#include "moenda/energy/carbon.hpp"
#include "moenda/energy/meter.hpp"

using namespace moenda::energy;
namespace fs = std::filesystem;

namespace {

/// Counts what a test tells it to.
struct Fake : Source {
  double now = 0;
  std::string name() const override { return "fake"; }
  double joules() override { return now; }
};

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "moenda-energy-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  void write(fs::path const& file, std::string const& text) const {
    fs::create_directories((path / file).parent_path());
    std::ofstream(path / file) << text << '\n';
  }
  void zone(std::string const& folder, std::string const& name, std::string const& range,
            std::string const& energy) const {
    write(folder + "/name", name);
    write(folder + "/max_energy_range_uj", range);
    write(folder + "/energy_uj", energy);
  }
};

}  // namespace

TEST_CASE("Green Algorithms' formula has its known values", "[energy]") {
  // 1 h on 2 cores of 12 W with 24 GB at home: 0.03294 kWh, 15.65 g in the world, 5.63 g in Spain.
  double const kwh = green_algorithms_kwh(1, {.cores = 2, .memory_gb = 24});
  CHECK(kwh == Approx(0.03294));
  CHECK(kwh * *intensity_of("world") == Approx(15.65).epsilon(1e-3));
  CHECK(kwh * *intensity_of("spain") == Approx(5.63).epsilon(1e-3));
  CHECK_FALSE(intensity_of("atlantis"));
  CHECK(green_algorithms_kwh(1, {.cores = 2, .memory_gb = 24, .pue = 1.56}) ==
        Approx(1.56 * 0.03294));
  CHECK(kwh_of(3.6e6) == 1);
}

TEST_CASE("a meter counts only while it runs", "[energy]") {
  Fake source;
  Meter training(source), evaluation(source);
  source.now = 5;
  training.resume();
  source.now = 8;
  CHECK(training.joules() == 3);
  training.pause();
  evaluation.resume();
  source.now = 100;
  evaluation.pause();
  evaluation.pause();  // twice changes nothing
  training.resume();
  training.resume();
  source.now = 101;
  training.pause();
  CHECK(training.joules() == 4);
  CHECK(evaluation.joules() == 92);
  Meter resumed(source);
  resumed.start_from(7);
  CHECK(resumed.joules() == 7);
}

TEST_CASE("the power model follows processor time and memory", "[energy]") {
  double wall = 1000, cpu = 3;
  PowerModel model(24, {[&] { return wall; }, [&] { return cpu; }});
  double const before = model.joules();
  wall += 10, cpu += 20;  // both cores busy for 10 s: 24 W + 8.94 W
  CHECK(model.joules() - before == Approx(10 * (24 + 24 * 0.3725)));
  CHECK(model.name().find("not measured") != std::string::npos);
}

TEST_CASE("RAPL adds packages and memory, never cores, and survives a wrap", "[energy]") {
  Folder const folder;
  CHECK(Rapl::open(folder.path) == nullptr);
  CHECK(Rapl::open(folder.path / "nowhere") == nullptr);
  folder.zone("intel-rapl:0", "package-0", "1000000000", "999000000");
  folder.zone("intel-rapl:0:0", "core", "1000000000", "5");
  folder.zone("intel-rapl:0:1", "dram", "1000000000", "0");
  folder.zone("intel-rapl:1", "psys", "1000000000", "7");
  folder.write("intel-rapl/enabled", "1");
  auto const meter = Rapl::open(folder.path);
  REQUIRE(meter != nullptr);
  CHECK(meter->name() == "RAPL counters of 2 zones");
  double const before = meter->joules();
  folder.write("intel-rapl:0/energy_uj", "2000000");    // wrapped: 3 J further
  folder.write("intel-rapl:0:1/energy_uj", "4000000");  // 4 J
  folder.write("intel-rapl:0:0/energy_uj", "900000000");
  CHECK(meter->joules() - before == Approx(7));
  folder.write("intel-rapl:0/energy_uj", "unreadable");
  CHECK(meter->joules() - before == Approx(7));  // keeps what it knew
}

TEST_CASE("sources that are not there say so", "[energy]") {
  CHECK(Nvml::open(0, "no-such-library.so") == nullptr);
  CHECK(Nvml::open(0, "libm.so.6") == nullptr);  // a library without these functions
  Folder const folder;
  CHECK(PerfEvent::open(folder.path) == nullptr);
  folder.write("type", "20");
  folder.write("events/energy-pkg", "nonsense");
  CHECK(PerfEvent::open(folder.path) == nullptr);
  auto const source = processor_source();
  REQUIRE(source != nullptr);
  double const before = source->joules();
  double volatile sink = 0;
  for (int i = 0; i < 20'000'000; ++i) sink = sink + i;
  CHECK(source->joules() > before);
}
