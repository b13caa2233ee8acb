foreach(name options config peers target files out)
  escertke_unit(cli_${name} PARTS cli)
endforeach()
