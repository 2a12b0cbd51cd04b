// The packets of an isolated plugin. The input is packets, each behind its length in two bytes.
#include "core/plugins/frame.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

namespace {

void read_back(const plugins::Frame& frame) {
  plugins::FrameReader reader;
  std::optional<plugins::Frame> got;
  for (const auto& packet : plugins::encode(frame)) {
    fuzz::must(!got && packet.size() <= plugins::largest_packet, "a frame ends with its last packet");
    auto taken = reader.take(packet.data(), packet.size());
    fuzz::must(!std::holds_alternative<plugins::FrameReader::Broken>(taken), "what is written can be read");
    if (auto* whole = std::get_if<plugins::Frame>(&taken)) got = std::move(*whole);
  }
  fuzz::must(got && got->kind == frame.kind && got->op == frame.op && got->number == frame.number &&
                 got->name == frame.name && got->body == frame.body,
             "a frame reads back as written");
}

}  // namespace

FUZZ(input) {
  plugins::FrameReader reader;
  while (input.size() > 2) {
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(input[0])) << 8 |
                        static_cast<std::size_t>(static_cast<unsigned char>(input[1]));
    const auto packet = input.substr(2, length);
    input.remove_prefix(2 + packet.size());
    const auto taken = reader.take(packet.data(), packet.size());
    if (std::holds_alternative<plugins::FrameReader::Broken>(taken)) return;  // the connection ends
    const auto* frame = std::get_if<plugins::Frame>(&taken);
    if (frame == nullptr) continue;
    fuzz::must(frame->body.size() <= plugins::largest_frame_body && frame->name.size() <= plugins::largest_frame_name,
               "a frame keeps its bounds");
    read_back(*frame);
  }
}
