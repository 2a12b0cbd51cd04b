// A plugin driven by JSON lines from standard input.
#pragma once

#include <functional>

#include "core/conformance/cassette.hpp"
#include "core/conformance/session.hpp"

namespace understudy::cli {

/// Serves until the input ends and everything is answered. `on_step`, when there is one, hears each call and its
/// answer.
void serve_lines(conformance::Session& session, plugins::Instance& instance,
                 const std::function<void(conformance::Step)>& on_step = nullptr);

}  // namespace understudy::cli
