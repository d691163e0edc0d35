// SPDX-License-Identifier: Apache-2.0
#include "moenda/record/file_hashes.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "files/temporary_folder.hpp"

using namespace moenda;
using namespace moenda::io;
using io::test::load;
using io::test::store;
using io::test::TemporaryFolder;
using Names = std::vector<std::string>;

namespace {

struct EndedRun {
  EndedRun() {
    std::filesystem::create_directories(folder / "tokenizer");
    std::filesystem::create_directories(folder / "checkpoint/step_00000001");
    store(folder / "metrics.csv", "step\n1\n");
    store(folder / "routing.csv", std::string(std::size_t{1} << 16, 'x'));  // a whole block
    store(folder / "tokenizer/vocab.bpe", "a b");
    store(folder / "config.resolved.toml", "a = 1");
    store(folder / "checkpoint/step_00000001/state.json", "{}");
    store(folder / ".lock", "12\n");
    end_run(folder.path(), "{}");
  }
  [[nodiscard]] Names changed() const { return changed_files(folder.path()); }
  TemporaryFolder folder;
};

}  // namespace

TEST_CASE("Files that have changed since a run ended are named", "[record]") {
  EndedRun const run;
  CHECK(run.changed().empty());
  SECTION("changed or gone") {
    store(run.folder / "metrics.csv", "step\n2\n");
    store(run.folder / "tokenizer/vocab.bpe", "a c");
    std::filesystem::remove(run.folder / "routing.csv");
    CHECK(run.changed() == Names{"metrics.csv", "routing.csv (gone)", "tokenizer/vocab.bpe"});
    CHECK(changed_files_sentence("tiny", run.changed()) ==
          "tiny: not as when the run ended, by its hashes.json: metrics.csv, routing.csv (gone), "
          "tokenizer/vocab.bpe; numbers from there may be wrong.");
    store(run.folder / "results.json", "{ }");
    CHECK(run.changed().size() == 4);
    std::filesystem::remove(run.folder / "results.json");  // a run that has not ended
    CHECK(run.changed().empty());
  }
  SECTION("what changes afterwards is no alarm") {
    store(run.folder / ".lock", "13\n");
    store(run.folder / ".tmp-1-1", "x");
    store(run.folder / "trace.safetensors", "mine");
    std::filesystem::create_directories(run.folder / "checkpoint/step_00000000");
    CHECK(run.changed().empty());
    std::filesystem::remove_all(run.folder / "checkpoint");
    CHECK(run.changed().empty());
  }
  SECTION("another checkpoint than the last of the run") {
    auto const last = run.folder / "checkpoint/step_00000001";
    store(last / "state.json", "{ }");
    CHECK(run.changed() == Names{"checkpoint/step_00000001/state.json"});
    std::filesystem::rename(last, run.folder / "checkpoint/step_00000000");
    Names changed{"checkpoint/step_00000001/state.json (gone)"};
    CHECK(run.changed() == changed);
    std::filesystem::rename(run.folder / "checkpoint/step_00000000",
                            run.folder / "checkpoint/step_00000002");
    changed.emplace_back("checkpoint/step_00000002/state.json (added)");
    CHECK(run.changed() == changed);
  }
  SECTION("measured again") {
    store(run.folder / "metrics.csv", "step\n2\n");
    store(run.folder / "results.json", "{ }");
    std::filesystem::remove(run.folder / "routing.csv");
    auto const changed = run.changed();
    Names const left{"metrics.csv", "routing.csv (gone)"};
    store(run.folder / "config.resolved.toml", "a = 2");
    CHECK(run.changed().front() == "config.resolved.toml");
    renew_configuration_hashes(run.folder.path());
    CHECK(run.changed() == changed);  // here it may be interrupted
    end_run(run.folder.path(), "{}", still_changed(changed));
    CHECK(run.changed() == left);
    store(run.folder / "hashes.json", "{");
    renew_configuration_hashes(run.folder.path());
    CHECK(run.changed() == Names{"hashes.json"});
    end_run(run.folder.path(), "{}", still_changed(run.changed()));
    CHECK(run.changed() == Names{"hashes.json"});
  }
  SECTION("a run that goes on") {
    remove_file_hashes(run.folder.path());
    store(run.folder / "metrics.csv", "step\n1\n2\n");
    CHECK(run.changed().empty());
    remove_file_hashes(run.folder.path());
  }
}

TEST_CASE("A list of hashes cut at any length or with any bit flipped is noticed", "[record]") {
  EndedRun const run;
  auto const good = load(run.folder / "hashes.json");
  auto const noticed = [&](std::string_view bytes) {
    store(run.folder / "hashes.json", bytes);
    return run.changed() == Names{"hashes.json"};
  };
  for (std::size_t size = 0; size + 1 < good.size(); ++size) REQUIRE(noticed(good.substr(0, size)));
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    CAPTURE(bit);
    REQUIRE((noticed(bad) || run.changed().empty()));  // a blank may become another one
  }
  for (auto const* text : {"[]", "{}", R"({"files": 1})", R"({"files": {"a": 1}, "hash": ""})"}) {
    CHECK(noticed(text));
  }
}

TEST_CASE("A received list of hashes leads to no file outside of its folder", "[record]") {
  EndedRun const run;
  detail::FileHashes const hostile{{"/etc/passwd", "0"}, {"../x", "0"}};
  nlohmann::json list{{"files", hostile}, {"hash", detail::hash_of_list(hostile)}};
  store(run.folder / "hashes.json", list.dump());
  CHECK(run.changed() == Names{"../x (gone)", "/etc/passwd (gone)"});
}
