// SPDX-License-Identifier: Apache-2.0
// A small file of every format that a command reads, cut at every length and with every bit
// flipped: a sentence that names the file, or content that can be used; never a crash, a hang, or
// memory out of proportion. What has a checksum is used only when it is as it was. tools/damage
// does the same to whole commands.
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "data/written_cache.hpp"
#include "files/temporary_folder.hpp"
#include "moenda/data/sequence/labelled_text.hpp"
#include "moenda/data/sequence/time_series.hpp"
#include "moenda/data/tabular/encoder_file.hpp"
#include "moenda/data/tabular/reader.hpp"
#include "moenda/data/text/completion_tasks.hpp"
#include "moenda/data/text/corpus.hpp"
#include "moenda/data/tokenizer/bpe_trainer.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"
#include "moenda/record/file_hashes.hpp"
#include "moenda/record/routing_trace.hpp"
#include "moenda/record/run_record.hpp"
#include "moenda/record/sweep_results.hpp"
#include "moenda/table/question_files.hpp"
#include "moenda/toml/file.hpp"
#include "moenda/train/run_state.hpp"
#include "record/allocated.hpp"

using namespace moenda;
using io::test::load;
using io::test::store;
using io::test::TemporaryFolder;

namespace {

namespace fs = std::filesystem;

/// A file of one format in a folder of its own, and how a command reads it.
struct Format {
  std::string file;                                ///< its name in the folder
  std::function<void(fs::path const&)> write;      ///< given the folder
  std::function<void(fs::path const&)> read;       ///< given the file
  std::function<bool(fs::path const&)> same = {};  ///< of what has a checksum: is it as it was?
  std::string also_named = {};  ///< another file that may be named, where two must agree
};

Format text(std::string const& file, std::string const& content,
            std::function<void(fs::path const&)> read) {
  return {file, [=](fs::path const& folder) { store(folder / file, content); }, std::move(read)};
}

/// Counts of what became of the damaged files.
struct Outcomes {
  int refused = 0, used = 0;
};

/// Reads the file with `bytes` in it. Fails the test for every way that a command must not end.
void read_damaged(Format const& format, fs::path const& file, std::string_view bytes,
                  Outcomes& outcomes) {
  store(file, bytes);
  auto const begin = std::chrono::steady_clock::now();
  test::start_counting_memory();
  std::string refusal;
  try {
    format.read(file);
  } catch (Error const& error) {
    refusal = error.what();
  }
  auto const peak = test::peak_of_memory();
  auto const took = std::chrono::steady_clock::now() - begin;
  if (peak > 10 * bytes.size() + (std::size_t{1} << 20)) FAIL("needs " << peak << " bytes");
  if (took > std::chrono::seconds(1)) FAIL("takes more than a second");
  if (refusal.empty()) {
    ++outcomes.used;
    if (format.same && !format.same(file)) FAIL("is used, and is not as it was");
    return;
  }
  ++outcomes.refused;
  bool const named =
      refusal.find(file.filename().string()) != refusal.npos ||
      (!format.also_named.empty() && refusal.find(format.also_named) != refusal.npos);
  if (!named) FAIL("not named in: " << refusal);
  for (auto const* jargon : {"json.exception", "std::", "basic_", "vector::", "_M_"}) {
    if (refusal.find(jargon) != refusal.npos) FAIL("holds " << jargon << ": " << refusal);
  }
}

/// Takes every `stride`-th bit; all lengths.
void damage(Format const& format, std::size_t stride = 1) {
  TemporaryFolder const folder;
  format.write(folder.path());
  auto const file = folder / format.file;
  auto const good = load(file);
  CAPTURE(format.file, good.size());
  REQUIRE(good.size() < 6000);
  Outcomes outcomes;
  read_damaged(format, file, good, outcomes);
  REQUIRE(outcomes.used == 1);
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO("cut at " << size);
    read_damaged(format, file, good.substr(0, size), outcomes);
  }
  for (std::size_t bit = 0; bit < 8 * good.size(); bit += stride) {
    INFO("bit " << bit);
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    read_damaged(format, file, bad, outcomes);
  }
  CHECK(outcomes.refused > 0);
}

void read_all_tensors(fs::path const& path) {
  io::SafetensorsFile const file(path);
  for (auto const& tensor : file.tensors()) (void)file.bytes(tensor.name);
}
io::RunRecord record_at(fs::path const& file) { return io::RunRecord(file.parent_path()); }

auto const tables_line =
    R"({"id":"a","header":["name","goals"],"rows":[["Ann","7"],["Bob","12"]]})";
/// The tables that questions speak of.
data::Tables const& known_tables() {
  static data::Tables const tables = [] {
    TemporaryFolder const folder;
    store(folder / "tables.jsonl", tables_line);
    return data::read_tables(folder / "tables.jsonl");
  }();
  return tables;
}

}  // namespace

TEST_CASE("Damaged files of a run", "[damage]") {
  damage(text("metrics.csv", std::string(io::metrics_header) + "\n1,8,0.5,1e-3,2.5,,1.5,100\n",
              [](fs::path const& f) { (void)record_at(f).metrics(); }));
  damage(text("routing.csv", std::string(io::routing_header) + "\n1,0,0,5\n1,0,1,3\n",
              [](fs::path const& f) { (void)record_at(f).routing(); }));
  damage(text("routing_layers.csv",
              std::string(io::routing_layers_header) + "\n1,0,0.9,0.25,0,0,0.6,1,\n",
              [](fs::path const& f) { (void)record_at(f).routing_layers(); }));
  damage(text("results.json",
              R"({"results": {"x": {"test_loss": 1.5, "n": null}}, "training": {"steps": 2},
 "energy": {"source": "none", "training_joules": 1}, "samples": [{"prompt": "a", "text": "b"}],
 "questions": [{"set": "t", "question": "q", "right": true}], "evaluation": "e"})",
              [](fs::path const& f) { (void)record_at(f).results()->all_numbers("x"); }));
  damage(text("meta.json", R"({"name": "a", "model": "b", "corpus": "0123", "threads": 2})",
              [](fs::path const& f) { (void)record_at(f).data_hash(); }));
  damage(
      text("routing.json",
           R"({"text": "valid", "tokens": 9, "classes": ["word"], "layers": [], "difficulty": []})",
           [](fs::path const& f) { (void)record_at(f).analysis(); }));
  damage(text("config.resolved.toml", "name = \"a\"\n[data]\npaths = [\"x\"]\n[train]\nsteps = 5\n",
              [](fs::path const& f) { (void)io::load_toml(f); }));
  damage(text("sweep.json",
              R"({"name": "s", "measure": "test_loss", "confidence": 0.9, "baseline": "b", "arms": [
 {"title": "b", "parameters": 1, "runs": [{"seed": 1, "id": "i", "measures": {"test_loss": 2}}],
  "comparison": {"pairs": 1, "interval": [0, 1], "verdict": "lower"}}]})",
              [](fs::path const& f) { (void)io::read_sweep(f); }));
}

TEST_CASE("Damaged files that have a checksum", "[damage]") {
  RunState const state{
      .step = 12, .optimizer_step = 11, .spent = {1.5, 2}, .checksum = 77, .kernels = "avx2"};
  auto const written = state_text(state);
  auto state_file = text("state.json", written, [](fs::path const& f) { (void)read_state(f); });
  state_file.same = [=](fs::path const& f) { return state_text(read_state(f)) == written; };
  damage(state_file);
  damage({"tokens",
          [](fs::path const& folder) {
            data::test::write_token_cache(folder / "tokens", {"t", "c", 300},
                                          {{"one", {1, 2, 299}}, {"two", {4}}});
          },
          [](fs::path const& f) { (void)data::TokenCache(f); },
          [](fs::path const& f) { return data::TokenCache(f).tokens()[2] == 299; }});
}

TEST_CASE("Damaged files of tensors", "[damage]") {
  damage({"model.safetensors",
          [](fs::path const& folder) {
            io::SafetensorsWriter file;
            std::vector<float> const numbers{1, 2, 3, 4};
            file.add("a.weight", {2, 2}, numbers.data());
            file.add("b", {4}, numbers.data());
            file.write(folder / "model.safetensors", {{"key", "value"}});
          },
          read_all_tensors});
  damage({"trace.safetensors",
          [](fs::path const& folder) {
            probe::RoutingTrace trace;
            trace.tokens = {5, 6, 7};
            auto& mixture = trace.mixtures[0];
            mixture.num_experts = 2;
            mixture.item_begin = {0, 1, 2, 3};
            mixture.experts = {0, 1, 0};
            mixture.weights = {1, 1, 1};
            io::write_routing_trace(trace, folder / "trace.safetensors");
          },
          [](fs::path const& f) { (void)io::read_routing_trace(f); }});
}

TEST_CASE("Damaged tokenizers and texts", "[damage]") {
  auto const save = [](fs::path const& folder) {
    data::Tokenizer(data::train_bpe({"ab ab abc abc"}, {.vocab_size = 260})).save(folder);
  };
  auto const load_it = [](fs::path const& f) { (void)data::Tokenizer::load(f.parent_path()); };
  damage({std::string(data::merges_file), save, load_it});
  damage({std::string(data::encoder_file), save, load_it, {}, std::string(data::merges_file)},
         41);  // of 256 bytes and more
  damage(text("a.txt", "o mar — a terra\n", [](fs::path const& f) {
    (void)data::read_corpus(data::list_corpus({.paths = {f.string()}}));
  }));
  damage(text("hellaswag.txt", "c: ctx\n2\none\ntwo\nthree\nfour\n",
              [](fs::path const& f) { (void)data::read_hellaswag(f); }));
  data::Tokenizer const bytes;
  auto const labelled = [&](fs::path const& f) {
    (void)data::read_labelled_text(f, {.keys = {"l", "t"}}, bytes);
  };
  damage(text("a.tsv", "label\ttext\npos\tbom dia\nneg\tnoite\n", labelled));
  damage(text("a.csv", "label,text\npos,\"bom, dia\"\nneg,noite\n", labelled));
  damage(
      text("a.jsonl", "{\"l\":\"pos\",\"t\":\"bom\"}\n{\"l\":\"neg\",\"t\":\"mau\"}\n", labelled));
}

TEST_CASE("Damaged series and tables", "[damage]") {
  damage(text("a.ts", "#c\n@x 1\n@data\n1,2,3:4,5,6:b\n7:8:a\n",
              [](fs::path const& f) { (void)data::read_ts(f); }));
  damage(text("x.jsonl", "{\"x\":[[1,2],[3,4]],\"label\":\"a\"}\n{\"x\":[[1,2]],\"label\":1}\n",
              [](fs::path const& f) { (void)data::read_sequence_lines(f); }));
  damage(text("rows.csv", "a,b,y\n1,red,0\n2,blue,1\n3,red,0\n", [](fs::path const& f) {
    (void)data::read_table({.paths = {f.string()}, .target = "y"});
  }));
  damage({"encoder.json",
          [](fs::path const& folder) {
            store(folder / "rows.csv", "a,b,y\n1,red,0\n2,blue,1\n3,red,0\n");
            auto const table =
                data::read_table({.paths = {(folder / "rows.csv").string()}, .target = "y"});
            std::vector<std::int64_t> const rows{0, 1, 2};
            data::save_encoder(folder / "encoder.json",
                               data::TabularEncoder::fit(table, rows, {.min_count = 1}));
          },
          [](fs::path const& f) { (void)data::load_encoder(f); }});
  damage(text("cells.csv", "Team,Year\nPorto,1999\nBraga,\"19,7\"\n",
              [](fs::path const& f) { (void)data::read_csv_table(f); }));
  damage(text("tables.jsonl", tables_line, [](fs::path const& f) { (void)data::read_tables(f); }));
  damage(text("questions.jsonl", R"({"id":"1","q":"sum?","table":"a","answer":["3"]})",
              [](fs::path const& f) { (void)data::read_table_questions(f, known_tables()); }));
  damage(text("sql.jsonl", R"({"question":"how many","sql":{"agg":3}})",
              [](fs::path const& f) { (void)data::read_operator_questions(f); }));
  damage(text("facts.jsonl", R"({"table":"a","statement":"Ann has more goals than Bob","label":0})",
              [](fs::path const& f) { (void)data::read_comparisons(f, known_tables()); }));
}
