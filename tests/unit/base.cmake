foreach(name base64 buf error log memory reader secret)
  escertke_unit(${name} PARTS base)
endforeach()
