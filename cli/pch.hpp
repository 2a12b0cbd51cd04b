// Precompiled for the commands.
#pragma once

#include "core/pch_pure.hpp"

#include <filesystem>
#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
