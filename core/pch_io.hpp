// Precompiled for the rooms that touch the world.
#pragma once

#include "core/pch_pure.hpp"

#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
