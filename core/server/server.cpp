#include "core/server/server.hpp"

#include "core/server/lease_routes.hpp"
#include "core/server/routes.hpp"
#include "core/server/token.hpp"
#include "core/web/http_server.hpp"

namespace understudy::server {
namespace {

bool host_allowed(std::string_view host) {
  if (host.empty()) return true;
  if (host.front() == '[') return host.substr(0, host.find(']') + 1) == "[::1]";
  const auto name = host.substr(0, host.find(':'));
  return name == "localhost" || name == "127.0.0.1" || name == "understudy";
}

web::Response as_text(const Response& response) {
  return {response.status, response.body.dump(-1, ' ', false, sdk::Json::error_handler_t::replace) + "\n"};
}

/// Why the request is refused, or nothing.
std::optional<Response> guard(const web::Request& request, const std::string& token) {
  if (!host_allowed(request.header("Host"))) return error_response(403, "host", "this name is not served here");
  if (!request.header("Origin").empty())
    return error_response(403, "origin", "pages of other origins may not use this API");
  if (!web::same_secret(request.header("Authorization"), "Bearer " + token))
    return error_response(401, "token", "the token is missing or wrong", "it is in api.token in the data_dir");
  return std::nullopt;
}

// The longest answer is that of a snapshot that is saved or brought, which may take an hour. What takes longer is
// stuck, and must not keep its connection for ever.
constexpr std::size_t many_people = 128;
constexpr Millis api_answer_within = std::chrono::minutes(65);
// Whoever renews keeps its connection. An answer that waits for the journal helps nobody after op_timeout.
constexpr std::size_t many_guards = 512;
constexpr Millis lease_answer_within{10'000};
constexpr std::chrono::minutes tell_again{1};

}  // namespace

Server::Server(boost::asio::io_context& loop, runtime::Control& control, host::Logger& log)
    : control_(control),
      log_(log),
      http_(loop, [this](const web::Request& request, const web::Send& send) { serve(request, send); },
            {many_people, api_answer_within, [this] { refused("api", "the API", api_told_); }}),
      lease_http_(loop, [this](const web::Request& request, const web::Send& send) { serve_lease(request, send); },
                  {many_guards, lease_answer_within, [this] { refused("leases", "lease_listen", leases_told_); }}) {}

void Server::refused(const std::string& component, const std::string& listener, Told& told) {
  const auto now = std::chrono::steady_clock::now();
  if (told && now - *told < tell_again) return;
  told = now;
  log_.write(host::Level::error, component, listener + " has no room for another connection: all are being answered");
}

void Server::serve_lease(const web::Request& request, const web::Send& send) {
  if (request.path == "/healthz") return send(as_text({200, {{"status", "ok"}}}));
  if (!is_lease(request)) return send(as_text(error_response(404, "not_found", "only leases are renewed here")));
  handle_lease(control_, request, [send](const Response& response) { send(as_text(response)); });
}

void Server::serve(const web::Request& request, const web::Send& send) {
  if (request.path == "/healthz") return send(as_text({200, {{"status", "ok"}}}));
  if (is_lease(request)) return serve_lease(request, send);  // has a key of its own
  if (const auto refused = guard(request, token_)) return send(as_text(*refused));
  handle(control_, request, [send](const Response& response) { send(as_text(response)); });
}

std::optional<std::string> Server::start(const Options& options) {
  const auto token = load_or_make_token(options.data_dir / "api.token");
  if (!token) return "cannot write " + (options.data_dir / "api.token").string();
  token_ = *token;
  log_.add_secret(*token);
  if (auto problem = http_.listen_unix(options.data_dir / "understudy.sock")) return problem;
  if (!options.lease_listen.empty()) {
    const auto endpoint = web::endpoint_from(options.lease_listen);
    if (!endpoint) return "lease_listen = \"" + options.lease_listen + "\" must be ADDRESS:PORT";
    if (auto problem = lease_http_.listen_tcp(*endpoint)) return problem;
  }
  if (options.listen.empty()) return std::nullopt;
  const auto endpoint = web::endpoint_from(options.listen);
  if (!endpoint) return "listen = \"" + options.listen + "\" must be ADDRESS:PORT";
  if (!endpoint->address().is_loopback())
    return "listen = \"" + options.listen +
           "\": only loopback addresses are served; put a proxy with its own access control in front";
  return http_.listen_tcp(*endpoint);
}

unsigned short Server::port() const noexcept { return http_.port(); }
void Server::stop() {
  http_.stop();
  lease_http_.stop();
}

}  // namespace understudy::server
