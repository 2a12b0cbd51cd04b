#include "core/plugins/frame.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <algorithm>
#include <cstring>

namespace understudy::plugins {
namespace {

/// Both ends run the same program on one machine: native byte order.
struct Header {
  std::uint8_t kind = 0;
  std::uint8_t reserved[3] = {};
  std::uint32_t name_size = 0;
  std::uint64_t op = 0;
  std::int64_t number = 0;
  std::uint64_t body_size = 0;
};
static_assert(sizeof(Header) == 32);

Header header_of(const Frame& frame) noexcept {
  Header header;
  header.kind = static_cast<std::uint8_t>(frame.kind);
  header.name_size = static_cast<std::uint32_t>(std::min(frame.name.size(), largest_frame_name));
  header.op = frame.op;
  header.number = frame.number;
  header.body_size = frame.body.size();
  return header;
}

}  // namespace

std::vector<std::string> encode(const Frame& frame) {
  const Header header = header_of(frame);
  std::string first(sizeof header, '\0');
  std::memcpy(first.data(), &header, sizeof header);
  first.append(frame.name, 0, header.name_size);
  const std::size_t room = std::min(frame.body.size(), largest_packet - first.size());
  first.append(frame.body, 0, room);
  std::vector<std::string> out;
  out.push_back(std::move(first));
  for (std::size_t at = room; at < frame.body.size(); at += largest_packet) {
    out.push_back(frame.body.substr(at, largest_packet));
  }
  return out;
}

bool send_at_once(int socket, const Frame& frame, int flags) noexcept {
  Header header = header_of(frame);
  if (sizeof header + header.name_size + frame.body.size() > largest_packet) return false;
  // sendmsg() only reads what an iovec points to.
  iovec parts[] = {{&header, sizeof header},
                   {const_cast<char*>(frame.name.data()), header.name_size},
                   {const_cast<char*>(frame.body.data()), frame.body.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = std::size(parts);
  return ::sendmsg(socket, &message, flags) >= 0;
}

std::variant<Frame, FrameReader::More, FrameReader::Broken> FrameReader::take(const char* packet, std::size_t size) {
  if (missing_ > 0) {
    if (size > missing_) return Broken{"a packet is longer than was announced"};
    partial_.body.append(packet, size);
    missing_ -= size;
    if (missing_ > 0) return More{};
    return std::move(partial_);
  }
  Header header;
  if (size < sizeof header) return Broken{"a packet is shorter than a header"};
  std::memcpy(&header, packet, sizeof header);
  const std::size_t rest = size - sizeof header;
  if (header.kind < static_cast<std::uint8_t>(Frame::Kind::create) ||
      header.kind > static_cast<std::uint8_t>(Frame::Kind::destroy))
    return Broken{"a packet is of no known kind"};
  if (header.body_size > largest_frame_body) return Broken{"a message is larger than 4 MiB"};
  if (header.name_size > largest_frame_name || header.name_size > rest) return Broken{"a name is too long"};
  if (rest - header.name_size > header.body_size) return Broken{"a packet is longer than was announced"};
  partial_ = Frame{static_cast<Frame::Kind>(header.kind), header.op, header.number,
                   std::string(packet + sizeof header, header.name_size),
                   std::string(packet + sizeof header + header.name_size, rest - header.name_size)};
  missing_ = header.body_size - partial_.body.size();
  if (missing_ > 0) return More{};
  return std::move(partial_);
}

SocketPair make_socket_pair() noexcept {
  int ends[2] = {-1, -1};
#if defined(SOCK_CLOEXEC)
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {};
#else
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) return {};
  for (const int fd : ends) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
  return {ends[0], ends[1]};
}

}  // namespace understudy::plugins
