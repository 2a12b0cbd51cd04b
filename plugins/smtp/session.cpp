#include "session.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>

#include <sys/socket.h>
#include <unistd.h>

#include "understudy/status.hpp"

namespace smtp_plugin {
namespace {

using namespace understudy::sdk;

/// How long a server may take to say goodbye once it has the message.
constexpr std::chrono::milliseconds goodbye{1'000};

CURL* make_handle() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  CURL* easy = curl_easy_init();
  if (easy == nullptr) throw Failure(Status::transient, "libcurl gives no handle: out of memory?");
  return easy;
}

}  // namespace

Session::Session(const Settings& settings, const std::string& password, Ears ears)
    : settings_(settings), ears_(std::move(ears)), easy_(make_handle()), dialogue_(Discreet(settings.user, password)) {
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(easy_, CURLOPT_URL, settings.url().c_str());
  curl_easy_setopt(easy_, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
  // The session ends, QUIT included, inside curl_easy_perform(), where on_progress() still bounds it.
  curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);  // or a name server that is silent would hold the end up
#endif
  set_callbacks();
  set_security();
  set_login(password);
}

Session::~Session() {
  curl_easy_cleanup(easy_);
  curl_slist_free_all(recipients_);
}

void Session::set_callbacks() {
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy_, CURLOPT_VERBOSE, 1L);  // to on_debug only
  curl_easy_setopt(easy_, CURLOPT_DEBUGFUNCTION, &Session::on_debug);
  curl_easy_setopt(easy_, CURLOPT_DEBUGDATA, this);
  curl_easy_setopt(easy_, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy_, CURLOPT_XFERINFOFUNCTION, &Session::on_progress);
  curl_easy_setopt(easy_, CURLOPT_XFERINFODATA, this);
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTFUNCTION, &Session::on_open);
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTDATA, this);
  curl_easy_setopt(easy_, CURLOPT_CLOSESOCKETFUNCTION, &Session::on_close);
  curl_easy_setopt(easy_, CURLOPT_CLOSESOCKETDATA, this);
}

void Session::set_security() {
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (settings_.security == Security::starttls)
    curl_easy_setopt(easy_, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  if (settings_.security == Security::none)
    curl_easy_setopt(easy_, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_NONE));
  if (!settings_.ca_file.empty()) curl_easy_setopt(easy_, CURLOPT_CAINFO, settings_.ca_file.c_str());
  if (!settings_.verify_tls) {
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

void Session::set_login(const std::string& password) {
  if (settings_.user.empty()) return;
  curl_easy_setopt(easy_, CURLOPT_USERNAME, settings_.user.c_str());
  curl_easy_setopt(easy_, CURLOPT_PASSWORD, password.c_str());
  // Not those that libcurl would try first and that need a domain's tickets.
  curl_easy_setopt(easy_, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5");
}

void Session::run(const Letter& letter, Clock::time_point deadline) {
  deadline_ = deadline;
  rest_ = letter.content;
  const auto left = std::max<long long>(1, std::chrono::duration_cast<Millis>(deadline - Clock::now()).count());
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(left));
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(left));
  curl_easy_setopt(easy_, CURLOPT_MAIL_FROM, ("<" + letter.sender + ">").c_str());
  for (const auto& one : letter.recipients) recipients_ = curl_slist_append(recipients_, ("<" + one + ">").c_str());
  curl_easy_setopt(easy_, CURLOPT_MAIL_RCPT, recipients_);
  curl_easy_setopt(easy_, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // one wrong address must not keep it from the others
  curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &Session::on_read);
  curl_easy_setopt(easy_, CURLOPT_READDATA, this);
  code_ = curl_easy_perform(easy_);
}

int Session::os_error() const {
  long out = 0;
  curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &out);
  return static_cast<int>(out);
}

void Session::said(std::string_view line) {
  dialogue_.command(line);
  // libcurl would wait for the answer to QUIT even when the time is over. Nothing depends on it.
  if (!dialogue_.leaving() || dialogue_.accepted()) return;
  for (const auto socket : sockets_) ::shutdown(socket, SHUT_RDWR);
}

void Session::heard(std::string_view line) {
  const bool before = dialogue_.accepted();
  dialogue_.answer(line);
  if (before || !dialogue_.accepted()) return;
  accepted_at_ = Clock::now();
  if (ears_.on_accepted) ears_.on_accepted();
}

int Session::on_debug(CURL*, curl_infotype type, char* data, std::size_t size, void* raw) noexcept {
  auto& self = *static_cast<Session*>(raw);
  try {
    if (type == CURLINFO_HEADER_OUT) self.said({data, size});
    if (type == CURLINFO_HEADER_IN) self.heard({data, size});
  } catch (...) {  // NOLINT(bugprone-empty-catch): nothing may pass through libcurl
  }
  return 0;
}

int Session::on_open(void* raw, curl_socket_t socket, curlsocktype) noexcept {
  try {
    static_cast<Session*>(raw)->sockets_.push_back(socket);
  } catch (...) {
    return CURL_SOCKOPT_ERROR;
  }
  return CURL_SOCKOPT_OK;
}

int Session::on_close(void* raw, curl_socket_t socket) noexcept {
  std::erase(static_cast<Session*>(raw)->sockets_, socket);
  return ::close(socket);
}

std::size_t Session::on_read(char* out, std::size_t, std::size_t room, void* raw) noexcept {
  auto& self = *static_cast<Session*>(raw);
  const auto n = std::min(room, self.rest_.size());
  std::memcpy(out, self.rest_.data(), n);
  self.rest_.remove_prefix(n);
  // Before the last of it is handed over, not after: whatever happens then is in doubt.
  if (self.rest_.empty()) self.dialogue_.all_given();
  return n;
}

int Session::on_progress(void* raw, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  auto& self = *static_cast<Session*>(raw);
  const auto now = Clock::now();
  if (self.dialogue_.accepted()) return now - self.accepted_at_ > goodbye ? 1 : 0;
  return now > self.deadline_ || self.ears_.unwanted() ? 1 : 0;
}

}  // namespace smtp_plugin
