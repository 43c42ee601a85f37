# Writes OUT, a source file that holds the text of every tune of the list TUNES:
#   cmake -DOUT=tunes.cpp "-DTUNES=a.txt;b.txt" -P embed_tunes.cmake
set(rows "")
list(SORT TUNES)
foreach(tune IN LISTS TUNES)
  get_filename_component(name "${tune}" NAME_WE)
  if(NOT name MATCHES "^[a-z0-9_]+$")
    message(FATAL_ERROR "${tune}: a tune's file name has lower-case letters, digits and '_' only")
  endif()
  file(READ "${tune}" text)
  string(APPEND rows "      {\"${name}\", R\"tune(${text})tune\"},\n")
endforeach()
file(WRITE "${OUT}" "// Made by data/embed_tunes.cmake from data/tunes/*.txt.
#include \"data/tune.h\"

const std::vector<gradus::TuneText>& gradus::bundled_tune_texts() {
  static const std::vector<TuneText> texts = {
${rows}  };
  return texts;
}
")
