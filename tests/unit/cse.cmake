# The CSE: one test for each file of src/cse, all in the world of cse_support.c.
foreach(name check kind originator resource schema)
  escertke_unit(cse_${name} PARTS cse SOURCES cse_support.c)
endforeach()
