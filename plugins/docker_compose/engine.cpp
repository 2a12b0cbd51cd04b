#include "engine.hpp"

#include <algorithm>
#include <cstdio>
#include <future>

#include "engine_words.hpp"

namespace compose_plugin {
namespace {

using namespace understudy::sdk;

/// The newest version whose fields are the ones read here. Engines 29.0 to 29.2 refuse everything below 1.44, Debian
/// 12's engine everything above 1.41: so the lower of ours and the engine's is used.
constexpr std::pair<int, int> newest_known{1, 47};
constexpr Millis patience{30'000};

[[noreturn]] void unreachable(const EngineAddress& engine, const Error& error) {
  Error out = error;
  out.status = Status::transient;
  out.message = "the Docker engine at " + engine.host + " does not answer: " + error.message;
  out.hint = engine.via == EngineAddress::Via::unix_socket
                 ? "does it run, and may this user use its socket (group docker)?"
                 : "does it run, and can it be reached from here?";
  throw Failure(out);
}

[[noreturn]] void refused(const std::string& what, const Json& reply) {
  throw refusal(what, reply.at("status").get<int>(), reply.at("body").get_ref<const std::string&>());
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out += static_cast<char>(c);
    } else {
      char code[4];
      std::snprintf(code, sizeof code, "%%%02X", c);
      out += code;
    }
  }
  return out;
}

Millis Deadline::left() const {
  const auto left = std::chrono::duration_cast<Millis>(end_ - std::chrono::steady_clock::now());
  return std::max(left, Millis(1));
}

Engine::Engine(Host& host, const Project& project) : host_(host), project_(project) {
  if (project.engine.via == EngineAddress::Via::ssh) tunnel_ = std::make_unique<Tunnel>(host, project);
}

Json Engine::base(const Deadline& deadline) {
  const auto& engine = project_.engine;
  if (engine.via != EngineAddress::Via::tcp) {
    return {{"url", "http://docker"}, {"unix_socket", tunnel_ ? tunnel_->socket(deadline.left()) : engine.unix_socket}};
  }
  if (engine.tls_dir.empty()) return {{"url", "http://" + engine.authority}};
  return {{"url", "https://" + engine.authority},
          {"ca_file", engine.tls_dir + "/ca.pem"},
          {"client_cert", engine.tls_dir + "/cert.pem"},
          {"client_key", engine.tls_dir + "/key.pem"}};
}

std::map<std::string, std::string> Engine::environment(const Deadline& deadline) {
  const auto& engine = project_.engine;
  if (tunnel_) return {{"DOCKER_HOST", "unix://" + tunnel_->socket(deadline.left())}, {"DOCKER_CONTEXT", ""}};
  std::map<std::string, std::string> out{{"DOCKER_HOST", engine.host}, {"DOCKER_CONTEXT", ""}};
  out["DOCKER_TLS_VERIFY"] = engine.tls_dir.empty() ? "" : "1";
  out["DOCKER_CERT_PATH"] = engine.tls_dir;
  return out;
}

void Engine::settle_version(const Deadline& deadline) {
  if (!version_.empty()) return;
  Json ask = base(deadline);
  ask["url"] = ask["url"].get<std::string>() + "/_ping";
  ask["want"] = {"headers"};
  const auto result = host_.blocking("http.request/1", ask, std::min(deadline.left(), patience));
  if (!result.ok()) unreachable(project_.engine, result.error);
  if (result.value.at("status") != 200) refused("a ping", result.value);
  const auto said = parse_version(result.value.at("headers").value("api-version", ""));
  if (said.first == 0) {
    throw Failure(Status::invalid,
                  "what listens at " + project_.engine.host + " is no Docker engine: its ping names no API version");
  }
  const auto use = std::min(said, newest_known);
  version_ = "/v" + std::to_string(use.first) + "." + std::to_string(use.second);
}

Json Engine::request(const std::string& method, const std::string& path, const Deadline& deadline) {
  settle_version(deadline);
  Json ask = base(deadline);
  ask["url"] = ask["url"].get<std::string>() + version_ + path;
  ask["method"] = method;
  ask["max_body"] = 3 * 1024 * 1024;
  return ask;
}

Json Engine::get(const std::string& path, const Deadline& deadline) {
  const auto result =
      host_.blocking("http.request/1", request("GET", path, deadline), std::min(deadline.left(), patience));
  if (!result.ok()) {
    version_.clear();  // another engine may answer next time
    unreachable(project_.engine, result.error);
  }
  const auto status = result.value.at("status").get<int>();
  if (status == 404) return nullptr;
  if (status == 400) version_.clear();  // upgraded meanwhile, and our version is too old for it
  if (status != 200) refused("GET " + path.substr(0, path.find('?')), result.value);
  Json body = parse_json(result.value.at("body").get_ref<const std::string&>());
  if (body.is_discarded())
    throw Failure(Status::transient,
                  "the Docker engine's answer to GET " + path.substr(0, path.find('?')) + " is not JSON");
  return body;
}

Containers Engine::containers(const Deadline& deadline) {
  const Json filters = {{"label", {std::string(label_project) + "=" + project_.name}}};
  const Json listed = get("/containers/json?all=true&filters=" + escaped(filters.dump()), deadline);
  if (!listed.is_array()) throw Failure(Status::transient, "the Docker engine did not list containers");
  Containers out;
  for (const auto& one : listed) {
    const Json inspected = get("/containers/" + one.at("Id").get<std::string>() + "/json", deadline);
    if (inspected.is_null()) continue;  // removed since it was listed
    auto container = Container::from_inspect(inspected);
    if (project_.includes(container.service)) out.push_back(std::move(container));
  }
  std::ranges::sort(out, {}, [](const Container& c) { return std::pair(c.service, c.name); });
  return out;
}

void Engine::post_all(const std::vector<std::pair<std::string, std::string>>& path_and_body, const Deadline& deadline) {
  std::vector<std::future<Result>> answers;
  for (const auto& [path, body] : path_and_body) {
    Json ask = request("POST", path, deadline);
    if (!body.empty()) {
      ask["body"] = body;
      ask["headers"] = {{"Content-Type", "application/json"}};
    }
    auto promise = std::make_shared<std::promise<Result>>();
    answers.push_back(promise->get_future());
    host_.call("http.request/1", ask, deadline.left(), [promise](Result r) { promise->set_value(std::move(r)); });
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto result = answers[i].get();
    const int status = result.ok() ? result.value.at("status").get<int>() : 0;
    if (status >= 200 && status < 400) continue;   // 304: it was so already
    if (status == 404 || status == 409) continue;  // gone, or not running: seen by the look that follows
    host_.log(LogLevel::warning,
              "POST " + path_and_body[i].first + ": " +
                  (result.ok() ? "HTTP " + std::to_string(status) + " " + result.value.at("body").get<std::string>()
                               : result.error.message));
  }
}

void Engine::remove(const std::string& path, const Deadline& deadline) {
  const auto result =
      host_.blocking("http.request/1", request("DELETE", path, deadline), std::min(deadline.left(), patience));
  const int status = result.ok() ? result.value.at("status").get<int>() : 0;
  if ((status >= 200 && status < 300) || status == 404) return;
  host_.log(LogLevel::warning,
            "DELETE " + path + ": " + (result.ok() ? "HTTP " + std::to_string(status) : result.error.message));
}

void Engine::remove_project(const Deadline& deadline) {
  for (const auto& c : containers(deadline)) remove("/containers/" + c.id + "?force=true&v=true", deadline);
  const Json filters = {{"label", {std::string(label_project) + "=" + project_.name}}};
  const auto query = "?filters=" + escaped(filters.dump());
  const Json networks = get("/networks" + query, deadline);
  for (const auto& n : networks.is_array() ? networks : Json::array())
    remove("/networks/" + n.at("Id").get<std::string>(), deadline);
  const Json volumes = get("/volumes" + query, deadline);
  const Json listed = volumes.is_object() ? volumes.value("Volumes", Json()) : Json();
  for (const auto& v : listed.is_array() ? listed : Json::array())
    remove("/volumes/" + escaped(v.at("Name").get<std::string>()), deadline);
}

void Engine::stop(const Containers& which, Millis grace, const Deadline& deadline) {
  // Whole seconds; 0 would kill at once.
  const auto seconds = std::to_string((grace.count() + 999) / 1000);
  std::vector<std::pair<std::string, std::string>> posts;
  for (const auto& c : which) posts.emplace_back("/containers/" + c.id + "/stop?t=" + seconds, "");
  post_all(posts, deadline);
}

void Engine::kill(const Containers& which, const Deadline& deadline) {
  std::vector<std::pair<std::string, std::string>> posts;
  for (const auto& c : which) posts.emplace_back("/containers/" + c.id + "/kill", "");
  post_all(posts, deadline);
}

void Engine::forget_restart(const Containers& which, const Deadline& deadline) {
  std::vector<std::pair<std::string, std::string>> posts;
  for (const auto& c : which) {
    if (c.restart_policy == "always")
      posts.emplace_back("/containers/" + c.id + "/update", R"({"RestartPolicy":{"Name":"no"}})");
  }
  post_all(posts, deadline);
}

}  // namespace compose_plugin
