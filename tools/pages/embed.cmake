# Writes OUT, a source file that holds the text of every file of the list FILES:
#   cmake -DOUT=pages.cpp "-DFILES=a.html;b.js" -P embed.cmake
set(rows "")
list(SORT FILES)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" text)
  string(APPEND rows "  if (name == \"${name}\") return R\"page(${text})page\";\n")
endforeach()
file(WRITE "${OUT}" "// Made by tools/pages/embed.cmake from tools/pages/*.
#include \"tensor/error.h\"
#include \"tools/pages.h\"

std::string_view gradus::page_file(std::string_view name) {
${rows}  throw InternalError(fmt::format(\"there is no page file '{}'\", name));
}
")
