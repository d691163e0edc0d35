// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "moenda/core/error.hpp"

namespace moenda {

/// A few threads that sleep between jobs. The caller is worker 0. A job is cut into one contiguous
/// part per worker, always the same cut for the same count, so results never depend on timing.
/// Kernels make results independent of the number of workers as well: every output is computed
/// whole by one worker, and sums run over blocks of a fixed size.
class ThreadPool {
 public:
  /// `threads` = 0 takes every processor. Throws ConfigError unless 0 <= threads <= 1024, Error
  /// when the system gives fewer.
  explicit ThreadPool(int threads = 0) {
    require(threads >= 0 && threads <= 1024, "ThreadPool: threads must lie in 0..1024", threads,
            1024);
    if (threads == 0) threads = static_cast<int>(std::thread::hardware_concurrency());
    threads_ = threads < 1 ? 1 : threads;
    try {
      for (int worker = 1; worker < threads_; ++worker) {
        workers_.emplace_back([this, worker] { serve(worker); });
      }
    } catch (std::exception const& error) {
      auto const started = workers_.size() + 1;
      join();
      throw Error("ThreadPool: only " + std::to_string(started) + " of " +
                  std::to_string(threads_) + " threads could be started (" + error.what() + ")");
    }
  }
  ThreadPool(ThreadPool const&) = delete;
  ThreadPool& operator=(ThreadPool const&) = delete;
  ~ThreadPool() { join(); }

  [[nodiscard]] int threads() const { return threads_; }
  /// The worker of this pool that runs this code: 0 outside its jobs.
  [[nodiscard]] int worker() const {
    auto const* part = part_of_this();
    return part == nullptr ? 0 : part->worker;
  }

  /// Calls body(begin, end) on one part of [0, count) per worker. Inside a job it runs in place.
  /// The first exception of a worker is thrown again here. Allocates nothing.
  template <class Body>
  void parallel_for(std::int64_t count, Body&& body) {
    if (count <= 0) return;
    if (threads_ == 1 || count == 1 || part_of_this() != nullptr)
      return body(std::int64_t{0}, count);
    std::lock_guard const one_job_at_a_time(mutex_);
    job_ = [](void* context, std::int64_t begin, std::int64_t end) {
      (*static_cast<std::remove_reference_t<Body>*>(context))(begin, end);
    };
    context_ = const_cast<void*>(static_cast<void const*>(&body));
    count_ = count;
    error_ = nullptr;
    pending_.store(threads_ - 1, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    run_part(0);
    wait_until_zero();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  /// A part of a job that this thread is in, and the part around it (of another pool).
  struct Part {
    ThreadPool const* pool;
    int worker;
    Part const* outer;
  };
  static Part const*& innermost() {
    thread_local Part const* part = nullptr;
    return part;
  }
  [[nodiscard]] Part const* part_of_this() const {
    auto const* part = innermost();
    while (part != nullptr && part->pool != this) part = part->outer;
    return part;
  }

  void run_part(int worker) {
    Part const part{this, worker, innermost()};
    innermost() = &part;
    try {
      auto const begin = count_ * worker / threads_, end = count_ * (worker + 1) / threads_;
      if (begin < end) job_(context_, begin, end);
    } catch (...) {
      std::lock_guard const lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
    innermost() = part.outer;
  }
  void serve(int worker) {
    std::uint32_t seen = 0;
    while (true) {
      for (int spin = 0; spin < spins && generation_.load(std::memory_order_acquire) == seen;
           ++spin)
        pause();
      generation_.wait(seen, std::memory_order_acquire);
      seen = generation_.load(std::memory_order_acquire);
      if (stop_) return;
      run_part(worker);
      if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_one();
    }
  }
  void wait_until_zero() {
    for (int spin = 0; spin < spins && pending_.load(std::memory_order_acquire) != 0; ++spin)
      pause();
    for (int left = pending_.load(std::memory_order_acquire); left != 0;
         left = pending_.load(std::memory_order_acquire)) {
      pending_.wait(left, std::memory_order_acquire);
    }
  }
  void join() {
    stop_ = true;
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
  }
  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }

  static constexpr int spins = 2000;  // a few tens of microseconds: longer waits give the core away
  int threads_ = 1;
  std::vector<std::thread> workers_;
  std::mutex mutex_, error_mutex_;
  void (*job_)(void*, std::int64_t, std::int64_t) = nullptr;
  void* context_ = nullptr;
  std::int64_t count_ = 0;
  std::exception_ptr error_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint32_t> generation_ = 0;
  std::atomic<int> pending_ = 0;
};

}  // namespace moenda
