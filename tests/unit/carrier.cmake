escertke_unit(notify_serve PARTS carrier LIBS escertke_fixture)
escertke_unit(notify_establish PARTS carrier LIBS escertke_fixture)
