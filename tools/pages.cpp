#include "tools/pages.h"

#include "tensor/error.h"

namespace gradus {

std::string page_with(std::string_view template_name, std::string_view json) {
  constexpr std::string_view kOpen = "<!-- include ", kClose = " -->", kData = "<!-- data -->";
  std::string_view rest = page_file(template_name);
  std::string out;
  for (;;) {
    const std::size_t include = rest.find(kOpen), data = rest.find(kData);
    const std::size_t at = std::min(include, data);
    out += rest.substr(0, at);
    if (at == std::string_view::npos) return out;
    if (at == data) {
      // Inside JSON "<" stands in strings only; "</script>" or "<!--" would be HTML.
      for (char c : json) c == '<' ? out += "\\u003c" : out += c;
      rest.remove_prefix(at + kData.size());
      continue;
    }
    rest.remove_prefix(at + kOpen.size());
    const std::size_t end = rest.find(kClose);
    if (end == std::string_view::npos) throw InternalError("an include of a page has no end");
    out += page_file(rest.substr(0, end));
    rest.remove_prefix(end + kClose.size());
  }
}

}  // namespace gradus
