"""The map: a Streamlit component that draws the latent plane and decodes under the pointer.

Big, immutable bytes travel once (`send`), the small state of one map travels at every rerun
(`latent_map`).  The browser hovers, pans and zooms on its own; Python hears of
picks, of selections, and of payloads that the browser wants (`read_wants`)::

    send(decoder_payload, key="decoder")
    send(points_payload, key="points")
    layers = Layers(payload_id(decoder_payload), payload_id(points_payload))
    latent_map(key="map", layers=layers, ...)

The browser's side is assets/latent_map/latent_map.js and the modules that it imports.
"""
