# Finds a libtorch: the folder in the environment variable FLOWGLYPH_TORCH, then the `torch` package of python3, then the
# system's. Sets FLOWGLYPH_TORCH_ROOT, _INCLUDES, _LIBRARIES, _LIBRARY_DIR, _VERSION, _FLAGS; or leaves _ROOT empty.
#
# Not through find_package(Torch): that one demands the CUDA toolkit (nvcc) of a libtorch built with CUDA, which a
# `pip install torch` neither brings nor needs, and where several libtorch are installed it mixes their libraries
# (the process then aborts at load). Here every file comes from the one chosen root, by its full path. Nothing is
# cached: the next configure run looks again.

# Looks at one root; sets the variables in the caller's scope where headers and libraries are both there.
function(flowglyph_torch_at root)
  set(libraries "")
  foreach(folder lib lib/${CMAKE_LIBRARY_ARCHITECTURE} lib64)
    if(EXISTS ${root}/${folder}/libtorch_cpu${CMAKE_SHARED_LIBRARY_SUFFIX})
      set(directory ${root}/${folder})
      # The CUDA parts are found by being loaded, not by a symbol: they must be linked although nothing names them.
      foreach(name torch torch_cpu c10 torch_cuda c10_cuda)
        if(EXISTS ${directory}/lib${name}${CMAKE_SHARED_LIBRARY_SUFFIX})
          list(APPEND libraries ${directory}/lib${name}${CMAKE_SHARED_LIBRARY_SUFFIX})
        endif()
      endforeach()
      break()
    endif()
  endforeach()
  if(NOT libraries OR NOT EXISTS ${root}/include/ATen/ATen.h)
    return()
  endif()

  set(version "of unknown version")
  foreach(header torch/headeronly/version.h torch/csrc/api/include/torch/version.h) # since 2.9, before
    if(EXISTS ${root}/include/${header})
      file(STRINGS ${root}/include/${header} lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
      string(REGEX MATCHALL "[0-9]+" numbers "${lines}")
      list(JOIN numbers "." version)
      break()
    endif()
  endforeach()
  # libtorch says here which of libstdc++'s two ABIs it was built with.
  set(flags "")
  foreach(config ${root}/share/cmake/Torch/TorchConfig.cmake ${directory}/cmake/Torch/TorchConfig.cmake)
    if(EXISTS ${config})
      file(STRINGS ${config} line REGEX "_GLIBCXX_USE_CXX11_ABI=[01]")
      string(REGEX MATCH "_GLIBCXX_USE_CXX11_ABI=[01]" flags "${line}")
      break()
    endif()
  endforeach()

  set(FLOWGLYPH_TORCH_ROOT ${root} PARENT_SCOPE)
  set(FLOWGLYPH_TORCH_INCLUDES ${root}/include ${root}/include/torch/csrc/api/include PARENT_SCOPE)
  set(FLOWGLYPH_TORCH_LIBRARIES ${libraries} PARENT_SCOPE)
  set(FLOWGLYPH_TORCH_LIBRARY_DIR ${directory} PARENT_SCOPE)
  set(FLOWGLYPH_TORCH_VERSION ${version} PARENT_SCOPE)
  set(FLOWGLYPH_TORCH_FLAGS "${flags}" PARENT_SCOPE)
endfunction()

set(FLOWGLYPH_TORCH_ROOT "")
if(NOT "$ENV{FLOWGLYPH_TORCH}" STREQUAL "")
  file(TO_CMAKE_PATH "$ENV{FLOWGLYPH_TORCH}" asked)
  get_filename_component(asked "${asked}" ABSOLUTE)
  flowglyph_torch_at(${asked})
  if(NOT FLOWGLYPH_TORCH_ROOT)
    # Asked for by name: another libtorch in its place would be a surprise.
    message(FATAL_ERROR "Expected FLOWGLYPH_TORCH to name a libtorch folder (include/ATen/ATen.h, lib/libtorch_cpu"
                        "${CMAKE_SHARED_LIBRARY_SUFFIX}) but received ${asked}")
  endif()
else()
  # find_spec finds the package without the seconds that importing it takes.
  execute_process(
    COMMAND python3 -c "import importlib.util, os; s = importlib.util.find_spec('torch'); print(os.path.dirname(s.origin) if s else '')"
    OUTPUT_VARIABLE package
    OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET
    TIMEOUT 60)
  # Debian's python3-torch has its libraries in the system's folders, which come next.
  if(package)
    flowglyph_torch_at(${package})
  endif()
  foreach(root /usr/local /usr /opt/libtorch)
    if(NOT FLOWGLYPH_TORCH_ROOT)
      flowglyph_torch_at(${root})
    endif()
  endforeach()
endif()
