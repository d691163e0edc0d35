# SPDX-License-Identifier: Apache-2.0
"""The N-th call of operator new fails, in every command: a sentence, and nothing is lost.

usage: allocations_test.py PROGRAM [POINTS]

N runs over POINTS evenly spaced calls of each command, 20 where that is not said; 0 is every call
(many minutes). A preloaded operator new does it. Where the environment variable MOENDA_COUNTS names a file, the
counts are appended to it.
"""
import os
import subprocess
import sys

from program import MODEL, Place, end, expect

FAILING_NEW = r"""
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
static std::atomic<long> calls{0};
static long number_in(char const* variable) {
  char const* const text = std::getenv(variable);
  return text == nullptr ? -1 : std::atol(text);
}
static void* take(std::size_t bytes, std::size_t alignment) {
  static long const failing = number_in("FAIL_AT");
  if (calls++ == failing) return nullptr;
  return std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
}
static void* require(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t bytes) { return require(take(bytes, 16)); }
void* operator new[](std::size_t bytes) { return require(take(bytes, 16)); }
void* operator new(std::size_t bytes, std::align_val_t to) { return require(take(bytes, std::size_t(to))); }
void* operator new(std::size_t bytes, std::nothrow_t const&) noexcept { return take(bytes, 16); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::nothrow_t const&) noexcept { std::free(memory); }
__attribute__((destructor)) static void say() {
  char const* const file = std::getenv("CALLS_FILE");
  std::FILE* const open = file == nullptr ? nullptr : std::fopen(file, "w");
  if (open == nullptr) return;
  std::fprintf(open, "%ld", calls.load());
  std::fclose(open);
}
"""
SWEEP = """
[sweep]
repeat_seeds = 1
[sweep.parameters]
model.block.ffn.router.top_k = [1, 2]
"""


def built(place):
    source, library = place.write("failing_new.cpp", FAILING_NEW), place.path / "failing_new.so"
    compiler = os.environ.get("CXX", "c++")
    subprocess.run([compiler, "-std=c++20", "-O1", "-shared", "-fPIC", str(source), "-o", str(library)],
                   check=True)
    return library


def calls_of(place, library, words):
    """How often a command that nothing disturbs calls operator new."""
    counts = place.path / "calls"
    done = place.run(*words, env={"LD_PRELOAD": str(library), "CALLS_FILE": str(counts)})
    expect(done.returncode == 0, " ".join(words), f"undisturbed: {done.returncode}: {done.stderr}")
    return int(counts.read_text())


def results(place):
    """What a finished run has learnt."""
    return [(path.name, path.read_bytes())
            for path in sorted(place.path.glob("runs/tiny/*/checkpoint/*/model.safetensors"))]


def check_report(place, where, wanted):
    page = place.path / "page.html"
    expect(not page.exists() or page.read_bytes() == wanted, where, "another page was left")
    page.unlink(missing_ok=True)


def check_training(place, where, wanted):
    """Whatever was left, the run goes on to the weights that it would have had."""
    done = place.run("train", "tiny.toml", "--threads", 1)
    expect(done.returncode == 0, where, f"again: {done.returncode}: {done.stderr}")
    expect(results(place) == wanted, where, "must end in the same weights when trained again")
    subprocess.run(["rm", "-rf", str(place.path / "runs" / "tiny")], check=True)


def attack(place, library, name, words, check, points):
    calls = calls_of(place, library, words)
    check(name)
    few = points > 1 and points < calls
    tried = [round(i * (calls - 1) / (points - 1)) for i in range(points)] if few else range(calls)
    for n in tried:
        done = place.run(*words, env={"LD_PRELOAD": str(library), "FAIL_AT": str(n)})
        where = f"{name}, call {n} of {calls}"
        expect(done.returncode in (0, 2, 3), where, f"{done.returncode}: {done.stderr}")
        if done.returncode != 0:
            expect("moenda: " in done.stderr, where, f"must say a sentence, said {done.stderr!r}")
        check(where)
    print(f"{name}: {len(tried)} of {calls} calls of operator new failed")
    if "MOENDA_COUNTS" in os.environ:
        with open(os.environ["MOENDA_COUNTS"], "a", encoding="utf-8") as file:
            file.write(f"M,moenda {name}: calls of operator new that failed; of {calls},{len(tried)}\n")


def main():
    points = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    with Place() as place:
        library = built(place)
        place.write("sweep.toml", MODEL + SWEEP)
        expect(place.run("train", "tiny.toml", "--threads", 1).returncode == 0, "train", "must work")
        wanted = results(place)
        page = place.run("report", "tiny.toml", "--file", "page.html")
        expect(page.returncode == 0, "report", page.stderr)
        page = (place.path / "page.html").read_bytes()

        def nothing(_where):
            pass

        attack(place, library, "describe", ["describe", "tiny.toml"], nothing, points)
        attack(place, library, "sweep --dry-run", ["sweep", "sweep.toml", "--dry-run"], nothing, points)
        attack(place, library, "report", ["report", "tiny.toml", "--file", "page.html"],
               lambda where: check_report(place, where, page), points)
        attack(place, library, "generate", ["generate", "tiny.toml", "--threads", "1"], nothing, points)
        subprocess.run(["rm", "-rf", str(place.path / "runs" / "tiny")], check=True)
        attack(place, library, "train", ["train", "tiny.toml", "--threads", "1"],
               lambda where: check_training(place, where, wanted), points)
    end("allocations")


if __name__ == "__main__":
    main()
