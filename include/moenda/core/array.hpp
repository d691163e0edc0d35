// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/space.hpp"

namespace moenda {

/// Asks for memory or weights that nobody fills: for whoever writes them all.
struct Unfilled {};
inline constexpr Unfilled unfilled{};

/// `size` numbers in the space of backend B, zeros at first: weights, gradients, moments,
/// remembered keys, whatever kernels read and no step forgets. Only where the space is the host's
/// can it be read like a std::vector; elsewhere it is copied.
template <class B, class T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>, "Array: only plain data can be copied");

 public:
  using Space = typename B::Space;
  using value_type = T;
  static constexpr bool is_host = Space::is_host;

  /// Throws what the space throws when memory is short.
  explicit Array(B& backend, std::size_t size = 0) : Array(backend, size, unfilled) {
    if (size > 0) space_.fill(data_, 0, size * sizeof(T));
  }
  /// Of any values.
  Array(B& backend, std::size_t size, Unfilled) : space_(backend.space()), size_(size) {
    if (size == 0) return;
    if (size > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    data_ = static_cast<T*>(space_.allocate(size * sizeof(T)));
  }
  Array(Array&& other) noexcept
      : space_(other.space_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    if constexpr (!std::is_empty_v<Space>) std::swap(space_, other.space_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Array() {
    if (data_ != nullptr) space_.release(data_);
  }

  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] T const* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// A copy on the host, after everything that was started.
  [[nodiscard]] std::vector<T> on_host() const {
    std::vector<T> copy(size_);
    auto space = space_;
    if (size_ > 0) space.copy_to_host(copy.data(), data_, size_ * sizeof(T));
    return copy;
  }
  /// Throws ConfigError unless `values` are as many as the array holds.
  void assign(std::span<T const> values) {
    require(values.size() == size_, "Array: there must be a value for every place",
            static_cast<long long>(values.size()), static_cast<long long>(size_));
    if (size_ > 0) space_.copy_from_host(data_, values.data(), size_ * sizeof(T));
  }

  [[nodiscard]] T& operator[](std::size_t i) requires is_host { return data_[i]; }
  [[nodiscard]] T const& operator[](std::size_t i) const requires is_host { return data_[i]; }
  [[nodiscard]] T* begin() requires is_host { return data_; }
  [[nodiscard]] T* end() requires is_host { return data_ + size_; }
  [[nodiscard]] T const* begin() const requires is_host { return data_; }
  [[nodiscard]] T const* end() const requires is_host { return data_ + size_; }

 private:
  [[no_unique_address]] Space space_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The numbers of an array for code of the host that reads or writes them all, such as files: in
/// place where the space is the host's, else in a copy, which goes back with give_back(). A is an
/// Array, const for whoever only reads.
template <class A>
class OnHost {
  using T = typename A::value_type;

 public:
  explicit OnHost(A& array) : array_(array) {
    if constexpr (!A::is_host) copy_ = array.on_host();
  }
  [[nodiscard]] auto* data() {
    if constexpr (A::is_host) {
      return array_.data();
    } else {
      return copy_.data();
    }
  }
  /// Where the host finds what lies at `place` in the array.
  [[nodiscard]] auto* at(T const* place) { return data() + (place - array_.data()); }
  void give_back() requires(!std::is_const_v<A>) {
    if constexpr (!A::is_host) array_.assign(copy_);
  }

 private:
  A& array_;
  std::vector<T> copy_;  // empty where the array itself is used
};

}  // namespace moenda
