escertke_fuzz(http PARTS binding)
if(ESCERTKE_MQTT)
  escertke_fuzz(mqtt_topic PARTS binding)
endif()
