// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/weights/safetensors/reader.hpp"
#include "moenda/weights/safetensors/writer.hpp"
