foreach(name base64 buf error log memory pem reader secret)
  escertke_unit(${name} PARTS base)
endforeach()
