// SPDX-License-Identifier: Apache-2.0
#include "moenda/files/folder_lock.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

#include "temporary_folder.hpp"

using moenda::DataError;
using moenda::io::FolderLock;
using namespace moenda::io::test;

namespace {

/// Exit code of a child process: 0 when it got the lock, 3 when it was refused.
int child_tries(std::filesystem::path const& folder) {
  pid_t const child = ::fork();
  if (child == 0) {
    try {
      FolderLock const lock(folder);
      ::_exit(0);
    } catch (DataError const&) {
      ::_exit(3);
    }
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("folder lock: one holder at a time", "[io]") {
  TemporaryFolder const folder;
  std::string const in_use =
      folder.path().string() + ": is in use by process " + std::to_string(::getpid());
  {
    FolderLock const lock(folder.path());
    CHECK(message_of<DataError>([&] { FolderLock{folder.path()}; }) == in_use);
    CHECK(child_tries(folder.path()) == 3);
    store(folder / ".lock.copy", load(folder / ".lock"));
    CHECK(load(folder / ".lock.copy") == std::to_string(::getpid()) + "\n");
  }
  CHECK(child_tries(folder.path()) == 0);
  FolderLock const again(folder.path());
}

TEST_CASE("folder lock: a killed holder leaves no lock", "[io]") {
  TemporaryFolder const folder;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  pid_t const child = ::fork();
  if (child == 0) {
    FolderLock const lock(folder.path());
    (void)!::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(message_of<DataError>([&] { FolderLock{folder.path()}; }) ==
        folder.path().string() + ": is in use by process " + std::to_string(child));
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  ::close(ready[0]);
  ::close(ready[1]);
  FolderLock const lock(folder.path());
}

TEST_CASE("folder lock: a missing folder and strange lock files", "[io]") {
  TemporaryFolder const folder;
  CHECK(message_of<DataError>([&] { FolderLock{folder / "none"}; }) ==
        (folder / "none" / ".lock").string() +
            ": cannot open lock file (No such file or directory)");
  store(folder / ".lock", std::string(1000, '9'));
  FolderLock const lock(folder.path());
  CHECK(load(folder / ".lock") == std::to_string(::getpid()) + "\n");
  // A holder that has not yet written its number.
  std::filesystem::resize_file(folder / ".lock", 0);
  CHECK(message_of<DataError>([&] { FolderLock{folder.path()}; }) ==
        folder.path().string() + ": is in use by another process");
}

TEST_CASE("folder lock: one that is given back soon is waited for", "[io]") {
  TemporaryFolder const folder;
  auto held = std::make_optional<FolderLock>(folder.path());
  using namespace std::chrono_literals;
  std::thread owner([&] {
    std::this_thread::sleep_for(100ms);
    held.reset();
  });
  CHECK_NOTHROW(FolderLock(folder.path(), 20s));
  owner.join();
  FolderLock const lock(folder.path());
  CHECK_THROWS_AS(FolderLock(folder.path(), 50ms), DataError);
}
