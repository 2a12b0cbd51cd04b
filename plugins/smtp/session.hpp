// One SMTP session by libcurl, from connecting to QUIT. Blocks: for a worker thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <curl/curl.h>

#include "dialogue.hpp"
#include "letter.hpp"
#include "settings.hpp"

namespace smtp_plugin {

class Session {
 public:
  using Clock = std::chrono::steady_clock;

  struct Ears {
    std::function<bool()> unwanted;       ///< asked about once a second: end it
    std::function<void()> on_accepted{};  ///< once, when the server has taken the message: QUIT is still to come
  };

  Session(const Settings& settings, const std::string& password, Ears ears);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void run(const Letter& letter, Clock::time_point deadline);

  [[nodiscard]] const Dialogue& dialogue() const noexcept { return dialogue_; }
  [[nodiscard]] CURLcode code() const noexcept { return code_; }
  [[nodiscard]] const char* problem() const noexcept { return error_[0] != '\0' ? error_ : curl_easy_strerror(code_); }
  [[nodiscard]] int os_error() const;

 private:
  static int on_debug(CURL*, curl_infotype type, char* data, std::size_t size, void* raw) noexcept;
  static std::size_t on_read(char* out, std::size_t, std::size_t room, void* raw) noexcept;
  static int on_progress(void* raw, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept;
  static int on_open(void* raw, curl_socket_t socket, curlsocktype) noexcept;
  static int on_close(void* raw, curl_socket_t socket) noexcept;

  void set_callbacks();
  void set_security();
  void set_login(const std::string& password);
  void said(std::string_view line);
  void heard(std::string_view line);

  const Settings& settings_;
  Ears ears_;
  CURL* easy_;
  curl_slist* recipients_ = nullptr;
  std::vector<curl_socket_t> sockets_;  ///< that libcurl has open; more than one while it tries addresses
  Dialogue dialogue_;
  std::string_view rest_;  ///< of the message, not yet handed over
  Clock::time_point deadline_, accepted_at_;
  CURLcode code_ = CURLE_OK;
  char error_[CURL_ERROR_SIZE] = "";
};

}  // namespace smtp_plugin
