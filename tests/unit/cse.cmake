# The CSE: one test for each file of src/cse, all in the world of cse_support.c.
foreach(name access acp ae check hop kind notify operation originator remote represent resource schema transit)
  escertke_unit(cse_${name} PARTS cse SOURCES cse_support.c)
endforeach()
