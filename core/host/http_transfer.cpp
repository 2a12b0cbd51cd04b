#include "core/host/http_transfer.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/host/params.hpp"

namespace understudy::host {
namespace {

constexpr std::size_t largest_header_bytes = 64 * 1024;

/// curl counts milliseconds in an int, and takes 0 for "no timeout".
long longest_for_curl(std::int64_t ms) {
  return static_cast<long>(std::clamp<std::int64_t>(ms, 1, std::numeric_limits<int>::max()));
}

struct Kind {
  const char* word;
  const char* hint;
};

Kind kind_of(CURLcode code, long os_error) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return {"resolve", "check the host name and the resolver"};
    case CURLE_COULDNT_CONNECT:
      if (os_error == ENETUNREACH || os_error == ENETDOWN) return {"unreachable", "check this host's own network"};
      if (os_error == EHOSTUNREACH) return {"no_host", "is that host up? nobody on its network answers for it"};
      return {"refused", "is anything listening there?"};
    case CURLE_OPERATION_TIMEDOUT: return {"timeout", ""};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM: return {"tls", "check the certificate, or name its authority with ca_file"};
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE: return {"closed", ""};
    default: return {"protocol", ""};
  }
}

/// An address, which no resolver is asked for: digits and dots, or in brackets. Not any name that begins with a digit.
bool is_literal(std::string_view url) {
  const auto at = url.find("://");
  if (at == std::string_view::npos) return false;
  auto host = url.substr(at + 3, url.find_first_of("/?#", at + 3) - (at + 3));
  if (host.find('@') == std::string_view::npos) host = host.substr(0, host.rfind(':'));
  return host.starts_with('[') || (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

/// Whom no proxy is asked for: us, and whom the environment names. curl's option would replace that list.
const std::string& without_proxy() {
  static const std::string list = [] {
    std::string out = "localhost,127.0.0.1,::1";
    const char* theirs = std::getenv("no_proxy");
    if (theirs == nullptr) theirs = std::getenv("NO_PROXY");
    if (theirs == nullptr || *theirs == '\0') return out;
    return std::string_view(theirs) == "*" ? std::string("*") : out + "," + theirs;
  }();
  return list;
}

}  // namespace

Transfer::Transfer(CURL* easy, ServiceCall call) : easy_(easy), call_(std::move(call)) {}
Transfer::~Transfer() { curl_slist_free_all(headers_); }

std::string Transfer::prepare() {
  const auto& p = call_.params;
  url_ = p.value("url", "");
  if (url_.rfind("http://", 0) != 0 && url_.rfind("https://", 0) != 0)
    return "the url must begin with http:// or https://";
  max_body_ = kept_bytes(call_.caller, p, "max_body");
  stream_ = p.value("stream", "") == "lines";
  for (const auto& want : p.value("want", sdk::Json::array())) {
    want_headers_ = want_headers_ || want == "headers";
    want_tls_ = want_tls_ || want == "tls";
  }
  if (auto problem = open_files(); !problem.empty()) return problem;
  set_common();
  if (plain_) return {};
  set_credentials();
  for (const auto all = p.value("headers", sdk::Json::object()); const auto& [name, value] : all.items()) {
    const auto text = value.get<std::string>();
    if (name.find_first_of("\r\n:") != std::string::npos || text.find_first_of("\r\n") != std::string::npos)
      return "a header holds a line break";
    headers_ = curl_slist_append(headers_, (name + ": " + text).c_str());
  }
  if (headers_ != nullptr) curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  return {};
}

std::string Transfer::open_files() {
  const auto& p = call_.params;
  if (p.contains("body_base64")) {
    auto bytes = decode_base64(p.at("body_base64").get_ref<const std::string&>());
    if (!bytes) return "body_base64 is no base64";
    request_body_ = std::move(*bytes);
  }
  if (p.contains("body_file")) {
    const auto& path = p.at("body_file").get_ref<const std::string&>();
    upload_ = UploadFile::open(path);
    if (!upload_) return "cannot read " + path + ": " + std::strerror(errno);
  }
  if (p.contains("to_file")) {
    const auto& path = p.at("to_file").get_ref<const std::string&>();
    download_ = DownloadFile::create(path);
    if (!download_) return "cannot create " + path + ": " + std::strerror(errno);
  }
  return {};
}

void Transfer::set_constant(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  // Else the end of a transfer whose name is still looked up waits, on the loop, for the resolver to give up: a dead
  // name server would hold up all leases for 5 to 30 s. The thread ends by itself.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, without_proxy().c_str());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "understudy");
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
}

void Transfer::set_common() {
  const auto& p = call_.params;
  curl_easy_setopt(easy_, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  // A small buffer for small answers: it is allocated anew for every transfer.
  curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, max_body_ <= 64 * 1024 ? 1024L : 65536L);
  curl_easy_setopt(easy_, CURLOPT_DNS_CACHE_TIMEOUT, is_literal(url_) ? -1L : 60L);
  const auto timeout = longest_for_curl(timeout_within(p, call_.budget).count());
  // A stream may stay silent for long: its timeout bounds the connecting, the budget bounds the whole.
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, stream_ ? longest_for_curl(call_.budget.count()) : timeout);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                   longest_for_curl(bounded_number(p, "connect_timeout_ms", timeout, 1, timeout)));
  static constexpr const char* special[] = {
      "method",     "body",  "headers", "max_redirects", "unix_socket", "verify_tls",  "ca_file",   "client_cert",
      "client_key", "fresh", "basic",   "bearer",        "want",        "body_base64", "body_file", "to_file"};
  plain_ = std::ranges::none_of(special, [&](const char* key) { return p.contains(key); });
  if (!plain_) set_method();
}

void Transfer::set_method() {
  const auto& p = call_.params;
  if (const long redirects = p.value("max_redirects", 0L); redirects > 0) {
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy_, CURLOPT_MAXREDIRS, redirects);
  }
  if (p.value("fresh", false)) curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
  const auto method = p.value("method", "GET");
  set_body(method);
  if (method != "GET" && method != "HEAD") curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
  if (p.contains("unix_socket"))
    curl_easy_setopt(easy_, CURLOPT_UNIX_SOCKET_PATH, p.at("unix_socket").get<std::string>().c_str());
}

void Transfer::set_body(const std::string& method) {
  const auto& p = call_.params;
  if (upload_) {
    curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy_, CURLOPT_READFUNCTION, nullptr);  // fread
    curl_easy_setopt(easy_, CURLOPT_READDATA, upload_->stream());
    curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
    curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
    curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(upload_->size()));
  } else if (p.contains("body") || p.contains("body_base64")) {
    if (p.contains("body")) request_body_ = p.at("body").get<std::string>();
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_body_.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_body_.c_str());
  } else if (method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else if (method == "POST" || method == "PUT" || method == "PATCH") {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(0));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, "");
  }
}

int Transfer::on_seek(void* self, curl_off_t offset, int origin) {
  const auto& upload = static_cast<Transfer*>(self)->upload_;
  return origin == SEEK_SET && upload->rewind_to(offset) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/// An error's body is for the caller to read and never goes to a file.
bool Transfer::succeeded() const {
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  return status >= 200 && status < 300;
}

void Transfer::set_credentials() {
  const auto& p = call_.params;
  if (!p.value("verify_tls", true)) {
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (p.contains("ca_file")) curl_easy_setopt(easy_, CURLOPT_CAINFO, p.at("ca_file").get<std::string>().c_str());
  if (p.contains("client_cert"))
    curl_easy_setopt(easy_, CURLOPT_SSLCERT, p.at("client_cert").get<std::string>().c_str());
  if (p.contains("client_key")) curl_easy_setopt(easy_, CURLOPT_SSLKEY, p.at("client_key").get<std::string>().c_str());
  if (want_tls_) curl_easy_setopt(easy_, CURLOPT_CERTINFO, 1L);
  if (p.contains("basic")) {
    curl_easy_setopt(easy_, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy_, CURLOPT_USERNAME, p.at("basic").at("user").get<std::string>().c_str());
    curl_easy_setopt(easy_, CURLOPT_PASSWORD, p.at("basic").at("password").get<std::string>().c_str());
  }
  if (p.contains("bearer")) {
    curl_easy_setopt(easy_, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(easy_, CURLOPT_XOAUTH2_BEARER, p.at("bearer").get<std::string>().c_str());
  }
}

std::size_t Transfer::on_body(char* data, std::size_t, std::size_t n, void* self) {
  return static_cast<Transfer*>(self)->take({data, n});
}

std::size_t Transfer::take(std::string_view data) {
  if (stream_) {
    lines(data);
    return data.size();
  }
  if (download_ && succeeded()) {
    if (download_->write(data)) return data.size();
    file_problem_ = std::strerror(errno);
    return 0;
  }
  const std::size_t room = max_body_ - std::min(max_body_, body_.size());
  body_.append(data.substr(0, room));
  if (data.size() <= room) return data.size();
  truncated_ = true;
  return 0;  // enough: curl ends the transfer, and result() knows why
}

void Transfer::lines(std::string_view data) {
  if (!said_status_) {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    said_status_ = true;
    if (call_.on_item) call_.on_item({{"status", status}});
  }
  cutter_.take(data, [this](const std::string& line) {
    if (call_.on_item) call_.on_item({{"line", line}});
  });
}

std::size_t Transfer::on_header(char* data, std::size_t, std::size_t n, void* raw) {
  auto* self = static_cast<Transfer*>(raw);
  self->header_bytes_.append(data, self->want_headers_ ? n : 0);
  if (self->header_bytes_.size() > largest_header_bytes) return 0;
  return n;
}

sdk::Result Transfer::result(CURLcode code) {
  const bool to_file = download_ && succeeded();
  if (to_file && code == CURLE_OK && !download_->keep()) file_problem_ = std::strerror(errno);
  if (!file_problem_.empty()) {
    return {{},
            {sdk::Status::transient,
             "cannot write " + call_.params.value("to_file", "") + ": " + file_problem_,
             "is the disk full?",
             "file",
             {}}};
  }
  if (code == CURLE_OK && stream_ && call_.on_item && !cutter_.rest().empty())
    call_.on_item({{"line", cutter_.rest()}});
  if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && truncated_)) return reply();
  long os_error = 0;
  curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
  const Kind kind = kind_of(code, os_error);
  const std::string text = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
  return {{}, {sdk::Status::transient, text, kind.hint, kind.word, {}}};
}

sdk::Result Transfer::reply() {
  long status = 0, connects = 0;
  curl_off_t time_us = 0;
  char* ip = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_, CURLINFO_TOTAL_TIME_T, &time_us);
  curl_easy_getinfo(easy_, CURLINFO_PRIMARY_IP, &ip);
  curl_easy_getinfo(easy_, CURLINFO_NUM_CONNECTS, &connects);
  sdk::Json out = {{"status", status},
                   {"body", std::move(body_)},
                   {"truncated", truncated_},
                   {"time_us", time_us},
                   {"remote_ip", ip != nullptr ? ip : ""},
                   {"reused", connects == 0}};
  if (download_ && succeeded()) out["bytes"] = download_->bytes();
  if (want_headers_) out["headers"] = headers_in(header_bytes_);
  curl_certinfo* chain = nullptr;
  if (want_tls_ && curl_easy_getinfo(easy_, CURLINFO_CERTINFO, &chain) == CURLE_OK && chain != nullptr &&
      chain->num_of_certs > 0) {
    for (const curl_slist* item = chain->certinfo[0]; item != nullptr; item = item->next) {
      const std::string_view text(item->data);
      if (text.rfind("Expire date:", 0) == 0)
        out["tls_not_after"] = static_cast<std::int64_t>(curl_getdate(item->data + 12, nullptr));
    }
  }
  return {std::move(out)};
}

void Transfer::answer(sdk::Result result) {
  if (auto done = std::exchange(call_.done, nullptr)) done(std::move(result));
}

}  // namespace understudy::host
