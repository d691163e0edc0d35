// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/sequence/labelled_sequences.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <set>

#include "files/temporary_folder.hpp"
#include "moenda/data/sequence/labelled_batches.hpp"
#include "moenda/data/sequence/labelled_text.hpp"
#include "moenda/data/sequence/time_series.hpp"

namespace {

using namespace moenda;
using namespace moenda::data;
using namespace std::string_literals;

class Files {
 public:
  std::filesystem::path write(std::string const& name, std::string const& text) const {
    io::test::store(folder_ / name, text);
    return folder_ / name;
  }

 private:
  io::test::TemporaryFolder folder_;
};
/// The data folder, or nothing after saying what is skipped.
std::filesystem::path data_folder(char const* what) {
  char const* const folder = std::getenv("MOENDA_DATA");
  if (folder == nullptr || !std::filesystem::exists(std::filesystem::path(folder) / what)) {
    std::cout << "skipped: " << what << " is not below MOENDA_DATA\n";
    return {};
  }
  return std::filesystem::path(folder) / what;
}
std::string text_of(LabelledSequences const& s, std::int64_t i) {
  return Tokenizer().decode(std::span(s.tokens).subspan(std::size_t(s.offsets[std::size_t(i)]),
                                                        std::size_t(s.length(i))));
}

TEST_CASE("texts with labels are read, and their faults named by line", "[data]") {
  Files const files;
  Tokenizer const bytes;
  auto const path = files.write("a.tsv", "label\ttext\nzebra\t\"Hi\", he\r\n\napple\tno\nzebra\tx");
  auto const s = read_labelled_text(path, {}, bytes);
  CHECK(s.count() == 3);
  CHECK(s.class_names == std::vector<std::string>{"apple", "zebra"});
  CHECK(s.labels == std::vector<int>{1, 0, 1});
  CHECK(text_of(s, 0) == "\"Hi\", he");
  CHECK(s.longest() == 8);

  auto const other = files.write("b.tsv", "zebra\tone\nlion\ttwo\n");
  LabelledTextFormat const bare{.header = false};
  CHECK_THROWS_WITH(read_labelled_text(other, bare, bytes, s.class_names),
                    other.string() + ":2: the label 'lion' is none of the 2 known classes");
  auto const refused = [&](std::string const& text, std::string const& message,
                           LabelledTextFormat const& format = {.header = false}) {
    auto const bad = files.write("bad.tsv", text);
    CHECK_THROWS_AS(read_labelled_text(bad, format, bytes), DataError);
    CHECK_THROWS_WITH(read_labelled_text(bad, format, bytes), bad.string() + message);
  };
  refused("a\tb\na\tb\tc\n", ":2: must have 2 columns (label, text), got 3");
  refused("a\tb\na\t\n", ":2, column 2: must have a text");
  refused("\tb\n", ":1, column 1: must have a label");
  refused("a\tb\n\xff\n", ":2: must be UTF-8");
  refused("", ": must hold at least one text");
  refused("label\ttext\n", ": must hold at least one text", {});
  refused("1.5x\tb\n", ":1, column 1: must be a finite number, got '1.5x'",
          {{"value", "text"}, false});
  refused("nan\tb\n", ":1, column 1: must be a finite number, got 'nan'",
          {{"value", "text"}, false});
  CHECK_THROWS_WITH(read_labelled_text(path, {{"label", "texts"}, true}, bytes),
                    Catch::Contains("got 'texts' (did you mean 'text'?)"));
  CHECK_THROWS_AS(read_labelled_text(path, {{"text", "skip"}, true}, bytes), ConfigError);
  CHECK_THROWS_AS(read_labelled_text(path, {{"label", "value", "text"}, true}, bytes), ConfigError);
  CHECK_THROWS_AS(read_labelled_text("/no/such/file.tsv", {}, bytes), DataError);
}

TEST_CASE("texts in lines of JSON", "[data]") {
  Files const files;
  Tokenizer const bytes;
  LabelledTextFormat const format{.keys = {"kind", "q"}};  // the header is one of tables
  auto const path =
      files.write("a.jsonl",
                  "{\"q\":\"\\\"Who\\\"\\tor\\u00e9?\",\"x\":[1],\"kind\":\"two\"}\r\n\n"
                  "{\"kind\":10,\"q\":\"b\"}\n{\"kind\":9,\"q\":\"c\"}");
  auto const s = read_labelled_text(path, format, bytes);
  CHECK(s.class_names == std::vector<std::string>{"9", "10", "two"});
  CHECK(s.labels == std::vector<int>{2, 1, 0});
  CHECK(text_of(s, 0) == "\"Who\"\tor\u00e9?");
  CHECK(text_of(s, 2) == "c");
  auto const refused = [&](std::string const& text, std::string const& message) {
    auto const bad = files.write("bad.jsonl", text);
    CHECK_THROWS_AS(read_labelled_text(bad, format, bytes), DataError);
    CHECK_THROWS_WITH(read_labelled_text(bad, format, bytes), bad.string() + message);
  };
  refused("\n[1]\n", ":2: must be a JSON object");
  refused("{\"kind\":1,\"q\":\"\\ud800\"}", ":1: must be a JSON object");
  refused("{\"kind\":1}", ":1: must have a \"q\" that is a text or a number");
  refused("{\"kind\":null,\"q\":\"a\"}", ":1: must have a \"kind\" that is a text or a number");
  refused("{\"kind\":1,\"q\":\"\"}", ":1, column 2: must have a text");
  refused("\n", ": must hold at least one text");
  CHECK_THROWS_AS(read_labelled_text(path, {.keys = {"q"}}, bytes), ConfigError);
  CHECK_THROWS_WITH(read_labelled_text(path, {}, bytes),
                    "LabelledTextFormat: keys must name one member of a.jsonl for each of the "
                    "columns label, text, got ''");
}

TEST_CASE("pairs of texts have a value, and a separator between them", "[data]") {
  Files const files;
  auto const path = files.write("pairs.csv", "A cat.,\"A \"\"big\"\", cat\",4.4\nx,y,0\n");
  auto const s = read_labelled_text(path, {{"text", "text", "value"}, false}, Tokenizer());
  CHECK(s.values == std::vector<float>{4.4f, 0});
  CHECK(text_of(s, 0) == "A cat.\nA \"big\", cat");
  CHECK(text_of(s, 1) == "x\ny");
  CHECK(s.labels.empty());
}

TEST_CASE("numbers as labels are ordered as numbers", "[data]") {
  Files const files;
  auto const path = files.write("n.tsv", "10\ta\n-1\tb\n9\tc\n-1\td\n");
  auto const s = read_labelled_text(path, {.header = false}, Tokenizer());
  CHECK(s.class_names == std::vector<std::string>{"-1", "9", "10"});
  CHECK(s.labels == std::vector<int>{2, 0, 1, 0});
}

TEST_CASE("time series in both formats", "[data]") {
  Files const files;
  auto const s = read_ts(files.write("a.ts", "#c\n@x 1\n@data\n1,2,3:4,5,6:b\n7:8:a\n"));
  CHECK(s.channels == 2);
  CHECK(s.features == std::vector<float>{1, 4, 2, 5, 3, 6, 7, 8});
  CHECK(s.offsets == std::vector<std::int64_t>{0, 3, 4});
  CHECK(s.labels == std::vector<int>{1, 0});
  auto const refused_ts = [&](std::string const& text, std::string const& message) {
    auto const bad = files.write("bad.ts", text);
    CHECK_THROWS_WITH(read_ts(bad), bad.string() + message);
  };
  refused_ts("@data\n1,2:3:x\n", ":2, channel 2: must have 2 numbers as the first, got 1");
  refused_ts("@data\n1,?:3,4:x\n", ":2, channel 1: must be a finite number, got '?'");
  refused_ts("@data\n1,2\0:x\n"s, ":2, channel 1: must be a finite number, got '2?'");
  refused_ts("@data\n1,2:\n", ":2: must end in a class");
  refused_ts("@data\n1:2:x\n1:x\n", ":3: must have 2 channels, got 1");
  refused_ts("@data\nx\n", ":2: must have 1..1048576 channels, got 0");
  refused_ts("1:2:x\n", ":1: must be a # comment or an @ key before @data");
  refused_ts("@data\n", ": must hold sequences after @data");

  auto const lines =
      read_sequence_lines(files.write("a.jsonl",
                                      "{\"id\":1,\"label\":1,\"x\":[[1,2],[3,4.5]]}\n"
                                      "{\"label\":-1,\"x\":[[5,6]]}\n"));
  CHECK(lines.features == std::vector<float>{1, 2, 3, 4.5f, 5, 6});
  CHECK(lines.class_names == std::vector<std::string>{"-1", "1"});
  CHECK(lines.labels == std::vector<int>{1, 0});
  auto const refused = [&](std::string const& text, std::string const& message) {
    auto const bad = files.write("bad.jsonl", text);
    CHECK_THROWS_WITH(read_sequence_lines(bad), bad.string() + message);
  };
  refused("[1]\n", ":1: must be a JSON object");
  refused("{\n", ":1: must be a JSON object");
  refused("{\"x\":[[1]]}\n", ":1: must have a \"label\" that is a word or a whole number");
  refused("{\"label\":1,\"x\":[]}\n", ":1: must have an \"x\" that is a list of rows");
  refused("{\"label\":1,\"x\":[3]}\n", ":1: a row of \"x\" must be a list of numbers");
  refused("{\"label\":1,\"x\":[[1],[1,2]]}\n", ":1: must have 1 channels, got 2");
  refused("{\"label\":1,\"x\":[[\"a\"]]}\n", ":1: \"x\" must hold finite numbers, got \"a\"");
  std::string const deep(2'000'000, '['), back(deep.size(), ']');  // more than a stack can follow
  refused("{\"label\":1,\"x\":" + deep + back + "}\n",
          ":1: \"x\" must hold finite numbers, got an array");
  refused("{\"label\":1,\"x\":[[1e99]]}\n", ":1: \"x\" must hold finite numbers, got 1e+99");
}

/// Sequence i has i % 5 + 1 tokens of id i + 1 and class i.
LabelledBatches<int>::Shared numbered(int count) {
  LabelledSequences s;
  for (int i = 0; i < count; ++i) {
    s.tokens.insert(s.tokens.end(), std::size_t(i % 5 + 1), i + 1);
    s.labels.push_back(i);
    s.end_sequence();
  }
  return std::make_shared<LabelledSequences const>(std::move(s));
}
void check_contents(LabelledBatches<int> const& batches, int context_length) {
  auto const batch = batches.batch();
  REQUIRE(batch.seq_len == context_length);
  for (int b = 0; b < batch.batch_size; ++b) {
    int const item = batches.targets()[std::size_t(b)];
    REQUIRE(batch.lengths[b] == std::min(item % 5 + 1, context_length));
    REQUIRE(batches.items()[std::size_t(b)] == item);
    for (int t = 0; t < context_length; ++t) {
      REQUIRE(batch.tokens[b * context_length + t] == (t < batch.lengths[b] ? item + 1 : 0));
    }
  }
}

TEST_CASE("training batches are a function of their number", "[data]") {
  LabelledBatches<int> batches(numbered(23), 4, 3, 7);
  CHECK(batches.batches() == 5);
  CHECK(batches.cut() == 8);
  std::vector<std::vector<int>> seen;
  for (int number = 0; number < 15; ++number) {
    batches.load(number);
    check_contents(batches, 3);
    auto const targets = batches.targets();
    seen.emplace_back(targets.begin(), targets.end());
  }
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    std::set<int> once;
    for (std::size_t b = 0; b < 5; ++b)
      once.insert(seen[5 * epoch + b].begin(), seen[5 * epoch + b].end());
    CHECK(once.size() == 20);
  }
  CHECK(seen[0] != seen[5]);
  batches.load(6);
  CHECK(std::vector<int>(batches.targets().begin(), batches.targets().end()) == seen[6]);
  LabelledBatches<int> other(numbered(23), 4, 3, 8);
  other.load(6);
  CHECK(std::vector<int>(other.targets().begin(), other.targets().end()) != seen[6]);
}

TEST_CASE("evaluation takes every sequence once, in order", "[data]") {
  auto batches = LabelledBatches<int>::in_file_order(numbered(10), 4, 5);
  REQUIRE(batches.batches() == 3);
  int next = 0;
  for (int number = 0; number < 3; ++number) {
    batches.load(number);
    check_contents(batches, 5);
    CHECK(batches.batch().batch_size == (number == 2 ? 2 : 4));
    for (int const target : batches.targets()) CHECK(target == next++);
  }
  CHECK(next == 10);
  CHECK_THROWS_AS(batches.load(3), ConfigError);
  CHECK_THROWS_AS(batches.load(-1), ConfigError);
}

TEST_CASE("batches that cannot be are refused", "[data]") {
  CHECK_THROWS_WITH(LabelledBatches<int>(numbered(3), 4, 5, 1),
                    "LabelledBatches: the sequences must fill a batch of 4, but there are 3");
  CHECK_THROWS_WITH(LabelledBatches<float>(numbered(3), 2, 5, 1),
                    "LabelledBatches: every sequence must have a value, but 0 of 3 do");
  CHECK_THROWS_AS(LabelledBatches<int>(numbered(3), 0, 5, 1), ConfigError);
  CHECK_THROWS_AS(LabelledBatches<int>(numbered(3), 1, 0, 1), ConfigError);
  CHECK_THROWS_AS(LabelledBatches<int>(numbered(0), 1, 1, 1), DataError);
}

TEST_CASE("a part is split off without loss", "[data]") {
  auto const all = numbered(20);
  auto const [first, second] = split_off(*all, 0.25, 3);
  CHECK(first.count() == 15);
  CHECK(second.count() == 5);
  std::set<int> seen(first.labels.begin(), first.labels.end());
  seen.insert(second.labels.begin(), second.labels.end());
  CHECK(seen.size() == 20);
  for (std::int64_t i = 0; i < second.count(); ++i) {
    int const item = second.labels[std::size_t(i)];
    CHECK(second.length(i) == item % 5 + 1);
    CHECK(second.tokens[std::size_t(second.offsets[std::size_t(i)])] == item + 1);
  }
  CHECK(split_off(*all, 0.25, 4).second.labels != second.labels);
  CHECK_THROWS_AS(split_off(*all, 1, 3), ConfigError);
}

TEST_CASE("the labelled data sets", "[data]") {
  Tokenizer const bytes;
  if (auto const folder = data_folder("topics-openstax"); !folder.empty()) {
    auto const train = read_labelled_text(folder / "train.tsv", {}, bytes);
    auto const test = read_labelled_text(folder / "test.tsv", {}, bytes, train.class_names);
    CHECK(train.count() == 6400);
    CHECK(test.count() == 1555);
    CHECK(train.class_names.size() == 8);
  }
  if (auto const folder = data_folder("sentiment-uci"); !folder.empty()) {
    auto const all =
        read_labelled_text(folder / "sentences.tsv", {{"skip", "label", "text"}, true}, bytes);
    CHECK(all.count() == 3001);
    CHECK(all.class_names == std::vector<std::string>{"0", "1"});
  }
  if (auto const folder = data_folder("stsb"); !folder.empty()) {
    LabelledTextFormat const pairs{{"text", "text", "value"}, false};
    CHECK(read_labelled_text(folder / "captions-en-train.csv", pairs, bytes).count() == 1000);
    CHECK(read_labelled_text(folder / "captions-pt-test.csv", pairs, bytes).count() == 375);
  }
  if (auto const folder = data_folder("research_only/agnews"); !folder.empty()) {
    auto const test = read_labelled_text(folder / "test.tsv", {.header = false}, bytes);
    CHECK(test.count() == 7600);
    CHECK(test.class_names.size() == 4);
  }
  if (auto const folder = data_folder("research_only/sst2"); !folder.empty()) {
    auto const dev = read_labelled_text(folder / "dev.tsv", {{"text", "label"}, false}, bytes);
    CHECK(dev.class_names.size() == 2);
  }
  if (auto const folder = data_folder("timeseries"); !folder.empty()) {
    auto const train = read_ts(folder / "JapaneseVowels_TRAIN.ts");
    auto const test = read_ts(folder / "JapaneseVowels_TEST.ts", train.class_names);
    CHECK(train.count() == 270);
    CHECK(test.count() == 370);
    CHECK(train.channels == 12);
    CHECK(train.class_names.size() == 9);
    CHECK(test.longest() == 29);
    auto const rooms = read_sequence_lines(folder / "IndoorMovement.jsonl");
    CHECK(rooms.count() == 314);
    CHECK(rooms.channels == 4);
    CHECK(rooms.longest() == 129);
  }
}

}  // namespace
