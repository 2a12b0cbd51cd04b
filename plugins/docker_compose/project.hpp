// What the settings say of a compose project, and where its engine is. Reads the project's folder; asks no engine.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "understudy/types.hpp"

namespace compose_plugin {

/// Where an engine listens, as DOCKER_HOST writes it.
struct EngineAddress {
  enum class Via { unix_socket, tcp, ssh };
  Via via = Via::unix_socket;
  std::string host;         ///< "unix:///var/run/docker.sock": what messages and the compose program are told
  std::string unix_socket;  ///< of this machine for Via::unix_socket, of the other one for Via::ssh
  std::string authority;    ///< "10.0.0.7:2376" for Via::tcp, "user@host" for Via::ssh
  std::string ssh_port;     ///< may be empty
  std::string tls_dir;      ///< ca.pem, cert.pem and key.pem, as DOCKER_CERT_PATH; empty: no TLS
};

/// Throws sdk::Failure(invalid). "" is the engine of this machine.
[[nodiscard]] EngineAddress parse_address(const std::string& host, const std::string& tls_dir);

struct Project {
  std::string dir, name;
  std::vector<std::string> files;     ///< empty: as compose finds them in `dir`
  std::vector<std::string> services;  ///< empty: all of the file
  std::vector<std::string> profiles, program, ssh_options;
  std::map<std::string, std::string> env;
  std::string restart;  ///< restart policy while active, or "keep"
  EngineAddress engine;

  /// Throws sdk::Failure(invalid). Reads the folder for the project's name, as compose would find it.
  [[nodiscard]] static Project from_settings(const understudy::sdk::Json& settings);
  /// The compose files in the order in which they are merged. Throws sdk::Failure(invalid) when there is none.
  [[nodiscard]] std::vector<std::string> compose_files() const;
  [[nodiscard]] bool includes(const std::string& service) const;
};

}  // namespace compose_plugin
