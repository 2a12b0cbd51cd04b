// What must outlive everything, on purpose: reachable until the process ends, and never destroyed.
#pragma once

#include <list>
#include <mutex>
#include <utility>

namespace understudy::plugins {

/// Any thread.
template <class T>
void keep_for_ever(T value) {
  static std::mutex guard;
  static auto& kept = *new std::list<T>;
  const std::scoped_lock lock(guard);
  kept.push_back(std::move(value));
}

}  // namespace understudy::plugins
