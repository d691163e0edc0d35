// SPDX-License-Identifier: Apache-2.0
#include "moenda/report/sweep/sweep.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "files/temporary_folder.hpp"
#include "report/occurrences.hpp"

using namespace moenda;

namespace {

using io::test::count;
using io::test::has;
using io::test::store;
using nlohmann::json;

/// Arms around a baseline, three seeds each, as sweep.json has them.
struct Sweep {
  io::test::TemporaryFolder folder;
  json all{{"name", "war"},      {"measure", "test_loss"}, {"margin", 0.01},
           {"confidence", 0.95}, {"baseline", "base"},     {"arms", json::array()}};

  Sweep() {
    add("base", 5.0, 1e6, "");
    add("good", 4.9, 2e6, "lower");
    add("bad", 5.2, 3e6, "higher");
    add("twin", 5.001, 1e6, "equivalent");
    add("vague", 5.02, 1e6, "no difference shown");
  }
  void add(std::string const& title, double loss, double flops, std::string const& verdict) {
    json arm{{"title", title},
             {"parameters", 1e6},
             {"active_parameters", 5e5},
             {"flops_per_token", flops}};
    for (int seed = 1; seed <= 3; ++seed) {
      json const measures{{"test_loss", loss + 0.001 * seed},
                          {"seconds", 10.0 * loss},
                          {"training_joules", 120.0},
                          {"max_violation", 0.5}};
      arm["runs"].push_back({{"seed", seed}, {"id", title + "_id"}, {"measures", measures}});
    }
    if (!verdict.empty()) {
      double const difference = loss - 5;
      arm["comparison"] = {{"pairs", 3},
                           {"difference", difference},
                           {"interval", {difference - 0.015, difference + 0.015}},
                           {"bootstrap", nullptr},
                           {"p_different", 0.1},
                           {"p_equivalent", 0.1},
                           {"verdict", verdict}};
    }
    all["arms"].push_back(arm);
  }
  std::string page() const {
    auto const file = folder.path() / "sweep.json";
    store(file, all.dump());
    return io::render_sweep_report(io::read_sweep(file));
  }
  std::string refused() const {
    return io::test::message_of<DataError>([&] { (void)page(); });
  }
};

}  // namespace

TEST_CASE("A sweep's page says every verdict in words", "[io][report]") {
  Sweep const sweep;
  std::string const page = sweep.page();
  CHECK(has(page, "<title>war – Moenda"));
  CHECK(has(page, "5 arms, 3 seeds each"));
  CHECK(has(page, "Better</span> than it: <b>good</b>."));
  CHECK(has(page, "Worse</span> than it: <b>bad</b>."));
  CHECK(has(page, "As good as it, to within 0.01: <b>twin</b>."));
  CHECK(has(page,
            "No difference from it is shown, which is not to say there is none: "
            "<b>vague</b>."));
  CHECK(has(page, "<td>−0.1000<small>−0.1150 to −0.0850</small></td>"));
  CHECK(has(page, "shown to differ by less than 0.01"));
  CHECK_FALSE(has(page, "by chance alone"));  // four comparisons
  CHECK_FALSE(has(page, "class=\"note\""));
  CHECK(count(page, "<svg class=\"intervals\"") == 1);
  CHECK(count(page, "<svg class=\"pareto\"") == 2);  // FLOPs and seconds
  CHECK(has(page, "Against energy there is nothing to draw: all arms cost the same"));
  CHECK(has(page, "good_id"));
  CHECK_FALSE(has(page, "How energy was counted"));
}

TEST_CASE("A sweep's page says how energy was counted", "[io][report]") {
  Sweep sweep;
  sweep.all["energy_source"] = "a <model>; not measured";
  CHECK(has(sweep.page(), "How energy was counted: a &lt;model&gt;; not measured.</p>"));
}

TEST_CASE("Where more is better, a lower value is worse", "[io][report]") {
  Sweep sweep;
  sweep.all["measure"] = "accuracy";
  for (auto& arm : sweep.all["arms"]) {
    for (auto& run : arm["runs"]) run["measures"]["accuracy"] = run["measures"]["test_loss"];
  }
  std::string const page = sweep.page();
  CHECK(has(page, "higher is better"));
  CHECK(has(page, "Worse</span> than it: <b>good</b>."));
  CHECK(page.find("<span class=\"number\">1</span>bad") != std::string::npos);
}

TEST_CASE("Which direction is better follows from the measure's name", "[io][report]") {
  using io::detail::lower_is_better;
  for (char const* name : {"test_loss", "perplexity", "seconds", "peak_bytes", "max_violation",
                           "future_leak", "dropped_share", "rmse", "calibration_error"}) {
    INFO(name);
    CHECK(lower_is_better(name));
  }
  for (char const* name :
       {"accuracy", "test_accuracy", "tokens_per_second", "acc,none", "evenness", "macro_f1",
        "roc_auc", "pr_auc", "r_squared", "correlation", "route_type_information"}) {
    INFO(name);
    CHECK_FALSE(lower_is_better(name));
  }
}

TEST_CASE("Runs without results are named with what is known of them", "[io][report]") {
  Sweep sweep;
  auto& runs = sweep.all["arms"][1]["runs"];
  runs[0]["measures"] = json::object();
  runs[0]["failure"] = "failed with code 4: the <loss> must be finite";
  runs[1]["measures"] = json::object();
  runs[2]["measures"].erase("test_loss");
  std::string const page = sweep.page();
  CHECK(has(page, "3 of 15 runs have no result"));
  CHECK(has(page, "<li>good, seed 1: failed with code 4: the &lt;loss&gt; must be finite</li>"));
  CHECK(has(page, "<li>good, seed 2: it has no results yet</li>"));
  CHECK(has(page, "<li>good, seed 3: its results have no test loss</li>"));
  CHECK(has(page, "<td>0 of 3</td>"));
}

TEST_CASE("One seed is not called a difference", "[io][report]") {
  Sweep sweep;
  for (auto& arm : sweep.all["arms"]) {
    arm["runs"] = json::array({arm["runs"][0]});
    if (!arm.contains("comparison")) continue;
    arm["comparison"]["pairs"] = 1;
    arm["comparison"]["interval"] = nullptr;
    arm["comparison"]["verdict"] = "no difference shown";
  }
  std::string const page = sweep.page();
  CHECK(count(page, "cannot be told") >= 4);
  CHECK_FALSE(has(page, "inf"));
  CHECK_FALSE(has(page, "nan"));
}

TEST_CASE("A real but small difference is called small", "[io][report]") {
  Sweep sweep;
  sweep.all["margin"] = 0.5;
  CHECK(has(sweep.page(), "more than chance explains, but less than the margin of 0.5"));
}

TEST_CASE("Values that are not finite or tower over the rest leave a readable page",
          "[io][report]") {
  Sweep sweep;
  sweep.add("diverged", 1e9, 1e6, "higher");
  sweep.add("broken", 5, 1e6, "higher");
  for (auto& run : sweep.all["arms"][6]["runs"]) run["measures"]["test_loss"] = nullptr;
  std::string const page = sweep.page();
  CHECK(has(page, "broken, seed 2: its results have no test loss"));
  CHECK(has(page, "(beyond)"));
  CHECK(has(page, ">5.1<"));
}

TEST_CASE("Titles are text, whatever they hold", "[io][report]") {
  Sweep sweep;
  sweep.add("<script>alert(1)</script>\"'&\x01", 5, 1e6, "lower");
  sweep.all["name"] = "</title><img src=x>";
  std::string const page = sweep.page();
  CHECK(count(page, "<script") == 1);  // the page's own
  CHECK_FALSE(has(page, "<img"));
  CHECK(has(page, "&lt;script&gt;alert(1)"));
}

TEST_CASE("A page of very many arms stays small", "[io][report]") {
  Sweep sweep;
  for (int i = 0; i < 400; ++i) sweep.add("arm " + std::to_string(i), 5 + 1e-3 * i, 1e6, "higher");
  std::string const page = sweep.page();
  CHECK(page.size() < 1'000'000);
  CHECK(has(page, "Only the best 120 of 405 arms are drawn."));
  CHECK(has(page, "Of 404 comparisons at 95 %"));
  sweep.all["arms"][10]["comparison"]["pairs"] = 1;  // which shows nothing, by chance or not
  CHECK(has(sweep.page(), "Of 403 comparisons at 95 %"));
}

TEST_CASE("A damaged sweep.json is refused by name", "[io][report]") {
  auto const damaged = [](auto&& damage) {
    Sweep sweep;
    damage(sweep.all);
    return sweep.refused();
  };
  using Catch::Contains;
  CHECK_THAT(damaged([](json& all) { all = json::array(); }),
             Contains("sweep.json") && Contains("must hold an object"));
  CHECK_THAT(damaged([](json& all) { all["arms"] = json::array(); }), Contains("at least one arm"));
  CHECK_THAT(damaged([](json& all) { all.erase("arms"); }), Contains("at least one arm"));
  CHECK_THAT(damaged([](json& all) { all["arms"] = 3; }), Contains("'arms' must be of type array"));
  CHECK_THAT(damaged([](json& all) { all["arms"][0] = 3; }), Contains("'arms' must hold objects"));
  CHECK_THAT(damaged([](json& all) { all["baseline"] = "bass"; }),
             Contains("title of an arm, got 'bass'"));
  CHECK_THAT(damaged([](json& all) { all["confidence"] = 1.5; }), Contains("between 0 and 1"));
  CHECK_THAT(damaged([](json& all) { all["margin"] = "x"; }), Contains("must be a number"));
  CHECK_THAT(damaged([](json& all) { all["arms"][1]["runs"][0]["measures"] = 1; }),
             Contains("'measures' must be of type object"));
  CHECK_THAT(damaged([](json& all) { all["arms"][1]["comparison"]["interval"] = {1}; }),
             Contains("'interval' must be two numbers"));
  CHECK_THAT(damaged([](json& all) { all["arms"][1]["comparison"]["verdict"] = "best"; }),
             Contains("'verdict' must be one of: lower, higher") && Contains("'best'"));
}

TEST_CASE("Arms that vary one number are drawn as curves against it", "[io][report]") {
  Sweep sweep;
  sweep.all["arms"] = json::array();
  sweep.all["baseline"] = "a <b>, questions = 100";
  for (char const* arm : {"a <b>", "c"}) {
    for (char const* number : {"100", "10000", "1000"}) {
      sweep.add(std::string(arm) + ", questions = " + number, 5 - std::atof(number) / 1e4, 1e6, "");
    }
  }
  auto const page = sweep.page();
  CHECK(has(page, "<h2>Against questions</h2>"));
  auto const chart = page.substr(page.find("aria-label=\"test loss against questions\""));
  CHECK(count(chart.substr(0, chart.find("</svg>")), "class=\"valid\"") == 2);
  CHECK(has(chart, ">a &lt;b&gt;</text>"));
  // Equal factors are equal distances, and the numbers are in order whatever the arms' order.
  CHECK(has(chart, "x=\"88\" y=\"321\" text-anchor=\"middle\" class=\"tick\">100<"));
  CHECK(has(chart, "x=\"411\" y=\"321\" text-anchor=\"middle\" class=\"tick\">1000<"));
  CHECK(has(chart, "x=\"734\" y=\"321\" text-anchor=\"middle\" class=\"tick\">10000<"));

  sweep.add("another", 5, 1e6, "");  // has no number
  CHECK_FALSE(has(sweep.page(), "<h2>Against"));
  CHECK_FALSE(has(Sweep().page(), "<h2>Against"));
}
