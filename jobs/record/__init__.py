"""Recording a live websocket: raw messages to files first, whole and with a digest, whatever happens."""
