#include "pattern.hpp"

#include <boost/regex.hpp>

#include "understudy/status.hpp"

namespace http_plugin {

struct Pattern::Impl {
  boost::regex regex;
};

Pattern::Pattern(const std::string& text, const std::string& setting) {
  try {
    impl_ = std::make_unique<Impl>(Impl{boost::regex(text)});
  } catch (const boost::regex_error& e) {
    throw understudy::sdk::Failure(understudy::sdk::Status::invalid,
                                   setting + " \"" + text + "\" is no regular expression: " + e.what());
  }
}
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

Pattern::Found Pattern::in(const std::string& text) const {
  try {
    return boost::regex_search(text, impl_->regex) ? Found::yes : Found::no;
  } catch (const std::runtime_error&) {
    return Found::too_complex;
  }
}

}  // namespace http_plugin
