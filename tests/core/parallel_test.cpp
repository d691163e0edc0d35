// SPDX-License-Identifier: Apache-2.0
#include "moenda/core/parallel.hpp"

#include <catch2/catch.hpp>
#include <numeric>

namespace {

using namespace moenda;

TEST_CASE("every index is visited once, in one part per worker", "[parallel]") {
  for (int const threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    REQUIRE(pool.threads() == threads);
    for (std::int64_t const count : {0, 1, 2, 3, 7, 8, 9, 1000}) {
      std::vector<int> visits(std::size_t(count), 0);
      std::atomic<int> parts = 0;
      pool.parallel_for(count, [&](std::int64_t begin, std::int64_t end) {
        ++parts;
        for (auto i = begin; i < end; ++i) ++visits[std::size_t(i)];
      });
      CAPTURE(threads, count);
      CHECK(std::count(visits.begin(), visits.end(), 1) == count);
      CHECK(parts <= std::min<std::int64_t>(threads, count));
    }
  }
}

TEST_CASE("workers have numbers below the number of threads", "[parallel]") {
  ThreadPool pool(4);
  CHECK(pool.worker() == 0);
  std::vector<int> workers(4, -1);
  pool.parallel_for(4, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) workers[std::size_t(i)] = pool.worker();
  });
  CHECK(workers == std::vector<int>{0, 1, 2, 3});
  CHECK(pool.worker() == 0);
}

TEST_CASE("a job inside a job runs in place", "[parallel]") {
  ThreadPool pool(3);
  std::atomic<int> sum = 0;
  pool.parallel_for(3, [&](std::int64_t, std::int64_t) {
    int const worker = pool.worker();
    pool.parallel_for(10, [&](std::int64_t begin, std::int64_t end) {
      sum += int(end - begin);
      if (pool.worker() != worker) sum += 1000;
    });
  });
  CHECK(sum == 30);
}

TEST_CASE("a pool inside a job of another counts its own workers", "[parallel]") {
  ThreadPool outer(4);
  std::atomic<int> wrong = 0, visits = 0;
  outer.parallel_for(4, [&](std::int64_t, std::int64_t) {
    ThreadPool inner(2);
    int const mine = outer.worker();
    if (inner.worker() != 0) ++wrong;
    inner.parallel_for(6, [&](std::int64_t begin, std::int64_t end) {
      visits += int(end - begin);
      if (inner.worker() > 1) ++wrong;
    });
    if (outer.worker() != mine) ++wrong;
  });
  CHECK(wrong == 0);
  CHECK(visits == 24);
}

TEST_CASE("an exception arrives where the job was given, and the pool goes on", "[parallel]") {
  ThreadPool pool(3);
  for (int const thrower : {0, 1, 2}) {
    CHECK_THROWS_WITH(pool.parallel_for(3,
                                        [&](std::int64_t begin, std::int64_t) {
                                          if (begin == thrower) throw DataError("from a worker");
                                        }),
                      "from a worker");
    std::atomic<int> visits = 0;
    pool.parallel_for(3, [&](std::int64_t begin, std::int64_t end) { visits += int(end - begin); });
    CHECK(visits == 3);
    CHECK(pool.worker() == 0);
  }
  CHECK_THROWS_AS(pool.parallel_for(3, [](std::int64_t, std::int64_t) { throw DataError("all"); }),
                  DataError);
}

TEST_CASE("many small jobs and many pools", "[parallel]") {
  for (int round = 0; round < 20; ++round) {
    ThreadPool pool(4);
    std::atomic<std::int64_t> sum = 0;
    for (int job = 0; job < 50; ++job) {
      pool.parallel_for(4, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) sum += i;
      });
    }
    REQUIRE(sum == 50 * 6);
  }
}

TEST_CASE("jobs of several threads take turns", "[parallel]") {
  ThreadPool pool(2);
  std::atomic<std::int64_t> sum = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&] {
      for (int job = 0; job < 100; ++job) {
        pool.parallel_for(8, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
      }
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(sum == 3 * 100 * 8);
}

TEST_CASE("the number of threads is limited", "[parallel]") {
  CHECK_THROWS_AS(ThreadPool(-1), ConfigError);
  CHECK_THROWS_AS(ThreadPool(1025), ConfigError);
  CHECK(ThreadPool(0).threads() >= 1);
}

}  // namespace
