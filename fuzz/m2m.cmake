foreach(name id address seci esi primitive)
  escertke_fuzz(${name} PARTS m2m base)
endforeach()
