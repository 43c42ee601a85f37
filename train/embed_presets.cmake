# Writes OUT, a source file that holds the text of every experiment of the list FILES:
#   cmake -DOUT=preset_texts.cpp "-DFILES=a.toml;b.toml" -P embed_presets.cmake
set(rows "")
list(SORT FILES)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME_WE)
  file(READ "${file}" text)
  string(APPEND rows "      {\"${name}\", R\"toml(${text})toml\"},\n")
endforeach()
file(WRITE "${OUT}" "// Made by train/embed_presets.cmake from train/experiments/*.toml.
#include \"train/presets.h\"

const std::vector<std::pair<std::string, std::string>>& gradus::detail::preset_texts() {
  static const std::vector<std::pair<std::string, std::string>> texts = {
${rows}  };
  return texts;
}
")
