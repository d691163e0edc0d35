// SPDX-License-Identifier: Apache-2.0
#include "moenda/files/atomic_file.hpp"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <string>
#include <utility>

#include "moenda/files/atomic_folder.hpp"
#include "temporary_folder.hpp"

using moenda::DataError;
using namespace moenda::io;
using namespace moenda::io::test;

namespace {

std::size_t entries(std::filesystem::path const& folder) {
  return list_folder(folder, false).size();
}

/// Lets this process write files of at most `bytes` bytes, so that a write fails half-way.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_limit_) == 0);
    rlimit limit = old_limit_;
    limit.rlim_cur = bytes;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  FileSizeLimit(FileSizeLimit const&) = delete;
  FileSizeLimit& operator=(FileSizeLimit const&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int);
};

}  // namespace

TEST_CASE("atomic file: content appears on commit and not before", "[io]") {
  TemporaryFolder const folder;
  auto const path = folder / "a";
  write_file_atomically(path, "old");
  {
    AtomicFile file(path);
    file.write("new ");
    file.write(std::string(200000, 'x'));  // larger than what is gathered
    file.write(std::string(70000, 'y').data(), 70000);
    file.write("end");
    CHECK(load(path) == "old");
    CHECK(entries(folder.path()) == 2);
    file.commit();
    CHECK(message_of<DataError>([&] { file.commit(); }) ==
          path.string() + ": a failed or finished save must be started anew");
  }
  CHECK(load(path) == "new " + std::string(200000, 'x') + std::string(70000, 'y') + "end");
  CHECK(entries(folder.path()) == 1);
  write_file_atomically(path, "");
  CHECK(load(path).empty());
}

TEST_CASE("atomic file: without commit nothing changes and nothing stays", "[io]") {
  TemporaryFolder const folder;
  write_file_atomically(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new");
  }
  CHECK(load(folder / "a") == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("atomic file: a write that fails half-way keeps the old content", "[io]") {
  TemporaryFolder const folder;
  auto const path = folder / "a";
  write_file_atomically(path, "old");
  std::string message;
  {
    FileSizeLimit const limit(100000);
    message = message_of<DataError>([&] { write_file_atomically(path, std::string(300000, 'x')); });
  }
  CHECK(message.find(folder.path().string() + "/.tmp-") == 0);
  CHECK(message.find(": cannot write (File too large)") != std::string::npos);
  CHECK(load(path) == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("atomic file: errors name path, operation and reason", "[io]") {
  TemporaryFolder const folder;
  auto const message = [](std::filesystem::path const& path) {
    return message_of<DataError>([&] { write_file_atomically(path, "x"); });
  };
  auto const missing = folder / "none" / "a";
  CHECK(message(missing) ==
        missing.string() + ": cannot create a temporary file for (No such file or directory)");
  std::filesystem::create_directory(folder / "folder");
  CHECK(message(folder / "folder") ==
        (folder / "folder").string() + ": only a regular file can be replaced");
  CHECK(entries(folder.path()) == 1);
  auto const long_name = folder / std::string(255, 'n');  // the longest name that is allowed
  CHECK(message(long_name) == "(nothing thrown)");
}

TEST_CASE("atomic folder: appears complete, replaces, cleans up", "[io]") {
  TemporaryFolder const folder;
  auto const target = folder / "checkpoint" / "step_00000001";
  for (std::string const generation : {"1", "2", "3"}) {
    auto const temporary = start_folder(target);
    CHECK(temporary == folder / "checkpoint" / ".tmp-step_00000001");
    CHECK(std::filesystem::exists(target) == (generation != "1"));
    write_file_atomically(temporary / "a", generation);
    create_folders(temporary / "inner" / "most");
    write_file_atomically(temporary / "inner" / "most" / "b", generation);
    commit_folder(temporary, target);
    CHECK(load(target / "a") == generation);
    CHECK(load(target / "inner" / "most" / "b") == generation);
    CHECK(entries(target.parent_path()) == 1);
  }
}

TEST_CASE("atomic folder: an unfinished one is invisible and is removed", "[io]") {
  TemporaryFolder const folder;
  auto const target = folder / "step_00000001";
  write_file_atomically(start_folder(target) / "a", "dead");
  CHECK_FALSE(std::filesystem::exists(target));
  auto const again = start_folder(target);
  CHECK(entries(again) == 0);
  store(folder / ".tmp-1-2", "dead");
  store(folder / "kept", "");
  std::filesystem::create_symlink(folder / "kept", folder / ".tmp-link");
  CHECK(remove_leftovers(folder.path()) == 3);
  CHECK(entries(folder.path()) == 1);
  CHECK(remove_leftovers(folder.path()) == 0);
  CHECK(message_of<DataError>([&] { remove_leftovers(folder / "none"); }) ==
        (folder / "none").string() + ": cannot list folder (No such file or directory)");
}

TEST_CASE("atomic folder: one that is discarded disappears at once", "[io]") {
  TemporaryFolder const folder;
  auto const target = folder / "step_00000001";
  for (int time = 0; time < 2; ++time) {
    create_folders(target / "inner");
    store(target / "inner" / "a", "x");
    store(folder / ".tmp-step_00000001", "left by a dead save");
    discard_folder(target);
    CHECK(entries(folder.path()) == 0);
  }
  CHECK(message_of<DataError>([&] { discard_folder(target); }) ==
        target.string() + ": cannot rename to .tmp-step_00000001 (No such file or directory)");
}

TEST_CASE("atomic folder: what cannot be made durable is refused", "[io]") {
  TemporaryFolder const folder;
  auto const target = folder / "final";
  auto temporary = start_folder(target);
  auto const message = [&] {
    return message_of<DataError>([&] { commit_folder(temporary, target); });
  };
  {
    AtomicFile const open(temporary / "a");
    CHECK(message().find(": must be committed before its folder is") != std::string::npos);
  }
  std::filesystem::create_symlink("elsewhere", temporary / "link");
  CHECK(message() == (temporary / "link").string() + ": must be a regular file or a folder");
  CHECK_FALSE(std::filesystem::exists(target));
  temporary = start_folder(target);
  store(target, "a file");
  CHECK(message() == target.string() + ": cannot rename temporary folder to (Not a directory)");
  CHECK(message_of<DataError>([&] { start_folder(folder.path() / "x" / ""); }) ==
        (folder.path() / "x" / "").string() + ": must be a folder name without a slash at the end");
  CHECK(message_of<DataError>([&] { create_folders(target / "below"); }) ==
        target.string() + ": cannot create folder (File exists)");
}

TEST_CASE("atomic file: a header that is known last", "[io]") {
  TemporaryFolder const folder;
  AtomicFile file(folder / "a");
  file.write("0000");
  file.write(std::string(70000, 'x'));
  file.rewrite(0, "head", 4);
  file.write("end");
  file.commit();
  CHECK(load(folder / "a") == "head" + std::string(70000, 'x') + "end");
}
