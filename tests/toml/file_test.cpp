// SPDX-License-Identifier: Apache-2.0
#include "moenda/toml/file.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <string>

#include "files/temporary_folder.hpp"
#include "run_configuration.hpp"

using namespace moenda;
using namespace moenda::io::test;
using Catch::Contains;
using Catch::EndsWith;
using Catch::StartsWith;

namespace {

std::string repeated(std::string const& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}
std::string refusal(std::string const& text) {
  return message_of<ConfigError>([&] { (void)io::parse_toml(text, "file.toml"); });
}
toml::table overridden(std::string const& text, std::vector<std::string> const& assignments) {
  auto table = io::parse_toml(text, "file.toml");
  for (auto const& assignment : assignments) io::override_toml(table, assignment);
  return table;
}
std::string override_refusal(std::string const& assignment) {
  return message_of<ConfigError>([&] { (void)overridden("", {assignment}); });
}

}  // namespace

TEST_CASE("toml file: what is not TOML is refused with line and column") {
  struct {
    std::string text;
    char const* place;
  } const cases[] = {
      {"a", "file.toml:1:"},
      {"a =", "file.toml:1:"},
      {"\na = 1 b = 2", "file.toml:2:"},
      {"a = 1\na = 2", "file.toml:2:"},
      {"[a]\n[a]", "file.toml:2:"},
      {"[a]\nb = 1\n[a.b]", "file.toml:3:"},
      {"a.b = 1\na = 2", "file.toml:2:"},
      {"a = { b = 1, b = 2 }", "file.toml:1:"},
      {"a = [1, 2", "file.toml:1:"},
      {"a = { b = 1", "file.toml:1:"},
      {"a = \"x", "file.toml:1:"},
      {"a = 'x\n'", "file.toml:1:"},
      {"a = \"\\q\"", "file.toml:1:"},
      {"a = \"\\uD800\"", "file.toml:1:"},
      {"a = 00", "file.toml:1:"},
      {"a = 1__0", "file.toml:1:"},
      {"a = .5", "file.toml:1:"},
      {"a = 5.", "file.toml:1:"},
      {"a = tru", "file.toml:1:"},
      {"= 1", "file.toml:1:"},
      {". = 1", "file.toml:1:"},
      {"a..b = 1", "file.toml:1:"},
      {"[]", "file.toml:1:"},
      {"[a", "file.toml:1:"},
      {"a = 1979-13-01", "file.toml:1:"},
      {"a = 99999999999999999999", "file.toml:1:"},
      {"a = \"\xFF\"", "file.toml:1:"},
      {std::string("a = 1\0", 6), "file.toml:1:"},
      {std::string("\0", 1), "file.toml:1:"},
      {std::string("a = \"\0\"", 7), "file.toml:1:"},
      {"a = \"\x01\"", "file.toml:1:"},
      {"a = 1\rb = 2", "file.toml:1:"},
  };
  for (auto const& [text, place] : cases) {
    INFO(text);
    CHECK_THAT(refusal(text), StartsWith(place) && Contains(": not valid TOML: "));
  }
}

TEST_CASE("toml file: every beginning of a file is TOML or refused") {
  std::string const text =
      "a = \"\"\"x\"\"\"\n[b.c]\nd = ['''y''', { e = 1.5 }]\n[[f]]\ng = 0x1F # end\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    try {
      (void)io::parse_toml(text.substr(0, size), "file.toml");
    } catch (ConfigError const& error) {
      CHECK_THAT(error.what(), StartsWith("file.toml:"));
    }
  }
}

TEST_CASE("toml file: characters outside ASCII stand in strings and comments only") {
  for (std::string const text : {"a = é", "é = 1", "a = 1 é", "\xC2\xA0 a = 1", "[é]", "a = [1, é]",
                                 "\xFF\xFE a = 1", "a = 1\n\xEF\xBB\xBF", "a = ''é''"}) {
    INFO(text);
    CHECK_THAT(refusal(text), Contains(": a character outside ASCII must stand in quotes"));
  }
  for (std::string const text :
       {R"(a = "\é")", R"(a = """\é""")", "a = \"\"\"\\\n  é\"\"\"",
        "a = \"\"\"\\ \t\r\n\n é\"\"\"", R"(a = """\\\é""")", "a = \"\"\"\\\n\\\né\"\"\""}) {
    INFO(text);
    CHECK(refusal(text) == "file.toml:1: a character outside ASCII must not follow a backslash");
  }
  for (std::string const text :
       {R"(a = "é" # é)", "a = 'é'", "a = \"\"\"é\né\"\"\"", R"(a = '''\é''')", R"(a = "\\é")",
        R"(a = "\té")", "'é' = 1", R"("é"."🙂" = 1)", R"(a = """é\"é""")"}) {
    INFO(text);
    CHECK(io::parse_toml(text, "file.toml").size() == 1);
  }
}

TEST_CASE("toml file: the name of a table follows its bracket") {
  for (std::string const text : {"[|x]", "[[|]]", "[\n]", "[ $]", "a = 1\n\t[.a]", "[[ =]]"}) {
    INFO(text);
    CHECK_THAT(refusal(text), Contains(": the name of a table must follow its bracket"));
  }
  CHECK_THAT(refusal(std::string("[\0]", 3)), Contains("the name of a table must follow"));
  for (std::string const text : {"[]", "[", "[[", "[ [a]]", "a = [\n[|]]"}) {  // the parser's
    INFO(text);
    CHECK_THAT(refusal(text), Contains("not valid TOML"));
  }
  for (std::string const text : {"[-]", "['a']", "[[ \"a\" ]]", "x = [\n[1], [2]]"}) {
    INFO(text);
    CHECK(io::parse_toml(text, "file.toml").size() == 1);
  }
}

TEST_CASE("toml file: brackets are closed by their own kind") {
  for (std::string const text : {"a = [}", "a = [[1}]", "a = {b = 1]", "[a}"}) {
    INFO(text);
    CHECK_THAT(refusal(text), Contains(": a bracket must be closed by one of its own kind"));
  }
  CHECK(io::parse_toml("a = [{b = [1]}, '}']", "file.toml").size() == 1);
}

TEST_CASE("toml file: a time follows the T of a date") {
  for (std::string const text :
       {"a = 1979-05-27T|", "a = 1979-05-27t", "a = 1979-05-27 x", "a = [1979-05-27T]",
        "a = 1979-05-27T\n", "a = 1979-05-2= 0\n", "a = 1979-05-27 0", "a = [+979-05-2_= 0]"}) {
    INFO(text);
    CHECK_THAT(refusal(text), Contains(": a time must follow the date"));
  }
  for (std::string const text : {"a = 1979-05-27", "a = 1979-05-27 # x", "a = [1979-05-27 ]",
                                 "a = 1979-05-27T07:32:00", "a = 1979-05-27 07:32:00Z"}) {
    INFO(text);
    CHECK(io::parse_toml(text, "file.toml").size() == 1);
  }
}

TEST_CASE("toml file: a quote that follows a word is refused before the parser sees it") {
  for (std::string const text :
       {"a = 1\"b\xEF\xBD\xBD\n", "a = 1\"b\"", "a = x'b'", "a = _\"b\""}) {
    INFO(text);
    CHECK_THAT(refusal(text), Contains(": a quote must not follow a word at once"));
  }
  for (std::string const text :
       {"a.\"b\" = 1", "\"a\".'b'=\"c\"", "a = ['b',\"c\"]", "a='''b'''"}) {
    INFO(text);
    CHECK(io::parse_toml(text, "file.toml").size() == 1);
  }
}

TEST_CASE("toml file: a byte order mark and CRLF are taken") {
  CHECK(io::parse_toml("\xEF\xBB\xBF[a]\r\nb = 1\r\n", "f")["a"]["b"] == 1);
}

TEST_CASE("toml file: nesting is refused before it can overflow the stack") {
  auto const deep = Contains(" must not be nested deeper than 100");
  for (std::size_t const levels : {101u, 1000u, 10'000u, 500'000u}) {
    INFO(levels);
    CHECK_THAT(refusal("a = " + std::string(levels, '[')), deep);
    CHECK_THAT(refusal("a = " + std::string(levels, '[') + std::string(levels, ']')), deep);
    CHECK_THAT(refusal("a = " + repeated("{a=", levels) + "1" + std::string(levels, '}')), deep);
    CHECK_THAT(refusal("a" + repeated(".a", levels) + " = 1"), deep);
    CHECK_THAT(refusal("a" + repeated(" . \"a.b\"", levels) + " = 1"), deep);
    CHECK_THAT(refusal("[a" + repeated(".a", levels) + "]"), deep);
    CHECK_THAT(refusal("[[a" + repeated(".a", levels) + "]]"), deep);
    CHECK_THAT(refusal("x = '''\n'a''''\n\na" + repeated(".a", levels) + " = 1"),
               StartsWith("file.toml:4: ") && deep);
    CHECK_THAT(override_refusal("a" + repeated(".a", levels) + "=1"), deep);
  }
  CHECK_THAT(refusal("a = { b = " + repeated("{a.b.c=", 40) + "1" + std::string(41, '}')), deep);
}

TEST_CASE("toml file: no text can hide its nesting in a string or comment") {
  auto const keys = "a" + repeated(".a", 200) + " = 1";
  for (std::string const before :
       {"x = \"#\" #\n", "x = '\\'\n", "x = \"\\\"\"\n", "x = \"\"\"\"\"\"\n", "x = ''''''\n",
        "x = \"\"\"a\"\"\"\"\"\n", "x = \"\"\"\\\"\"\"\"\n", "x = '''a'''''\n", "# ' \"\n",
        "x = \"'''\"\n", "x = '\"\"\"'\n", "x = \"\"\n", "x = ''\n"}) {
    INFO(before);
    CHECK(io::parse_toml(before, "file.toml").size() <= 1);
    CHECK_THAT(refusal(before + keys), Contains("must not be nested deeper"));
  }
}

TEST_CASE("toml file: what only looks deep is taken") {
  auto const dots = std::string(1000, '.'), brackets = std::string(1000, '[');
  CHECK(io::parse_toml("a = \"" + dots + brackets + "\"", "f").size() == 1);
  CHECK(io::parse_toml("a = '''" + dots + "\n" + brackets + "'''", "f").size() == 1);
  CHECK(io::parse_toml("# " + dots + brackets, "f").empty());
  CHECK(io::parse_toml("a = [" + repeated("1.5, ", 1000) + "]", "f").size() == 1);
  CHECK(io::parse_toml("a = [" + repeated("[1.5],\n", 1000) + "]", "f").size() == 1);
  CHECK(io::parse_toml("a" + repeated(".a", 99) + " = 1", "f").size() == 1);
  CHECK(io::parse_toml("a = " + std::string(99, '[') + std::string(99, ']'), "f").size() == 1);
}

TEST_CASE("toml file: a file that cannot be read is refused") {
  TemporaryFolder const folder;
  auto const no_file = [](std::filesystem::path const& path) {
    CHECK(message_of<DataError>([&] { (void)io::load_toml(path); }) ==
          path.string() + ": there is no such configuration file");
  };
  no_file(folder / "missing.toml");
  no_file(folder.path());
  no_file("");
  no_file(folder.path() / std::string(5000, 'x'));
  no_file("/dev/null");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  no_file(folder / "fifo");
}

TEST_CASE("toml file: 1 MB is taken, more is refused") {
  TemporaryFolder const folder;
  auto const path = folder / "large.toml";
  store(path, "name = \"x\" #" + std::string((1 << 20) - 12, '.'));
  CHECK(io::load_toml(path).size() == 1);
  store(path, "name = \"x\" #" + std::string((1 << 20) - 11, '.'));
  CHECK_THAT(message_of<ConfigError>([&] { (void)io::load_toml(path); }),
             EndsWith("must not exceed 1 MB"));
  std::filesystem::resize_file(path, std::uintmax_t(1) << 40);  // a hole, no bytes on disk
  CHECK_THROWS_AS((void)io::load_toml(path), ConfigError);
}

TEST_CASE("extends: the file wins over its base, tables are merged") {
  TemporaryFolder const folder;
  std::filesystem::create_directory(folder / "inner");
  store(folder / "inner/root.toml",
        "name = \"root\"\ntitle = \"root\"\n[train]\nsteps = 1\nseed = 1");
  store(folder / "inner/base.toml",
        "extends = \"root.toml\"\ntitle = \"base\"\n[train]\nsteps = 2");
  store(folder / "file.toml", "extends = \"inner/base.toml\"\n[train]\nsteps = 3");
  auto table = io::load_toml(folder / "file.toml");
  auto config = read(table);
  CHECK(config.name == "root");
  CHECK(config.title == "base");
  CHECK(config.train.steps == 3);
  CHECK(config.train.seed == 1);
  CHECK(config.train.batch_size == TrainConfig{}.batch_size);
  io::override_toml(table, "train.steps=4");
  io::override_toml(table, "train.steps=5");
  CHECK(read(table).train.steps == 5);
}

TEST_CASE("extends: errors name the file and line of the value at fault") {
  TemporaryFolder const folder;
  store(folder / "base.toml", "\n\n[train]\nstepz = 2");
  store(folder / "file.toml", "extends = \"base.toml\"\n[train]\nseed = 3");
  auto const table = io::load_toml(folder / "file.toml");
  CHECK_THAT(message_of<ConfigError>([&] { (void)read(table); }),
             StartsWith((folder / "base.toml").string() + ":4:9: unknown key 'stepz'"));
}

TEST_CASE("extends: circles, missing bases and other values are refused") {
  TemporaryFolder const folder;
  auto const file = folder / "file.toml";
  auto const refused = [&](std::string const& text) {
    store(file, text);
    auto const message = message_of<ConfigError>([&] { (void)io::load_toml(file); });
    return message;
  };
  CHECK_THAT(refused("extends = \"file.toml\""), Contains("extends must not form a circle"));
  CHECK_THAT(refused("extends = \"././file.toml\""), Contains("extends must not form a circle"));
  store(folder / "other.toml", "extends = \"file.toml\"");
  CHECK_THAT(refused("extends = \"other.toml\""), Contains("extends must not form a circle"));
  std::filesystem::create_symlink("file.toml", folder / "link.toml");
  CHECK_THAT(refused("extends = \"link.toml\""), Contains("extends must not form a circle"));
  for (auto const* value : {"3", "true", "[\"a.toml\"]", "{ a = 1 }", "1.5"}) {
    CHECK(refused(std::string("\nextends = ") + value) ==
          file.string() + ":2:11: extends must be a string, the path of a TOML file");
  }
  for (std::string const value : {"missing.toml", "", ".", "/", "/dev/null"}) {
    store(file, "extends = \"" + value + "\"");
    CHECK_THAT(message_of<DataError>([&] { (void)io::load_toml(file); }),
               StartsWith(file.string() + ":1:11: extends must name a TOML file, but there is no"));
  }
}

TEST_CASE("extends: a chain of 32 files is taken, 33 are refused") {
  TemporaryFolder const folder;
  auto const name = [](int i) { return std::to_string(i) + ".toml"; };
  for (int i = 1; i < 33; ++i) store(folder / name(i), "extends = \"" + name(i + 1) + "\"");
  store(folder / name(33), "name = \"end\"");
  CHECK(read(io::load_toml(folder / name(2))).name == "end");
  CHECK_THAT(message_of<ConfigError>([&] { (void)io::load_toml(folder / name(1)); }),
             EndsWith("a chain of extends must not be longer than 32 files"));
}

TEST_CASE("merging: another `type` drops the keys of the old choice") {
  auto const merged = [](char const* base, char const* over) {
    auto table = io::parse_toml(base, "base.toml");
    io::merge_toml(table, io::parse_toml(over, "file.toml"));
    return table;
  };
  auto const other = merged("[a]\ntype = \"x\"\nb = 1", "[a]\ntype = \"y\"\nc = 2");
  CHECK(other["a"].as_table()->size() == 2);
  CHECK(other["a"]["c"] == 2);
  auto const same = merged("[a]\ntype = \"x\"\nb = 1", "[a]\ntype = \"x\"\nc = 2");
  CHECK(same["a"].as_table()->size() == 3);
  auto const untyped = merged("[a]\ntype = \"x\"\nb = 1", "[a]\nc = 2");
  CHECK(untyped["a"].as_table()->size() == 3);
  auto const word = merged("[a]\ntype = \"x\"\nb = 1", "a = \"y\"");
  CHECK(word["a"] == "y");
  auto const list = merged("a = [1, 2, 3]", "a = [4]");
  CHECK(list["a"].as_array()->size() == 1);
}

TEST_CASE("merging: keys laid on a choice named by a word keep that choice") {
  auto const norm = overridden("model.block.norm = \"layer\"", {"model.block.norm.epsilon=0.5"});
  CHECK_THAT(written(read(norm)),
             Contains("[model.block.norm]\ntype = \"layer\"\nepsilon = 0.5\n"));
  auto const changed = overridden("model.block.norm = \"layer\"",
                                  {"model.block.norm.type=rms", "model.block.norm.epsilon=0.5"});
  CHECK_THAT(written(read(changed)),
             Contains("[model.block.norm]\ntype = \"rms\"\nepsilon = 0.5\n"));
}

TEST_CASE("overrides: a value is TOML, and a bare word a string") {
  auto const text_of = [](std::string const& value) {
    return overridden("", {"title=" + value})["title"].value<std::string>().value_or("(other)");
  };
  CHECK(text_of("word") == "word");
  CHECK(text_of("two words") == "two words");
  CHECK(text_of("\"quoted\"") == "quoted");
  CHECK(text_of("'quoted'") == "quoted");
  CHECK(text_of("\"half") == "\"half");
  CHECK(text_of("a\"b\\c'd") == "a\"b\\c'd");
  CHECK(text_of("C:\\new") == "C:\\new");
  CHECK(text_of("") == "");
  CHECK(text_of("#3") == "#3");
  CHECK(text_of("a=b") == "a=b");
  CHECK(text_of("[1, 2") == "[1, 2");
  CHECK(text_of("1.2.3") == "1.2.3");
  CHECK(text_of("--x") == "--x");
  CHECK(text_of("é🙂") == "é🙂");
  CHECK(text_of("true") == "(other)");
  CHECK(overridden("", {"a.b=1"})["a"]["b"] == 1);
  CHECK(overridden("", {"a.b=1.5"})["a"]["b"] == 1.5);
  CHECK(overridden("", {"a.b=[1, 2]"})["a"]["b"].as_array()->size() == 2);
  CHECK(overridden("", {"a={ b = 1 }"})["a"]["b"] == 1);
  CHECK(overridden("a = { b = 1, c = 2 }", {"a.b=3"})["a"]["c"] == 2);
}

TEST_CASE("overrides: what is no assignment is refused") {
  for (auto const* text : {"", "a", "=1", "=", "a b"}) {
    CHECK_THAT(override_refusal(text), Contains("an override must read --a.b=value"));
  }
  for (auto const* text :
       {"a b=1", "a-b=1", "\"a\"=1", "a[0]=1", "é=1", "a\nb=1", "[a]=1", " =1"}) {
    CHECK_THAT(override_refusal(text), Contains("a key must be words joined by dots"));
  }
  for (auto const* text : {".=1", "a.=1", ".a=1", "a..b=1", "...=1"}) {
    CHECK_THAT(override_refusal(text), Contains("not valid TOML"));
  }
  for (auto const* value : {"1\ntrain.steps=5", "\"x\"\n[train]", "x\r"}) {
    CHECK_THAT(override_refusal(std::string("title=") + value), Contains("must be one line"));
  }
  CHECK_THAT(override_refusal("title=a\x01z"), Contains("not valid TOML"));
  CHECK_THAT(override_refusal("title=a\xFFz"), Contains("not valid TOML"));
}

TEST_CASE("overrides: kinds and keys are checked as in a file") {
  auto const refused = [](std::string const& assignment) {
    return message_of<ConfigError>([&] { (void)read(overridden("", {assignment})); });
  };
  CHECK_THAT(refused("train=5"), StartsWith("--train:") && Contains("train must be a table"));
  CHECK_THAT(refused("train=word"), Contains("train must be a table, got 'word'"));
  CHECK_THAT(refused("train.steps="), Contains("train.steps must be a whole number, got ''"));
  CHECK_THAT(refused("train.steps.x=1"), Contains("train.steps must be a whole number"));
  CHECK_THAT(refused("train.stepz=1"), Contains("(did you mean 'steps'?)"));
  CHECK_THAT(refused("extends=a.toml"), Contains("unknown key 'extends'"));
  CHECK_THAT(refused("extend=a.toml"), Contains("(did you mean 'extends'?)"));
  CHECK_THAT(refused("Train.steps=1"), Contains("unknown key 'Train'"));
}

TEST_CASE("overrides: long garbage ends in a sentence") {
  for (char const c : {'x', '.', '=', '"', '[', '\\', ' ', '\x7f', '\xff'}) {
    INFO(int(c));
    std::string const garbage(1000, c);
    for (auto const& assignment : {garbage, "title=" + garbage, garbage + "=1", "a." + garbage}) {
      try {
        (void)read(overridden("", {assignment}));
      } catch (ConfigError const& error) {
        CHECK(std::string(error.what()).size() < 4000);
      }
    }
  }
}
