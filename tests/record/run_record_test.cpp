// SPDX-License-Identifier: Apache-2.0
#include "moenda/record/run_record.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "files/temporary_folder.hpp"
#include "moenda/record/named_measures.hpp"

using namespace moenda;
using Catch::Contains;

namespace {

struct Folder {
  io::test::TemporaryFolder folder;
  io::RunRecord record{folder.path()};

  void store(char const* name, std::string const& text) const {
    io::test::store(record.file(name), text);
  }
};

}  // namespace

TEST_CASE("The task is the key of the configuration, not that of a table", "[io][run_record]") {
  CHECK(io::RunRecord::task_of("task = \"regression\"\nname = \"x\"\n[data]\n") == "regression");
  CHECK(io::RunRecord::task_of("name = \"x\"\ntask = \"classification\"") == "classification");
  CHECK(io::RunRecord::task_of("[data]\ntask = \"regression\"\n") == "language_modeling");
  CHECK(io::RunRecord::task_of("") == "language_modeling");
}

TEST_CASE("A run that has not finished has no results", "[io][run_record]") {
  Folder const run;
  CHECK_FALSE(run.record.finished());
  CHECK_FALSE(run.record.results().has_value());
  CHECK_FALSE(run.record.analysis().has_value());
  CHECK(run.record.routing().rows.empty());
  CHECK(run.record.routing_layers().rows.empty());
  CHECK_THROWS_WITH(run.record.metrics(), Contains("metrics.csv must exist"));
  CHECK_THROWS_WITH(run.record.meta(), Contains("meta.json must exist"));
  CHECK_THROWS_WITH(run.record.configuration(), Contains("config.resolved.toml must exist"));
}

TEST_CASE("Numbers of two tasks or sets keep apart", "[io][run_record]") {
  Folder const run;
  run.store(io::run_files::results, R"({"results": {
      "language_modeling": {"accuracy": 0.5, "test_loss": 2, "kind": "x", "perplexity": null},
      "hellaswag": {"accuracy": 0.25}},
    "training": {"seconds": 3}, "energy": {"source": "meter", "training_joules": 7}})");
  auto const results = *run.record.results();
  CHECK(results.measure("language_modeling", "accuracy") == 0.5);
  CHECK(results.measure("hellaswag", "accuracy") == 0.25);
  CHECK_FALSE(results.measure("hellaswag", "test_loss").has_value());
  CHECK_FALSE(results.measure("piqa", "accuracy").has_value());
  CHECK(results.energy_source == "meter");
  CHECK(results.all_numbers("language_modeling") ==
        io::RunResults::Numbers{{"accuracy", 0.5},
                                {"test_loss", 2},
                                {"hellaswag.accuracy", 0.25},
                                {"seconds", 3},
                                {"training_joules", 7}});
}

TEST_CASE("Two numbers of one name are refused with file and name", "[io][run_record]") {
  Folder const run;
  run.store(io::run_files::results,
            R"({"results": {"regression": {"seconds": 1}}, "training": {"seconds": 3}})");
  auto const results = *run.record.results();
  CHECK_THROWS_AS(results.all_numbers("regression"), DataError);
  CHECK_THROWS_WITH(results.all_numbers("regression"),
                    Contains("results.json") && Contains("two numbers are named 'seconds'"));
  CHECK(results.all_numbers("classification").size() == 2);  // regression.seconds, seconds
}

TEST_CASE("A second measure of the same name is refused", "[io][named_measures]") {
  io::NamedMeasures measures, more;
  measures.add("test_loss", 1.5);
  measures.add("accuracy", nullptr);
  more.add("valid_accuracy", 0.5);
  measures.add(more);
  CHECK(measures.json().dump() == R"({"test_loss":1.5,"accuracy":null,"valid_accuracy":0.5})");
  CHECK_THROWS_AS(measures.add("accuracy", 0.25), ConfigError);  // null is a value, too
  CHECK_THROWS_WITH(measures.add(more), Contains("two measures are named 'valid_accuracy'"));
  CHECK(measures.json().at("test_loss") == 1.5);
  CHECK(measures.json().at("valid_accuracy") == 0.5);
}
