#include <algorithm>
#include <cctype>
#include <chrono>
#include <map>

#include "check.hpp"
#include "conditions.hpp"

namespace http_plugin {
namespace {

using namespace understudy::sdk;
using Outcome = CheckResult::Outcome;

constexpr std::size_t small_body = 16 * 1024;
constexpr Millis secret_budget{5'000};

bool is_loopback(std::string_view ip) { return ip.rfind("127.", 0) == 0 || ip == "::1"; }

CheckResult result(Outcome outcome, std::string cause, bool verdict = true) {
  CheckResult out;
  out.outcome = outcome;
  out.cause = std::move(cause);
  out.verdict = verdict;
  return out;
}

class HttpCheck final : public HealthSource {
 public:
  HttpCheck(Host& host, const Envelope& e) : host_(host) {
    const auto& s = e.settings;
    request_ = {{"url", s.at("url")}};
    const bool conditions = s.contains("json") || s.contains("body_contains") || s.contains("body_matches");
    request_["max_body"] =
        conditions ? s.value("max_body", std::int64_t{1024 * 1024}) : static_cast<std::int64_t>(small_body);
    for (const char* key : {"method", "body", "unix_socket", "ca_file"}) {
      if (s.contains(key)) request_[key] = s.at(key);
    }
    if (s.value("redirects", 0) > 0) request_["max_redirects"] = s.at("redirects");
    if (!s.value("verify_tls", true)) request_["verify_tls"] = false;
    local_ = s.contains("unix_socket");
    if (!s.contains("status")) {
      plain_status_ = true;
    } else {
      extra().status.emplace(s.at("status"));
    }
    if (s.contains("timeout")) timeout_ = Millis(s.at("timeout").get<std::int64_t>());
    latency_limit_us_ = s.value("latency_limit", std::int64_t{0}) * 1000;
    latency_fail_us_ = s.value("latency_fail", std::int64_t{0}) * 1000;
    read_conditions(s);
    read_credentials(s);
  }

  void check(const CheckRequest& request, Reply<CheckResult> reply) override {
    if (extra_ && !extra_->secrets.empty()) return fetch_secret(request, share(std::move(reply)));
    send(request, std::move(reply));
  }

 private:
  /// What most checks have not: kept apart, since there may be ten thousand checks.
  struct Extra {
    std::optional<StatusSet> status;
    std::vector<JsonCondition> json;
    std::string contains;
    std::optional<Pattern> matches;
    std::map<std::string, std::string> headers;                ///< lower-case name → text that must be in it
    std::int64_t tls_warn_s = 0, tls_not_after = 0;            ///< seconds; seconds since 1970, 0 when not seen yet
    std::vector<std::pair<std::string, std::string>> secrets;  ///< key → where in the request ("basic.password")
  };

  Extra& extra() {
    if (!extra_) extra_ = std::make_unique<Extra>();
    return *extra_;
  }

  void read_conditions(const Json& s) {
    for (const auto all = s.value("json", Json::object()); const auto& [path, expected] : all.items())
      extra().json.emplace_back(path, expected);
    if (s.contains("body_contains")) extra().contains = s.at("body_contains");
    if (s.contains("body_matches")) extra().matches.emplace(s.at("body_matches").get<std::string>(), "body_matches");
    Json want = Json::array();
    for (const auto all = s.value("expect_headers", Json::object()); const auto& [name, text] : all.items()) {
      std::string lower = name;
      std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      extra().headers[lower] = text;
    }
    if (extra_ && !extra_->headers.empty()) want.push_back("headers");
    const bool tls = s.at("url").get<std::string>().rfind("https", 0) == 0;
    if (const auto warn = s.value("tls_expiry_warn", std::int64_t{0}); tls && warn > 0) {
      extra().tls_warn_s = warn / 1000;
      want.push_back("tls");
    }
    if (!want.empty()) request_["want"] = want;
  }

  void read_credentials(const Json& s) {
    const auto place = [&](const Json& value, const std::string& where) -> Json {
      if (value.is_object() && value.contains("$secret")) {
        extra().secrets.emplace_back(value.at("$secret").get<std::string>(), where);
        return "";
      }
      return value;
    };
    if (s.contains("basic"))
      request_["basic"] = {{"user", s.at("basic").at("user")},
                           {"password", place(s.at("basic").at("password"), "/basic/password")}};
    if (s.contains("bearer")) request_["bearer"] = place(s.at("bearer"), "/bearer");
    if (s.contains("headers")) request_["headers"] = s.at("headers");
    for (const auto all = s.value("secret_headers", Json::object()); const auto& [name, value] : all.items())
      request_["headers"][name] = place(value, "/headers/" + name);
  }

  /// Secrets are fetched before the first request, one after the other, and then stay in the request.
  void fetch_secret(const CheckRequest& request, const std::shared_ptr<Reply<CheckResult>>& reply) {
    if (extra_->secrets.empty()) return send(request, std::move(*reply));
    const auto [key, place] = extra_->secrets.back();
    host_.call("secret.get/1", {{"key", key}}, secret_budget, [this, request, reply, where = place](const Result& r) {
      if (!r.ok()) return (*reply)(result(Outcome::unknown, "a secret is missing: " + r.error.message, false));
      request_[Json::json_pointer(where)] = r.value.at("value");
      if (!extra_->secrets.empty()) extra_->secrets.pop_back();
      fetch_secret(request, reply);
    });
  }

  void send(const CheckRequest& request, Reply<CheckResult> reply) {
    const Millis timeout = timeout_.count() > 0 ? std::min(timeout_, request.timeout) : request.timeout;
    auto kept = share(std::move(reply));
    host_.call("http.request/1", request_, timeout, [this, timeout, kept](const Result& r) {
      (*kept)(r.ok() ? judge(r.value) : unanswered(r.error, timeout));
    });
  }

  CheckResult unanswered(const Error& e, Millis timeout) const {
    CheckResult out;
    if (e.kind == "timeout") {
      out = result(Outcome::fail, "no answer in " + std::to_string(timeout.count()) + " ms", false);
    } else if (e.kind == "unreachable") {
      out = result(Outcome::unknown, "there is no way to it from here: " + e.message, false);
    } else if (e.kind == "tls") {
      out = result(Outcome::fail, "TLS: " + e.message);
    } else if (e.status == Status::invalid || e.status == Status::cancelled) {
      out = result(Outcome::unknown, e.message, false);
    } else {
      out = result(Outcome::fail, e.message, false);
    }
    const auto& url = request_.at("url").get_ref<const std::string&>();
    out.local = local_ || url.find("//127.") != std::string::npos || url.find("//localhost") != std::string::npos ||
                url.find("//[::1]") != std::string::npos;
    return out;
  }

  CheckResult judge(const Json& r) {
    const int status = r.at("status").get<int>();
    CheckResult out = by_status(status);
    if (out.outcome == Outcome::pass && extra_) out = by_content(r, std::move(out));
    const auto time_us = r.value("time_us", std::int64_t{0});
    if (out.outcome == Outcome::pass) {
      if (latency_fail_us_ > 0 && time_us > latency_fail_us_)
        out = result(Outcome::fail, "took " + std::to_string(time_us / 1000) + " ms");
      if (latency_limit_us_ > 0 && time_us > latency_limit_us_ && out.outcome == Outcome::pass)
        out = result(Outcome::degraded, "took " + std::to_string(time_us / 1000) + " ms");
    }
    out.latency_us = time_us;
    out.local = local_ || is_loopback(r.value("remote_ip", ""));
    return out;
  }

  CheckResult by_status(int status) const {
    const bool wanted = plain_status_ ? status >= 200 && status <= 299 : extra_->status->contains(status);
    const std::string text = "HTTP " + std::to_string(status);
    if (wanted) return result(Outcome::pass, text);
    // The probe is not let in, or asks too often: that says nothing of the service.
    if (status == 401 || status == 403 || status == 429)
      return result(Outcome::unknown, text + ": the check is not let in", false);
    if (status == 404 || status == 405 || status == 501)
      return result(Outcome::fail, text + ": there is no such check here", false);
    return result(Outcome::fail, text);
  }

  CheckResult by_content(const Json& r, CheckResult out) {
    const auto& body = r.at("body").get_ref<const std::string&>();
    if (!extra_->contains.empty() && body.find(extra_->contains) == std::string::npos)
      return result(Outcome::fail, "the body does not contain \"" + extra_->contains + "\"");
    if (extra_->matches) {
      const auto found = extra_->matches->in(body);
      if (found == Pattern::Found::no) return result(Outcome::fail, "the body does not match");
      if (found == Pattern::Found::too_complex)
        return result(Outcome::fail, "body_matches takes too long on this body");
    }
    for (const auto& [name, text] : extra_->headers) {
      const auto value = r.at("headers").value(name, "");
      if (value.find(text) == std::string::npos)
        return result(Outcome::fail, name + " is \"" + value + "\", expected \"" + text + "\"");
    }
    if (!extra_->json.empty()) {
      const Json parsed = parse_json(body);
      if (parsed.is_discarded())
        return result(Outcome::fail,
                      r.value("truncated", false) ? "the body is larger than max_body" : "the body is not JSON");
      for (const auto& condition : extra_->json) {
        if (auto problem = condition.problem(parsed)) return result(Outcome::fail, *problem);
      }
    }
    if (extra_->tls_warn_s > 0) return by_certificate(r, std::move(out));
    return out;
  }

  /// The certificate is seen when a connection is made, so it is remembered for the checks that use the connection
  /// again. Once its end is near, each check connects anew, to see when it has been renewed.
  CheckResult by_certificate(const Json& r, CheckResult out) {
    if (r.contains("tls_not_after")) extra_->tls_not_after = r.at("tls_not_after").get<std::int64_t>();
    if (extra_->tls_not_after == 0) return out;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto left = extra_->tls_not_after - std::chrono::duration_cast<std::chrono::seconds>(now).count();
    const bool soon = left < extra_->tls_warn_s;
    request_["fresh"] = soon;
    return soon ? result(Outcome::degraded, "its certificate ends in " + std::to_string(left / 86400) + " days") : out;
  }

  Host& host_;
  Json request_;
  bool plain_status_ = false, local_ = false;
  Millis timeout_{0};
  std::int64_t latency_limit_us_ = 0, latency_fail_us_ = 0;
  std::unique_ptr<Extra> extra_;
};

}  // namespace

std::unique_ptr<Provider> make_http_check(Host& host, const Envelope& envelope) {
  return std::make_unique<HttpCheck>(host, envelope);
}

}  // namespace http_plugin
