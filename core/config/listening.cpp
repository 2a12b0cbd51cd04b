#include "core/config/listening.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::config {
namespace {

/// Of Linux 107, of macOS 103: a file that one host takes is good for the other.
constexpr std::size_t longest_socket_path = 103;

struct ListenAddress {
  bool loopback = false;
};

bool is_port(std::string_view text) {
  unsigned short port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

/// ADDRESS:PORT, an IPv6 address in brackets. Nothing when it is no such text; names are not looked up.
std::optional<ListenAddress> listen_address_from(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) return std::nullopt;
  const std::string host(text.substr(0, colon));
  if (host == "localhost") return ListenAddress{true};
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return ListenAddress{(ntohl(v4.s_addr) >> 24) == 127};
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') return std::nullopt;
  const auto inner = host.substr(1, host.size() - 2);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, inner.substr(0, inner.find('%')).c_str(), &v6) != 1) return std::nullopt;
  return ListenAddress{std::memcmp(&v6, &in6addr_loopback, sizeof v6) == 0};
}

std::optional<ListenAddress> check_address(Section& s, const char* key, const std::string& text, const char* example) {
  if (text.empty()) return std::nullopt;
  const auto out = listen_address_from(text);
  if (!out)
    s.wrong(key, "E0104", std::string(key) + " = \"" + text + "\" is no ADDRESS:PORT",
            std::string("write it as \"") + example + "\": an address in numbers, IPv6 in brackets");
  return out;
}

}  // namespace

void check_listening(Section& orchestrator, const Orchestrator& read) {
  const auto api = check_address(orchestrator, "listen", read.listen, "127.0.0.1:8750");
  if (api && !api->loopback)
    orchestrator.wrong("listen", "E0104", "listen = \"" + read.listen + "\": only loopback addresses are served",
                       "put a proxy with its own access control in front; agents of other hosts use lease_listen");
  (void)check_address(orchestrator, "lease_listen", read.lease_listen, "10.0.0.1:8751");
  const auto socket = (read.data_dir / "understudy.sock").string();
  if (socket.size() > longest_socket_path)
    orchestrator.wrong("data_dir", "E0104",
                       "the path of the socket in data_dir, " + socket + ", is " + std::to_string(socket.size()) +
                           " bytes long; a socket's may have " + std::to_string(longest_socket_path),
                       "name a shorter folder, as data_dir = \"/var/lib/understudy\"");
}

}  // namespace understudy::config
