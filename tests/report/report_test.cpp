// SPDX-License-Identifier: Apache-2.0
#include "moenda/report/report.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "files/temporary_folder.hpp"
#include "moenda/report/terminal/results_table.hpp"
#include "occurrences.hpp"

using namespace moenda;

namespace {

using io::test::count;
using io::test::has;
using io::test::store;
using Path = std::filesystem::path;

// Run folders under a temporary place.
struct RunsFolder {
  io::test::TemporaryFolder folder;
  Path root = folder.path();

  // A finished dense run with a loss that falls by 1/step.
  Path dense(std::string const& id, std::string const& name, double perplexity = 60) const {
    Path const run = root / id;
    std::filesystem::create_directories(run);
    store(run / "meta.json", R"({"name": ")" + name +
                                 R"(", "model": "gpt2", "parameters": {"total": 12400000,
                               "active": 12400000}, "cpu": "one", "threads": 2})");
    store(run / "config.resolved.toml", "[train]\nsteps = 100 # <all>\n");
    std::string metrics = std::string(io::metrics_header) + "\n";
    for (std::uint64_t step = 1; step <= 100; ++step) {
      io::MetricsRow row{step, step * 512, 0.5 * double(step), 1e-3, 4 + 4.0 / double(step), {},
                         {},   {}};
      if (step % 25 == 0) row.valid_loss = *row.train_loss + 0.1;
      metrics += io::to_csv(row);
    }
    store(run / "metrics.csv", metrics);
    store(run / "results.json",
          R"({"results": {"language_modeling": {"test_loss": 4.1, "perplexity": )" +
              std::to_string(perplexity) +
              R"(}}, "training": {"seconds": 50, "tokens": 51200, "tokens_per_second": 1024,
            "peak_bytes": 250000000, "steps": 100},
            "samples": [{"prompt": "lisboa", "text": "lisboa de noite"}]})");
    return run;
  }

  // The same of a classifier.
  Path classifier(std::string const& id, double accuracy, double seconds) const {
    Path const run = dense(id, id);
    store(run / "config.resolved.toml", "task = \"classification\"\n");
    store(run / "results.json",
          R"({"results": {"classification": {"test_loss": 0.4, "accuracy": )" +
              std::to_string(accuracy) + R"(}}, "training": {"seconds": )" +
              std::to_string(seconds) + R"(, "peak_bytes": 250000000}})");
    return run;
  }

  Path mixture(std::string const& id, std::uint32_t layers, std::uint32_t experts,
               std::uint64_t records) const {
    Path const run = dense(id, id, 57);
    std::string routing = std::string(io::routing_header) + "\n";
    for (std::uint64_t step = 0; step < records; ++step) {
      for (std::uint32_t layer = 0; layer < layers; ++layer) {
        for (std::uint32_t e = 0; e < experts; ++e) {
          // Neighbours differ at every step, so that nothing merges: the largest possible page.
          routing += io::to_csv(io::RoutingRow{step, layer, e, (step + e) % 2 == 0 ? 15U : 5U});
        }
      }
    }
    store(run / "routing.csv", routing);
    return run;
  }
};

}  // namespace

TEST_CASE("Two runs are compared with the change and which direction is better", "[io][report]") {
  RunsFolder const place;
  std::string const page =
      io::render_report({place.dense("a", "gpt2", 60), place.mixture("moe", 2, 4, 50)});
  CHECK(has(page, "−5.00 %<small class=\"better\">better"));
  CHECK(has(page, "moe reaches a perplexity <b>5.00 %</b> lower."));
  CHECK(has(page, "Peak memory (MB)"));
  CHECK(has(page, "<td>250.0</td>"));
  CHECK(has(page, "lower is better"));
  CHECK(has(page, "higher is better"));
  CHECK_FALSE(has(page, "sliding window"));  // not measured
  CHECK(count(page, "<svg class=\"curves\"") == 2);
  CHECK(count(page, "<svg class=\"heat\"") == 2);
  CHECK(has(page, "max violation 0.50"));
  // 0.5 and 1.5 times the fair share, and no others.
  CHECK(count(page, "data-level=\"5\"") == 2);
  CHECK(count(page, "data-level=\"15\"") == 2);
  CHECK(count(page, "data-level=") == 4);
  CHECK(has(page, "<b>lisboa</b> de noite"));
  CHECK(has(page, "steps = 100 # &lt;all&gt;"));
  CHECK_FALSE(has(page, "class=\"note\""));
}

TEST_CASE("A worse second run is called worse", "[io][report]") {
  RunsFolder const place;
  std::string const page =
      io::render_report({place.dense("a", "one", 50), place.dense("b", "two", 60)});
  CHECK(has(page, "+20.00 %<small class=\"worse\">worse"));
  CHECK(has(page, "two reaches a perplexity <b>20.00 %</b> higher."));
  CHECK(has(page, "no change"));
  // For throughput higher is better.
  store(place.root / "b" / "results.json", R"({"training": {"tokens_per_second": 2048}})");
  CHECK(has(io::render_report({place.root / "a", place.root / "b"}),
            "+100.00 %<small class=\"better\">better"));
}

TEST_CASE("The sentence on two runs says what changed by its own number", "[io][report]") {
  RunsFolder const place;
  auto const page =
      io::render_report({place.classifier("a", 0.5, 50), place.classifier("b", 0.6, 25)});
  CHECK(has(page,
            "Against a, b reaches an accuracy <b>20.00 %</b> higher and trains in "
            "<b>50.00 %</b> less time."));
}

TEST_CASE("Runs of different tasks have no best value and no change", "[io][report]") {
  RunsFolder const place;
  auto const text = place.dense("text", "text"), rows = place.classifier("rows", 0.5, 25);
  for (auto const& page :
       {io::render_report({text, rows}), io::render_report({text, text, rows})}) {
    CHECK(has(page, "The runs learn different tasks"));
    CHECK_FALSE(has(page, "class=\"best\""));
    CHECK_FALSE(has(page, "% lower"));
    CHECK_FALSE(has(page, "less time"));
    CHECK_FALSE(has(page, "<small class=\"better\">"));
  }
  auto const shown = io::results_text({text, rows});
  CHECK(has(shown, "note: The runs learn different tasks"));
  CHECK_FALSE(has(shown, "change %"));
  CHECK(has(io::results_text({text, text}), "change %"));
  CHECK_FALSE(has(io::results_text({text, text}), "note: "));
}

TEST_CASE("Runs that differ in more than the model say so", "[io][report]") {
  RunsFolder const place;
  auto const a = place.dense("a", "a"), b = place.dense("b", "b", 50);
  auto const notes = [&] { return io::results_text({a, b}); };
  store(a / "meta.json", R"({"name": "a", "corpus": "1"})");
  store(b / "meta.json", R"({"name": "b", "corpus": "2"})");
  CHECK(has(notes(), "note: The runs learn from different data"));
  store(b / "meta.json", R"({"name": "b", "corpus": "1"})");
  CHECK_FALSE(has(notes(), "note: "));
  store(a / "config.resolved.toml", "[tokenizer]\nkind = \"byte\"\n\n[model]\nd_model = 8\n");
  store(b / "config.resolved.toml", "[tokenizer]\nkind = \"gpt2\"\n\n[model]\nd_model = 8\n");
  CHECK(has(notes(), "note: The runs cut their text into different tokens"));
  CHECK(has(io::render_report({a, b}), "The runs cut their text into different tokens"));
  store(b / "config.resolved.toml", "[tokenizer]\nkind = \"byte\"\n\n[model]\nd_model = 9\n");
  CHECK_FALSE(has(notes(), "note: "));
  store(b / "results.json", R"({"results": {}, "evaluation": "x"})");
  CHECK(has(notes(), "note: The runs were measured in different ways"));
}

TEST_CASE("One run and three runs have no change column", "[io][report]") {
  RunsFolder const place;
  auto const a = place.dense("a", "a"), b = place.dense("b", "b"), c = place.dense("c", "c");
  CHECK_FALSE(has(io::render_report({a}), "second vs. first"));
  CHECK_FALSE(has(io::render_report({a, b, c}), "second vs. first"));
  CHECK(has(io::render_report({a, b, c}), "<title>a, b and c – Moenda"));
}

TEST_CASE("Runs of the same name are told apart by their folder", "[io][report]") {
  RunsFolder const place;
  std::string const page =
      io::render_report({place.dense("3f9a", "same"), place.dense("77b0", "same")});
  CHECK(has(page, "same (3f9a)"));
  CHECK(has(page, "same (77b0)"));
}

TEST_CASE("A missing file is refused by name", "[io][report]") {
  RunsFolder const place;
  for (char const* file : {"meta.json", "metrics.csv", "config.resolved.toml"}) {
    auto const run = place.dense("a", "a");
    std::filesystem::remove(run / file);
    CHECK_THROWS_AS(io::render_report({run}), DataError);
    CHECK_THROWS_WITH(io::render_report({run}),
                      Catch::Contains(file) && Catch::Contains("must exist"));
  }
  CHECK_THROWS_WITH(io::render_report({place.root / "nowhere"}), Catch::Contains("nowhere"));
  CHECK_THROWS_AS(io::render_report({}), ConfigError);
}

TEST_CASE("A damaged file is refused by name", "[io][report]") {
  RunsFolder const place;
  auto const refused = [&](char const* file, std::string const& text, std::string const& why) {
    auto const run = place.dense("a", "a");
    store(run / file, text);
    INFO(file << ": " << text.substr(0, 60));
    CHECK_THROWS_AS(io::render_report({run}), DataError);
    CHECK_THROWS_WITH(io::render_report({run}), Catch::Contains(file) && Catch::Contains(why));
    std::filesystem::remove_all(run);
  };
  refused("meta.json", "", "must be JSON, parse error at line 1, column 1");
  refused("meta.json", "[]", "must hold an object, got array");
  refused("meta.json", R"({"name": 3})", "'name' must be of type string, got number");
  refused("results.json", R"({"results": {)", "must be JSON");
  refused("results.json", R"({"results": []})", "'results' must be of type object");
  refused("results.json", R"({"samples": ["x"]})", "'samples' must hold objects");
  refused("results.json", R"({"samples": [{"prompt": 1}]})", "'prompt' must be of type string");
  refused("results.json", std::string(100'000, '['), "must be JSON");
  refused("metrics.csv", "step,loss\n", "the header must be");
  std::string const head = std::string(io::routing_header) + "\n";
  // A damaged number must not decide how much memory is asked for.
  refused("routing.csv", head + "1,0,4294967295,5\n", "got expert 4294967295");
  refused("routing.csv", head + "1,0,0,0.5\n", "must be an integer");
  refused("routing_layers.csv", std::string(io::routing_layers_header) + "\n1,0,2,0,0,0,,1,\n",
          "share in [0, 1]");
  refused("routing.json", "{}", "must be the JSON of a routing analysis");
}

TEST_CASE("Routing over time has a panel per measure that has something to show", "[io][report]") {
  RunsFolder const place;
  auto const run = place.mixture("moe", 2, 4, 3);
  std::string rows = std::string(io::routing_layers_header) + "\n";
  for (std::uint64_t step = 1; step <= 3; ++step) {
    for (std::uint32_t layer = 0; layer < 2; ++layer) {
      rows += io::to_csv(io::RoutingLayerRow{step, layer, 0.95, 0.5 * double(step), 0, 0,
                                             layer == 0 ? 0.71 : 0.82, 2, 0.01 * double(layer)});
    }
  }
  store(run / "routing_layers.csv", rows);
  std::string const page = io::render_report({run});
  CHECK(has(page, "<h2>Routing over time</h2>"));
  for (char const* title : {"Max violation", "Evenness", "Doubt of the router", "Churn"}) {
    CHECK(has(page, std::string("class=\"title\">") + title));
  }
  CHECK_FALSE(has(page, "class=\"title\">Dropped tokens"));  // nothing was
  CHECK_FALSE(has(page, "class=\"title\">Dead experts"));
  CHECK_FALSE(has(page, "class=\"title\">Experts per token"));  // always 2
  CHECK(count(page, "<svg class=\"table\"") == 4);
  CHECK(has(page, "data-scale=\"0.7 0.85\""));  // of 0.71 and 0.82
  CHECK(has(page, "data-scale=\"0 1.5\""));
  store(run / "routing_layers.csv", rows + "4,0,nan,inf,0.5,2,,2,\n");
  CHECK(has(io::render_report({run}), "class=\"title\">Dropped tokens"));
}

TEST_CASE("What each expert takes is a table per layer", "[io][report]") {
  RunsFolder const place;
  auto const run = place.mixture("moe", 1, 2, 1);
  io::RoutingAnalysis analysis{.text = "valid", .tokens = 10, .classes = {"word", "<number>"}};
  probe::Specialisation layer{.layer = 0, .num_experts = 2, .tokens = 10};
  layer.tokens_per_expert = {6, 4};
  layer.coactivation = {6, 3, 3, 4};
  layer.classes = {6, 0, 1, 3};
  layer.token_explains = 0.42;
  layer.class_explains = 0.1;
  layer.typical = {{{5, 3, 0.75}}, {}};
  analysis.layers.push_back(layer);
  auto const stored = [&] {
    store(run / "routing.json", io::routing_json(analysis, [](int) { return " <b>\n"; }));
    return io::render_report({run});
  };
  std::string const page = stored();
  CHECK(has(page, "<h2>What each expert takes</h2>"));
  CHECK(has(page, "knowing the token tells 42 % of the choice, knowing its kind 10 %"));
  CHECK(has(page, "<code title=\"3 times, 75 % of its places\">·&lt;b&gt;↵</code>"));
  CHECK(has(page, "<td>60 %</td>"));
  CHECK(has(page, "title=\"&lt;number&gt; 75 %\""));
  CHECK(has(page, "Experts that work together"));
  CHECK(has(page, "data-scale=\"0 1\""));  // 3 of the 4 tokens of expert 1
  analysis.layers[0].coactivation = {6, 0, 0, 4};
  CHECK_FALSE(has(stored(), "Experts that work together"));
}

TEST_CASE("Deep nesting of valid JSON is harmless", "[io][report]") {
  RunsFolder const place;
  auto const run = place.dense("a", "a");
  std::string deep = "1";
  for (int i = 0; i < 2000; ++i) deep = "{\"k\":[" + deep + "]}";
  store(run / "meta.json", "{\"name\":\"deep\",\"deep\":" + deep + "}");
  CHECK(has(io::render_report({run}), "<td>…</td>"));
}

TEST_CASE("An unfinished run is shown with what exists", "[io][report]") {
  RunsFolder const place;
  auto const run = place.dense("a", "half");
  std::filesystem::remove(run / "results.json");
  std::string const page = io::render_report({run, place.dense("b", "whole")});
  CHECK(has(page, "half is unfinished"));
  CHECK(has(page, "last seen at step 100"));
  CHECK(count(page, "<svg class=\"curves\"") == 2);

  store(run / "metrics.csv", std::string(io::metrics_header) + "\n");
  CHECK(has(io::render_report({run}), "before its first recorded step"));
  CHECK(has(io::render_report({run}), "No loss has been recorded yet"));

  store(run / "metrics.csv", std::string(io::metrics_header) + "\n1,1,1,1,5,,,\n2,1,");
  CHECK(has(io::render_report({run}), "last line of metrics.csv is incomplete"));
}

TEST_CASE("A loss is shown in the unit of its task", "[io][report]") {
  RunsFolder const place;
  auto const language = place.dense("a", "a"), other = place.dense("b", "b");
  auto const page_of = [&](std::vector<Path> const& runs, std::string const& task) {
    store(other / "config.resolved.toml", "task = \"" + task + "\"\n");
    store(other / "results.json", R"({"results": {")" + task + R"(": {"test_loss": 0.25}}})");
    return io::render_report(runs);
  };
  auto const says = [](std::string const& page, std::string const& unit) {
    return has(page, "loss (" + unit + ")") &&
           has(page, "Test loss<small>lower is better; " + unit + "</small>");
  };
  CHECK(says(page_of({language}, "regression"), "nats per token"));
  auto const page = page_of({other}, "regression");
  CHECK(says(page, "squared error of the standardised target"));
  CHECK_FALSE(has(page, "nats"));
  CHECK(says(page_of({other}, "classification"), "nats per example"));
  CHECK(says(page_of({other}, "table_questions"), "nats per question"));
  CHECK(says(page_of({language, other}, "regression"), "each in the unit of its task"));
}

TEST_CASE("Values that are not finite are left out and counted", "[io][report]") {
  RunsFolder const place;
  auto const run = place.dense("a", "a");
  store(run / "metrics.csv", std::string(io::metrics_header) +
                                 "\n1,1,1,1,5,,,\n2,2,2,1,nan,,,\n3,3,3,1,inf,1e300,,\n"
                                 "4,4,4,1,4,4.5,,\n");
  std::string const page = io::render_report({run});
  CHECK(has(page, "2 training loss values are not a finite number and left out (first at step 2)"));
  CHECK(has(page, "1 validation loss value is not a finite number and left out (first at step 3)"));
  std::string const charts = page.substr(page.find("<svg class=\"curves\""));
  CHECK_FALSE(has(charts.substr(0, charts.find("<script>")), "nan"));

  store(run / "results.json", R"({"results": {"language_modeling": {"test_loss": null,
      "perplexity": 1e308}}})");
  CHECK(has(io::render_report({run}), "<td>1e+308</td>"));
}

TEST_CASE("Names, prompts and bytes that are not UTF-8 cannot break the page", "[io][report]") {
  RunsFolder const place;
  auto const run = place.dense("a", "<script>alert(1)</script>'&\xff");
  store(run / "config.resolved.toml", "</pre><script>x</script>\xC3");
  store(run / "results.json",
        "{\"samples\": [{\"prompt\": \"<b>\", \"text\": \"\xF0\x9F</blockquote>\"}]}");
  std::string const page = io::render_report({run});
  CHECK(count(page, "<script") == 1);
  CHECK(count(page, "</blockquote>") == 1);
  CHECK(has(page, "&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;\uFFFD"));
  CHECK(io::find_invalid_utf8(page) == page.size());
}

TEST_CASE("Answered questions show the expert, its columns and rows, and what it computed",
          "[io][report]") {
  RunsFolder const place;
  auto const run = place.dense("a", "tables");
  store(run / "config.resolved.toml", "task = \"table_questions\"\n");
  store(run / "results.json", R"({"results": {"table_questions": {"test_accuracy": 0.75,
      "test_accuracy_sum": 0.5, "test_accuracy_count": 1, "unseen_accuracy_sum": 0.25,
      "test_route_purity": 0.875}},
    "questions": [{"set": "test", "question": "goals <i>?", "operation": "sum", "wanted": "average",
      "columns": "Goals & more", "condition": "where 'Year' > 1998", "rows": "1, 3",
      "evidence": "sum of 'Goals' = 42", "arithmetic": "10 + 32 = 42", "answer": "42",
      "right": false, "expected": "21"}, {"question": "how many", "operation": "count",
      "wanted": "count", "answer": "3", "right": true}]})");
  std::string const page = io::render_report({run});
  CHECK(has(page, "goals &lt;i&gt;?<small>test</small>"));
  CHECK(has(page,
            "<td>sum<small>average was wanted</small></td><td>Goals &amp; more</td>"
            "<td>where &#39;Year&#39; &gt; 1998<small>1, 3</small></td>"
            "<td>sum of &#39;Goals&#39; = 42<small>10 + 32 = 42</small></td>"
            "<td>42<small class=\"worse\">wrong; right would be: 21</small></td>"));
  CHECK(has(page, "<td>3<small class=\"better\">right</small></td>"));
  CHECK_FALSE(has(page, "count was wanted"));
  CHECK(has(page, "<tr><th scope=\"row\">sum</th><td>0.5000</td><td>0.2500</td></tr>"));
  CHECK(has(page, "<tr><th scope=\"row\">count</th><td>1.0000</td><td>–</td></tr>"));
  CHECK(has(page, "purity of the routing</th><td>0.8750</td><td>–</td>"));
  CHECK_FALSE(has(page, "Generated text"));
  CHECK_FALSE(has(page, "language model"));
  CHECK_FALSE(has(io::render_report({place.dense("b", "b")}), "how they were answered"));
  auto const text = io::results_text({run});
  CHECK(has(text, "tables: goals <i>?\n  sum of 'Goals' = 42 (wrong, right: 21)\n"));

  store(run / "results.json", R"({"questions": [{"right": "yes"}]})");
  CHECK_THROWS_WITH(io::render_report({run}), Catch::Contains("'right' must be of type boolean"));
}

TEST_CASE("A classifier's page speaks of classes, and not of text", "[io][report]") {
  RunsFolder const place;
  std::string const page = io::render_report({place.classifier("a", 0.75, 10)});
  CHECK(has(page, "a class or a number"));
  CHECK(has(page, "0.7500"));
  CHECK_FALSE(has(page, "language model"));
  CHECK_FALSE(has(page, "Perplexity"));
  CHECK(has(io::render_report({place.dense("b", "b")}), "Perplexity"));
}

TEST_CASE("A page of several tasks tells of each, by its own measures", "[io][report]") {
  RunsFolder const place;
  std::string const page =
      io::render_report({place.dense("b", "text"), place.classifier("a", 0.75, 10)});
  CHECK(has(page, "This page shows one language model in training"));
  CHECK(has(page, "a class or a number"));
  CHECK(has(page, "<td>60.00</td><td>–</td>"));   // perplexity
  CHECK(has(page, "<td>–</td><td>0.7500</td>"));  // accuracy
}

TEST_CASE("A task that has not finished is known by its configuration", "[io][report]") {
  RunsFolder const place;
  auto const run = place.classifier("a", 0.75, 10);
  std::filesystem::remove(run / "results.json");
  std::string const page = io::render_report({run});
  CHECK(has(page, "a class or a number"));
  CHECK_FALSE(has(page, "language model"));
}

TEST_CASE("A section of which no run has anything is left out", "[io][report]") {
  using Runs = std::vector<io::ReportRun>;
  static constexpr std::array sections{
      io::detail::ReportSection{[](io::ReportRun const& run) { return run.task == "a"; },
                                [](Runs const&) -> std::string { return "first "; }},
      io::detail::ReportSection{io::detail::every_run,
                                [](Runs const& runs) { return std::to_string(runs.size()); }}};
  Runs runs(2);
  CHECK(io::detail::html_of(sections, runs) == "2");
  runs[1].task = "a";
  CHECK(io::detail::html_of(sections, runs) == "first 2");
}

TEST_CASE("Unlike runs are said to be unlike", "[io][report]") {
  RunsFolder const place;
  auto const a = place.dense("a", "a"), b = place.dense("b", "b");
  store(b / "meta.json", R"({"name": "b", "cpu": "another", "threads": 2})");
  store(b / "results.json", R"({"training": {"tokens": 7}})");
  std::string const page = io::render_report({a, b});
  CHECK(has(page, "different numbers of tokens"));
  CHECK(has(page, "different machines"));
}

TEST_CASE("Large runs stay under a megabyte", "[io][report]") {
  RunsFolder const place;
  std::string const wide = io::render_report({place.mixture("wide", 32, 64, 24)});
  CHECK(wide.size() < 1'000'000);
  CHECK(count(wide, "<svg class=\"heat\"") == 32);
  std::string const tall = io::render_report({place.mixture("tall", 30, 256, 8)});
  CHECK(tall.size() < 1'000'000);
  CHECK(has(tall, "Only the first 23 of 30 layers are drawn"));
  CHECK(io::render_report({place.mixture("long", 4, 8, 2000)}).size() < 300'000);
  std::vector<Path> many;
  for (int i = 0; i < 40; ++i) many.push_back(place.dense("run" + std::to_string(i), "run"));
  CHECK(io::render_report(many).size() < 1'000'000);
}

TEST_CASE("A report is written to a file, or the file is named", "[io][report]") {
  RunsFolder const place;
  auto const run = place.dense("a", "a");
  io::write_report({run}, place.root / "report.html");
  CHECK(io::test::load(place.root / "report.html") == io::render_report({run}));
  CHECK_THROWS_WITH(io::write_report({run}, place.root / "no" / "report.html"),
                    Catch::Contains("report.html: cannot create a temporary file"));
}
