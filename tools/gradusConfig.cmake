# find_package(gradus): the targets gradus::tensor, autograd, nn, pe, data, train, and gradus::gradus for all of them.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(fmt)
include("${CMAKE_CURRENT_LIST_DIR}/openblas.cmake")
if(TARGET gradus::openblas)
  include("${CMAKE_CURRENT_LIST_DIR}/gradusTargets.cmake")
endif()
