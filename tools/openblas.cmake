# The target gradus::openblas, for our own build and for whoever links the installed library (gradusConfig.cmake reads
# this file too, so that no path of the machine that built the library is written down).
#
# libopenblas-pthread-dev: matrix products. It is held at one thread and called from our one pool; the serial build will not
# do, for it hands the same work buffer to two callers (see the note in tensor/gemm.cpp).
find_path(OPENBLAS_INCLUDE cblas.h PATH_SUFFIXES openblas-pthread openblas)
find_library(OPENBLAS_LIBRARY openblas PATH_SUFFIXES openblas-pthread)
mark_as_advanced(OPENBLAS_INCLUDE OPENBLAS_LIBRARY)
if(NOT OPENBLAS_INCLUDE OR NOT OPENBLAS_LIBRARY)
  set(gradus_FOUND FALSE)
  set(gradus_NOT_FOUND_MESSAGE "gradus needs OpenBLAS with cblas.h: install libopenblas-pthread-dev")
  return()
endif()
if(NOT TARGET gradus::openblas)
  add_library(gradus::openblas UNKNOWN IMPORTED)
  set_target_properties(gradus::openblas PROPERTIES IMPORTED_LOCATION "${OPENBLAS_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${OPENBLAS_INCLUDE}")
  # Every variant of OpenBLAS calls itself libopenblas.so.0, and Debian's alternatives decide which of them that name means
  # on a machine: a program that was linked with one may start with another. So each program,
  # built or installed, looks first in the folder of the library that it was linked with.
  get_filename_component(gradus_openblas_folder "${OPENBLAS_LIBRARY}" DIRECTORY)
  set_target_properties(gradus::openblas PROPERTIES INTERFACE_LINK_OPTIONS "LINKER:-rpath,${gradus_openblas_folder}")
  unset(gradus_openblas_folder)
endif()
