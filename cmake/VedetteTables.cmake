# tables/ → code. vedette_table(MODULE SCRIPT OUTPUT TABLES…): runs scripts/tables/SCRIPT at build time and puts OUTPUT
# under build/generated/MODULE/MODULE/, where the module includes it as "MODULE/OUTPUT". Generated files are not committed.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

function(vedette_table module script output)
  set(folder ${CMAKE_BINARY_DIR}/generated/${module}/${module})
  file(MAKE_DIRECTORY ${folder})
  set(inputs "")
  foreach(table ${ARGN})
    list(APPEND inputs ${CMAKE_SOURCE_DIR}/tables/${table})
  endforeach()
  add_custom_command(
    OUTPUT ${folder}/${output}
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/scripts/tables/${script} ${folder}/${output} ${inputs}
    DEPENDS ${CMAKE_SOURCE_DIR}/scripts/tables/${script} ${inputs}
    COMMENT "Table ${module}/${output}"
    VERBATIM)
  set_property(SOURCE ${folder}/${output} PROPERTY GENERATED TRUE)
endfunction()
