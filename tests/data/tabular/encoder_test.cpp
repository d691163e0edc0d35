// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/tabular/encoder.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "files/temporary_folder.hpp"
#include "moenda/data/tabular/encoder_file.hpp"
#include "moenda/data/tabular/set.hpp"

using namespace moenda;
using namespace moenda::data;
using Catch::Matchers::Contains;
using io::test::message_of;
using io::test::store;
using io::test::TemporaryFolder;

namespace {

using Rows = std::vector<std::int64_t>;
using Floats = std::vector<float>;
double const none = std::numeric_limits<double>::quiet_NaN();

TabularColumn numeric(std::string name, std::vector<double> numbers) {
  return {std::move(name), ColumnKind::numeric, std::move(numbers), {}, {}};
}
TabularColumn categorical(std::string name, std::vector<int> categories,
                          std::vector<std::string> names) {
  return {std::move(name), ColumnKind::categorical, {}, std::move(categories), std::move(names)};
}
TabularTable table_of(std::vector<TabularColumn> columns) {
  TabularTable table;
  table.rows =
      static_cast<std::int64_t>(std::max(columns[0].numbers.size(), columns[0].categories.size()));
  table.features = std::move(columns);
  table.target = "y";
  table.class_names = {"no", "yes"};
  table.classes.resize(static_cast<std::size_t>(table.rows), 0);
  return table;
}
/// The features of row `row` after a fit on rows 0 .. train - 1.
Floats encoded(TabularTable const& table, std::int64_t train, std::int64_t row,
               TabularEncoderConfig const& config = {.min_count = 1}) {
  Rows rows(static_cast<std::size_t>(train));
  std::iota(rows.begin(), rows.end(), 0);
  return TabularEncoder::fit(table, rows, config).encode(table, Rows{row});
}

}  // namespace

TEST_CASE("Numbers are standardised by the training rows alone", "[data][tabular]") {
  auto const table = table_of({numeric("a", {1, 3, none, 1e6}), numeric("b", {4, 8, 6, none})});
  CHECK(encoded(table, 2, 0) == Floats{-1, -1});
  CHECK(encoded(table, 2, 2) == Floats{0, 0});   // a value that was never missing: the mean
  CHECK(encoded(table, 2, 3) == Floats{10, 0});  // clipped
  CHECK(encoded(table, 3, 2) == Floats{0, 1, 0});
  CHECK(encoded(table, 3, 0)[1] == 0);
  CHECK(encoded(table, 2, 3, {.clip = 50})[0] == 50);
}

TEST_CASE("Numbers at the ends of double do not overflow", "[data][tabular]") {
  auto const table =
      table_of({numeric("a", {1e308, -1e308, 1.7e308, 0}), numeric("b", {5e-324, 0, 0, 1e300}),
                numeric("c", {1e308, 1e308, 1, 1.7e308})});
  for (std::int64_t row = 0; row < 4; ++row) {
    for (float const x : encoded(table, 3, row)) CHECK(std::isfinite(x));
  }
  CHECK(encoded(table, 2, 0) == Floats{1});  // b and c do not vary enough to be told apart
  CHECK(standard_of(table.features[0].numbers, Rows{0, 1}).deviation == Approx(1e308));
  double const most = std::numeric_limits<double>::max();
  CHECK(standard_of(std::vector{most, -most}, Rows{0, 1}).mean == 0);
  CHECK(standard_of(std::vector{most, -most}, Rows{0, 1}).deviation == most);
}

TEST_CASE("Columns without information have no features", "[data][tabular]") {
  auto const table =
      table_of({numeric("varied", {1, 2, 3}), numeric("constant", {0.1, 0.1, 0.1}),
                numeric("empty", {none, none, none}), numeric("presence", {7, none, 7}),
                categorical("one", {0, 0, 0}, {"x"}), categorical("nothing", {-1, -1, -1}, {}),
                categorical("sometimes", {0, -1, 0}, {"x"})});
  // varied, presence.missing, sometimes.x, .other, .missing
  CHECK(encoded(table, 3, 1) == Floats{0, 1, 0, 0, 1});
  CHECK(encoded(table, 3, 2)[1] == 0);
  auto const dull = table_of({numeric("constant", {1, 1, 2})});
  CHECK(message_of<DataError>([&] { (void)encoded(dull, 2, 0); }) ==
        "encoder: a column must have different values in the training rows, all 1 are constant");
}

TEST_CASE("Categories have a slot each; rare and unseen ones share another", "[data][tabular]") {
  auto const table = table_of({categorical("c", {0, 0, 1, 1, 2, -1, 3}, {"a", "b", "c", "d"})});
  TabularEncoderConfig const config{.min_count = 2};
  CHECK(encoded(table, 5, 0, config) == Floats{1, 0, 0});
  CHECK(encoded(table, 5, 2, config) == Floats{0, 1, 0});
  CHECK(encoded(table, 5, 4, config) == Floats{0, 0, 1});  // rare
  CHECK(encoded(table, 5, 6, config) == Floats{0, 0, 1});  // unseen
  CHECK(encoded(table, 5, 5, config) == Floats{0, 0, 1});  // never missing in training
  CHECK(encoded(table, 6, 5, config) == Floats{0, 0, 0, 1});
  auto const rare = table_of({categorical("c", {0, 1, -1, 2}, {"a", "b", "c"})});
  CHECK(encoded(rare, 3, 2, config) == Floats{0, 1});
  CHECK(encoded(rare, 3, 3, config) == Floats{1, 0});
}

TEST_CASE("An encoder finds its columns by name in another table", "[data][tabular]") {
  auto const table = table_of({numeric("a", {1, 3}), categorical("c", {0, 1}, {"x", "y"})});
  auto const encoder = TabularEncoder::fit(table, Rows{0, 1}, {.min_count = 1});
  auto const other = table_of(
      {categorical("c", {0, 1}, {"w", "y"}), numeric("extra", {0, 0}), numeric("a", {5, 1})});
  CHECK(encoder.encode(other, Rows{0, 1}) == Floats{3, 0, 0, 1, -1, 0, 1, 0});
  CHECK(message_of<DataError>([&] {
          (void)encoder.encode(table_of({numeric("a", {1})}), Rows{0});
        }) == "encoder: the table must have the column 'c'");
  auto const numbers = table_of({numeric("a", {1}), numeric("c", {1})});
  CHECK(message_of<DataError>([&] { (void)encoder.encode(numbers, Rows{0}); }) ==
        "encoder: column 'c' must be categorical as in training, got numeric; list it under that "
        "kind when the table is read");
}

TEST_CASE("A saved encoder encodes alike", "[data][tabular]") {
  TemporaryFolder const folder;
  auto const table = table_of({numeric("a \"quoted\"", {0.1, 3, none, 1e-300}),
                               categorical("cor", {0, 1, -1, 0}, {"água", "sal\n"})});
  auto const encoder = TabularEncoder::fit(table, Rows{0, 1, 2}, {.min_count = 1});
  auto const path = folder / "encoder.json";
  save_encoder(path, encoder);
  auto const loaded = load_encoder(path);
  Rows const all{0, 1, 2, 3};
  CHECK(loaded.encode(table, all) == encoder.encode(table, all));
  CHECK(loaded.class_names() == encoder.class_names());
  CHECK(encoder_to_json(loaded) == encoder_to_json(encoder));
  CHECK(message_of<DataError>([&] { (void)load_encoder(folder / "none.json"); }) ==
        (folder / "none.json").string() + ": cannot open for reading (No such file or directory)");
}

TEST_CASE("Files that are no encoder are refused", "[data][tabular]") {
  auto const table = table_of({numeric("a", {1, 3}), categorical("c", {0, 1}, {"x", "y"})});
  auto const good = encoder_to_json(TabularEncoder::fit(table, Rows{0, 1}, {.min_count = 1}));
  auto const refusal = [&](char const* what, nlohmann::json const& value) {
    auto json = nlohmann::json::parse(good);
    json[nlohmann::json::json_pointer(what)] = value;
    return message_of<DataError>([&] { (void)encoder_from_json(json.dump(), "e.json"); });
  };
  CHECK(refusal("/format", "x") == "e.json: 'format' must be 'moenda tabular encoder 1', got 'x'");
  CHECK(refusal("/clip", -1) == "e.json: 'clip' must be above 0");
  CHECK(refusal("/columns/0/deviation", 0) == "e.json: column 1: 'deviation' must be above 0");
  CHECK(refusal("/columns/0/mean", nullptr) == "e.json: column 1: 'mean' must be a finite number");
  CHECK(refusal("/columns/1/kind", "odd") ==
        "e.json: column 2: 'kind' must be numeric or categorical, got 'odd'");
  CHECK(refusal("/columns/1/categories", nlohmann::json::array({1})) ==
        "e.json: column 2: 'categories' must hold only texts");
  CHECK(refusal("/columns/1", 5) == "e.json: column 2: must be an object, got number");
  CHECK(refusal("/columns", nlohmann::json::array()) ==
        "e.json: 'columns' must make at least one feature");
  CHECK(refusal("/target", 5) == "e.json: target: must be an object, got number");
  for (std::size_t length = 0; length + 2 < good.size(); ++length) {
    CHECK_THROWS_AS(encoder_from_json(good.substr(0, length), "e"), DataError);
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto text = good;
    text[i] = static_cast<char>(text[i] ^ 4);
    try {
      (void)encoder_from_json(text, "e").encode(table, Rows{0, 1});
    } catch (DataError const&) {
    }
  }
  CHECK_THROWS_AS(encoder_from_json(std::string(100000, '['), "e"), DataError);
}

TEST_CASE("A set is read, split and encoded in one call", "[data][tabular]") {
  TemporaryFolder const folder;
  std::string text = "size,color,kind\n";
  for (int i = 0; i < 100; ++i) {
    text += std::to_string(i) + "," + (i % 3 == 0 ? "red" : "blue") + "," +
            (i % 5 == 0 ? "rare" : "usual") + "\n";
  }
  store(folder / "a.csv", text);
  store(folder / "test.csv", "size,color,kind\n7,green,usual.\n50,red,rare.\n");
  TabularSetConfig config{.table = {.paths = {(folder / "a.csv").string()}}};
  auto const set = load_tabular_set(config);
  CHECK(set.train.class_names.size() == 2);
  CHECK(set.width() == 4);
  CHECK(set.train.count() == 70);
  CHECK(set.valid.count() == 15);
  CHECK(std::count(set.test.labels.begin(), set.test.labels.end(), 0) == 3);
  CHECK(set.test.features.size() == 15 * 4);
  config.test_path = (folder / "test.csv").string();
  auto const given = load_tabular_set(config);
  CHECK(given.train.count() == 85);
  CHECK(given.test.labels == std::vector<int>{1, 0});
  CHECK(given.test.features[3] == 1);  // green was never seen
  config = {
      .table = {.paths = config.table.paths, .target = "size", .target_kind = TargetKind::number}};
  auto const numbers = load_tabular_set(config);
  CHECK(numbers.train.labels.empty());
  CHECK(numbers.encoder.target_standard().back(numbers.train.values[0]) ==
        Approx(numbers.rows.train[0]).margin(1e-4));
}
