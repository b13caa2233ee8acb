foreach(name address dbg esi id json primitive primitive_json rand_object rsc seci_json timestamp token)
  escertke_unit(${name} PARTS m2m base)
endforeach()
