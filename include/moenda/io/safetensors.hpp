// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/io/safetensors_reader.hpp"
#include "moenda/io/safetensors_writer.hpp"
