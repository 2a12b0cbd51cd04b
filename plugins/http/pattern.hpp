// A regular expression (Perl syntax) that is safe on text from strangers: no recursion, bounded work. std::regex
// recurses for each character and overflows the stack on a large body (GCC bug 86164), hence Boost.Regex.
#pragma once

#include <memory>
#include <string>

namespace http_plugin {

class Pattern {
 public:
  /// Throws sdk::Failure(invalid) naming `setting`.
  Pattern(const std::string& text, const std::string& setting);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  enum class Found { no, yes, too_complex };
  [[nodiscard]] Found in(const std::string& text) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace http_plugin
