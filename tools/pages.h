// The files of tools/pages/: templates, styles and scripts of the HTML pages. They are part of the
// program (tools/pages/embed.cmake), so a page needs nothing from outside.
#pragma once

#include <string>
#include <string_view>

namespace gradus {

/// The text of tools/pages/NAME; InternalError where there is no such file.
std::string_view page_file(std::string_view name);
/// Replaces each line "<!-- include NAME -->" of a template by that file, and "<!-- data -->" by
/// `json`, which cannot end the script element that it stands in.
std::string page_with(std::string_view template_name, std::string_view json);

}  // namespace gradus
