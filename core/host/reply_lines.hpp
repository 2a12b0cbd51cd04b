// The lines of an HTTP reply, as its bytes come. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "understudy/status.hpp"

namespace understudy::host {

/// Header lines of a reply as an object: names in lower case; of several lines of one name the last. What stands before
/// the last status line was of a redirect or an interim reply, and does not count.
[[nodiscard]] sdk::Json headers_in(std::string_view lines);

/// Cuts bytes that come in pieces at each line's end; of a line longer than `longest` the rest is left out.
class LineCutter {
 public:
  explicit LineCutter(std::size_t longest) : longest_(longest) {}

  /// `line(std::string)` for each that has ended.
  template <class Fn>
  void take(std::string_view bytes, Fn&& line) {
    while (true) {
      const auto end = bytes.find('\n');
      rest_.append(bytes.substr(0, std::min(end, longest_ - rest_.size())));
      if (end == std::string_view::npos) return;
      line(std::exchange(rest_, {}));
      bytes.remove_prefix(end + 1);
    }
  }
  /// What came after the last line's end.
  [[nodiscard]] const std::string& rest() const noexcept { return rest_; }

 private:
  std::size_t longest_;
  std::string rest_;
};

}  // namespace understudy::host
