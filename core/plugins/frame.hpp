// What travels between the core and an isolated plugin: the four verbs of abi.h as messages on a SOCK_SEQPACKET pair.
// A message is one packet, or several when it is long; its size is bounded.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <deque>
#include <string>
#include <variant>
#include <vector>

namespace understudy::plugins {

struct Frame {
  enum class Kind : std::uint8_t {
    create = 1,  ///< to the plugin: body is the settings envelope
    created,     ///< number: us_status; body: {"message", "hint"} when it failed
    call,        ///< name: method; number: budget in ms; body: params
    cancel,
    complete,  ///< number: us_status; body: result
    notify,    ///< name: topic; body: params
    destroy,   ///< to the plugin: end the instance
  };
  Kind kind = Kind::notify;
  std::uint64_t op = 0;
  std::int64_t number = 0;
  std::string name, body;
};

inline constexpr std::size_t largest_frame_body = 4 * 1024 * 1024;
inline constexpr std::size_t largest_frame_name = 256;

/// The packets of a frame, in order.
[[nodiscard]] std::vector<std::string> encode(const Frame& frame);

/// Sends a frame that is one packet, without copying it. False, and nothing was sent: it is longer, or send() failed.
[[nodiscard]] bool send_at_once(int socket, const Frame& frame, int flags) noexcept;

/// Puts packets together again. Nothing is trusted: what breaks a rule is told as `Broken`.
class FrameReader {
 public:
  struct Broken {
    const char* why;
  };
  struct More {};
  [[nodiscard]] std::variant<Frame, More, Broken> take(const char* packet, std::size_t size);

 private:
  Frame partial_;
  std::size_t missing_ = 0;
};

/// One packet is never larger than this.
inline constexpr std::size_t largest_packet = 64 * 1024;

/// Where the system has no such flag, the host ignores SIGPIPE anyway.
#if defined(MSG_NOSIGNAL)
inline constexpr int no_signal = MSG_NOSIGNAL;
#else
inline constexpr int no_signal = 0;
#endif

/// Both ends of a SOCK_SEQPACKET pair, close-on-exec; {-1, -1} and errno on failure.
struct SocketPair {
  int ours = -1, theirs = -1;
};
[[nodiscard]] SocketPair make_socket_pair() noexcept;

}  // namespace understudy::plugins
