#include "vault.hpp"

#include <algorithm>
#include <filesystem>

#include "program_words.hpp"
#include "snapshot/epochs.hpp"

namespace rclone_store {
namespace {

using namespace understudy::sdk;

constexpr std::size_t small_output = 32 * 1024 * 1024;  // a manifest, or the listing of all snapshots
constexpr const char* ending = ".json";

std::string id_of(const std::string& name) { return name.substr(0, name.size() - std::string_view(ending).size()); }

/// What a fence says holds, whatever the clocks. Without one: in the order of time epochs never fall, so that a
/// snapshot of an older epoch after a newer one is a replaced site's.
void mark_stale(std::vector<Card>& cards, const Fences& fences) {
  std::ranges::sort(cards, {}, [](const Card& c) { return std::pair(c.snapshot.created_ms, c.snapshot.id); });
  std::uint64_t highest = 0;
  for (auto& card : cards) {
    auto& s = card.snapshot;
    if (!s.valid) continue;
    if (fences.late(s)) {
      s.valid = false;
      s.problem = "a push of epoch " + std::to_string(s.epoch) +
                  " that was under way when a newer epoch had begun: it is from a site that had been replaced";
    } else if (s.epoch < highest && !fences.decides(s.epoch)) {
      s.valid = false;
      s.problem = "its epoch " + std::to_string(s.epoch) + " is older than " + std::to_string(highest) +
                  ", which was saved before it: it is from a site that had been replaced";
    }
    if (s.valid) highest = std::max(highest, s.epoch);
  }
}

Card damaged(const std::string& id, std::string problem) {
  Card out;
  out.snapshot.id = id;
  out.snapshot.created_ms = time_in_id_ms(id).value_or(0);
  out.snapshot.valid = false;
  out.snapshot.problem = std::move(problem);
  return out;
}

std::string plain(const std::string& name, const char* what) {
  if (!harmless_name(name) || name.front() == '.' ||
      std::ranges::any_of(name, [](unsigned char c) { return c < 0x20; }))
    throw Failure(Status::invalid, "\"" + name + "\" cannot be " + what);
  return name;
}

}  // namespace

struct Vault::Listing {
  std::map<std::string, std::int64_t> cards;  ///< id → size of its card
  std::set<std::string> data, aside;
  Fences fences;
  bool has_latest = false;
};

const Card* Index::newest_valid() const {
  const auto it = std::ranges::find_if(cards, [](const Card& c) { return c.snapshot.valid; });
  return it == cards.end() ? nullptr : &*it;
}

bool Index::has(const std::string& id) const {
  return std::ranges::any_of(cards, [&](const Card& c) { return c.snapshot.id == id; });
}

std::string Vault::root(const std::string& service) const {
  const bool bare = settings_.remote.back() == ':' || settings_.remote.back() == '/';
  return settings_.remote + (bare ? "" : "/") + plain(service, "a folder's name");
}
std::string Vault::data(const std::string& service, const std::string& id) const {
  return root(service) + "/data/" + plain(id, "a snapshot's name");
}
std::string Vault::aside(const std::string& service, const std::string& id) const {
  return root(service) + "/aside/" + plain(id, "a snapshot's name");
}
std::string Vault::card(const std::string& service, const std::string& id) const {
  return root(service) + "/snapshots/" + plain(id, "a snapshot's name") + ending;
}

std::optional<Vault::Listing> Vault::listing(const Job& job, const std::string& service) const {
  Program::Options options;
  options.max_output = small_output;
  const auto text = program_.run_if_there(
      job, {"lsjson", "--recursive", "--max-depth=2", "--no-modtime", "--no-mimetype", root(service)}, options);
  if (!text) return std::nullopt;
  Listing out;
  for (const auto& item : parse_listing(*text)) {
    if (item.path == "latest.json") out.has_latest = true;
    if (item.path.rfind("data/", 0) == 0 && item.folder) out.data.insert(item.name);
    if (item.path.rfind("aside/", 0) == 0 && item.folder) out.aside.insert(item.name);
    if (item.path.rfind("fence/", 0) == 0 && !item.folder) out.fences.add(item.name);
    if (item.path.rfind("snapshots/", 0) == 0 && !item.folder && item.name.ends_with(ending))
      out.cards[id_of(item.name)] = item.size;
  }
  return out;
}

std::optional<Latest> Vault::pointer(const Job& job, const std::string& service) const {
  Program::Options options;
  options.max_output = small_output;
  const auto text = program_.run_if_there(job, {"cat", latest(service)}, options);
  if (!text) return std::nullopt;
  try {
    return read_latest(*text);
  } catch (const Failure& failure) {
    job.host().log(LogLevel::warning, latest(service) + ": " + failure.error().message + "; the cards are read");
    return std::nullopt;
  }
}

Index Vault::assemble(Index out, const Listing& found, const std::optional<Latest>& pointer) {
  if (pointer) {
    out.named = pointer->card;
    out.highest_epoch = pointer->card.snapshot.epoch;
    const auto& id = pointer->card.snapshot.id;
    if (!found.cards.contains(id)) out.cards.push_back(damaged(id, "latest.json names it, and its card is missing"));
  }
  out.fences = found.fences;
  out.highest_epoch = std::max(out.highest_epoch, out.fences.highest());
  for (const auto& c : out.cards) {
    if (c.snapshot.valid) out.highest_epoch = std::max(out.highest_epoch, c.snapshot.epoch);
  }
  mark_stale(out.cards, out.fences);
  std::ranges::sort(out.cards, understudy::snapshot::newer, &Card::snapshot);
  return out;
}

Index Vault::index(const Job& job, const std::string& service) {
  const auto found = listing(job, service);
  if (!found) return {};
  const auto named = found->has_latest ? pointer(job, service) : std::nullopt;
  Index out;
  read_cards(job, service, *found, named, out);
  return assemble(std::move(out), *found, named);
}

Index Vault::index_again(const Job& job, const std::string& service) {
  const auto found = listing(job, service);
  if (!found) return {};
  Index out;
  read_cards(job, service, *found, std::nullopt, out);
  return assemble(std::move(out), *found, std::nullopt);
}

void Vault::remember(const std::string& service, const Card& card) {
  const std::lock_guard lock(mutex_);
  seen_[service + "/" + card.snapshot.id] = card;
}

void Vault::read_cards(const Job& job, const std::string& service, const Listing& found,
                       const std::optional<Latest>& pointer, Index& out) {
  const auto& sizes = found.cards;
  out.data = found.data;
  out.aside = found.aside;
  std::map<std::string, Card> known;
  if (pointer) {
    for (const auto& c : pointer->others) known[c.snapshot.id] = c;
    known[pointer->card.snapshot.id] = pointer->card;
  }
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, size] : sizes) {
      if (const auto it = seen_.find(service + "/" + id); it != seen_.end()) known[id] = it->second;
    }
  }
  // A card of another length than we know was changed or cut: read it. Some remotes (encrypted ones) tell no length.
  std::vector<std::string> unread;
  for (const auto& [id, size] : sizes) {
    const auto it = known.find(id);
    const bool as_known =
        it != known.end() && (size < 0 || size == static_cast<std::int64_t>(write_card(it->second).size()));
    if (!as_known) unread.push_back(id);
  }
  fetch_cards(job, service, unread, known);
  for (const auto& [id, size] : sizes) {
    Card c = known.at(id);
    if (c.snapshot.valid) {
      const std::lock_guard lock(mutex_);
      seen_[service + "/" + id] = c;
    }
    if (c.snapshot.valid && !out.data.contains(id)) {
      c.snapshot.valid = false;
      c.snapshot.problem = "its data are missing";
    }
    out.cards.push_back(std::move(c));
  }
}

void Vault::fetch_cards(const Job& job, const std::string& service, const std::vector<std::string>& ids,
                        std::map<std::string, Card>& into) const {
  if (ids.empty()) return;
  const TemporaryFolder folder = workshop_.temporary();
  std::vector<std::string> names;
  for (const auto& id : ids) names.push_back(id + ending);
  write_names(folder.path() + "/names", names);
  (void)program_.run_if_there(job, {"copy", "--no-traverse", "--files-from-raw=" + folder.path() + "/names",
                                    root(service) + "/snapshots", folder.path() + "/cards"});
  for (const auto& id : ids) {
    try {
      Card c = read_card(read_text(folder.path() + "/cards/" + id + ending));
      if (c.snapshot.id != id) throw Failure(Status::invalid, "its card belongs to " + c.snapshot.id);
      into[id] = std::move(c);
    } catch (const Failure& failure) {
      into[id] = damaged(id, failure.error().message);
    }
  }
}

Card Vault::read(const Job& job, const std::string& service, const std::string& id) const {
  const auto text = program_.run_if_there(job, {"cat", card(service, id)});
  // "cat" of a file that does not exist says nothing on some remotes.
  if (!text || text->empty()) throw Failure(Status::invalid, "there is no snapshot " + id);
  Card out = read_card(*text);
  if (out.snapshot.id != id) throw Failure(Status::invalid, "the card of " + id + " belongs to " + out.snapshot.id);
  return out;
}

Manifest Vault::manifest(const Job& job, const std::string& service, const Card& card) const {
  Program::Options options;
  options.max_output = 1024 * 1024 + static_cast<std::size_t>(std::max<std::int64_t>(0, card.snapshot.files)) * 16384;
  const auto text = program_.run_if_there(job, {"cat", data(service, card.snapshot.id) + "/manifest.json"}, options);
  if (!text) throw Failure(Status::invalid, "the manifest of " + card.snapshot.id + " is missing");
  if (sha256_of(*text) != card.manifest_sha256)
    throw Failure(Status::invalid, "the manifest of " + card.snapshot.id + " was changed or is cut short");
  return read_manifest(*text);
}

void Vault::write(const Job& job, const std::string& to, const std::string& text, const std::string& work) const {
  const std::string from = work + "/outgoing";
  write_text(from, text);
  // Without --ignore-times a file of the same length would be left as it is where a remote knows no times.
  (void)program_.run(job, {"copyto", "--ignore-times", from, to});
  Program::Options options;
  options.max_output = text.size() + 4096;
  if (program_.run(job, {"cat", to}, options) != text)
    throw Failure(Status::unknown, to + " reads back differently from what was written",
                  "does something else write there?");
}

Vault::Features Vault::features(const Job& job) {
  {
    const std::lock_guard lock(mutex_);
    if (features_) return *features_;
  }
  const auto remote = settings_.remote.front() == '/' ? std::string("/") : settings_.remote_name();
  const Json in = parse_json(program_.run(job, {"backend", "features", remote}));
  Features out;
  if (in.is_object()) {
    const auto hashes = in.value("Hashes", std::vector<std::string>());
    for (const char* name : {"sha256", "sha1", "md5"}) {
      if (out.hash.empty() && std::ranges::find(hashes, name) != hashes.end()) out.hash = name;
    }
    out.copy = in.value("Features", Json::object()).value("Copy", false);
  }
  const std::lock_guard lock(mutex_);
  features_ = out;
  return out;
}

bool Vault::copies_itself(const Job& job) { return features(job).copy; }

std::map<std::string, std::string> Vault::downloaded_hashes(const Job& job, const std::string& folder,
                                                            const std::vector<FileRef>& files,
                                                            const std::string& work) const {
  std::map<std::string, std::string> out;
  if (files.empty()) return out;
  std::vector<std::string> names;
  for (const auto& f : files) names.push_back(f.object);
  write_names(work + "/names", names);
  Program::Options options{files.size() * 8192 + 4096, true};
  const auto text = program_.run_if_there(
      job, {"hashsum", "sha256", "--download", "--files-from-raw=" + work + "/names", folder}, options);
  if (!text) return out;
  constexpr std::size_t digits = 64;
  for (std::size_t at = 0; at < text->size();) {
    const auto end = std::min(text->find('\n', at), text->size());
    if (end - at > digits + 2) out[text->substr(at + digits + 2, end - at - digits - 2)] = text->substr(at, digits);
    at = end + 1;
  }
  return out;
}

std::vector<BadFile> Vault::check(const Job& job, const std::string& folder, const std::vector<FileRef>& files,
                                  Settings::Check how, const std::string& work) {
  if (files.empty()) return {};
  const auto hash = how == Settings::Check::download ? std::string() : features(job).hash;
  Args args = {"lsjson", "--recursive", "--files-only", "--no-modtime", "--no-mimetype"};
  if (!hash.empty()) args.insert(args.end(), {"--hash", "--hash-type=" + hash});
  args.push_back(folder);
  Program::Options options;
  options.max_output = small_output + files.size() * 8192;
  std::map<std::string, Listed> there;
  if (const auto text = program_.run_if_there(job, args, options)) {
    for (auto& item : parse_listing(*text)) there[item.path] = item;
  }
  std::vector<BadFile> bad;
  std::vector<FileRef> unproven;
  for (const auto& f : files) {
    const auto it = there.find(f.object);
    const auto size = it == there.end() ? 0 : it->second.size;
    const auto found = it == there.end() || !it->second.hashes.contains(hash) ? "" : it->second.hashes.at(hash);
    const auto& expected = f.entry->hashes.by_name(hash);
    if (it == there.end()) {
      bad.push_back({f.object, "is missing"});
    } else if (size >= 0 && size != f.entry->size) {
      bad.push_back({f.object, "has " + std::to_string(size) + " bytes and not " + std::to_string(f.entry->size)});
    } else if (!found.empty() && !expected.empty()) {
      if (found != expected) bad.push_back({f.object, "is not what was saved"});
    } else {
      unproven.push_back(f);
    }
  }
  if (how == Settings::Check::size) return bad;
  const auto hashes = downloaded_hashes(job, folder, unproven, work);
  for (const auto& f : unproven) {
    const auto it = hashes.find(f.object);
    if (it == hashes.end() || it->second != f.entry->hashes.sha256) bad.push_back({f.object, "is not what was saved"});
  }
  return bad;
}

void write_names(const std::string& path, const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += name + "\n";
  write_text(path, text);
}

}  // namespace rclone_store
