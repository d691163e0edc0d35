// SPDX-License-Identifier: Apache-2.0
#include "moenda/files/own_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

#include "moenda/files/folder_lock.hpp"
#include "temporary_folder.hpp"

using moenda::DataError;
using namespace moenda::io;
using namespace moenda::io::test;
namespace fs = std::filesystem;

TEST_CASE("own files: nothing is opened through a link", "[io]") {
  TemporaryFolder const folder;
  fs::create_directory(folder / "run");
  auto const victim = folder / "victim";
  auto const file = folder.path() / "run" / "file";
  store(victim, "precious");
  auto const refused = [&] {
    return message_of<DataError>(
        [&] { (void)open_own_file(file, O_RDWR | O_CREAT | O_APPEND, "write"); });
  };
  fs::create_symlink(victim, file);
  CHECK(refused() == file.string() + ": must be a regular file, and it is a link");
  CHECK(message_of<DataError>([&] { require_own_files(folder / "run", false); }) == refused());
  fs::remove(file);
  fs::create_symlink(folder / "none", file);
  CHECK(refused() == file.string() + ": must be a regular file, and it is a link");
  CHECK_FALSE(fs::exists(folder / "none"));
  fs::remove(file);
  fs::create_hard_link(victim, file);
  CHECK(refused() == file.string() +
                         ": must be a file with one name, and it has 2 (hard links); "
                         "a copy of the file may take its place");
  fs::remove(file);
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  CHECK(refused() == file.string() + ": must be a regular file");
  fs::remove(file);
  CHECK(refused() == "(nothing thrown)");
  CHECK(load(victim) == "precious");
}

TEST_CASE("own files: a lock is not taken through a link", "[io]") {
  TemporaryFolder const folder;
  fs::create_directory(folder / "run");
  store(folder / "victim", "precious");
  fs::create_symlink(folder / "victim", folder.path() / "run" / ".lock");
  CHECK_THROWS_AS(FolderLock(folder / "run"), DataError);
  CHECK(load(folder / "victim") == "precious");
}

TEST_CASE("own files: a folder that is a link is refused by name, however it is written", "[io]") {
  TemporaryFolder const folder;
  fs::create_directories(folder / "run/inner");
  fs::create_symlink(folder / "run", folder / "link");
  auto const sentence = (folder / "link").string() +
                        ": must be a folder itself, and it is a link; name the folder that it "
                        "leads to";
  for (char const* written : {"link", "link/", "link//", "link/.", "run/../link"}) {
    CHECK(message_of<DataError>([&] { require_own_folder(folder / written); }) == sentence);
  }
  for (char const* written : {"run", "run/", "run/inner", "none"}) {
    CHECK_NOTHROW(require_own_folder(folder / written));
  }
  store(folder / "file", "");
  CHECK(message_of<DataError>([&] { require_own_folder(folder / "file"); }) ==
        (folder / "file").string() + ": must be a folder");
  // Deeper down only when asked for.
  fs::create_symlink(folder / "run", folder / "run/inner/up");
  CHECK_NOTHROW(require_own_files(folder / "run", false));
  CHECK(message_of<DataError>([&] { require_own_files(folder / "run", true); }) ==
        (folder / "run/inner/up").string() + ": must be a regular file, and it is a link");
  CHECK_NOTHROW(require_own_files(folder / "none", true));
  CHECK_NOTHROW(require_own_folder("."));
  CHECK_NOTHROW(require_own_folder("/"));
}
