// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <dlfcn.h>

#include <memory>

#include "moenda/energy/source.hpp"

namespace moenda::energy {

/// The energy counter of an NVIDIA GPU (Volta and newer), through NVML. The library is looked for
/// when it is needed, so nothing links to it.
class Nvml : public Source {
 public:
  /// Null without the driver's library, without that device, or when it has no counter.
  [[nodiscard]] static std::unique_ptr<Nvml> open(unsigned device = 0,
                                                  char const* library = "libnvidia-ml.so.1") {
    auto meter = std::unique_ptr<Nvml>(new Nvml);
    meter->library_ = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (meter->library_ == nullptr) return nullptr;
    auto const init = meter->function<int (*)()>("nvmlInit_v2");
    auto const handle = meter->function<int (*)(unsigned, void**)>("nvmlDeviceGetHandleByIndex_v2");
    meter->read_ = meter->function<Read>("nvmlDeviceGetTotalEnergyConsumption");
    if (init == nullptr || handle == nullptr || meter->read_ == nullptr) return nullptr;
    unsigned long long millijoules = 0;
    bool const works = init() == 0 && handle(device, &meter->device_) == 0 &&
                       meter->read_(meter->device_, &millijoules) == 0;
    return works ? std::move(meter) : nullptr;
  }
  ~Nvml() override {
    if (library_ != nullptr) ::dlclose(library_);
  }
  [[nodiscard]] std::string name() const override { return "NVML energy counter"; }
  [[nodiscard]] double joules() override {
    unsigned long long millijoules = 0;
    if (read_(device_, &millijoules) == 0) last_ = 1e-3 * double(millijoules);
    return last_;
  }

 private:
  using Read = int (*)(void*, unsigned long long*);
  Nvml() = default;
  template <class F>
  F function(char const* name) const {
    return reinterpret_cast<F>(::dlsym(library_, name));
  }

  void* library_ = nullptr;
  void* device_ = nullptr;
  Read read_ = nullptr;
  double last_ = 0;
};

}  // namespace moenda::energy
