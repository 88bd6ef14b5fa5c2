# Included by CMakeLists.txt behind project(): the product is compiled with GCC's analyzer.
add_compile_options(-fanalyzer)

# accept(FILE WARNING REASON): the analyzer of GCC 12 is wrong about this one.
function(accept file warning reason)
  set_property(SOURCE ${file} APPEND PROPERTY COMPILE_OPTIONS -Wno-analyzer-${warning})
endfunction()

accept(state/place.c use-of-uninitialized-value
       "names no variable and no line; in place_make_private every variable is set where it is made")
