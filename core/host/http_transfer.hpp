// Internal: one HTTP exchange on a curl easy handle: options from the request, collecting the response, the answer.
#pragma once

#include <string>

#include <curl/curl.h>

#include "core/host/body_files.hpp"
#include "core/host/reply_lines.hpp"
#include "core/host/services.hpp"

namespace understudy::host {

class Transfer {
 public:
  Transfer(CURL* easy, ServiceCall call);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// The options that are the same for every request; once for each handle.
  static void set_constant(CURL* easy);
  /// Only options that the next request sets again were set: the handle needs no reset.
  [[nodiscard]] bool plain() const noexcept { return plain_; }
  /// An error sentence when the request makes no sense; nothing is sent then.
  [[nodiscard]] std::string prepare();
  /// The answer for how curl ended it.
  [[nodiscard]] sdk::Result result(CURLcode code);
  void answer(sdk::Result result);
  [[nodiscard]] CURL* easy() const noexcept { return easy_; }
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  static std::size_t on_body(char* data, std::size_t, std::size_t n, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static std::size_t on_header(char* data, std::size_t, std::size_t n, void* self);
  std::size_t take(std::string_view data);
  void set_common();
  void set_method();
  void set_body(const std::string& method);
  [[nodiscard]] std::string open_files();
  [[nodiscard]] bool succeeded() const;
  void set_credentials();
  void lines(std::string_view data);
  [[nodiscard]] sdk::Result reply();

  static constexpr std::size_t longest_line = 1024 * 1024;

  CURL* easy_;
  ServiceCall call_;
  std::string url_, body_, request_body_, header_bytes_;
  curl_slist* headers_ = nullptr;
  std::size_t max_body_ = 0;
  bool plain_ = false, truncated_ = false, want_headers_ = false, want_tls_ = false, stream_ = false,
       said_status_ = false;
  LineCutter cutter_{longest_line};
  std::string file_problem_;
  std::optional<UploadFile> upload_;
  std::unique_ptr<DownloadFile> download_;
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace understudy::host
