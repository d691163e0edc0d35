// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/text/completion_tasks.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <set>

#include "data/examples.hpp"
#include "files/temporary_folder.hpp"

namespace {

using namespace moenda;
using namespace moenda::data;
using io::test::message_of;
using io::test::store;

std::string const two_tasks =
    "Sailing: A boat leaves. it\n2\nsleeps.\nsings.\nsails on.\nis a table.\n"
    "No label here\n0\nends.\nb\nc\nd\n";

TEST_CASE("HellaSwag text is six lines a task", "[data]") {
  io::test::TemporaryFolder const folder;
  store(folder / "tasks.txt", two_tasks);
  auto const tasks = read_hellaswag(folder / "tasks.txt");
  REQUIRE(tasks.size() == 2);
  CHECK(tasks[0].context == "Sailing: A boat leaves. it");
  CHECK(tasks[0].answer == 2);
  CHECK(tasks[0].endings ==
        std::vector<std::string>{"sleeps.", "sings.", "sails on.", "is a table."});
  CHECK(tasks[1].answer == 0);
  CHECK(tasks[1].endings.back() == "d");
  CHECK(without_label(tasks[0].context) == "A boat leaves. it");
  CHECK(without_label(tasks[1].context) == "No label here");
  CHECK(without_label("nothing else: ") == "nothing else: ");
}

TEST_CASE("line ends and a missing last one do not matter", "[data]") {
  io::test::TemporaryFolder const folder;
  std::string with_returns;
  for (char const c : two_tasks)
    with_returns += c == '\n' ? std::string("\r\n") : std::string(1, c);
  store(folder / "returns.txt", with_returns);
  store(folder / "cut.txt", two_tasks.substr(0, two_tasks.size() - 1));
  for (char const* name : {"returns.txt", "cut.txt"}) {
    auto const tasks = read_hellaswag(folder / name);
    REQUIRE(tasks.size() == 2);
    CHECK(tasks[1].endings.back() == "d");
    CHECK(tasks[0].context == "Sailing: A boat leaves. it");
  }
}

TEST_CASE("a bad file of tasks is refused with the line", "[data]") {
  io::test::TemporaryFolder const folder;
  auto const message = [&](std::string const& bytes) {
    store(folder / "bad.txt", bytes);
    return message_of<DataError>([&] { (void)read_hellaswag(folder / "bad.txt"); });
  };
  CHECK_THAT(message(""), Catch::Contains("6 lines for every task"));
  CHECK_THAT(message("context\n0\na\nb\nc\n"), Catch::Contains("bad.txt:5: the file must have 6"));
  CHECK_THAT(message(two_tasks + "more\n1\n"), Catch::Contains(":14: the file must have 6"));
  CHECK_THAT(message("context\n4\na\nb\nc\nd\n"),
             Catch::Contains(":2: the answer must be 0, 1, 2 or 3, got '4'"));
  for (char const* answer : {"-1", "00", "1 ", "one", "3.0", "99999999999999999999"}) {
    CHECK_THAT(message("context\n" + std::string(answer) + "\na\nb\nc\nd\n"),
               Catch::Contains(":2: the answer must be"));
  }
  CHECK_THAT(message("context\n1\na\n\nc\nd\n"),
             Catch::Contains(":4: ") && Catch::Contains("empty"));
  CHECK_THAT(message("\n1\na\nb\nc\nd\n"), Catch::Contains(":1: "));
  CHECK_THAT(message(two_tasks + "\n"), Catch::Contains(":13: "));
  CHECK_THAT(message("context\n1\na\n\xFF\xFE\nc\nd\n"),
             Catch::Contains(":4: the text must be UTF-8"));
  CHECK_THAT(message("context\n" + std::string(100'000, '7') + "\n"), Catch::Contains("777'"));
  CHECK_THAT(message_of<DataError>([&] { (void)read_hellaswag(folder / "absent.txt"); }),
             Catch::Contains("absent.txt"));
  CHECK_THAT(message_of<DataError>([&] { (void)read_hellaswag(folder.path()); }),
             Catch::Contains(folder.path().string()));
}

TEST_CASE("context and endings are encoded apart", "[data]") {
  auto const& tokenizer = test::small_tokenizer();
  Tokenizer::Encoder encoder(tokenizer);
  auto const task =
      encode_completion(encoder, {.context = "As armas", .endings = {"e os", "da"}, .answer = 1});
  CHECK(tokenizer.decode(task.context) == "As armas");
  REQUIRE(task.endings.size() == 2);
  CHECK(tokenizer.decode(task.endings[0]) == " e os");
  CHECK(tokenizer.decode(task.endings[1]) == " da");
  CHECK(task.answer == 1);
}

/// Token i is i, so that a piece says where it is from.
TokenStream counting(int tokens) {
  std::vector<std::uint32_t> text(static_cast<std::size_t>(tokens));
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::uint32_t>(i);
  return TokenStream(text);
}

TEST_CASE("tasks cut from a text have the true continuation and three others", "[data]") {
  constexpr int context = 9, ending = 4;
  auto const tasks = cut_completions(
      counting(3000), {.tasks = 200, .context_tokens = context, .ending_tokens = ending});
  REQUIRE(tasks.size() == 200);
  std::array<int, 4> answers{};
  std::set<int> begins;
  for (auto const& task : tasks) {
    REQUIRE(task.context.size() == context);
    REQUIRE(task.endings.size() == 4);
    int const begin = task.context.front();
    begins.insert(begin);
    ++answers.at(std::size_t(task.answer));
    for (int e = 0; e < 4; ++e) {
      auto const& tokens = task.endings[std::size_t(e)];
      REQUIRE(tokens.size() == ending);
      CHECK(tokens.back() == tokens.front() + ending - 1);
      bool const apart = tokens.back() < begin || tokens.front() >= begin + context + ending;
      CHECK((e == task.answer ? tokens.front() == begin + context : apart));
    }
  }
  CHECK(begins.size() > 180);  // from all over the text
  CHECK(*begins.begin() < 100);
  CHECK(*begins.rbegin() > 2900 - context - ending);
  for (int const count : answers) CHECK(count > 30);  // 50 each on average
}

TEST_CASE("tasks depend on text, seed and number alone", "[data]") {
  auto const text = counting(1000);
  HeldOutTasks config{.tasks = 5};
  auto const few = cut_completions(text, config);
  config.tasks = 20;
  auto const many = cut_completions(text, config);
  config.seed = 2;
  auto const others = cut_completions(text, config);
  int same = 0;
  for (std::size_t i = 0; i < few.size(); ++i) {
    CHECK(few[i].context == many[i].context);
    CHECK(few[i].endings == many[i].endings);
    CHECK(few[i].answer == many[i].answer);
    same += few[i].context == others[i].context;
  }
  CHECK(same < 2);
}

TEST_CASE("texts that cannot be cut are refused", "[data]") {
  HeldOutTasks const config{.tasks = 3, .context_tokens = 4, .ending_tokens = 2};
  CHECK_THAT(message_of<DataError>([&] { (void)cut_completions(counting(29), config); }),
             Catch::Contains("at least 30 tokens, but it has 29"));
  CHECK(cut_completions(counting(30), config).size() == 3);
  TokenStream const same(std::vector<std::uint16_t>(500, 7));
  CHECK_THAT(message_of<DataError>([&] { (void)cut_completions(same, config); }),
             Catch::Contains("repeats itself"));
  CHECK_THROWS_AS(cut_completions(counting(99), {.ending_tokens = 0}), ConfigError);
  CHECK_THROWS_AS(cut_completions(counting(99), {.context_tokens = -1}), ConfigError);
  CHECK_THROWS_AS(cut_completions(counting(99), {.tasks = -1}), ConfigError);
  CHECK_THROWS_AS(cut_completions(counting(99), {.num_endings = 1}), ConfigError);
  CHECK_THROWS_AS(cut_completions(TokenStream(), config), DataError);
}

TEST_CASE("the validation set of HellaSwag is read whole", "[data]") {
  char const* root = std::getenv("MOENDA_DATA");
  auto const path =
      std::filesystem::path(root == nullptr ? "" : root) / "hellaswag" / "hellaswag_val_full.txt";
  if (root == nullptr || !std::filesystem::exists(path)) {
    std::cout << "skipped: HellaSwag is not below MOENDA_DATA\n";
    return;
  }
  auto const tasks = read_hellaswag(path);
  CHECK(tasks.size() == 10042);
  std::array<int, 4> answers{};
  for (auto const& task : tasks) ++answers.at(std::size_t(task.answer));
  CHECK(answers == std::array{2515, 2485, 2584, 2458});
}

}  // namespace
