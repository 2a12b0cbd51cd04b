// The local side: a private work folder with a place for each destination, and its lock, which one writer in all
// processes of this host holds. [worker]
#pragma once

#include <string>

#include "job.hpp"
#include "tree.hpp"

namespace rclone_store {

class Workshop {
 public:
  explicit Workshop(std::string dir) : dir_(std::move(dir)) {}

  /// A temporary folder for a reader.
  [[nodiscard]] TemporaryFolder temporary() const;

  /// Waits its turn within the job's time. Its folder is empty, and goes with it; what a crash left there too.
  class Turn {
   public:
    Turn(const Workshop& workshop, const std::string& destination, const Job& job);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();
    [[nodiscard]] const std::string& folder() const { return folder_; }

   private:
    std::string folder_;
    Fd lock_;
  };

 private:
  void open() const;
  std::string dir_;
};

}  // namespace rclone_store
