// The remote side of one service: where things lie below REMOTE/SERVICE, what is there, reading and writing the small
// files, and checking the large ones. Nothing is named, written or removed outside. [worker]; throws sdk::Failure.
//
//   latest.json            the newest card, written last
//   snapshots/ID.json      a card: the snapshot exists when this does
//   data/ID/manifest.json  data/ID/files/NAME/...
//   fence/...              which epochs may still save (fences.hpp)
//   aside/ID/...           what a site that had been replaced wanted to save
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fences.hpp"
#include "manifest.hpp"
#include "program.hpp"
#include "workshop.hpp"

namespace rclone_store {

/// What is in the vault now.
struct Index {
  std::vector<Card> cards;  ///< newest first: by epoch, then by time; a damaged one has snapshot.valid = false
  std::set<std::string> data, aside;
  Fences fences;
  std::uint64_t highest_epoch = 0;  ///< of snapshots and fences
  std::optional<Card> named;        ///< by latest.json, whether or not the listing shows it; index() only

  [[nodiscard]] const Card* newest_valid() const;
  [[nodiscard]] bool has(const std::string& id) const;
};

struct BadFile {
  std::string object;
  std::string why;
};

class Vault {
 public:
  Vault(understudy::sdk::Host& host, const Settings& settings)
      : settings_(settings), program_(host, settings_), workshop_(settings_.work_dir) {}

  /// Throws sdk::Failure(invalid) on a service or an id that is no plain name.
  [[nodiscard]] std::string root(const std::string& service) const;
  [[nodiscard]] std::string data(const std::string& service, const std::string& id) const;
  [[nodiscard]] std::string aside(const std::string& service, const std::string& id) const;
  [[nodiscard]] std::string card(const std::string& service, const std::string& id) const;
  /// A file of a fence, by its name.
  [[nodiscard]] std::string fence(const std::string& service, const std::string& name) const {
    return root(service) + "/fence/" + name;
  }
  [[nodiscard]] std::string latest(const std::string& service) const { return root(service) + "/latest.json"; }

  [[nodiscard]] Index index(const Job& job, const std::string& service);
  /// The same when it was asked a moment ago: latest.json is not read.
  [[nodiscard]] Index index_again(const Job& job, const std::string& service);
  /// So that a card that we have just written need not be read.
  void remember(const std::string& service, const Card& card);
  /// Straight from the remote.
  [[nodiscard]] Card read(const Job& job, const std::string& service, const std::string& id) const;
  [[nodiscard]] Manifest manifest(const Job& job, const std::string& service, const Card& card) const;
  /// Writes a small file, whatever is there, and reads it back.
  void write(const Job& job, const std::string& to, const std::string& text, const std::string& work) const;

  /// Compares what lies in `folder` with the manifest's hashes: the files that are missing or different. `work` is a
  /// local folder for lists.
  [[nodiscard]] std::vector<BadFile> check(const Job& job, const std::string& folder, const std::vector<FileRef>& files,
                                           Settings::Check how, const std::string& work);
  /// The remote can copy without sending the bytes through us.
  [[nodiscard]] bool copies_itself(const Job& job);

  [[nodiscard]] const Program& program() const { return program_; }
  [[nodiscard]] const Workshop& workshop() const { return workshop_; }
  [[nodiscard]] const Settings& settings() const { return settings_; }

 private:
  struct Features {
    bool copy = false;
    std::string hash;  ///< that we and the remote both know, or empty
  };
  struct Listing;
  [[nodiscard]] Features features(const Job& job);
  [[nodiscard]] std::optional<Latest> pointer(const Job& job, const std::string& service) const;
  [[nodiscard]] static Index assemble(Index index, const Listing& found, const std::optional<Latest>& pointer);
  [[nodiscard]] std::optional<Listing> listing(const Job& job, const std::string& service) const;
  void read_cards(const Job& job, const std::string& service, const Listing& found, const std::optional<Latest>& latest,
                  Index& out);
  void fetch_cards(const Job& job, const std::string& service, const std::vector<std::string>& ids,
                   std::map<std::string, Card>& into) const;
  [[nodiscard]] std::map<std::string, std::string> downloaded_hashes(const Job& job, const std::string& folder,
                                                                     const std::vector<FileRef>& files,
                                                                     const std::string& work) const;

  const Settings settings_;
  Program program_;
  Workshop workshop_;
  std::mutex mutex_;  ///< guards the rest: reader and writer have a worker each
  std::optional<Features> features_;
  std::map<std::string, Card> seen_;  ///< by service/id: cards do not change
};

/// The names of files for rclone's --files-from-raw.
void write_names(const std::string& path, const std::vector<std::string>& names);

}  // namespace rclone_store
