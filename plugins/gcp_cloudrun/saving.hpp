// The files of a state path to objects and back, verified by SHA-256. [worker threads]
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "bucket.hpp"
#include "snapshot/manifest.hpp"
#include "work.hpp"

namespace gcp {

using namespace understudy::snapshot;

/// The object of a file below a snapshot's data folder. ASCII whatever the file's name is, and of bounded length.
[[nodiscard]] std::string object_name(const std::string& data, const std::string& path);

/// Uploads what is below each path as new objects under `data` and tells what was saved.
[[nodiscard]] std::vector<SavedPath> save(Bucket& bucket, const std::string& data,
                                          const std::vector<understudy::sdk::StatePath>& paths, int parallel,
                                          const Work& work);
/// Brings everything into the empty folder `staging`; each file is what was saved, or it throws and leaves nothing.
void bring(Bucket& bucket, const std::string& data, const Manifest& manifest, const std::string& staging, int parallel,
           const Work& work);
/// Reads every object and compares. Throws sdk::Failure(invalid) at the first that is missing or different.
void compare(Bucket& bucket, const std::string& data, const Manifest& manifest, int parallel, const Work& work);

}  // namespace gcp
