#include "core/host/http_client.hpp"

#include <unordered_map>
#include <vector>

#include <curl/curl.h>
#include <unistd.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/host/http_transfer.hpp"

namespace understudy::host {
namespace {

namespace asio = boost::asio;

constexpr std::size_t shard_count = 32;  // at 10,000 origins some 300 connections each
constexpr long connections_per_shard = 1024;
constexpr std::size_t spare_handles = 128;

void init_curl_once() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)done;
}

/// One curl multi handle and the descriptors that it has open, watched by Asio.
class Multi : public std::enable_shared_from_this<Multi> {
 public:
  using Finished = std::function<void(CURL*, CURLcode)>;

  Multi(asio::io_context& loop, Finished finished) : loop_(loop), timer_(loop), finished_(std::move(finished)) {
    handle_ = curl_multi_init();
    curl_multi_setopt(handle_, CURLMOPT_SOCKETFUNCTION, &Multi::on_socket);
    curl_multi_setopt(handle_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(handle_, CURLMOPT_TIMERFUNCTION, &Multi::on_timer);
    curl_multi_setopt(handle_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(handle_, CURLMOPT_MAXCONNECTS, connections_per_shard);
    curl_multi_setopt(handle_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  }
  ~Multi() { curl_multi_cleanup(handle_); }
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  /// Connections live longer than requests and are closed by this multi, whoever asked for them.
  void add(CURL* easy) {
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &Multi::on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, &Multi::on_open);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, this);
    curl_multi_add_handle(handle_, easy);
  }
  void remove(CURL* easy) { curl_multi_remove_handle(handle_, easy); }

  /// No callbacks after this.
  void close() {
    closed_ = true;
    timer_.cancel();
    for (auto& [fd, watch] : watches_) watch->descriptor.release();
    watches_.clear();
  }

 private:
  struct Watch {
    asio::posix::stream_descriptor descriptor;
    int wanted = 0;
    bool reading = false, writing = false;
    explicit Watch(asio::io_context& loop, curl_socket_t fd) : descriptor(loop, fd) {}
  };

  static int on_socket(CURL*, curl_socket_t fd, int what, void* raw, void*) {
    auto* self = static_cast<Multi*>(raw);
    if (!self->closed_) self->watch(fd, what);
    return 0;
  }
  static int on_timer(CURLM*, long timeout_ms, void* raw) {
    auto* self = static_cast<Multi*>(raw);
    if (!self->closed_) self->arm(timeout_ms);
    return 0;
  }

  /// A socket that was given up before it was connected curl closes by itself, without on_close(): what is known of
  /// that number is of the former one, whose events never come.
  static int on_open(void* raw, curl_socket_t fd, curlsocktype) {
    static_cast<Multi*>(raw)->forget(fd);
    return CURL_SOCKOPT_OK;
  }

  static int on_close(void* raw, curl_socket_t fd) {
    static_cast<Multi*>(raw)->forget(fd);
    return ::close(fd);
  }

  void forget(curl_socket_t fd) {
    const auto it = watches_.find(fd);
    if (it == watches_.end()) return;
    it->second->wanted = 0;
    it->second->descriptor.release();
    watches_.erase(it);
  }

  void watch(curl_socket_t fd, int what) {
    if (what == CURL_POLL_REMOVE) {
      // curl keeps the connection for the next request, mostly, so its registration stays too: on_close() ends it.
      if (const auto it = watches_.find(fd); it != watches_.end()) it->second->wanted = 0;
      return;
    }
    auto& entry = watches_[fd];
    if (!entry) entry = std::make_shared<Watch>(loop_, fd);
    entry->wanted = what;
    rearm(fd, entry);
  }

  void rearm(curl_socket_t fd, const std::shared_ptr<Watch>& entry) {
    if ((entry->wanted & CURL_POLL_IN) != 0 && !entry->reading) {
      entry->reading = true;
      wait(fd, entry, asio::posix::stream_descriptor::wait_read, CURL_CSELECT_IN, &Watch::reading);
    }
    if ((entry->wanted & CURL_POLL_OUT) != 0 && !entry->writing) {
      entry->writing = true;
      wait(fd, entry, asio::posix::stream_descriptor::wait_write, CURL_CSELECT_OUT, &Watch::writing);
    }
  }

  void wait(curl_socket_t fd, const std::shared_ptr<Watch>& entry, asio::posix::stream_descriptor::wait_type type,
            int event, bool Watch::* flag) {
    entry->descriptor.async_wait(
        type, [weak = weak_from_this(), fd, entry, event, flag](const boost::system::error_code& error) {
          (*entry).*flag = false;
          const auto self = weak.lock();
          if (!self || self->closed_ || error == asio::error::operation_aborted) return;
          const int wanted_bit = event == CURL_CSELECT_IN ? CURL_POLL_IN : CURL_POLL_OUT;
          if ((entry->wanted & wanted_bit) != 0) self->act(fd, error ? CURL_CSELECT_ERR : event);
          const auto it = self->watches_.find(fd);
          if (it != self->watches_.end() && it->second == entry) self->rearm(fd, entry);
        });
  }

  void arm(long timeout_ms) {
    if (timeout_ms < 0) {
      timer_.cancel();
      return;
    }
    timer_.expires_after(std::chrono::milliseconds(timeout_ms));
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (self && !error && !self->closed_) self->act(CURL_SOCKET_TIMEOUT, 0);
    });
  }

  void act(curl_socket_t fd, int events) {
    const auto keep = shared_from_this();
    int running = 0;
    curl_multi_socket_action(handle_, fd, events, &running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(handle_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      finished_(message->easy_handle, message->data.result);
      if (closed_) return;
    }
  }

  asio::io_context& loop_;
  asio::steady_timer timer_;
  Finished finished_;
  CURLM* handle_ = nullptr;
  std::unordered_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
  bool closed_ = false;
};

[[nodiscard]] std::size_t shard_of(const sdk::Json& params) {
  const auto url = params.value("url", std::string());
  const auto host = url.find("://");
  const auto path = host == std::string::npos ? url.size() : url.find('/', host + 3);
  return std::hash<std::string>()(url.substr(0, path)) % shard_count;
}

}  // namespace

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
  struct Running {
    std::unique_ptr<Transfer> transfer;
    std::shared_ptr<Multi> multi;
  };
  asio::io_context& loop;
  std::vector<std::shared_ptr<Multi>> shards{shard_count};
  std::vector<CURL*> spare;
  std::unordered_map<Ticket, Running> running;
  Ticket next = 1;

  explicit Impl(asio::io_context& l) : loop(l) { init_curl_once(); }

  Multi& shard(std::size_t index) {
    if (!shards[index]) {
      shards[index] = std::make_shared<Multi>(loop, [weak = weak_from_this()](CURL* easy, CURLcode code) {
        if (const auto self = weak.lock()) self->finished(easy, code);
      });
    }
    return *shards[index];
  }

  CURL* take_handle() {
    if (!spare.empty()) {
      CURL* easy = spare.back();
      spare.pop_back();
      return easy;
    }
    CURL* easy = curl_easy_init();
    Transfer::set_constant(easy);
    return easy;
  }

  void give_back(CURL* easy, bool plain) {
    if (spare.size() >= spare_handles) return curl_easy_cleanup(easy);
    if (!plain) {
      curl_easy_reset(easy);
      Transfer::set_constant(easy);
    }
    spare.push_back(easy);
  }

  void finished(CURL* easy, CURLcode code) {
    void* raw = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &raw);
    end(reinterpret_cast<Ticket>(raw), [code](Transfer& t) { return t.result(code); });
  }

  template <class Make>
  void end(Ticket ticket, Make make) {
    const auto it = running.find(ticket);
    if (it == running.end()) return;
    Running entry = std::move(it->second);
    running.erase(it);
    sdk::Result result = make(*entry.transfer);
    entry.multi->remove(entry.transfer->easy());
    give_back(entry.transfer->easy(), entry.transfer->plain());
    entry.transfer->answer(std::move(result));
  }

  void close() {
    while (!running.empty()) {
      end(running.begin()->first,
          [](Transfer&) { return sdk::Result{{}, {sdk::Status::cancelled, "shutting down", {}, {}, {}}}; });
    }
    for (auto& multi : shards) {
      if (multi) multi->close();
    }
    for (CURL* easy : spare) curl_easy_cleanup(easy);
    spare.clear();
  }
};

HttpClient::HttpClient(asio::io_context& loop) : impl_(std::make_shared<Impl>(loop)) {}
HttpClient::~HttpClient() { impl_->close(); }

HttpClient::Ticket HttpClient::start(ServiceCall call) {
  auto& impl = *impl_;
  const auto index = shard_of(call.params);
  CURL* easy = impl.take_handle();
  auto transfer = std::make_unique<Transfer>(easy, std::move(call));
  std::string problem;
  try {
    problem = transfer->prepare();
  } catch (const sdk::Json::exception& e) {
    problem = std::string("malformed request: ") + e.what();
  }
  if (!problem.empty()) {
    impl.give_back(easy, false);
    transfer->answer({{}, {sdk::Status::invalid, problem, {}, {}, {}}});
    return 0;
  }
  const Ticket ticket = impl.next++;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, reinterpret_cast<void*>(ticket));
  auto& multi = impl.shard(index);
  impl.running.emplace(ticket, Impl::Running{std::move(transfer), multi.shared_from_this()});
  multi.add(easy);
  return ticket;
}

void HttpClient::cancel(Ticket ticket) {
  impl_->end(ticket, [](Transfer&) {
    return sdk::Result{{}, {sdk::Status::unknown, "the request was cancelled", {}, "cancelled", {}}};
  });
}

}  // namespace understudy::host
